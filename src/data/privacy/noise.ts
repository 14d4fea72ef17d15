import { uniform, uniformBig, type RandomSource } from './random.ts';
import { toNumber, type Rational } from './rational.ts';

// Exact samplers after Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy" (2020), algorithms 1 to 3.
// Every decision compares a uniform integer with an integer: no rounded logarithm, no rounded noise. Where all
// integers of a decision stay below 2^53 plain numbers are exact and fast; above it the same decision is made in BigInt.

/** Integers below this are exact as numbers, and so are their sums. */
const exact = 2 ** 53;
/** Both factors below this: their product is exact. */
const exactFactor = 2 ** 26;

/** True with probability exp(−num/den), exactly. */
export function bernoulliExp(random: RandomSource, num: number, den: number): boolean {
  let rest = num;
  while (rest >= den) {
    if (!bernoulliExpFraction(random, 1, 1)) return false;
    rest -= den;
  }
  return bernoulliExpFraction(random, rest, den);
}

/** True with probability exp(−num/den), exactly, for fractions of any size. */
export function bernoulliExpBig(random: RandomSource, num: bigint, den: bigint): boolean {
  let rest = num;
  while (rest >= den) {
    if (!bernoulliExpFraction(random, 1, 1)) return false;
    rest -= den;
  }
  if (den < BigInt(exactFactor)) return bernoulliExpFraction(random, Number(rest), Number(den));
  for (let round = 1n; ; round++) if (uniformBig(random, den * round) >= rest) return round % 2n === 1n;
}

/** Algorithm 1 for num/den ≤ 1: the series of exp(−γ) read as a race. */
function bernoulliExpFraction(random: RandomSource, num: number, den: number): boolean {
  for (let round = 1; ; round++) {
    const bound = den * round;
    if (bound >= exact) return bernoulliExpFrom(random, BigInt(num), BigInt(den), BigInt(round));
    if (uniform(random, bound) >= num) return round % 2 === 1;
  }
}

function bernoulliExpFrom(random: RandomSource, num: bigint, den: bigint, first: bigint): boolean {
  for (let round = first; ; round++) if (uniformBig(random, den * round) >= num) return round % 2n === 1n;
}

/** Draws integers with P[x] ∝ exp(−|x|/scale). Algorithm 2. */
export function discreteLaplace(scale: Rational, random: RandomSource): () => number {
  const fast = scale.num < BigInt(exactFactor) && scale.den < BigInt(exactFactor);
  if (!fast) {
    const draw = discreteLaplaceBig(scale, random);
    return () => Number(draw());
  }
  const t = Number(scale.num);
  const s = Number(scale.den);
  if (t === 0) return () => 0;
  return () => {
    for (;;) {
      const part = uniform(random, t);
      if (!bernoulliExpFraction(random, part, t)) continue;
      let whole = 0;
      while (bernoulliExpFraction(random, 1, 1)) whole++;
      const magnitude = Math.floor((part + t * whole) / s);
      const negative = (random.uint32() & 1) === 1;
      if (negative && magnitude === 0) continue;
      return negative ? -magnitude : magnitude;
    }
  };
}

/** The same for scales of any size. */
export function discreteLaplaceBig({ num: t, den: s }: Rational, random: RandomSource): () => bigint {
  if (t === 0n) return () => 0n;
  return () => {
    for (;;) {
      const part = uniformBig(random, t);
      if (!bernoulliExpBig(random, part, t)) continue;
      let whole = 0n;
      while (bernoulliExpFraction(random, 1, 1)) whole++;
      const magnitude = (part + t * whole) / s;
      const negative = (random.uint32() & 1) === 1;
      if (negative && magnitude === 0n) continue;
      return negative ? -magnitude : magnitude;
    }
  };
}

/** Draws integers with P[x] ∝ exp(−x²/(2 variance)). Algorithm 3: a discrete Laplace, accepted as far as the Gaussian allows. */
export function discreteGaussian(variance: Rational, random: RandomSource): () => number {
  const { num, den } = variance;
  if (num === 0n) return () => 0;
  const t = BigInt(Math.floor(Math.sqrt(toNumber(variance)))) + 1n;
  const proposal = discreteLaplace({ num: t, den: 1n }, random);
  const bigDen = 2n * num * den * t * t;
  const smallDen = bigDen < BigInt(exactFactor) ** 2n ? Number(bigDen) : undefined;
  const step = Number(den * t);
  const shift = Number(num);
  return () => {
    for (;;) {
      const drawn = proposal();
      const distance = Math.abs(Math.abs(drawn) * step - shift);
      const accepted =
        smallDen !== undefined && distance < exactFactor
          ? bernoulliExp(random, distance * distance, smallDen)
          : acceptBig(random, BigInt(Math.abs(drawn)) * den * t - num, bigDen);
      if (accepted) return drawn;
    }
  };
}

function acceptBig(random: RandomSource, distance: bigint, den: bigint): boolean {
  return bernoulliExpBig(random, distance * distance, den);
}

/**
 * Exponential mechanism: index i with P[i] ∝ exp(ε·score[i] / (2·sensitivity)), exactly, for integer scores. Rejection from
 * the uniform distribution: no weight is ever computed.
 */
export function selectByExponential(
  scores: ArrayLike<number>,
  sensitivity: number,
  epsilon: Rational,
  random: RandomSource,
): number {
  const best = highest(scores);
  const den = epsilon.den * 2n * BigInt(sensitivity);
  for (;;) {
    const one = uniform(random, scores.length);
    if (bernoulliExpBig(random, BigInt(best - scores[one]!) * epsilon.num, den)) return one;
  }
}

/**
 * Permute-and-flip (McKenna and Sheldon 2020): ε-differentially private selection that is never worse than the exponential
 * mechanism and ends after one pass. Integer scores.
 */
export function permuteAndFlip(
  scores: ArrayLike<number>,
  sensitivity: number,
  epsilon: Rational,
  random: RandomSource,
): number {
  const best = highest(scores);
  const den = epsilon.den * 2n * BigInt(sensitivity);
  const order = Int32Array.from({ length: scores.length }, (_, index) => index);
  for (let left = order.length; left > 0; left--) {
    const place = uniform(random, left);
    const one = order[place]!;
    if (bernoulliExpBig(random, BigInt(best - scores[one]!) * epsilon.num, den)) return one;
    order[place] = order[left - 1]!;
  }
  // Not reached: a candidate with the best score is accepted with probability 1.
  return order[0]!;
}

function highest(scores: ArrayLike<number>): number {
  let best = scores[0]!;
  for (let index = 1; index < scores.length; index++) if (scores[index]! > best) best = scores[index]!;
  return best;
}
