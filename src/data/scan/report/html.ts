import type { DatasetFinding, FileSummary, ScanSummary } from '../scan.ts';
import { visible } from '../mask.ts';
import { percent, size } from './text.ts';

/** The report as one page without scripts or anything from elsewhere. Every value of the data is escaped. */
export function toHtml(summary: ScanSummary, findings: readonly DatasetFinding[]): string {
  const { totals, sampling } = summary;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Dataset scan: ${text(summary.path)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2330; max-width: 1100px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
table { border-collapse: collapse; width: 100%; font-size: 13px }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #e3e6ec; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums }
code { font-size: 12px; overflow-wrap: anywhere }
.restricted, .untrusted { color: #a3182c; font-weight: 600 } .confidential { color: #8a5300; font-weight: 600 }
.note { color: #596173 }
</style>
</head>
<body>
<h1>Dataset scan: ${text(summary.path)}</h1>
<p>${totals.findings} findings in ${totals.rows} records of ${totals.files} files, ${size(totals.bytes)}. Class: <span class="${summary.class}">${summary.class}</span>.</p>
<p class="note">${text(sampling.note)}. Read by the injection model: ${portion(sampling.injection)}; by the name model: ${portion(sampling.names)}.</p>
${
  summary.skipped.length > 0
    ? `<h2>Not scanned</h2>${table(
        ['file', 'why'],
        summary.skipped.map(({ file, reason }) => [text(file), text(reason)]),
      )}`
    : ''
}
${summary.files.map(section).join('\n')}
<h2>Findings</h2>
${table(
  ['where', 'column', 'type', 'class', 'score', 'sample'],
  findings.map((one) => [
    text(`${one.file}:${one.line}`),
    text(String(one.column)),
    text(one.type),
    `<span class="${one.class}">${one.class}</span>`,
    one.score.toFixed(2),
    `<code>${text(one.sample)}</code>`,
  ]),
)}
${totals.findings > findings.length ? `<p class="note">The first ${findings.length} of ${totals.findings}.</p>` : ''}
</body>
</html>
`;
}

function section(file: FileSummary): string {
  const signs = [
    ...file.floods.map(
      ({ count, share, line }) =>
        `${count} nearly equal records (${percent(share)}), the first on line ${line}`,
    ),
    ...(file.poisoning && file.poisoning.conflicting > 0
      ? [
          `${file.poisoning.conflicting} texts have more than one label, the first on line ${file.poisoning.conflicts[0]?.line}`,
        ]
      : []),
    ...(file.poisoning?.triggers ?? []).map(
      ({ token, label, records, purity, contradicted }) =>
        `possible trigger <code>${text(token)}</code>: ${percent(purity)} of ${records} records are <code>${text(label)}</code>, ${percent(contradicted)} of them against their other words`,
    ),
    ...(file.quasiIdentifiers
      ? [
          `${percent(file.quasiIdentifiers.unique)} of the rows are alone with their ${text(file.quasiIdentifiers.columns.join(', '))}`,
        ]
      : []),
    ...Object.keys(file.licences).map((licence) => `licence: ${text(licence)}`),
    ...file.problems.map(text),
  ];
  return `<h2>${text(file.file)}</h2>
<p class="note">${file.format}, ${file.rows} records, ${size(file.bytes)}</p>
${signs.length > 0 ? `<ul>${signs.map((sign) => `<li>${sign}</li>`).join('')}</ul>` : ''}
${table(
  ['column', 'type', 'class', 'empty', 'distinct', 'unique', 'quasi-identifier', 'holds'],
  file.columns.map((column) => [
    text(column.name),
    column.type,
    `<span class="${column.class}">${column.class}</span>`,
    String(column.nulls),
    `~${column.distinct}`,
    percent(column.uniqueness),
    column.quasiIdentifier.toFixed(2),
    text(
      Object.entries(column.findings)
        .map(([type, count]) => `${type} ${count}`)
        .join(', '),
    ),
  ]),
)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return `<table><thead><tr>${head.map((cell) => `<th>${cell}</th>`).join('')}</tr></thead><tbody>${rows
    .map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`)
    .join('')}</tbody></table>`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function text(value: string): string {
  return visible(value).replace(/[&<>"']/g, (char) => entities[char]!);
}

function portion({ eligible, read }: { eligible: number; read: number }): string {
  return eligible === 0 ? 'nothing there' : percent(read / eligible);
}
