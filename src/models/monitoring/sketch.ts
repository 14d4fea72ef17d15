/**
 * Summaries of a window that can be added up: merging the sketches of two windows gives the sketch of both, whatever the
 * order. Plain objects, so that they are stored as JSON.
 */
export interface NumericSketch {
  kind: 'numeric';
  count: number;
  /** Counts by place on a logarithmic scale (DDSketch, Masson et al. 2019): every value is known to 2 %. */
  buckets: Record<string, number>;
}

export interface CategoricalSketch {
  kind: 'categorical';
  count: number;
  categories: Record<string, number>;
}

export type Sketch = NumericSketch | CategoricalSketch;

const accuracy = 0.02;
const logGamma = Math.log((1 + accuracy) / (1 - accuracy));
/** Everything at or below this is one bucket; so is everything above about 10^13. */
const smallest = 1e-6;
const highestBucket = 1100;
const zeroBucket = -1000;
/** A bound on hostile variety, far above any mix of tools or languages. */
const categoriesKept = 200;
const otherCategory = '(other)';

export function emptySketch(kind: 'numeric'): NumericSketch;
export function emptySketch(kind: 'categorical'): CategoricalSketch;
export function emptySketch(kind: Sketch['kind']): Sketch;
export function emptySketch(kind: Sketch['kind']): Sketch {
  return kind === 'numeric' ? { kind, count: 0, buckets: {} } : { kind, count: 0, categories: {} };
}

/** Adds one value, 0 or more; what is not a number counts as 0. */
export function addNumber(sketch: NumericSketch, value: number): void {
  const bucket =
    value > smallest ? Math.min(highestBucket, Math.ceil(Math.log(value) / logGamma)) : zeroBucket;
  sketch.buckets[bucket] = (sketch.buckets[bucket] ?? 0) + 1;
  sketch.count++;
}

export function addCategory(sketch: CategoricalSketch, category: string, times = 1): void {
  const { categories } = sketch;
  const known =
    Object.hasOwn(categories, category) || Object.keys(categories).length < categoriesKept
      ? category
      : otherCategory;
  // A category may have the name of something every object has.
  Object.defineProperty(categories, known, {
    value: (Object.hasOwn(categories, known) ? categories[known]! : 0) + times,
    enumerable: true,
    writable: true,
    configurable: true,
  });
  sketch.count += times;
}

/** Adds the second sketch, which must be of the same kind, to the first. */
export function merge(into: Sketch, other: Sketch): void {
  if (into.kind === 'numeric' && other.kind === 'numeric') {
    for (const [bucket, count] of Object.entries(other.buckets))
      into.buckets[bucket] = (into.buckets[bucket] ?? 0) + count;
    into.count += other.count;
  } else if (into.kind === 'categorical' && other.kind === 'categorical')
    for (const [category, count] of Object.entries(other.categories)) addCategory(into, category, count);
}

/** Value in the middle of a bucket. */
export function bucketValue(bucket: number): number {
  return bucket === zeroBucket ? 0 : (2 * Math.exp(bucket * logGamma)) / (Math.exp(logGamma) + 1);
}

/** Buckets with their counts, lowest first. */
export function sortedBuckets({ buckets }: NumericSketch): [bucket: number, count: number][] {
  return Object.entries(buckets)
    .map(([bucket, count]): [number, number] => [Number(bucket), count])
    .sort((a, b) => a[0] - b[0]);
}

/** Value below which this share of the values lies, to 2 %; undefined when there are none. */
export function sketchQuantile(sketch: NumericSketch, share: number): number | undefined {
  let seen = 0;
  let value: number | undefined;
  for (const [bucket, count] of sortedBuckets(sketch)) {
    seen += count;
    value = bucketValue(bucket);
    if (seen >= share * sketch.count) break;
  }
  return value;
}
