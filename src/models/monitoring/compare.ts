import { chiSquareTail, kolmogorovTail } from './distributions.ts';
import {
  bucketValue,
  sortedBuckets,
  type CategoricalSketch,
  type NumericSketch,
  type Sketch,
} from './sketch.ts';
import { distances } from './statistics.ts';

/** How far a window is from the reference, and how surprising that would be if nothing had changed. */
export interface Comparison {
  /** Two-sample p-value: Kolmogorov–Smirnov for numbers (conservative on ties), χ² of homogeneity for categories. */
  p: number;
  /** What the gate looks at: KS distance, or Hellinger distance without the part that sampling alone explains; 0..1. */
  effect: number;
  /** Population stability index, likewise without the part that sampling alone explains. */
  psi: number;
  /** Of numbers: first Wasserstein distance in their unit. */
  wasserstein?: number;
}

/** Fewest points of a side that say anything. */
const leastPoints = 10;
const nothing: Comparison = { p: 1, effect: 0, psi: 0 };

/** Compares two sketches of the same kind. Too few points on a side: no difference. */
export function compareSketches(reference: Sketch, current: Sketch): Comparison {
  if (reference.count < leastPoints || current.count < leastPoints) return nothing;
  if (reference.kind === 'numeric' && current.kind === 'numeric') return compareNumbers(reference, current);
  if (reference.kind === 'categorical' && current.kind === 'categorical')
    return compareCategories(reference, current);
  return nothing;
}

function compareNumbers(reference: NumericSketch, current: NumericSketch): Comparison {
  const buckets = [...new Set([...Object.keys(reference.buckets), ...Object.keys(current.buckets)])]
    .map(Number)
    .sort((a, b) => a - b);
  let ks = 0;
  let wasserstein = 0;
  let a = 0;
  let b = 0;
  let before = bucketValue(buckets[0] ?? 0);
  for (const bucket of buckets) {
    const value = bucketValue(bucket);
    wasserstein += Math.abs(a - b) * (value - before);
    before = value;
    a += (reference.buckets[bucket] ?? 0) / reference.count;
    b += (current.buckets[bucket] ?? 0) / current.count;
    ks = Math.max(ks, Math.abs(a - b));
  }
  const effective = (reference.count * current.count) / (reference.count + current.count);
  return {
    p: kolmogorovTail(ks, Math.round(effective)),
    effect: ks,
    psi: beyondChance(decileIndex(reference, current), 9, reference.count, current.count),
    wasserstein,
  };
}

/** PSI on the tenths of the reference; a bucket lies in one tenth whole. */
function decileIndex(reference: NumericSketch, current: NumericSketch): number {
  const edges: number[] = [];
  let seen = 0;
  for (const [bucket, count] of sortedBuckets(reference)) {
    const tenths = Math.floor((10 * seen) / reference.count);
    seen += count;
    if (Math.floor((10 * seen) / reference.count) > tenths) edges.push(bucket);
  }
  const shares = (sketch: NumericSketch): number[] => {
    const bins = Array.from({ length: edges.length + 1 }, () => 0);
    for (const [bucket, count] of sortedBuckets(sketch)) {
      const bin = edges.findIndex((edge) => bucket <= edge);
      bins[bin < 0 ? edges.length : bin]! += count / sketch.count;
    }
    return bins;
  };
  return distances(shares(reference), shares(current)).psi;
}

function compareCategories(reference: CategoricalSketch, current: CategoricalSketch): Comparison {
  const [a, b] = pooled(reference, current);
  if (a.length < 2) return nothing;
  const total = reference.count + current.count;
  let chiSquare = 0;
  for (const [index, left] of a.entries()) {
    const both = left + b[index]!;
    const expectedA = (both * reference.count) / total;
    const expectedB = (both * current.count) / total;
    chiSquare += (left - expectedA) ** 2 / expectedA + (b[index]! - expectedB) ** 2 / expectedB;
  }
  const { psi, hellinger } = distances(
    a.map((count) => count / reference.count),
    b.map((count) => count / current.count),
  );
  const degrees = a.length - 1;
  // Under no change the expected squared Hellinger distance is an eighth of that of the index.
  const squared = beyondChance(hellinger ** 2, degrees / 8, reference.count, current.count);
  return {
    p: chiSquareTail(chiSquare, degrees),
    effect: Math.sqrt(squared),
    psi: beyondChance(psi, degrees, reference.count, current.count),
  };
}

/** Counts in the same order; categories too rare for χ² (fewer than 5 expected in the smaller sample) are one. */
function pooled(reference: CategoricalSketch, current: CategoricalSketch): [number[], number[]] {
  const least = (5 * (reference.count + current.count)) / Math.min(reference.count, current.count);
  const a: number[] = [];
  const b: number[] = [];
  let rareA = 0;
  let rareB = 0;
  for (const category of new Set([
    ...Object.keys(reference.categories),
    ...Object.keys(current.categories),
  ])) {
    const left = countOf(reference, category);
    const right = countOf(current, category);
    if (left + right >= least) {
      a.push(left);
      b.push(right);
    } else {
      rareA += left;
      rareB += right;
    }
  }
  if (rareA + rareB === 0) return [a, b];
  // What is rare even when joined goes to the smallest of the others.
  const at = rareA + rareB >= least ? a.length : smallestOf(a, b);
  a[at] = (a[at] ?? 0) + rareA;
  b[at] = (b[at] ?? 0) + rareB;
  return [a, b];
}

function smallestOf(a: readonly number[], b: readonly number[]): number {
  let smallest = 0;
  for (const [index, count] of a.entries())
    if (count + b[index]! < a[smallest]! + b[smallest]!) smallest = index;
  return smallest;
}

function countOf({ categories }: CategoricalSketch, category: string): number {
  return Object.hasOwn(categories, category) ? categories[category]! : 0;
}

function beyondChance(value: number, degrees: number, n: number, m: number): number {
  return Math.max(0, value - degrees * (1 / n + 1 / m));
}
