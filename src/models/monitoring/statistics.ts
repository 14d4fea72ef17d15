import { chiSquareTail, kolmogorovTail } from './distributions.ts';

/** Shares below this are taken for this, so that an empty bin gives a finite index. */
export const shareFloor = 1e-4;

export interface CategoricalDrift {
  /** Goodness of fit of the current counts to the shares of the reference, and its p-value. */
  chiSquare: number;
  chiSquareP: number;
  /** Population stability index, natural logarithm. */
  psi: number;
  /** Jensen–Shannon distance, base 2: 0..1. */
  jensenShannon: number;
  /** Total variation distance, 0..1. */
  totalVariation: number;
  hellinger: number;
  /** Kullback–Leibler divergence of the current shares from the reference, natural logarithm. */
  kullbackLeibler: number;
}

/** Both lists count the same categories in the same order. */
export function categoricalDrift(reference: readonly number[], current: readonly number[]): CategoricalDrift {
  const referenceTotal = sum(reference);
  const currentTotal = sum(current);
  let chiSquare = 0;
  let categories = 0;
  for (const [index, count] of reference.entries()) {
    const expected = (count * currentTotal) / referenceTotal;
    if (expected > 0) chiSquare += (current[index]! - expected) ** 2 / expected;
    else if (current[index]! > 0) chiSquare = Infinity;
    if (count > 0 || current[index]! > 0) categories++;
  }
  const p = reference.map((count) => count / referenceTotal);
  const q = current.map((count) => count / currentTotal);
  return {
    chiSquare,
    chiSquareP: chiSquareTail(chiSquare, categories - 1),
    ...distances(p, q),
  };
}

/** Distances between two lists of shares. Empty shares are lifted to the floor; the divergences then normalise again. */
export function distances(
  p: readonly number[],
  q: readonly number[],
): Omit<CategoricalDrift, 'chiSquare' | 'chiSquareP'> {
  let psi = 0;
  let kullbackLeibler = 0;
  let jensenShannon = 0;
  let totalVariation = 0;
  let hellinger = 0;
  const lift = (shares: readonly number[]) => sum(shares.map((share) => Math.max(share, shareFloor)));
  const [liftedP, liftedQ] = [lift(p), lift(q)];
  for (const [index, a] of p.entries()) {
    const b = q[index]!;
    const floored = { a: Math.max(a, shareFloor), b: Math.max(b, shareFloor) };
    psi += (floored.b - floored.a) * Math.log(floored.b / floored.a);
    const [left, right] = [floored.a / liftedP, floored.b / liftedQ];
    kullbackLeibler += right * Math.log(right / left);
    const middle = (left + right) / 2;
    jensenShannon += (left * Math.log2(left / middle) + right * Math.log2(right / middle)) / 2;
    totalVariation += Math.abs(a - b) / 2;
    hellinger += (Math.sqrt(a) - Math.sqrt(b)) ** 2 / 2;
  }
  return {
    psi,
    kullbackLeibler,
    jensenShannon: Math.sqrt(Math.max(0, jensenShannon)),
    totalVariation,
    hellinger: Math.sqrt(hellinger),
  };
}

export interface NumericDrift {
  /** Inner edges of ten bins that hold equal shares of the reference. */
  edges: number[];
  referenceShares: number[];
  currentShares: number[];
  psi: number;
  /** Two-sided Kolmogorov–Smirnov statistic, and its p-value at the effective number of points. */
  ks: number;
  ksP: number;
  /** First Wasserstein distance, in the unit of the values. */
  wasserstein: number;
  jensenShannon: number;
  kullbackLeibler: number;
  hellinger: number;
}

export function numericDrift(reference: readonly number[], current: readonly number[]): NumericDrift {
  const a = Float64Array.from(reference).sort();
  const b = Float64Array.from(current).sort();
  const edges = Array.from({ length: 9 }, (_, index) => quantile(a, (index + 1) / 10));
  const referenceShares = shares(a, edges);
  const currentShares = shares(b, edges);
  const { ks, wasserstein } = empiricalDistances(a, b);
  const { psi, jensenShannon, kullbackLeibler, hellinger } = distances(referenceShares, currentShares);
  return {
    edges,
    referenceShares,
    currentShares,
    psi,
    ks,
    ksP: kolmogorovTail(ks, Math.round((a.length * b.length) / (a.length + b.length))),
    wasserstein,
    jensenShannon,
    kullbackLeibler,
    hellinger,
  };
}

/** Of sorted values, with linear interpolation between neighbours. */
function quantile(sorted: Float64Array, share: number): number {
  const place = (sorted.length - 1) * share;
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (place - low);
}

function shares(sorted: Float64Array, edges: readonly number[]): number[] {
  const counts = Array.from({ length: edges.length + 1 }, () => 0);
  let bin = 0;
  for (const value of sorted) {
    while (bin < edges.length && value >= edges[bin]!) bin++;
    counts[bin]!++;
  }
  return counts.map((count) => Math.max(count / sorted.length, shareFloor));
}

/** Both from one walk over the two sorted samples. */
function empiricalDistances(a: Float64Array, b: Float64Array): { ks: number; wasserstein: number } {
  let ks = 0;
  let wasserstein = 0;
  let i = 0;
  let j = 0;
  let before = Math.min(a[0] ?? Infinity, b[0] ?? Infinity);
  let gap = 0;
  while (i < a.length || j < b.length) {
    const value = Math.min(a[i] ?? Infinity, b[j] ?? Infinity);
    wasserstein += gap * (value - before);
    while (i < a.length && a[i]! <= value) i++;
    while (j < b.length && b[j]! <= value) j++;
    gap = Math.abs(i / a.length - j / b.length);
    ks = Math.max(ks, gap);
    before = value;
  }
  return { ks, wasserstein };
}

/** Unbiased squared maximum mean discrepancy with the kernel exp(−γ‖x−y‖²) (Gretton et al. 2012, lemma 6). May be below 0. */
export function mmdSquared(
  x: readonly (readonly number[])[],
  y: readonly (readonly number[])[],
  gamma: number,
): number {
  const kernel = (a: readonly number[], b: readonly number[]) => Math.exp(-gamma * squaredDistance(a, b));
  const within = (points: readonly (readonly number[])[]) => {
    let total = 0;
    for (let i = 0; i < points.length; i++)
      for (let j = 0; j < i; j++) total += 2 * kernel(points[i]!, points[j]!);
    return total / (points.length * (points.length - 1));
  };
  let across = 0;
  for (const a of x) for (const b of y) across += kernel(a, b);
  return within(x) + within(y) - (2 * across) / (x.length * y.length);
}

/** γ = 1 / median of the squared distances between any two points of both samples. */
export function medianGamma(x: readonly (readonly number[])[], y: readonly (readonly number[])[]): number {
  const points = [...x, ...y];
  const all: number[] = [];
  for (let i = 0; i < points.length; i++)
    for (let j = 0; j < i; j++) all.push(squaredDistance(points[i]!, points[j]!));
  return 1 / quantile(Float64Array.from(all).sort(), 0.5);
}

function squaredDistance(a: readonly number[], b: readonly number[]): number {
  let total = 0;
  for (const [index, value] of a.entries()) total += (value - b[index]!) ** 2;
  return total;
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
