import { labelWidth, layOut, measures, type Diagram, type Point } from './layout.ts';

export interface SvgInput {
  title: string;
  zones: readonly { id: string; name: string; parent?: string | undefined; trust: number; kind: string }[];
  elements: readonly { id: string; name: string; kind: string; zone: string }[];
  flows: readonly { id: string; name: string; from: string; to: string; implied?: boolean | undefined }[];
  /** Worst level of the threats at each flow and element; absent: none. */
  levels?: Readonly<Record<string, 'low' | 'medium' | 'high' | 'critical'>>;
  hand?: Diagram['hand'];
}

const colours = {
  low: '#5b7083',
  medium: '#9a6700',
  high: '#bc4c00',
  critical: '#a40e4c',
  none: '#6b7280',
} as const;

/** Line widths tell levels apart where colours cannot. */
const strokes = { low: 1.4, medium: 1.8, high: 2.2, critical: 2.8, none: 1.2 } as const;

const external = ['user', 'human_review', 'third_party'];
const stores = [
  'db',
  'vector_store',
  'memory',
  'cache',
  'dataset',
  'model_registry',
  'prompt_template',
  'logging',
  'secrets',
  'accelerator_host',
];

/** The diagram as one self-contained SVG: titles for screen readers, no script, no outside font, no outside style. */
export function drawSvg({ title, zones, elements, flows, levels = {}, hand }: SvgInput): string {
  const layout = layOut({ zones, elements, flows, ...(hand ? { hand } : {}) });
  const zoneOf = new Map(zones.map((zone) => [zone.id, zone]));
  const elementOf = new Map(elements.map((element) => [element.id, element]));
  const flowOf = new Map(flows.map((flow) => [flow.id, flow]));
  const worst = (id: string): keyof typeof colours => (Object.hasOwn(levels, id) ? levels[id]! : 'none');
  const parts: string[] = [];

  for (const { id, x, y, width, height, depth } of layout.zones) {
    const { name, trust, kind } = zoneOf.get(id)!;
    const dash = kind === 'own' ? '' : ' stroke-dasharray="6 4"';
    parts.push(
      `<g><title>${escape(`zone ${name}, trust ${trust}`)}</title>` +
        `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="10" fill="#64748b" fill-opacity="${depth === 0 ? 0.07 : 0.06}" stroke="#94a3b8"${dash}/>` +
        `<text x="${x + 12}" y="${y + 21}" class="zone">${escape(clip(`${name} · trust ${trust}`, Math.floor((width - 20) / 6.6)))}</text></g>`,
    );
  }
  for (const { id, points } of layout.edges) {
    const { name, from, to, implied } = flowOf.get(id)!;
    const level = worst(id);
    const told = `${name}: ${elementOf.get(from)!.name} to ${elementOf.get(to)!.name}, ${level === 'none' ? 'no threat' : `worst threat ${level}`}`;
    parts.push(
      `<g><title>${escape(told)}</title><path d="${pathOf(points)}" fill="none" stroke="${colours[level]}" stroke-width="${strokes[level]}"${implied ? ' stroke-dasharray="4 4"' : ''} marker-end="url(#tip-${level})"/></g>`,
    );
  }
  for (const { id, x, y, width, height } of layout.nodes) {
    const { name, kind } = elementOf.get(id)!;
    const level = worst(id);
    const told = `${name}, ${kind}, ${level === 'none' ? 'no threat' : `worst threat ${level}`}`;
    parts.push(
      `<g><title>${escape(told)}</title>${shapeOf(kind, { x, y, width, height }, colours[level], strokes[level])}` +
        `<text x="${x + width / 2}" y="${y + height / 2 - 3}" class="name">${escape(clip(name, 19))}</text>` +
        `<text x="${x + width / 2}" y="${y + height / 2 + 14}" class="kind">${escape(kind.replaceAll('_', ' '))}</text></g>`,
    );
  }
  for (const { id, label } of layout.edges) {
    const { name } = flowOf.get(id)!;
    if (name === '') continue;
    const width = labelWidth(name);
    const { height } = measures.label;
    parts.push(
      `<g aria-hidden="true"><rect x="${label.x - width / 2}" y="${label.y - height / 2}" width="${width}" height="${height}" rx="4" class="plate"/>` +
        `<text x="${label.x}" y="${label.y + 4}" class="flow">${escape(clip(name, 27))}</text></g>`,
    );
  }
  const tips = Object.entries(colours)
    .map(
      ([level, colour]) =>
        `<marker id="tip-${level}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 1 L9 5 L0 9 z" fill="${colour}"/></marker>`,
    )
    .join('');
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${layout.width} ${layout.height}" width="${layout.width}" height="${layout.height}" role="img" aria-labelledby="diagram-title diagram-description">` +
    `<title id="diagram-title">${escape(title)}</title>` +
    `<desc id="diagram-description">${escape(`Data-flow diagram with ${zones.length} trust zones, ${elements.length} elements and ${flows.length} flows. Lines are coloured by the worst threat of the flow.`)}</desc>` +
    `<defs><style>text{font-family:system-ui,-apple-system,"Segoe UI",sans-serif;fill:#1f2937}.zone{font-size:12px;fill:#475569}.name{font-size:13px;font-weight:600;text-anchor:middle}.kind{font-size:11px;fill:#4b5563;text-anchor:middle}.flow{font-size:11px;fill:#374151;text-anchor:middle}.plate{fill:#ffffff;fill-opacity:.92}</style>${tips}</defs>` +
    `<rect width="${layout.width}" height="${layout.height}" fill="#ffffff"/>${parts.join('')}</svg>`
  );
}

/** External entities are boxes with corners, processes are rounded, stores have the two lines of a data-flow diagram. */
function shapeOf(
  kind: string,
  { x, y, width, height }: { x: number; y: number; width: number; height: number },
  colour: string,
  stroke: number,
): string {
  const look = `fill="#ffffff" stroke="${colour}" stroke-width="${stroke}"`;
  if (stores.includes(kind))
    return (
      `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="#ffffff"/>` +
      `<path d="M${x} ${y} H${x + width} M${x} ${y + height} H${x + width}" fill="none" stroke="${colour}" stroke-width="${stroke + 0.6}"/>` +
      `<path d="M${x} ${y} V${y + height} M${x + width} ${y} V${y + height}" stroke="${colour}" stroke-width="0.6" stroke-dasharray="2 4"/>`
    );
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${external.includes(kind) ? 2 : 16}" ${look}/>`;
}

/** A line with rounded corners. */
export function pathOf(points: readonly Point[], radius = 8): string {
  const [first, ...rest] = points;
  if (!first) return '';
  let path = `M${first.x} ${first.y}`;
  rest.forEach((point, index) => {
    const before = points[index]!;
    const after = rest[index + 1];
    if (!after) {
      path += ` L${point.x} ${point.y}`;
      return;
    }
    const room = (a: Point, b: Point) => Math.hypot(a.x - b.x, a.y - b.y) / 2;
    const bend = Math.min(radius, room(before, point), room(point, after));
    const towards = (to: Point) => {
      const length = Math.hypot(to.x - point.x, to.y - point.y) || 1;
      return `${round(point.x + ((to.x - point.x) / length) * bend)} ${round(point.y + ((to.y - point.y) / length) * bend)}`;
    };
    path += ` L${towards(before)} Q${point.x} ${point.y} ${towards(after)}`;
  });
  return path;
}

const round = (value: number) => Math.round(value * 10) / 10;

function clip(text: string, characters: number): string {
  const units = Array.from(text);
  return units.length <= characters ? text : `${units.slice(0, Math.max(1, characters - 1)).join('')}…`;
}

function escape(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}]/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
