import type { Level } from '../../kernel/severity.ts';
import { meanings, rows, type ReportRow } from './facts.ts';
import type { ReportInput } from './input.ts';

const levels: Record<Level, 'note' | 'warning' | 'error'> = {
  low: 'note',
  medium: 'warning',
  high: 'error',
  critical: 'error',
};

/** Residual risks as SARIF 2.1.0 (OASIS): a result per threat that is not verified away, at its place in the file. */
export function toSarif(input: ReportInput): Record<string, unknown> {
  const list = rows(input);
  const rules = [...new Map(list.map((row) => [row.threat.rule, row])).values()];
  const index = new Map(rules.map(({ threat }, place) => [threat.rule, place]));
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'Merlon',
            version: input.version,
            informationUri: 'https://merlon.dev',
            rules: rules.map(({ threat }) => ({
              id: threat.rule,
              shortDescription: { text: threat.rule },
              fullDescription: { text: threat.summary || threat.title },
              properties: { tags: ['security', ...threat.stride], references: [...threat.refs] },
            })),
          },
        },
        automationDetails: { id: `merlon/${input.model.system.id}/` },
        columnKind: 'utf16CodeUnits',
        results: list.map((row) => resultOf(row, index, input)),
        properties: { plan: input.plan.hash, at: new Date(input.at).toISOString() },
      },
    ],
  };
}

function resultOf(
  { threat, residual }: ReportRow,
  index: ReadonlyMap<string, number>,
  input: ReportInput,
): Record<string, unknown> {
  const place = input.places?.[threat.flow ?? threat.element] ?? input.places?.[threat.element];
  const uri = input.file.split(/[\\/]/).map(encodeURIComponent).join('/');
  return {
    ruleId: threat.rule,
    ruleIndex: index.get(threat.rule),
    kind: residual.status === 'verified' ? 'pass' : 'fail',
    // SARIF §3.27.10: a result that passes has the level `none`.
    level: residual.status === 'verified' ? 'none' : levels[residual.level],
    message: {
      text: `${threat.title}: ${residual.status} (${meanings[residual.status]}), residual risk ${residual.residual.toFixed(1)} (${residual.level}). ${residual.reason}`,
    },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri },
          region: { startLine: place?.line ?? 1, startColumn: place?.column ?? 1 },
        },
        logicalLocations: [{ name: threat.element, fullyQualifiedName: threat.key }],
      },
    ],
    partialFingerprints: { 'merlonThreat/v1': threat.key },
    ...(residual.status === 'accepted'
      ? { suppressions: [{ kind: 'external', status: 'accepted', justification: residual.reason }] }
      : {}),
    properties: {
      'security-severity': ((residual.residual * 10) / 25).toFixed(1),
      status: residual.status,
      inherent: residual.inherent,
      residual: residual.residual,
      evidence: residual.evidence ?? [],
    },
  };
}
