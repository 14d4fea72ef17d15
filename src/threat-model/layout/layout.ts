/**
 * Places a data-flow diagram: layers from left to right, nested zones as boxes, flows as right-angled lines. Pure, and
 * the same for console, report and README. Own method: layers by longest path (cycles cut where a depth-first walk closes them),
 * rows by a skyline per column, order by barycentre, lines through the gaps between columns.
 */

export interface Diagram {
  zones: readonly {
    id: string;
    parent?: string | undefined;
    name?: string | undefined;
    kind?: string | undefined;
  }[];
  elements: readonly { id: string; zone: string; name?: string | undefined }[];
  flows: readonly { id: string; from: string; to: string; name?: string | undefined }[];
  /** Nodes moved by hand: top left corners. */
  hand?: Readonly<Record<string, { x: number; y: number }>>;
}

export interface Point {
  x: number;
  y: number;
}

export interface Box extends Point {
  width: number;
  height: number;
}

export interface Layout {
  nodes: (Box & { id: string; zone: string })[];
  /** Outer zones before those they enclose. */
  zones: (Box & { id: string; depth: number })[];
  /** `label` is the middle of the flow's name. */
  edges: { id: string; points: Point[]; label: Point }[];
  width: number;
  height: number;
}

/** Pixels. A row of five nodes with their gaps fits 1440. */
export const measures = {
  node: { width: 148, height: 56 },
  gap: { x: 116, y: 40 },
  zone: { side: 18, top: 34, bottom: 18 },
  margin: 24,
  label: { character: 6.3, padding: 8, height: 16 },
} as const;

const { node: nodeSize, gap, zone: pad, margin, label: labelSize } = measures;

/** Width of a label on the diagram, in pixels. */
export function labelWidth(text: string): number {
  return Math.min(180, Array.from(text).length * labelSize.character + labelSize.padding);
}

interface Item {
  id: string;
  /** First and last column. */
  from: number;
  to: number;
  height: number;
  y: number;
  children?: Item[];
  depth: number;
}

export function layOut(diagram: Diagram): Layout {
  const known = new Set(diagram.elements.map(({ id }) => id));
  const flows = diagram.flows.filter(({ from, to }) => known.has(from) && known.has(to) && from !== to);
  const parents = parentsOf(diagram.zones);
  const columns = pullOutside(diagram, flows, layersOf(diagram.elements, flows), parents);
  const order = orderOf(diagram.elements, flows, columns);
  const root = containerOf(diagram, parents, columns, order);
  stack(root, 0);
  settle(root, neighboursOf(flows));

  const depth = Math.max(0, ...[...parents.keys()].map((zone) => chainOf(zone, parents).length));
  // Wide enough for the frames of nested zones and some lines between them.
  const gapX = Math.max(gap.x, 2 * pad.side * depth + 60);
  const left = margin + depth * pad.side;
  const xOf = (column: number) => left + column * (nodeSize.width + gapX);
  const nodes: Layout['nodes'] = [];
  const zoneOf = new Map(diagram.elements.map(({ id, zone }) => [id, zone]));
  const place = (item: Item, dy: number): void => {
    const y = item.y + dy;
    if (!item.children) {
      const at = diagram.hand?.[item.id] ?? { x: xOf(item.from), y: y + margin };
      nodes.push({ id: item.id, zone: zoneOf.get(item.id) ?? '', ...at, ...nodeSize });
      return;
    }
    for (const child of item.children) place(child, y + (item.id === '' ? 0 : pad.top));
  };
  place(root, 0);
  const zones = frame(diagram.zones, parents, nodes);
  const edges = route(flows, nodes, zones, gapX);
  return fit({ nodes, zones, edges });
}

function parentsOf(zones: Diagram['zones']): Map<string, string | undefined> {
  const ids = new Set(zones.map(({ id }) => id));
  const parents = new Map(
    zones.map(({ id, parent }) => [id, parent !== undefined && ids.has(parent) ? parent : undefined]),
  );
  // A zone that encloses itself stands alone.
  for (const id of ids) {
    const seen = new Set<string>();
    for (let at: string | undefined = id; at !== undefined; at = parents.get(at)) {
      if (seen.has(at)) {
        parents.set(id, undefined);
        break;
      }
      seen.add(at);
    }
  }
  return parents;
}

/** A zone and those that enclose it, innermost first. */
function chainOf(zone: string, parents: ReadonlyMap<string, string | undefined>): string[] {
  const chain: string[] = [];
  for (let at: string | undefined = zone; at !== undefined && parents.has(at); at = parents.get(at))
    chain.push(at);
  return chain;
}

type Ends = readonly { from: string; to: string }[];

/** Column of each element: the longest way to it. At most 6 columns, as more would not be read on one screen. */
function layersOf(elements: Diagram['elements'], flows: Ends): Map<string, number> {
  const out = new Map<string, string[]>(elements.map(({ id }) => [id, []]));
  const inner = new Map<string, number>(elements.map(({ id }) => [id, 0]));
  for (const { from, to } of flows) {
    out.get(from)!.push(to);
    inner.set(to, inner.get(to)! + 1);
  }
  // Depth-first from the sources; an edge back to what is still open closes a cycle and does not count.
  const state = new Map<string, 'open' | 'done'>();
  const finished: string[] = [];
  const forward = new Map<string, string[]>(elements.map(({ id }) => [id, []]));
  const starts = elements
    .map(({ id }) => id)
    .toSorted((a, b) => Math.min(1, inner.get(a)!) - Math.min(1, inner.get(b)!));
  for (const start of starts) {
    if (state.has(start)) continue;
    const path: { id: string; next: number }[] = [{ id: start, next: 0 }];
    state.set(start, 'open');
    while (path.length > 0) {
      const top = path.at(-1)!;
      const to = out.get(top.id)![top.next++];
      if (to === undefined) {
        state.set(top.id, 'done');
        finished.push(top.id);
        path.pop();
      } else if (state.get(to) !== 'open') {
        forward.get(top.id)!.push(to);
        if (!state.has(to)) {
          state.set(to, 'open');
          path.push({ id: to, next: 0 });
        }
      }
    }
  }
  const columns = new Map<string, number>(elements.map(({ id }) => [id, 0]));
  for (const id of finished.toReversed()) {
    for (const to of forward.get(id)!)
      columns.set(to, Math.min(5, Math.max(columns.get(to)!, columns.get(id)! + 1)));
  }
  // A source stands next to what it feeds, not at the far left.
  for (const id of finished) {
    const targets = forward.get(id)!;
    if (inner.get(id) === 0 && targets.length > 0)
      columns.set(id, Math.max(0, Math.min(...targets.map((to) => columns.get(to)!)) - 1));
  }
  // What no flow touches stands with its zone.
  for (const { id, zone } of elements) {
    if (inner.get(id) !== 0 || out.get(id)!.length > 0) continue;
    const mates = elements.filter(
      (one) => one.zone === zone && (inner.get(one.id) !== 0 || out.get(one.id)!.length > 0),
    );
    if (mates.length > 0) columns.set(id, Math.max(...mates.map((one) => columns.get(one.id)!)));
  }
  return columns;
}

/** Puts a zone that is only called, such as a provider, right of those who call it, when there is room. */
function pullOutside(
  { zones, elements }: Diagram,
  flows: Ends,
  columns: Map<string, number>,
  parents: ReadonlyMap<string, string | undefined>,
): Map<string, number> {
  const moved = new Map(columns);
  for (const { id } of zones) {
    if (parents.get(id) !== undefined || zones.some(({ parent }) => parent === id)) continue;
    const members = new Set(elements.filter(({ zone }) => zone === id).map((one) => one.id));
    if (members.size === 0 || flows.some(({ from, to }) => members.has(from) && !members.has(to))) continue;
    const callers = flows
      .filter(({ from, to }) => members.has(to) && !members.has(from))
      .map(({ from }) => from);
    if (callers.length === 0) continue;
    const zonesOfCallers = new Set(
      elements.filter((one) => callers.includes(one.id)).map(({ zone }) => zone),
    );
    const right = Math.max(
      ...elements.filter(({ zone }) => zonesOfCallers.has(zone)).map((one) => columns.get(one.id)!),
    );
    const least = Math.min(...[...members].map((one) => columns.get(one)!));
    if (right + 1 - least <= 0 || right + 1 > 4) continue;
    for (const one of members) moved.set(one, columns.get(one)! + right + 1 - least);
  }
  // No empty columns.
  const used = [...new Set(moved.values())].toSorted((a, b) => a - b);
  return new Map([...moved].map(([id, column]) => [id, used.indexOf(column)]));
}

function neighboursOf(flows: Ends): Map<string, string[]> {
  const near = new Map<string, string[]>();
  const add = (a: string, b: string) => {
    const list = near.get(a);
    if (list) list.push(b);
    else near.set(a, [b]);
  };
  for (const { from, to } of flows) {
    add(from, to);
    add(to, from);
  }
  return near;
}

/** Where in its column each element wants to be: the mean of its neighbours, a few times over. */
function orderOf(
  elements: Diagram['elements'],
  flows: Ends,
  columns: ReadonlyMap<string, number>,
): Map<string, number> {
  const near = neighboursOf(flows);
  const byColumn = new Map<number, string[]>();
  for (const { id } of elements) {
    const column = columns.get(id)!;
    byColumn.set(column, [...(byColumn.get(column) ?? []), id]);
  }
  const rank = new Map<string, number>();
  const number = (ids: string[]) => ids.forEach((id, index) => rank.set(id, index - (ids.length - 1) / 2));
  for (const ids of byColumn.values()) number(ids);
  for (let sweep = 0; sweep < 6; sweep++) {
    for (const ids of byColumn.values()) {
      const wish = new Map(
        ids.map((id) => {
          const others = near.get(id) ?? [];
          const sum = others.reduce((total, other) => total + rank.get(other)!, 0);
          return [id, others.length === 0 ? rank.get(id)! : sum / others.length];
        }),
      );
      ids.sort((a, b) => wish.get(a)! - wish.get(b)! || (a < b ? -1 : 1));
      number(ids);
    }
  }
  return rank;
}

function containerOf(
  { zones, elements }: Diagram,
  parents: ReadonlyMap<string, string | undefined>,
  columns: ReadonlyMap<string, number>,
  order: ReadonlyMap<string, number>,
): Item {
  const items = new Map<string | undefined, Item[]>();
  const put = (zone: string | undefined, item: Item) => items.set(zone, [...(items.get(zone) ?? []), item]);
  for (const { id, zone } of elements) {
    const column = columns.get(id)!;
    put(parents.has(zone) ? zone : undefined, {
      id,
      from: column,
      to: column,
      height: nodeSize.height,
      y: 0,
      depth: 0,
    });
  }
  const wish = (item: Item): number => {
    if (!item.children) return order.get(item.id) ?? 0;
    return item.children.reduce((sum, child) => sum + wish(child), 0) / item.children.length;
  };
  // Innermost zones first, so that each finds its children made.
  const deepest = [...zones].toSorted(
    (a, b) => chainOf(b.id, parents).length - chainOf(a.id, parents).length,
  );
  for (const { id } of deepest) {
    const children = items.get(id);
    if (!children) continue;
    put(parents.get(id), {
      id,
      from: Math.min(...children.map(({ from }) => from)),
      to: Math.max(...children.map(({ to }) => to)),
      height: 0,
      y: 0,
      children: children.toSorted((a, b) => wish(a) - wish(b)),
      depth: 1 + Math.max(...children.map((child) => child.depth)),
    });
  }
  const top = (items.get(undefined) ?? []).toSorted(
    (a, b) => b.to - b.from - (a.to - a.from) || wish(a) - wish(b),
  );
  return {
    id: '',
    from: 0,
    to: Math.max(0, ...top.map(({ to }) => to)),
    height: 0,
    y: 0,
    children: top,
    depth: 0,
  };
}

/** Lays items as high as their columns are free, and gives the container its height. */
function stack(item: Item, level: number): void {
  if (!item.children) return;
  const skyline = new Map<number, number>();
  for (const child of item.children) {
    stack(child, level + 1);
    let y = 0;
    for (let column = child.from; column <= child.to; column++) y = Math.max(y, skyline.get(column) ?? 0);
    child.y = y;
    for (let column = child.from; column <= child.to; column++) skyline.set(column, y + child.height + gap.y);
  }
  const inside = Math.max(nodeSize.height, ...item.children.map(({ y, height }) => y + height));
  item.height = level === 0 ? inside : inside + pad.top + pad.bottom;
}

/** Moves items down, within the room that their columns leave, towards what they are joined to. */
function settle(root: Item, near: ReadonlyMap<string, string[]>): void {
  const centre = new Map<string, number>();
  const note = (item: Item, dy: number): void => {
    const y = item.y + dy;
    if (!item.children) centre.set(item.id, y + item.height / 2);
    else for (const child of item.children) note(child, y + (item.id === '' ? 0 : pad.top));
  };
  const members = (item: Item): string[] => (item.children ? item.children.flatMap(members) : [item.id]);
  const move = (container: Item): void => {
    const room = container.id === '' ? container.height : container.height - pad.top - pad.bottom;
    const items = [...container.children!].toSorted((a, b) => b.y - a.y);
    for (const item of items) {
      const shared = container.children!.filter(
        (other) => other !== item && other.from <= item.to && other.to >= item.from,
      );
      const below = shared.filter(({ y }) => y > item.y).map(({ y }) => y - gap.y - item.height);
      const above = shared.filter(({ y }) => y <= item.y).map(({ y, height }) => y + height + gap.y);
      const lowest = Math.min(room - item.height, ...below);
      const highest = Math.max(0, ...above);
      const mine = new Set(members(item));
      const pulls = [...mine].flatMap((id) =>
        (near.get(id) ?? [])
          .filter((other) => !mine.has(other))
          .map((other) => centre.get(other)! - centre.get(id)!),
      );
      const pull = pulls.length === 0 ? 0 : pulls.reduce((sum, one) => sum + one, 0) / pulls.length;
      const y = Math.max(highest, Math.min(lowest, item.y + pull));
      item.y = Math.round(y);
      note(root, 0);
    }
    for (const child of container.children!) if (child.children) move(child);
  };
  // Large diagrams are not worth the walks.
  if (members(root).length > 200) return;
  note(root, 0);
  for (let round = 0; round < 3; round++) move(root);
}

/** Zone boxes around their nodes and inner zones. */
function frame(
  zones: Diagram['zones'],
  parents: ReadonlyMap<string, string | undefined>,
  nodes: Layout['nodes'],
): Layout['zones'] {
  const boxes = new Map<string, Box>();
  const deepest = [...zones].toSorted(
    (a, b) => chainOf(b.id, parents).length - chainOf(a.id, parents).length,
  );
  for (const { id } of deepest) {
    const inside: Box[] = [
      ...nodes.filter(({ zone }) => zone === id),
      ...zones.flatMap((one) => (parents.get(one.id) === id ? (boxes.get(one.id) ?? []) : [])),
    ];
    if (inside.length === 0) continue;
    const x = Math.min(...inside.map((box) => box.x)) - pad.side;
    const y = Math.min(...inside.map((box) => box.y)) - pad.top;
    const right = Math.max(...inside.map((box) => box.x + box.width)) + pad.side;
    const bottom = Math.max(...inside.map((box) => box.y + box.height)) + pad.bottom;
    boxes.set(id, { x, y, width: right - x, height: bottom - y });
  }
  return zones
    .flatMap(({ id }) => {
      const box = boxes.get(id);
      return box ? [{ id, ...box, depth: chainOf(id, parents).length - 1 }] : [];
    })
    .sort((a, b) => a.depth - b.depth);
}

interface Run {
  id: string;
  name: string;
  from: Box;
  to: Box;
  /** Side of the source and of the target: 1 right, -1 left. */
  out: 1 | -1;
  in: 1 | -1;
  y1: number;
  y2: number;
}

function route(
  flows: Diagram['flows'],
  nodes: Layout['nodes'],
  zones: Layout['zones'],
  gapX: number,
): Layout['edges'] {
  const boxes = new Map(nodes.map((node) => [node.id, node]));
  const runs = flows.map(({ id, from, to, name }): Run => {
    const [a, b] = [boxes.get(from)!, boxes.get(to)!];
    const forward = b.x > a.x + a.width / 2;
    const back = b.x + b.width / 2 < a.x;
    return {
      id,
      name: name ?? id,
      from: a,
      to: b,
      out: back ? -1 : 1,
      in: forward ? -1 : 1,
      y1: a.y + a.height / 2,
      y2: b.y + b.height / 2,
    };
  });
  spread(runs);
  const byX = [...nodes].sort((a, b) => a.x - b.x);
  // Twice: the first pass finds out which lines share a gap, the second gives each its own track in it.
  const asked = new Map<number, { key: string; way: number }[]>();
  const laneOf = (x: number) => Math.round(x / 8);
  const middle = (x: number, key: string, way: number): number => {
    const lane = asked.get(laneOf(x));
    if (lane) lane.push({ key, way });
    else asked.set(laneOf(x), [{ key, way }]);
    return x + gapX / 2;
  };
  for (const run of runs) lineOf(run, byX, gapX, middle);
  const offsets = new Map<string, number>();
  for (const list of asked.values()) {
    // The line with the longest way up or down turns first, so that those of one source do not cross.
    const sorted = list.toSorted((p, q) => q.way - p.way || (p.key < q.key ? -1 : 1));
    const step = Math.min(11, (gapX - 36) / sorted.length);
    sorted.forEach(({ key }, index) => offsets.set(key, (index - (sorted.length - 1) / 2) * step));
  }
  const track = (x: number, key: string): number => x + gapX / 2 + (offsets.get(key) ?? 0);
  const drawn = runs.map((run) => ({ run, points: lineOf(run, byX, gapX, track) }));
  return label(drawn, nodes, zones);
}

/** Ports side by side on each side of a node, in the order of where the lines lead. */
function spread(runs: readonly Run[]): void {
  const ports = new Map<string, { run: Run; end: 'y1' | 'y2'; other: number; box: Box }[]>();
  const add = (box: Box, side: number, port: { run: Run; end: 'y1' | 'y2'; other: number }) => {
    const key = `${box.x} ${box.y} ${side}`;
    const list = ports.get(key);
    if (list) list.push({ ...port, box });
    else ports.set(key, [{ ...port, box }]);
  };
  for (const run of runs) {
    add(run.from, run.out, { run, end: 'y1', other: run.to.y });
    add(run.to, run.in, { run, end: 'y2', other: run.from.y });
  }
  for (const list of ports.values()) {
    const sorted = list.toSorted((a, b) => a.other - b.other || (a.run.id < b.run.id ? -1 : 1));
    const step = Math.min(14, (nodeSize.height - 12) / sorted.length);
    sorted.forEach(({ run, end, box }, index) => {
      run[end] = box.y + box.height / 2 + (index - (sorted.length - 1) / 2) * step;
    });
  }
}

type Track = (x: number, key: string, way: number) => number;

function lineOf(run: Run, nodes: readonly Box[], gapX: number, track: Track): Point[] {
  const x1 = run.out === 1 ? run.from.x + run.from.width : run.from.x;
  const x2 = run.in === 1 ? run.to.x + run.to.width : run.to.x;
  const start = { x: x1, y: run.y1 };
  const end = { x: x2, y: run.y2 };
  const way = Math.abs(run.y1 - run.y2);
  // A track in the gap on this side of an end; tracks are known by where their gap begins.
  const beside = (x: number, side: 1 | -1, part: 'a' | 'b') =>
    track(side === 1 ? x : x - gapX, `${run.id} ${part}`, side === 1 ? way : -way);
  if (run.out === run.in) {
    // Same column: out to the right and back.
    const x = beside(Math.max(x1, x2), 1, 'a');
    return tidy([start, { x, y: run.y1 }, { x, y: run.y2 }, end]);
  }
  const [near, far] = [Math.min(x1, x2), Math.max(x1, x2)];
  const between = nodes.filter(
    (box) => box.x > near - 1 && box.x + box.width < far + 1 && box !== run.from && box !== run.to,
  );
  if (between.length === 0) {
    if (way < 1) return [start, { x: x2, y: run.y1 }];
    const x = beside(x1, run.out, 'a');
    return tidy([start, { x, y: run.y1 }, { x, y: run.y2 }, end]);
  }
  // Past other columns: along the height at which nothing stands that costs the least way.
  const heights = [run.y1, run.y2, ...between.flatMap((box) => [box.y - 16, box.y + box.height + 12])];
  const free = heights.filter((y) => between.every((box) => y < box.y - 6 || y > box.y + box.height + 6));
  const cost = (y: number) => Math.abs(y - run.y1) + Math.abs(y - run.y2);
  const y =
    free.toSorted((a, b) => cost(a) - cost(b))[0] ??
    Math.max(...between.map((box) => box.y + box.height)) + 12;
  const first = beside(x1, run.out, 'a');
  const last = beside(x2, run.in, 'b');
  return tidy([start, { x: first, y: run.y1 }, { x: first, y }, { x: last, y }, { x: last, y: run.y2 }, end]);
}

/** Drops points on the way of a straight line. */
function tidy(points: readonly Point[]): Point[] {
  return points.filter((point, index) => {
    const [before, after] = [points[index - 1], points[index + 1]];
    if (!before || !after) return true;
    const flat = Math.abs(before.y - point.y) < 0.5 && Math.abs(point.y - after.y) < 0.5;
    const upright = Math.abs(before.x - point.x) < 0.5 && Math.abs(point.x - after.x) < 0.5;
    return !flat && !upright;
  });
}

/** Names on their lines, where nothing else stands: in the middle of a stretch, else moved up or down. */
function label(
  drawn: readonly { run: Run; points: Point[] }[],
  nodes: readonly Box[],
  zones: Layout['zones'],
): Layout['edges'] {
  const taken: Box[] = [
    ...nodes,
    ...zones.map(({ x, y, width }) => ({ x: x + 4, y: y + 4, width: Math.min(width - 8, 160), height: 20 })),
  ];
  const cells = new Map<string, Box[]>();
  const size = 200;
  const each = (box: Box, visit: (cell: string) => boolean | undefined): boolean => {
    for (let column = Math.floor(box.x / size); column <= Math.floor((box.x + box.width) / size); column++)
      for (let row = Math.floor(box.y / size); row <= Math.floor((box.y + box.height) / size); row++)
        if (visit(`${column} ${row}`)) return true;
    return false;
  };
  const put = (box: Box) =>
    each(box, (cell) => {
      const list = cells.get(cell);
      if (list) list.push(box);
      else cells.set(cell, [box]);
      return undefined;
    });
  for (const box of taken) put(box);
  const free = (box: Box) => !each(box, (cell) => cells.get(cell)?.some((other) => overlap(box, other)));
  return drawn.map(({ run, points }) => {
    const width = labelWidth(run.name);
    const box = ({ x, y }: Point): Box => ({
      x: x - width / 2,
      y: y - labelSize.height / 2,
      width,
      height: labelSize.height,
    });
    // Level stretches first, the last of them before the others: lines part before they arrive.
    const room = ({ start, end }: { start: Point; end: Point }) => Math.abs(end.x - start.x) >= width + 10;
    const stretches = points
      .slice(1)
      .map((end, index) => ({ start: points[index]!, end }))
      .toReversed()
      .toSorted((a, b) => Number(room(b)) - Number(room(a)) || (room(a) ? 0 : lengthOf(b) - lengthOf(a)));
    const wishes = stretches.flatMap(({ start, end }) =>
      [0.5, 0.4, 0.6, 0.3, 0.7].map((share) => ({
        x: start.x + (end.x - start.x) * share,
        y: start.y + (end.y - start.y) * share,
      })),
    );
    let at = wishes.find((wish) => free(box(wish)));
    for (let step = 1; !at && step < 400; step++) {
      for (const wish of wishes.slice(0, 5)) {
        for (const sign of [-1, 1]) {
          const moved = { x: wish.x, y: wish.y + sign * step * 6 };
          at ??= free(box(moved)) ? moved : undefined;
        }
      }
    }
    at ??= { x: wishes[0]!.x, y: Math.max(...nodes.map(({ y, height }) => y + height)) + 400 };
    while (!free(box(at))) at = { x: at.x, y: at.y + labelSize.height + 2 };
    put(box(at));
    return { id: run.id, points, label: at };
  });
}

const lengthOf = ({ start, end }: { start: Point; end: Point }) =>
  // Names stand better on level stretches.
  Math.abs(end.x - start.x) * 1.6 + Math.abs(end.y - start.y);

export function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** Moves everything into view and gives the size. Whole pixels, so that lines are sharp. */
function fit({ nodes, zones, edges }: Omit<Layout, 'width' | 'height'>): Layout {
  const points = [
    ...[...nodes, ...zones].flatMap(({ x, y, width, height }) => [
      { x, y },
      { x: x + width, y: y + height },
    ]),
    ...edges.flatMap(({ points: line, label: { x, y } }) => [
      ...line,
      { x: x - 30, y: y - 10 },
      { x: x + 30, y: y + 10 },
    ]),
  ];
  if (points.length === 0) return { nodes, zones, edges, width: 2 * margin, height: 2 * margin };
  const dx = Math.round(margin - Math.min(...points.map(({ x }) => x)));
  const dy = Math.round(margin - Math.min(...points.map(({ y }) => y)));
  const move = <P extends Point>(point: P): P => ({
    ...point,
    x: Math.round(point.x + dx),
    y: Math.round(point.y + dy),
  });
  return {
    nodes: nodes.map(move),
    zones: zones.map(move),
    edges: edges.map(({ id, points: line, label: at }) => ({ id, points: line.map(move), label: move(at) })),
    width: Math.round(Math.max(...points.map(({ x }) => x)) + dx + margin),
    height: Math.round(Math.max(...points.map(({ y }) => y)) + dy + margin),
  };
}
