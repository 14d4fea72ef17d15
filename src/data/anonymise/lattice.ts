import { Problem } from '../../kernel/problem.ts';
import { penalty, type Anonymised, type Encoded, type Partition } from './encoded.ts';
import { holds } from './goals.ts';

// Full-domain generalisation: one level per attribute for the whole table; a node of the lattice is a list of levels. Classes
// that miss the goals are taken out, up to the suppression limit. With suppression the loss is not monotone, so every node
// is judged. Nodes are visited attribute by attribute: rows that look alike are merged as soon as an attribute
// is generalised, so that the inner loops, where most nodes are, run over few classes.

export interface NodeResult {
  node: number[];
  suppressed: number;
  classes: number;
  /** Σ |class|², a suppressed row counts as much as the table. */
  discernibility: number;
  /** Mean normalised certainty penalty, a suppressed row counts 1. */
  loss: number;
}

/** Nodes that are visited one by one; more must go through Mondrian. */
const mostNodes = 2_000_000;

/** Every node that meets the goals with at most `suppression` (a share) of the rows taken out. */
export function satisfyingNodes(
  encoded: Encoded,
  suppression: number,
  onNode?: (done: number, total: number) => void,
): { results: NodeResult[]; lattice: number } {
  const { attributes, sensitive, goals, rows } = encoded;
  const heights = attributes.map(({ hierarchy }) => hierarchy.levels.length);
  const lattice = heights.reduce((product, height) => product * height, 1);
  if (lattice > mostNodes)
    throw new Problem('TOO_LARGE', {
      detail: `${lattice} combinations of levels are too many to judge`,
      fix: 'Use `method: mondrian`, fewer quasi-identifiers or hierarchies with fewer levels.',
    });
  const limit = Math.floor(suppression * rows + 1e-9);
  // Large domains first: they shrink most.
  const order = attributes
    .map((_, at) => at)
    .toSorted((a, b) => attributes[b]!.hierarchy.leaves.length - attributes[a]!.hierarchy.leaves.length);
  const steps = suffixes(encoded, order);
  const node = heights.map(() => 0);
  const buffers = order.map(() => new Buffers(steps[0]!.start!.size));
  const results: NodeResult[] = [];
  let done = 0;

  const visit = (depth: number, table: Grouped): void => {
    if (depth < order.length) {
      const at = order[depth]!;
      const { hierarchy } = attributes[at]!;
      for (const [level, { group, groups }] of hierarchy.levels.entries()) {
        node[at] = level;
        const penalties = groups.map(({ low, high }) => penalty(hierarchy, low, high));
        visit(depth + 1, generalise(table, steps[depth]!, buffers[depth]!, group, penalties, groups.length));
      }
      return;
    }
    const judged = judge(table, steps[depth]!.sensitive);
    if (judged.suppressed <= limit) results.push({ node: [...node], ...judged });
    onNode?.(++done, lattice);
  };

  const judge = (table: Grouped, codes: readonly Int32Array[]): Omit<NodeResult, 'node'> => {
    const { classes } = table;
    if (steps.at(-2)?.last === true) return bySize(table);
    const sizes = new Float64Array(classes);
    for (let entry = 0; entry < table.size; entry++)
      sizes[table.prefix[entry]!] = sizes[table.prefix[entry]!]! + table.count[entry]!;
    const met = new Uint8Array(classes);
    for (let one = 0; one < classes; one++) met[one] = sizes[one]! >= goals.k ? 1 : 0;
    if (goals.l || goals.t)
      for (const [which, { overall }] of sensitive.entries()) {
        const width = overall.length;
        const counts = new Float64Array(classes * width);
        for (let entry = 0; entry < table.size; entry++) {
          const cell = table.prefix[entry]! * width + codes[which]![table.suffix[entry]!]!;
          counts[cell] = counts[cell]! + table.count[entry]!;
        }
        for (let one = 0; one < classes; one++)
          if (met[one] === 1) {
            const own = counts.subarray(one * width, (one + 1) * width);
            if (!holds(goals, sizes[one]!, own, overall, rows)) met[one] = 0;
          }
      }
    let [suppressed, kept, discernibility, loss] = [0, 0, 0, 0];
    for (let one = 0; one < classes; one++) {
      const size = sizes[one]!;
      if (met[one] === 0) {
        suppressed += size;
        continue;
      }
      kept++;
      discernibility += size * size;
      loss += size * table.penalty[one]!;
    }
    discernibility += suppressed * rows;
    loss = rows === 0 ? 0 : (loss / attributes.length + suppressed) / rows;
    return { suppressed, classes: kept, discernibility, loss };
  };

  /** Without goals for sensitive values every entry of the table is a class. */
  const bySize = ({ size, count, penalty }: Grouped): Omit<NodeResult, 'node'> => {
    let [suppressed, kept, discernibility, loss] = [0, 0, 0, 0];
    for (let one = 0; one < size; one++) {
      const members = count[one]!;
      if (members < goals.k) {
        suppressed += members;
        continue;
      }
      kept++;
      discernibility += members * members;
      loss += members * penalty[one]!;
    }
    return {
      suppressed,
      classes: kept,
      discernibility: discernibility + suppressed * rows,
      loss: rows === 0 ? 0 : (loss / attributes.length + suppressed) / rows,
    };
  };

  visit(0, steps[0]!.start!);
  return { results, lattice };
}

/** Nodes none of whose direct predecessors (one level less in one attribute) satisfies. */
export function minimalNodes(results: readonly NodeResult[], heights: readonly number[]): number[][] {
  const weight = heights.map((_, at) =>
    heights.slice(at + 1).reduce((product, height) => product * height, 1),
  );
  const size = heights.reduce((product, height) => product * height, 1);
  const place = (node: readonly number[]): number =>
    node.reduce((sum, level, at) => sum + level * weight[at]!, 0);
  const satisfying = new Uint8Array(size);
  for (const { node } of results) satisfying[place(node)] = 1;
  const minimal: number[][] = [];
  for (let index = 0; index < size; index++) {
    if (satisfying[index] === 0) continue;
    const node = heights.map((height, at) => Math.floor(index / weight[at]!) % height);
    if (node.every((level, at) => level === 0 || satisfying[index - weight[at]!] === 0)) minimal.push(node);
  }
  return minimal;
}

/** Mean penalty of each attribute at a node, the highest first: compared in this order, the worst-hit attribute decides. */
export function rankedLoss({ attributes, rows }: Encoded, node: readonly number[]): number[] {
  return attributes
    .map(({ codes, hierarchy }, at) => {
      const { group, groups } = hierarchy.levels[node[at]!]!;
      const penalties = groups.map(({ low, high }) => penalty(hierarchy, low, high));
      let sum = 0;
      for (const code of codes) sum += penalties[group[code]!]!;
      return sum / Math.max(1, rows);
    })
    .toSorted((left, right) => right - left);
}

/** Negative when the first ranks before the second. */
export function compareRanked(left: readonly number[], right: readonly number[]): number {
  const at = left.findIndex((value, index) => Math.abs(value - right[index]!) > 1e-12);
  return at < 0 ? 0 : left[at]! - right[at]!;
}

/** The table at one node: the classes that meet the goals, the rest taken out. */
export function applyNode(encoded: Encoded, node: readonly number[]): Anonymised {
  const { attributes, rows } = encoded;
  let classes = 1;
  let of = new Int32Array(rows);
  for (const [at, { codes, hierarchy }] of attributes.entries()) {
    const { group } = hierarchy.levels[node[at]!]!;
    const pairs = new PairIndex(rows);
    const next = new Int32Array(rows);
    for (let row = 0; row < rows; row++) next[row] = pairs.of(of[row]!, group[codes[row]!]!);
    of = next;
    classes = pairs.size;
  }
  const sizes = new Int32Array(classes);
  for (const one of of) sizes[one] = sizes[one]! + 1;
  const members = Array.from(sizes, (size) => new Int32Array(size));
  const filled = new Int32Array(classes);
  for (let row = 0; row < rows; row++) {
    const one = of[row]!;
    members[one]![filled[one]!] = row;
    filled[one] = filled[one]! + 1;
  }
  const partitions: Partition[] = [];
  const suppressed: number[] = [];
  for (const group of members) {
    if (group.length === 0) continue;
    if (!meets(encoded, group)) {
      for (const row of group) suppressed.push(row);
      continue;
    }
    const spans = attributes.map(({ codes, hierarchy }, at) => {
      const level = hierarchy.levels[node[at]!]!;
      return level.groups[level.group[codes[group[0]!]!]!]!;
    });
    partitions.push({
      low: Int32Array.from(spans, ({ low }) => low),
      high: Int32Array.from(spans, ({ high }) => high),
      rows: group,
    });
  }
  return { method: 'full-domain', node: [...node], partitions, suppressed: Int32Array.from(suppressed) };
}

/** Whether these rows, made to look alike, meet the goals for every sensitive column. */
export function meets({ goals, sensitive, rows }: Encoded, members: Int32Array): boolean {
  if (members.length < goals.k) return false;
  if (!goals.l && !goals.t) return true;
  return sensitive.every(({ codes, overall }) => {
    const counts = new Float64Array(overall.length);
    for (const row of members) counts[codes[row]!] = counts[codes[row]!]! + 1;
    return holds(goals, members.length, counts, overall, rows);
  });
}

/** Rows merged by what was generalised so far (prefix) and by what is still as it was (suffix). */
interface Grouped {
  size: number;
  prefix: Int32Array;
  suffix: Int32Array;
  count: Float64Array;
  classes: number;
  /** Sum of penalties of each prefix. */
  penalty: Float64Array;
}

interface Step {
  /** Code of the attribute of this step, and the suffix behind it, for each suffix. */
  code: Int32Array;
  next: Int32Array;
  /** No suffix follows: rows with the same prefix are one class. */
  last: boolean;
  /** Code per sensitive column for each suffix of the last step. */
  sensitive: readonly Int32Array[];
  start?: Grouped;
}

/** Numbers the distinct tails of the rows, from behind. */
function suffixes({ attributes, sensitive, rows, goals }: Encoded, order: readonly number[]): Step[] {
  const relevant = goals.l || goals.t ? sensitive : [];
  let ids = new Int32Array(rows);
  let heads: Int32Array[] = [];
  for (const { codes } of relevant) {
    const pairs = new PairIndex(rows);
    const next = new Int32Array(rows);
    for (let row = 0; row < rows; row++) next[row] = pairs.of(ids[row]!, codes[row]!);
    heads = [...heads.map((head) => pairs.lefts().map((left) => head[left]!)), pairs.rights()];
    ids = next;
  }
  const steps: Step[] = [{ code: new Int32Array(0), next: new Int32Array(0), last: false, sensitive: heads }];
  for (const at of order.toReversed()) {
    const pairs = new PairIndex(rows);
    const next = new Int32Array(rows);
    for (let row = 0; row < rows; row++) next[row] = pairs.of(ids[row]!, attributes[at]!.codes[row]!);
    steps.unshift({
      code: pairs.rights(),
      next: pairs.lefts(),
      last: steps.length === 1 && relevant.length === 0,
      sensitive: [],
    });
    ids = next;
  }
  const distinct = ids.reduce((most, id) => Math.max(most, id + 1), 0);
  const count = new Float64Array(distinct);
  for (const id of ids) count[id] = count[id]! + 1;
  steps[0]!.start = {
    size: distinct,
    prefix: new Int32Array(distinct),
    suffix: Int32Array.from({ length: distinct }, (_, id) => id),
    count,
    classes: 1,
    penalty: new Float64Array(1),
  };
  return steps;
}

function generalise(
  table: Grouped,
  { code, next, last }: Step,
  buffers: Buffers,
  group: Int32Array,
  penalties: readonly number[],
  groups: number,
): Grouped {
  // New prefixes are few and dense: a table of prefix × group numbers them without hashing.
  const numbers = buffers.numbersFor(table.classes * groups);
  const { prefix: prefixes, suffix: suffixes, count: counts, penalty: sums } = buffers;
  const pairs = buffers.pairsFor(table.size);
  let classes = 0;
  let size = 0;
  // On the finest level whatever was apart stays apart: nothing has to be looked up.
  const finest = groups === group.length;
  for (let entry = 0; entry < table.size; entry++) {
    const suffix = table.suffix[entry]!;
    const old = table.prefix[entry]!;
    const own = group[code[suffix]!]!;
    const cell = old * groups + own;
    let prefix = numbers[cell]! - 1;
    if (prefix < 0) {
      prefix = classes++;
      numbers[cell] = classes;
      sums[prefix] = table.penalty[old]! + penalties[own]!;
    }
    // Behind the last attribute there may be nothing left to tell rows of one prefix apart.
    const merged = last ? prefix : finest ? size : pairs.of(prefix, next[suffix]!);
    if (merged === size) {
      prefixes[size] = prefix;
      suffixes[size] = next[suffix]!;
      counts[size] = 0;
      size++;
    }
    counts[merged] = counts[merged]! + table.count[entry]!;
  }
  return { size, prefix: prefixes, suffix: suffixes, count: counts, classes, penalty: sums };
}

/** What one depth of the search writes into, again and again. */
class Buffers {
  readonly prefix: Int32Array;
  readonly suffix: Int32Array;
  readonly count: Float64Array;
  readonly penalty: Float64Array;
  readonly #pairs: PairIndex;
  #numbers = new Int32Array(0);

  constructor(most: number) {
    this.prefix = new Int32Array(most);
    this.suffix = new Int32Array(most);
    this.count = new Float64Array(most);
    this.penalty = new Float64Array(most);
    this.#pairs = new PairIndex(most);
  }

  pairsFor(most: number): PairIndex {
    this.#pairs.clear(most);
    return this.#pairs;
  }

  numbersFor(length: number): Int32Array {
    if (this.#numbers.length < length) this.#numbers = new Int32Array(2 * length);
    else this.#numbers.fill(0, 0, length);
    return this.#numbers;
  }
}

/** Numbers distinct pairs of small integers in order of appearance (open addressing). */
class PairIndex {
  size = 0;
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  readonly #slots: Int32Array;
  #mask: number;

  constructor(most: number) {
    const slots = slotsFor(most);
    this.#slots = new Int32Array(slots);
    this.#mask = slots - 1;
    this.#left = new Int32Array(most);
    this.#right = new Int32Array(most);
  }

  /** Forgets everything, and takes only as much room as `most` pairs need. */
  clear(most: number): void {
    const slots = Math.min(this.#slots.length, slotsFor(most));
    this.#slots.fill(0, 0, slots);
    this.#mask = slots - 1;
    this.size = 0;
  }

  of(left: number, right: number): number {
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    hash ^= hash >>> 15;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const found = this.#slots[slot]! - 1;
      if (found < 0) {
        this.#slots[slot] = this.size + 1;
        this.#left[this.size] = left;
        this.#right[this.size] = right;
        return this.size++;
      }
      if (this.#left[found] === left && this.#right[found] === right) return found;
    }
  }

  lefts(): Int32Array {
    return this.#left.subarray(0, this.size);
  }

  rights(): Int32Array {
    return this.#right.subarray(0, this.size);
  }
}

const slotsFor = (most: number): number => 2 ** Math.ceil(Math.log2(Math.max(2, most * 1.6)));
