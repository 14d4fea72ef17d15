import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';
import { gaussianForBudget } from './calibrate.ts';
import type { PrivacyEvent } from './events.ts';
import { discreteGaussian, discreteLaplace, permuteAndFlip } from './noise.ts';
import type { RandomSource } from './random.ts';
import { divide, multiply, rational, rationalAbove, toNumber, type Rational } from './rational.ts';

const Bounds = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low < high, { message: 'the lower bound must be below the upper one' });
const where = z
  .record(z.string(), z.union([z.string(), z.number()]))
  .default({})
  .describe('Only rows in which every named column has this value.');
const column = z.string();

/** What may be asked of a dataset. Bounds and values come from the asker, never from the data: they would tell of it. */
export const Query = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('count'), where }),
  z.strictObject({ kind: z.literal('sum'), column, bounds: Bounds, where }),
  z.strictObject({ kind: z.literal('mean'), column, bounds: Bounds, where }),
  z.strictObject({
    kind: z.literal('histogram'),
    column,
    values: z
      .array(z.union([z.string(), z.number()]))
      .min(1)
      .max(100_000),
    where,
  }),
  z.strictObject({
    kind: z.literal('quantile'),
    column,
    bounds: Bounds,
    q: z.number().min(0).max(1).default(0.5),
    where,
  }),
]);
export type Query = z.infer<typeof Query>;

export interface Answer {
  value: number | Record<string, number>;
  /** Standard deviation of the noise in units of the value; for quantiles, of rank. */
  noise: { distribution: 'discrete_laplace' | 'discrete_gaussian' | 'permute_and_flip'; scale: number };
}

/** A query whose noise is decided before the data is seen. */
export interface PlannedQuery {
  cost: PrivacyEvent;
  answer(rows: Iterable<Readonly<Record<string, string>>>, random: RandomSource): Answer;
}

/** Integer noise for a vector of integers in which one row changes at most `sensitivity` in all (L1 and L2). */
interface Noise {
  cost: PrivacyEvent;
  distribution: Answer['noise']['distribution'];
  /** Standard deviation in integer units. */
  deviation: number;
  sampler(random: RandomSource): () => number;
}

/**
 * Decides the noise for (ε, δ): discrete Laplace when δ is 0, else discrete Gaussian. Neighbours differ by one added or removed row.
 */
export function planQuery(query: Query, epsilon: Rational, delta: number): PlannedQuery {
  if (epsilon.num === 0n)
    throw new Problem('INPUT_INVALID', {
      detail: 'ε must be above 0',
      fix: 'Use for example --epsilon 0.5.',
    });
  switch (query.kind) {
    case 'count': {
      const noise = integerNoise(1, epsilon, delta);
      return {
        cost: noise.cost,
        answer(rows, random) {
          let count = 0;
          for (const row of rows) if (matches(row, query.where)) count++;
          return { value: count + noise.sampler(random)(), noise: told(noise, 1) };
        },
      };
    }
    case 'sum': {
      const [low, high] = query.bounds;
      const unit = unitFor(high - low);
      const noise = integerNoise(Math.ceil(Math.max(Math.abs(low), Math.abs(high)) / unit), epsilon, delta);
      return {
        cost: noise.cost,
        answer(rows, random) {
          let sum = 0;
          for (const value of clamped(rows, query)) sum += Math.round(value / unit);
          return { value: (sum + noise.sampler(random)()) * unit, noise: told(noise, unit) };
        },
      };
    }
    case 'mean': {
      // Half of ε for the sum of distances from the middle (each at most half the range), half for the count.
      const half = divide(epsilon, rational(2n));
      const [low, high] = query.bounds;
      const middle = (low + high) / 2;
      const unit = unitFor(high - low);
      const sums = integerNoise(Math.ceil((high - low) / 2 / unit), half, delta / 2);
      const counts = integerNoise(1, half, delta / 2);
      return {
        cost: { type: 'composed', events: [sums.cost, counts.cost] },
        answer(rows, random) {
          let sum = 0;
          let count = 0;
          for (const value of clamped(rows, query)) {
            sum += Math.round((value - middle) / unit);
            count++;
          }
          const noisyCount = Math.max(1, count + counts.sampler(random)());
          const noisySum = (sum + sums.sampler(random)()) * unit;
          const value = Math.min(high, Math.max(low, middle + noisySum / noisyCount));
          return { value, noise: { ...told(sums, unit), scale: (sums.deviation * unit) / noisyCount } };
        },
      };
    }
    case 'histogram': {
      // A row is in one cell: the whole vector changes by 1. Values that were not asked for are not counted, as they are not declared.
      const noise = integerNoise(1, epsilon, delta);
      return {
        cost: noise.cost,
        answer(rows, random) {
          const counts = new Map(query.values.map((value) => [String(value), 0]));
          for (const row of rows) {
            if (!matches(row, query.where)) continue;
            const value = row[query.column] ?? '';
            const seen = counts.get(value);
            if (seen !== undefined) counts.set(value, seen + 1);
          }
          const draw = noise.sampler(random);
          return {
            value: Object.fromEntries([...counts].map(([value, count]) => [value, count + draw()])),
            noise: told(noise, 1),
          };
        },
      };
    }
    case 'quantile':
      break;
  }
  const [low, high] = query.bounds;
  const candidates = 4096;
  return {
    cost: { type: 'epsDelta', epsilon: toNumber(epsilon), delta: 0 },
    answer(rows, random) {
      const values = Float64Array.from(clamped(rows, query)).sort();
      // Distance in rank from the quantile, in thousandths: q·n moves by less than one row when a row is added or removed.
      const scale = 1000;
      const share = Math.round(query.q * scale);
      const scores = new Float64Array(candidates + 1);
      let below = 0;
      for (let index = 0; index <= candidates; index++) {
        const edge = low + ((high - low) * index) / candidates;
        while (below < values.length && values[below]! < edge) below++;
        scores[index] = -Math.abs(below * scale - share * values.length);
      }
      const chosen = permuteAndFlip(scores, scale, epsilon, random);
      return {
        value: low + ((high - low) * chosen) / candidates,
        noise: { distribution: 'permute_and_flip', scale: 2 / toNumber(epsilon) },
      };
    },
  };
}

/** @throws Problem TOO_LARGE when the scale of the noise leaves what a result can hold exactly */
export function integerNoise(sensitivity: number, epsilon: Rational, delta: number): Noise {
  if (!Number.isSafeInteger(sensitivity) || sensitivity > 2 ** 40)
    throw new Problem('TOO_LARGE', { detail: 'the bounds are too far apart', fix: 'Use narrower bounds.' });
  if (delta === 0) {
    const scale = divide(rational(BigInt(sensitivity)), epsilon);
    return {
      cost: { type: 'discreteLaplace', noise_parameter: 1 / toNumber(scale), sensitivity },
      distribution: 'discrete_laplace',
      deviation: laplaceDeviation(toNumber(scale)),
      sampler: (random) => discreteLaplace(scale, random),
    };
  }
  const multiplier = rationalAbove(gaussianForBudget(toNumber(epsilon), delta) ** 2, 2n ** 20n);
  const variance = multiply(multiplier, rational(BigInt(sensitivity) ** 2n));
  return {
    cost: { type: 'gaussian', sigma: Math.sqrt(toNumber(multiplier)) },
    distribution: 'discrete_gaussian',
    deviation: Math.sqrt(toNumber(variance)),
    sampler: (random) => discreteGaussian(variance, random),
  };
}

function laplaceDeviation(scale: number): number {
  const ratio = Math.exp(-1 / scale);
  return Math.sqrt(2 * ratio) / (1 - ratio);
}

const told = ({ distribution, deviation }: Noise, unit: number): Answer['noise'] => ({
  distribution,
  scale: deviation * unit,
});

/** A power of two, so that values in fixed point are exact: the range is cut into 2^16 to 2^17 steps. */
function unitFor(range: number): number {
  return 2 ** Math.floor(Math.log2(range / 65_536));
}

function matches(row: Readonly<Record<string, string>>, where: Query['where']): boolean {
  for (const [column, value] of Object.entries(where)) if (row[column] !== String(value)) return false;
  return true;
}

/** Values of the rows that match, clamped to the bounds. What is no number is left out, like a row that does not match. */
function* clamped(
  rows: Iterable<Readonly<Record<string, string>>>,
  { column, bounds: [low, high], where }: Extract<Query, { bounds: unknown }>,
): Generator<number> {
  for (const row of rows) {
    if (!matches(row, where)) continue;
    const text = row[column]?.trim() ?? '';
    const value = text === '' ? NaN : Number(text);
    if (!Number.isNaN(value)) yield Math.min(high, Math.max(low, value));
  }
}
