import type { DatasetFinding, FileSummary, ScanSummary } from '../scan.ts';
import { visible } from '../mask.ts';

const findingsShown = 60;
/** Of one kind in one column. */
const alikeShown = 3;
const columnsShown = 60;

/** The report as lines for a terminal. What stood in the data is printed without control characters. */
export function toText(summary: ScanSummary, findings: readonly DatasetFinding[]): string[] {
  const lines: string[] = [];
  for (const file of summary.files) lines.push(...fileLines(file), '');
  const examples = examplesOf(findings);
  if (examples.length > 0) {
    lines.push('Findings');
    lines.push(
      ...table(
        ['where', 'column', 'type', 'class', 'score', 'sample'],
        examples.map((one) => [
          `${one.file}:${one.line}`,
          String(one.column),
          one.type,
          one.class,
          one.score.toFixed(2),
          one.sample,
        ]),
      ),
    );
    const rest = summary.totals.findings - examples.length;
    if (rest > 0) lines.push(`  … and ${rest} more: --json has them all`);
    lines.push('');
  }
  for (const { file, reason } of summary.skipped) lines.push(`Not scanned: ${visible(file)}: ${reason}`);
  const { totals, sampling } = summary;
  lines.push(
    `${totals.findings} findings in ${totals.rows} records of ${totals.files} files (${size(totals.bytes)}). Class: ${summary.class}.`,
    `Read by the models: ${share(sampling.injection)} of what can be an instruction, ${share(sampling.names)} of what can hold names.`,
  );
  return lines;
}

/** The first few of each kind in each column. */
function examplesOf(findings: readonly DatasetFinding[]): DatasetFinding[] {
  const seen = new Map<string, number>();
  const examples: DatasetFinding[] = [];
  for (const finding of findings) {
    const kind = `${finding.file}\0${typeof finding.column === 'string' ? finding.column : ''}\0${finding.type}`;
    const count = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, count);
    if (count <= alikeShown && examples.push(finding) >= findingsShown) break;
  }
  return examples;
}

function fileLines(file: FileSummary): string[] {
  const lines = [
    `${visible(file.file)}: ${file.format}, ${file.rows} records, ${size(file.bytes)}, ${file.class}`,
  ];
  lines.push(
    ...table(
      ['column', 'type', 'class', 'nulls', 'distinct', 'unique', 'quasi', 'holds'],
      file.columns.slice(0, columnsShown).map((column) => [
        column.name,
        column.type,
        column.class,
        String(column.nulls),
        `~${column.distinct}`,
        percent(column.uniqueness),
        column.quasiIdentifier === 0 ? '' : column.quasiIdentifier.toFixed(2),
        Object.entries(column.findings)
          .sort((left, right) => right[1] - left[1])
          .slice(0, 4)
          .map(([type, count]) => `${type} ${count}`)
          .join(', '),
      ]),
    ),
  );
  const { quasiIdentifiers, floods, poisoning, duplicates } = file;
  if (quasiIdentifiers)
    lines.push(
      `  ${percent(quasiIdentifiers.unique)} of the rows are alone with their ${quasiIdentifiers.columns.join(', ')}`,
    );
  if (duplicates.share > 0.01)
    lines.push(`  ${percent(duplicates.share)} of the texts repeat one that came before`);
  for (const flood of floods.slice(0, 5))
    lines.push(
      `  flood: ${flood.count} nearly equal records (${percent(flood.share)}), the first on line ${flood.line}`,
    );
  if (poisoning && poisoning.conflicting > 0)
    lines.push(
      `  ${poisoning.conflicting} texts have more than one label, the first on line ${poisoning.conflicts[0]?.line}`,
    );
  for (const hint of poisoning?.triggers.slice(0, 5) ?? [])
    lines.push(
      `  possible trigger \`${visible(hint.token)}\`: ${percent(hint.purity)} of ${hint.records} records are \`${visible(hint.label)}\`, ${percent(hint.contradicted)} against their other words`,
    );
  const licences = Object.keys(file.licences);
  if (licences.length > 0) lines.push(`  licences: ${visible(licences.slice(0, 8).join(', '))}`);
  for (const problem of file.problems) lines.push(`  ${problem}`);
  return lines;
}

const widthLimit = 48;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = [head, ...rows].map((row) =>
    row.map((cell) => {
      const text = visible(cell);
      return text.length > widthLimit ? `${text.slice(0, widthLimit - 1)}…` : text;
    }),
  );
  const widths = head.map((_, at) => Math.max(...cells.map((row) => row[at]!.length)));
  return cells.map((row) => `  ${row.map((cell, at) => cell.padEnd(widths[at]!)).join('  ')}`.trimEnd());
}

export function percent(value: number): string {
  return `${(value * 100).toFixed(value > 0 && value < 0.01 ? 2 : 0)} %`;
}

function share({ eligible, read }: { eligible: number; read: number }): string {
  return eligible === 0 ? 'none there' : percent(read / eligible);
}

export function size(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
