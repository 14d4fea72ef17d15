import type { DatasetFinding, ScanSummary } from '../scan.ts';
import type { FindingClass } from '../classes.ts';

const levels: Record<FindingClass, 'note' | 'warning' | 'error'> = {
  public: 'note',
  internal: 'note',
  confidential: 'warning',
  restricted: 'error',
  untrusted: 'error',
};

/** Findings as SARIF 2.1.0 (OASIS). Poisoning hints and floods are results too: they are reasons not to train. */
export function toSarif(
  summary: ScanSummary,
  findings: readonly DatasetFinding[],
  version: string,
): Record<string, unknown> {
  const signs = summary.files.flatMap((file) => [
    ...file.floods.map(({ line, count }) => ({
      ruleId: 'near_duplicate_flood',
      file: file.file,
      line,
      text: `${count} nearly equal records`,
    })),
    ...(file.poisoning?.conflicts ?? []).map(({ line }) => ({
      ruleId: 'label_conflict',
      file: file.file,
      line,
      text: 'one text under several labels',
    })),
    ...(file.poisoning?.triggers ?? []).map(({ records, contradicted }) => ({
      ruleId: 'possible_trigger',
      file: file.file,
      line: 1,
      text: `a word decides the label of ${records} records, in ${Math.round(contradicted * 100)} % of them against their other words`,
    })),
  ]);
  const ids = [...new Set([...findings.map(({ type }) => type), ...signs.map(({ ruleId }) => ruleId)])];
  const location = (file: string, region: Record<string, number>) => ({
    physicalLocation: {
      artifactLocation: { uri: file.split('/').map(encodeURIComponent).join('/') },
      region,
    },
  });
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'Merlon dataset scan',
            version,
            informationUri: 'https://merlon.dev',
            rules: ids.map((id) => ({ id, shortDescription: { text: id.replaceAll('_', ' ') } })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: [
          ...findings.map((one) => ({
            ruleId: one.type,
            ruleIndex: ids.indexOf(one.type),
            level: levels[one.class],
            message: {
              text: `${one.type.replaceAll('_', ' ')} (${one.class})${typeof one.column === 'string' ? ` in column ${one.column}` : ''}: ${one.sample}`,
            },
            locations: [
              location(one.file, {
                startLine: one.line,
                ...(typeof one.column === 'number' ? { startColumn: one.column } : {}),
              }),
            ],
            properties: {
              class: one.class,
              score: one.score,
              column: one.column,
              start: one.start,
              end: one.end,
            },
          })),
          ...signs.map(({ ruleId, file, line, text }) => ({
            ruleId,
            ruleIndex: ids.indexOf(ruleId),
            level: 'warning',
            message: { text },
            locations: [location(file, { startLine: line })],
          })),
        ],
        properties: { totals: summary.totals, sampling: summary.sampling },
      },
    ],
  };
}
