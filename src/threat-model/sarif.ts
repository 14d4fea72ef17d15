import { isMap, isScalar, isSeq, parseDocument, type Node } from 'yaml';
import { Lines } from './position.ts';
import type { Rule, Threat } from './rules.ts';

/** Lines of the file at which elements, flows and the system stand. */
export function placesOf(text: string): Map<string, { line: number; column: number }> {
  const places = new Map<string, { line: number; column: number }>();
  const lines = new Lines(text);
  const root: unknown = parseDocument(text, {
    schema: 'core',
    prettyErrors: false,
    logLevel: 'silent',
  }).contents;
  if (!isMap(root)) return places;
  const put = (id: unknown, node: unknown) => {
    const start = (node as Node | undefined)?.range?.[0];
    if (typeof id === 'string' && start !== undefined && !places.has(id)) places.set(id, lines.place(start));
  };
  const system: unknown = root.get('system', true);
  put('system', isMap(system) ? system.get('id', true) : system);
  for (const section of ['elements', 'flows']) {
    const list: unknown = root.get(section, true);
    if (!isSeq(list)) continue;
    for (const item of list.items) {
      if (!isMap(item)) continue;
      const id: unknown = item.get('id', true);
      if (isScalar(id)) put(id.value, id);
    }
  }
  return places;
}

const levels = { low: 'note', medium: 'warning', high: 'error', critical: 'error' } as const;
/** GitHub reads this as a CVSS-like figure: risk is 1 to 25. */
const severity = (risk: number) => (Math.round(((risk * 10) / 25) * 10) / 10).toFixed(1);

/** Threats as SARIF 2.1.0 (OASIS), one result each, at the line of the element or flow. Accepted ones are suppressed. */
export function toSarif(input: {
  threats: readonly Threat[];
  rules: readonly Rule[];
  file: string;
  text: string;
  version?: string;
}): Record<string, unknown> {
  const { threats, file, text, version = '0.1.0' } = input;
  const used = new Set(threats.map(({ rule }) => rule));
  const rules = input.rules.filter(({ id }) => used.has(id));
  const index = new Map(rules.map(({ id }, at) => [id, at]));
  const places = placesOf(text);
  const uri = file.split(/[\\/]/).map(encodeURIComponent).join('/');
  const location = (id: string | undefined, message?: string) => {
    const place = id === undefined ? undefined : places.get(id);
    return {
      physicalLocation: {
        artifactLocation: { uri },
        region: { startLine: place?.line ?? 1, startColumn: place?.column ?? 1 },
      },
      ...(id ? { logicalLocations: [{ name: id, fullyQualifiedName: id }] } : {}),
      ...(message ? { message: { text: message } } : {}),
    };
  };
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'Merlon',
            version,
            informationUri: 'https://merlon.dev',
            rules: rules.map((rule) => ({
              id: rule.id,
              name: rule.title,
              shortDescription: { text: rule.title },
              fullDescription: { text: rule.source.threat.summary },
              ...(rule.refs.find(({ url }) => url) ? { helpUri: rule.refs.find(({ url }) => url)!.url } : {}),
              properties: {
                tags: [
                  'security',
                  'threat-model',
                  ...rule.stride,
                  ...rule.refs.map(({ reference }) => reference),
                ],
              },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: threats.map((threat) => ({
          ruleId: threat.rule,
          ruleIndex: index.get(threat.rule)!,
          level: levels[threat.level],
          message: { text: `${threat.title}. ${threat.summary}` },
          locations: [location(threat.flow && places.has(threat.flow) ? threat.flow : threat.element)],
          // The key survives any change of line or label.
          partialFingerprints: { 'threatKey/v1': threat.key },
          ...(threat.witness.length > 0
            ? {
                codeFlows: threat.witness.map(({ path, why, text: shown }) => ({
                  message: { text: `${why}: ${shown}` },
                  threadFlows: [{ locations: path.map((id) => ({ location: location(id, id) })) }],
                })),
              }
            : {}),
          ...(threat.status === 'accepted'
            ? { suppressions: [{ kind: 'external', justification: threat.statusReason }] }
            : {}),
          properties: {
            'security-severity': severity(threat.risk),
            risk: threat.risk,
            likelihood: threat.likelihood,
            impact: threat.impact,
            status: threat.status,
            controls: threat.controls,
          },
        })),
      },
    ],
  };
}
