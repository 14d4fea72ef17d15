import { age, countBy, meanings, moment, notProven, percent, rows, worstLevel } from './facts.ts';
import type { ReportInput } from './input.ts';

/** Text from a threat model or an attack must not become markup. */
const plain = (text: string): string =>
  text.replace(/[\r\n]+/g, ' ').replace(/[\\`*_{}[\]<>|#!~]/g, (sign) => `\\${sign}`);

const code = (text: string): string => `\`${text.replace(/[`\r\n]/g, "'").replaceAll('|', '\\|')}\``;

function table(head: readonly string[], body: readonly (readonly string[])[]): string[] {
  if (body.length === 0) return ['Nothing here.'];
  return [
    `| ${head.join(' | ')} |`,
    `| ${head.map(() => '---').join(' | ')} |`,
    ...body.map((row) => `| ${row.join(' | ')} |`),
  ];
}

/** The report as GitHub-flavoured Markdown. */
export function toMarkdown(input: ReportInput): string {
  const { model, plan } = input;
  const list = rows(input);
  const statuses = [...countBy(list.map((row) => row.residual.status))].map(
    ([status, count]) => `${count} ${status}`,
  );
  const lines: string[] = [
    `# ${plain(model.system.name)}: threat model and proof`,
    '',
    `${moment(input.at)} · Merlon ${input.version} · plan ${code(plan.hash)}`,
    '',
    `**Worst residual risk: ${worstLevel(input.residual) ?? 'none'}.** ${list.length} threats: ${statuses.join(', ') || 'none'}.`,
    '',
    '## 1. What are we working on?',
    '',
    `System ${code(model.system.id)}${model.system.owner ? `, owner ${plain(model.system.owner)}` : ''}, from ${code(input.file)}. ` +
      `${model.elements.length} elements in ${model.zones.length} zones, ${model.flows.length} flows, ${model.data.length} kinds of data.`,
    '',
    ...table(
      ['element', 'kind', 'zone', 'hosting'],
      model.elements.map((one) => [code(one.id), plain(one.kind), plain(one.zone), plain(one.hosting ?? '')]),
    ),
    '',
    ...table(
      ['flow', 'from', 'to', 'carries', 'TLS'],
      model.flows.map((one) => [
        code(one.id),
        code(one.from),
        code(one.to),
        plain((one.carries ?? []).join(', ')),
        one.tls ? 'yes' : 'no',
      ]),
    ),
    '',
    '## 2. What can go wrong?',
    '',
    ...table(
      ['threat', 'what', 'risk', 'residual', 'level', 'status'],
      list.map(({ threat, residual }) => [
        code(threat.key),
        plain(threat.title),
        `${threat.likelihood} × ${threat.impact} = ${threat.risk}`,
        residual.residual.toFixed(1),
        residual.level,
        residual.status,
      ]),
    ),
  ];
  for (const { threat, residual } of list) {
    lines.push('', `### ${code(threat.key)} ${plain(threat.title)}`, '', plain(threat.summary), '');
    for (const witness of threat.witness) lines.push(`- Path: ${code(witness.text)} (${plain(witness.why)})`);
    for (const term of threat.terms) {
      lines.push(
        `- ${term.of}: ${plain(term.name)} ${term.value >= 0 ? '+' : ''}${term.value}, ${plain(term.why)}`,
      );
    }
    lines.push(`- Controls: ${threat.controls.map(code).join(', ') || 'none'}`);
    lines.push(`- Status: ${residual.status} (${meanings[residual.status]}). ${plain(residual.reason)}`);
    if (threat.refs.length > 0) {
      lines.push(`- References: ${threat.refs.map((ref) => `${code(ref)}${title(input, ref)}`).join(', ')}`);
    }
  }
  lines.push(
    '',
    '## 3. What are we going to do about it?',
    '',
    ...table(
      ['control', 'what', 'where', 'threats'],
      plan.inspectors.map((one) => [
        code(one.control),
        plain(input.controls.find(({ id }) => id === one.control)?.title ?? ''),
        one.on.length === 0 ? 'every flow' : one.on.map(code).join(', '),
        String(one.threats.length),
      ]),
    ),
    '',
    '## 4. Did we do a good enough job?',
    '',
    ...table(
      ['probe', 'control', 'off', 'on', 'upper 95 %', 'harmless', 'status', 'age'],
      input.evidence.map((one) => [
        code(one.probe),
        code(one.control),
        `${one.off.successes} of ${one.off.n}`,
        `${one.on.successes} of ${one.on.n}`,
        percent(one.on.upper),
        `${one.harmless.n - one.harmless.broken} of ${one.harmless.n}`,
        one.status,
        age(one.at, input.at),
      ]),
    ),
    '',
    '### What is not proven',
    '',
    ...notProven(input).map((one) => `- ${one}`),
    '',
  );
  if (input.ledger) lines.push(`Ledger: ${input.ledger.size} entries, root ${code(input.ledger.root)}.`, '');
  return lines.join('\n');
}

function title(input: ReportInput, reference: string): string {
  const known = input.references?.[reference];
  return known ? ` ${plain(known.title)}` : '';
}
