import { betaQuantile, binomialTail, normalTail } from '../watermark/exact-tails.ts';

/** Bits by which a canary is easier to find than by guessing (Carlini et al. 2019): log₂ of space over rank, rank from 1. */
export function exposure(space: number, rank: number): number {
  return Math.log2(space) - Math.log2(rank);
}

/** Perplexity of a text from the ln p of its tokens. */
export function perplexity(logProbabilities: ArrayLike<number>): number {
  return Math.exp(-mean(logProbabilities));
}

/** Min-K% (Shi et al. 2024): mean loss of the `percent` least likely tokens. Low for texts that were seen. */
export function minK(logProbabilities: ArrayLike<number>, percent: number): number {
  return -meanOfLowest(Float64Array.from(logProbabilities), percent);
}

/**
 * Min-K%++ (Zhang et al. 2024): the same of (ln p − μ)/σ, with mean and deviation of ln p over the whole distribution of
 * each token. High for texts that were seen.
 */
export function minKPlusPlus(
  logProbabilities: ArrayLike<number>,
  mu: ArrayLike<number>,
  sigma: ArrayLike<number>,
  percent = 20,
): number {
  const scores = Float64Array.from(logProbabilities, (one, index) => (one - mu[index]!) / sigma[index]!);
  return meanOfLowest(scores, percent);
}

function meanOfLowest(values: Float64Array, percent: number): number {
  const count = Math.max(1, Math.trunc((values.length * percent) / 100));
  return mean(values.sort().subarray(0, count));
}

export interface Roc {
  auc: number;
  /** Share of members above the threshold that leaves this share of non-members above it. */
  tprAtFpr: Record<string, number>;
}

/** Area under the curve and true-positive rates; higher scores mean member. */
export function roc(
  members: readonly number[],
  nonmembers: readonly number[],
  rates: readonly number[] = [0.001, 0.01, 0.1],
): Roc {
  const sorted = Float64Array.from(nonmembers).sort();
  let area = 0;
  for (const score of members) area += below(sorted, score, false) + below(sorted, score, true);
  const tprAtFpr: Record<string, number> = {};
  for (const rate of rates) {
    const threshold = sorted[sorted.length - 1 - Math.floor(rate * sorted.length)] ?? -Infinity;
    tprAtFpr[String(rate)] = members.filter((score) => score > threshold).length / members.length;
  }
  return { auc: area / (2 * members.length * nonmembers.length), tprAtFpr };
}

/** How many of the sorted values are below `limit`, or not above it. */
function below(sorted: Float64Array, limit: number, orEqual: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const value = sorted[middle]!;
    if (value < limit || (orEqual && value === limit)) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface Lira {
  phi: number;
  muIn: number;
  sdIn: number;
  muOut: number;
  sdOut: number;
  /** ln of the likelihood ratio of "was in" over "was out". */
  online: number;
  /** −ln of the share of models that had not seen it which would be as confident. */
  offline: number;
}

/** Likelihood-ratio attack (Carlini et al. 2022) on confidences in (0, 1) of models with and without the target. */
export function lira(inside: readonly number[], outside: readonly number[], target: number): Lira {
  const phi = logit(target);
  const [muIn, sdIn] = moments(inside.map(logit));
  const [muOut, sdOut] = moments(outside.map(logit));
  const density = (mu: number, sd: number): number => -Math.log(sd) - (phi - mu) ** 2 / (2 * sd * sd);
  return {
    phi,
    muIn,
    sdIn,
    muOut,
    sdOut,
    online: density(muIn, sdIn) - density(muOut, sdOut),
    offline: -normalTail((phi - muOut) / sdOut).log10 * Math.LN10,
  };
}

const logit = (p: number): number => Math.log(p) - Math.log1p(-p);

/** Mean and population deviation. */
function moments(values: readonly number[]): [number, number] {
  const centre = mean(values);
  return [centre, Math.sqrt(mean(values.map((value) => (value - centre) ** 2)))];
}

export interface Audit {
  fnrUpper: number;
  fprUpper: number;
  /** What ε is at least, with the given confidence. */
  epsilon: number;
}

/**
 * Lower bound on ε from an attack (Jagielski et al. 2020): upper Clopper-Pearson bounds of both error rates, each at
 * (1 − confidence)/2. A claimed ε below it is wrong.
 */
export function auditEpsilon(
  counts: { tp: number; members: number; fp: number; nonmembers: number },
  delta: number,
  confidence = 0.95,
): Audit {
  const level = 1 - (1 - confidence) / 2;
  const upper = (errors: number, n: number): number =>
    errors >= n ? 1 : betaQuantile(level, errors + 1, n - errors);
  const fnrUpper = upper(counts.members - counts.tp, counts.members);
  const fprUpper = upper(counts.fp, counts.nonmembers);
  const ratio = (1 - delta - fnrUpper) / fprUpper;
  return { fnrUpper, fprUpper, epsilon: ratio > 1 ? Math.log(ratio) : 0 };
}

/** Lower bound on ε from one training run (Steinke et al. 2023, δ = 0): `correct` of `guesses` memberships told right. */
export function auditOneRun(guesses: number, correct: number, confidence = 0.95): number {
  const refuted = (epsilon: number): boolean =>
    binomialTail(guesses, correct, 1 / (1 + Math.exp(-epsilon))).p <= 1 - confidence;
  if (!refuted(0)) return 0;
  let low = 0;
  let high = 64;
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if (refuted(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Middle value; the mean of two for an even number. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}
