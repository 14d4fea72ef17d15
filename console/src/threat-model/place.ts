// Stand-in with the signature of the engine's layout until that lands.
interface Rect { id: string; x: number; y: number; width: number; height: number }
export interface Laid {
  nodes: (Rect & { zone: string })[];
  zones: Rect[];
  edges: { id: string; points: { x: number; y: number }[]; label: { x: number; y: number } }[];
  width: number;
  height: number;
}
export function layOut(input: {
  zones: readonly { id: string }[];
  elements: readonly { id: string; zone?: string }[];
  flows: readonly { id: string; from: string; to: string }[];
}): Laid {
  const W = 172, H = 52, gapX = 110, gapY = 40, pad = 28;
  const nodes: Laid['nodes'] = [];
  const zones: Laid['zones'] = [];
  let x = 0, tallest = 0;
  for (const zone of input.zones) {
    const inside = input.elements.filter((e) => e.zone === zone.id);
    const rows = Math.min(4, inside.length) || 1;
    const cols = Math.ceil(inside.length / rows) || 1;
    inside.forEach((e, i) => {
      nodes.push({ id: e.id, zone: zone.id, x: x + pad + Math.floor(i / rows) * (W + gapX), y: pad + 20 + (i % rows) * (H + gapY), width: W, height: H });
    });
    const width = pad * 2 + cols * W + (cols - 1) * gapX, height = pad * 2 + 20 + rows * H + (rows - 1) * gapY;
    zones.push({ id: zone.id, x, y: 0, width, height });
    x += width + 90; tallest = Math.max(tallest, height);
  }
  const at = new Map(nodes.map((n) => [n.id, n]));
  const edges = input.flows.flatMap((f) => {
    const a = at.get(f.from), b = at.get(f.to);
    if (!a || !b) return [];
    const right = b.x >= a.x;
    const p = { x: right ? a.x + W : a.x, y: a.y + H / 2 }, q = { x: right ? b.x : b.x + W, y: b.y + H / 2 };
    const m = (p.x + q.x) / 2;
    return [{ id: f.id, points: [p, { x: m, y: p.y }, { x: m, y: q.y }, q], label: { x: m, y: (p.y + q.y) / 2 } }];
  });
  return { nodes, zones, edges, width: x, height: tallest };
}
