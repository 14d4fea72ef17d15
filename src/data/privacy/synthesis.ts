import { Problem } from '../../kernel/problem.ts';
import { gaussianForBudget } from './calibrate.ts';
import type { PrivacyEvent } from './events.ts';
import { discreteGaussian, selectByExponential } from './noise.ts';
import { uniform, type RandomSource } from './random.ts';
import { rational, rationalAbove, toNumber, type Rational } from './rational.ts';
import { normalTail } from './special.ts';

// A differentially private synthetic table by a label-aware tree. Measured with exact discrete Gaussian noise: every column alone (which
// also finds its values: rare ones stay unknown), every column with the label, and label × column × parent along a tree that the
// exponential mechanism selects. Everything after that only reads noisy counts. The number of rows is never used as such.

/** Shares of the Rényi budget: values, columns with the label, choice of the tree, tree. */
const shares = { values: 0.08, pairs: 0.27, choice: 0.08, tree: 0.57 } as const;
/** Share of δ that pays for the values that become known. */
const deltaForValues = 0.1;
/** Bins of a numeric column, and from how many known numbers on a column is one. */
const bins = 16;
const numericFrom = 20;
/** Fixed point of the scores that select the tree. */
const unit = 1024;
const mostCells = 500_000;

export interface SynthesisRequest {
  columns: readonly string[];
  label: string;
  epsilon: number;
  delta: number;
  /** Ranges of numeric columns whose values are mostly distinct. Never taken from the data. */
  bounds: Readonly<Record<string, readonly [number, number]>>;
}

export interface Synthesis {
  cost: PrivacyEvent;
  fit(rows: readonly (readonly string[])[], random: RandomSource): Synthesiser;
}

export interface Synthesiser {
  /** Private estimate of the number of rows. */
  rows: number;
  /** The parent of each column but the label; undefined for the root. */
  tree: { column: string; parent: string | undefined }[];
  /** Columns of which nothing is frequent enough to be known. */
  unknown: string[];
  sample(rows: number, random: RandomSource): string[][];
}

/** What stands for all values that are too rare to be known. */
export const other = 'other';

interface Domain {
  size: number;
  /** Undefined for a row that the model leaves out. */
  codeOf(cell: string): number | undefined;
  draw(code: number, random: RandomSource): string;
}

/** Decides all noise before the data is seen. @throws Problem INPUT_INVALID */
export function planSynthesis(request: SynthesisRequest): Synthesis {
  const { columns, label, epsilon, delta } = request;
  const labelAt = columns.indexOf(label);
  if (labelAt < 0)
    throw new Problem('INPUT_INVALID', {
      detail: `there is no column \`${label}\``,
      fix: `The columns are ${columns.map((one) => `\`${one}\``).join(', ')}.`,
    });
  if (!(delta > 0))
    throw new Problem('INPUT_INVALID', {
      detail: 'a synthetic table needs δ above 0',
      fix: 'Use --delta 1e-6.',
    });
  const features = columns.map((_, at) => at).filter((at) => at !== labelAt);
  if (features.length === 0)
    throw new Problem('INPUT_INVALID', { detail: 'there is no column besides the label' });
  const edges = features.length - 1;
  const rho = 1 / (2 * gaussianForBudget(epsilon, delta * (1 - deltaForValues)) ** 2);
  // Without a choice of tree its share goes to the measurements.
  const measured = edges > 0 ? 1 : 1 / (shares.values + shares.pairs);
  const varianceOf = (share: number, marginals: number): Rational =>
    rationalAbove(marginals / (2 * rho * share * measured), 2n ** 16n);
  const values = varianceOf(shares.values, columns.length);
  const pairs = varianceOf(shares.pairs, features.length);
  const tree = edges > 0 ? varianceOf(shares.tree, edges) : undefined;
  // ε-bounded range costs ε²/8 in zero-concentrated terms.
  const choice = rational(
    BigInt(Math.floor(Math.sqrt((8 * rho * shares.choice) / Math.max(1, edges)) * 2 ** 30)),
    2n ** 30n,
  );
  const gaussian = (variance: Rational, marginals: number): PrivacyEvent => ({
    type: 'gaussian',
    sigma: Math.sqrt(toNumber(variance) / marginals),
  });
  const cost: PrivacyEvent = {
    type: 'composed',
    events: [
      { type: 'epsDelta', epsilon: 0, delta: delta * deltaForValues },
      gaussian(values, columns.length),
      gaussian(pairs, features.length),
      ...(tree
        ? [
            {
              type: 'self' as const,
              count: edges,
              event: { type: 'exponential' as const, epsilon: toNumber(choice) },
            },
            gaussian(tree, edges),
          ]
        : []),
    ],
  };
  return {
    cost,
    fit: (rows, random) => fit(request, rows, random, { labelAt, features, values, pairs, tree, choice }),
  };
}

interface Noise {
  labelAt: number;
  features: readonly number[];
  values: Rational;
  pairs: Rational;
  tree: Rational | undefined;
  choice: Rational;
}

function fit(
  { columns, delta, bounds }: SynthesisRequest,
  rows: readonly (readonly string[])[],
  random: RandomSource,
  noise: Noise,
): Synthesiser {
  const { labelAt, features } = noise;
  const threshold = thresholdFor(
    Math.sqrt(toNumber(noise.values)),
    (delta * deltaForValues) / columns.length,
  );
  const unknown: string[] = [];
  const drawValue = discreteGaussian(noise.values, random);
  const domains = columns.map((column, at): Domain => {
    const known = frequent(rows, at, threshold, drawValue);
    const range = bounds[column];
    if (at === labelAt) {
      if (known.size < 2)
        throw new Problem('INPUT_INVALID', {
          detail: `the values of the label \`${column}\` are too rare to be learnt at this ε`,
          fix: 'Use a larger --epsilon or another label.',
        });
      return labels(known);
    }
    if (range) return fixedBins(range);
    if (known.size === 0) unknown.push(column);
    return known.size >= numericFrom && [...known.keys()].every(numeric)
      ? learntBins(known)
      : categories(known);
  });
  const labelDomain = domains[labelAt]!;
  const kept = encode(rows, domains);
  const classes = labelDomain.size;

  const drawPair = discreteGaussian(noise.pairs, random);
  const withLabel = features.map((at) => {
    const size = domains[at]!.size;
    const counts = new Float64Array(classes * size);
    for (let row = 0; row < kept.rows; row++) {
      const cell = kept.codes[labelAt]![row]! * size + kept.codes[at]![row]!;
      counts[cell] = counts[cell]! + 1;
    }
    return counts.map((count) => count + drawPair());
  });
  // The noise of a total grows with the cells: each estimate weighs as it deserves.
  const perLabel = new Float64Array(classes);
  let weights = 0;
  for (const [index, counts] of withLabel.entries()) {
    const size = domains[features[index]!]!.size;
    for (let one = 0; one < classes; one++)
      perLabel[one] = perLabel[one]! + sum(counts, one * size, size) / size;
    weights += 1 / size;
  }
  for (let one = 0; one < classes; one++) perLabel[one] = Math.max(1, perLabel[one]! / weights);
  const marginals = withLabel.map((counts, index) => {
    const size = domains[features[index]!]!.size;
    const clean = new Float64Array(counts.length);
    for (let one = 0; one < classes; one++)
      clean.set(onSimplex(counts.subarray(one * size, (one + 1) * size), perLabel[one]!), one * size);
    return clean;
  });

  const parents = noise.tree
    ? chooseTree(kept, labelAt, features, domains, marginals, perLabel, noise, random)
    : [-1];
  const order = fromRoot(parents);
  const drawTree = noise.tree && discreteGaussian(noise.tree, random);
  const deviation = noise.tree ? Math.sqrt(toNumber(noise.tree)) : 0;
  const tables = order.map((feature) => {
    const size = domains[features[feature]!]!.size;
    const parent = parents[feature]!;
    if (parent < 0 || !drawTree) return marginals[feature]!;
    const wide = domains[features[parent]!]!.size;
    const counts = jointCounts(kept, labelAt, features[parent]!, features[feature]!, classes, wide, size);
    const noisy = counts.map((count) => count + drawTree());
    return conditional(noisy, marginals[feature]!, perLabel, classes, wide, size, deviation);
  });
  const total = perLabel.reduce((all, count) => all + count, 0);

  return {
    rows: Math.max(0, Math.round(total)),
    tree: order.map((feature) => ({
      column: columns[features[feature]!]!,
      parent: parents[feature]! < 0 ? undefined : columns[features[parents[feature]!]!]!,
    })),
    unknown,
    sample: (count, source) =>
      Array.from({ length: count }, () => {
        const codes = new Int32Array(features.length);
        const row: string[] = columns.map(() => '');
        const one = pick(perLabel, 0, classes, source);
        row[labelAt] = labelDomain.draw(one, source);
        for (const [step, feature] of order.entries()) {
          const at = features[feature]!;
          const { size } = domains[at]!;
          const parent = parents[feature]!;
          const offset =
            parent < 0 ? one * size : (one * domains[features[parent]!]!.size + codes[parent]!) * size;
          codes[feature] = pick(tables[step]!, offset, size, source);
          row[at] = domains[at]!.draw(codes[feature], source);
        }
        return row;
      }),
  };
}

/** Values whose noisy count is above the threshold. Values that nobody has are never looked at: δ pays for that. */
function frequent(
  rows: readonly (readonly string[])[],
  at: number,
  threshold: number,
  draw: () => number,
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(row[at]!, (counts.get(row[at]!) ?? 0) + 1);
  const known: [string, number][] = [];
  for (const [value, count] of counts) {
    const noisy = count + draw();
    if (noisy >= threshold) known.push([value, noisy]);
  }
  // The order of the rows must not show through.
  return new Map(known.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

/** A value of one person passes with less than this probability; the discrete tail is below the continuous one a step earlier. */
function thresholdFor(deviation: number, chance: number): number {
  let [low, high] = [0, 50];
  for (let round = 0; round < 100; round++) {
    const middle = (low + high) / 2;
    if (normalTail(middle) > chance) low = middle;
    else high = middle;
  }
  return Math.ceil(2 + deviation * high);
}

const numeric = (cell: string): boolean => cell.trim() !== '' && Number.isFinite(Number(cell));

function labels(known: ReadonlyMap<string, number>): Domain {
  const values = [...known.keys()];
  const codes = new Map(values.map((value, code) => [value, code]));
  return { size: values.length, codeOf: (cell) => codes.get(cell), draw: (code) => values[code]! };
}

/** The known values, and one for all others. */
function categories(known: ReadonlyMap<string, number>): Domain {
  const base = labels(known);
  return {
    size: base.size + 1,
    codeOf: (cell) => base.codeOf(cell) ?? base.size,
    draw: (code, random) => (code === base.size ? other : base.draw(code, random)),
  };
}

/** Bins with about the same noisy count; inside a bin known numbers are drawn by theirs. */
function learntBins(known: ReadonlyMap<string, number>): Domain {
  const values = [...known].toSorted(([left], [right]) => Number(left) - Number(right));
  const total = values.reduce((all, [, count]) => all + count, 0);
  const members: [string, number][][] = [];
  let room = 0;
  for (const value of values) {
    if (room <= 0) {
      members.push([]);
      room += total / bins;
    }
    members.at(-1)!.push(value);
    room -= value[1];
  }
  const starts = members.map(([first]) => Number(first![0]));
  const counts = members.map((list) => Float64Array.from(list, ([, count]) => count));
  return {
    size: members.length,
    codeOf(cell) {
      const value = numeric(cell) ? Number(cell) : -Infinity;
      let bin = 0;
      while (bin + 1 < starts.length && starts[bin + 1]! <= value) bin++;
      return bin;
    },
    draw: (code, random) => members[code]![pick(counts[code]!, 0, counts[code]!.length, random)]![0],
  };
}

/** Bins of equal width over a range that the asker gives; numbers are drawn evenly, whole ones when the bounds are. */
function fixedBins([low, high]: readonly [number, number]): Domain {
  const width = (high - low) / bins;
  const whole = Number.isInteger(low) && Number.isInteger(high) && width >= 1;
  return {
    size: bins,
    codeOf(cell) {
      const value = numeric(cell) ? Number(cell) : low;
      return Math.min(bins - 1, Math.max(0, Math.floor((value - low) / width)));
    },
    draw(code, random) {
      const value = low + width * (code + random.uint32() / 2 ** 32);
      return String(whole ? Math.floor(value) : Number(value.toPrecision(6)));
    },
  };
}

interface Kept {
  rows: number;
  codes: Int32Array[];
}

function encode(rows: readonly (readonly string[])[], domains: readonly Domain[]): Kept {
  const codes = domains.map(() => new Int32Array(rows.length));
  let kept = 0;
  for (const row of rows) {
    let whole = true;
    for (const [at, domain] of domains.entries()) {
      const code = domain.codeOf(row[at]!);
      if (code === undefined) whole = false;
      else codes[at]![kept] = code;
    }
    if (whole) kept++;
  }
  return { rows: kept, codes };
}

function jointCounts(
  { rows, codes }: Kept,
  label: number,
  first: number,
  second: number,
  classes: number,
  wide: number,
  size: number,
): Float64Array {
  const counts = new Float64Array(classes * wide * size);
  const [a, b, c] = [codes[label]!, codes[first]!, codes[second]!];
  for (let row = 0; row < rows; row++) {
    const cell = (a[row]! * wide + b[row]!) * size + c[row]!;
    counts[cell] = counts[cell]! + 1;
  }
  return counts;
}

/** Kruskal with private choices: how far a pair is from independent given the label, less what its noise would add. */
function chooseTree(
  kept: Kept,
  labelAt: number,
  features: readonly number[],
  domains: readonly Domain[],
  marginals: readonly Float64Array[],
  perLabel: Float64Array,
  { tree, choice }: Noise,
  random: RandomSource,
): number[] {
  const classes = perLabel.length;
  const perCell = Math.sqrt(2 / Math.PI) * Math.sqrt(toNumber(tree!));
  const edges: { a: number; b: number; score: number }[] = [];
  for (let a = 0; a < features.length; a++)
    for (let b = a + 1; b < features.length; b++) {
      const wide = domains[features[a]!]!.size;
      const size = domains[features[b]!]!.size;
      const cells = classes * wide * size;
      if (cells > mostCells) {
        edges.push({ a, b, score: -Math.ceil(perCell * cells) * unit });
        continue;
      }
      const counts = jointCounts(kept, labelAt, features[a]!, features[b]!, classes, wide, size);
      // One row changes one count by one, and so the score by at most one unit: the estimates are noisy already.
      let score = 0;
      for (let one = 0; one < classes; one++)
        for (let i = 0; i < wide; i++)
          for (let j = 0; j < size; j++) {
            const expected =
              (marginals[a]![one * wide + i]! * marginals[b]![one * size + j]!) / perLabel[one]!;
            score += Math.abs(counts[(one * wide + i) * size + j]! * unit - Math.round(expected * unit));
          }
      edges.push({ a, b, score: score - Math.ceil(perCell * cells) * unit });
    }
  const part = features.map((_, feature) => feature);
  const neighbours = features.map((): number[] => []);
  for (let edge = 1; edge < features.length; edge++) {
    const open = edges.filter(({ a, b }) => part[a] !== part[b]);
    const scores = Float64Array.from(open, ({ score }) => score);
    const { a, b } = open[selectByExponential(scores, unit, choice, random)]!;
    neighbours[a]!.push(b);
    neighbours[b]!.push(a);
    const joined = part[b];
    for (const [feature, own] of part.entries()) if (own === joined) part[feature] = part[a]!;
  }
  // The busiest column is the root.
  const root = neighbours.reduce((best, list, at) => (list.length > neighbours[best]!.length ? at : best), 0);
  const parents = features.map(() => -1);
  const open = [root];
  for (let feature = open.pop(); feature !== undefined; feature = open.pop())
    for (const next of neighbours[feature]!)
      if (next !== parents[feature]) {
        parents[next] = feature;
        open.push(next);
      }
  return parents;
}

function fromRoot(parents: readonly number[]): number[] {
  const order = parents.flatMap((parent, feature) => (parent < 0 ? [feature] : []));
  for (let at = 0; at < order.length; at++)
    for (const [feature, parent] of parents.entries()) if (parent === order[at]) order.push(feature);
  return order;
}

/** Shares of a column given label and parent: the noisy counts of a label projected to its total, leaning on label alone where little is known. */
function conditional(
  noisy: Float64Array,
  marginal: Float64Array,
  perLabel: Float64Array,
  classes: number,
  wide: number,
  size: number,
  deviation: number,
): Float64Array {
  const shares = new Float64Array(noisy.length);
  for (let one = 0; one < classes; one++) {
    const slice = onSimplex(noisy.subarray(one * wide * size, (one + 1) * wide * size), perLabel[one]!);
    for (let i = 0; i < wide; i++)
      for (let j = 0; j < size; j++)
        shares[(one * wide + i) * size + j] =
          slice[i * size + j]! + (deviation * marginal[one * size + j]!) / perLabel[one]!;
  }
  return shares;
}

/** The nearest non-negative vector with this sum. Cutting negative counts alone would add mass to every empty cell. */
export function onSimplex(values: Float64Array, total: number): Float64Array {
  const falling = values.toSorted().reverse();
  let running = 0;
  let shift = 0;
  for (let rank = 0; rank < falling.length; rank++) {
    running += falling[rank]!;
    const candidate = (running - total) / (rank + 1);
    if (falling[rank]! - candidate <= 0) break;
    shift = candidate;
  }
  return values.map((value) => Math.max(0, value - shift));
}

function sum(values: Float64Array, from: number, length: number): number {
  let all = 0;
  for (let at = from; at < from + length; at++) all += values[at]!;
  return all;
}

/** An index by weight; evenly when nothing weighs. Reads noisy numbers only, so plain arithmetic is safe here. */
function pick(weights: Float64Array, from: number, length: number, random: RandomSource): number {
  const all = sum(weights, from, length);
  if (!(all > 0)) return uniform(random, length);
  let left = (random.uint32() / 2 ** 32) * all;
  for (let at = 0; at < length; at++) {
    left -= weights[from + at]!;
    if (left < 0) return at;
  }
  return length - 1;
}
