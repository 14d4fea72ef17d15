import { deflateSync } from 'node:zlib';
import { createRandom } from '../language-model/random.ts';
import type { Canary } from './canary.ts';
import { exposure, minK, roc, type Roc } from './metrics.ts';
import type { Target } from './target.ts';

export interface CanaryExposure {
  id: string;
  times: number;
  /** Place among the sampled secrets by likelihood, from 1. */
  rank: number;
  of: number;
  bits: number;
}

/**
 * Exposure of each canary (Carlini et al. 2019): its place among `samples` random secrets of the same form. What can be
 * measured ends at log₂(samples + 1) bits. Undefined when the target does not tell probabilities.
 */
export async function exposures(
  target: Target,
  canaries: readonly Canary[],
  { samples, seed }: { samples: number; seed: number },
): Promise<CanaryExposure[] | undefined> {
  const random = createRandom(seed);
  const found: CanaryExposure[] = [];
  for (const canary of canaries) {
    const texts = [canary.text, ...Array.from({ length: samples }, () => canary.other(random))];
    const scores = await target.score(
      texts.map((text) => ({ text: text.slice(0, canary.end), from: canary.start })),
    );
    if (!scores) return undefined;
    const sums = scores.map(sum);
    // Ties count against the attacker, except the canary itself among the samples.
    const rank =
      1 + texts.filter((text, index) => index > 0 && text !== canary.text && sums[index]! >= sums[0]!).length;
    const of = samples + 1;
    found.push({ id: canary.id, times: canary.times, rank, of, bits: exposure(of, rank) });
  }
  return found;
}

export interface Extraction {
  tried: number;
  /** Continued word for word. */
  exact: number;
  /** Continued with at most one edit per twenty characters. */
  near: number;
}

/** Gives the target the start of each text and looks whether it writes the rest. */
export async function extract(
  target: Target,
  texts: readonly { text: string; start: number; end: number }[],
): Promise<Extraction> {
  const result: Extraction = { tried: texts.length, exact: 0, near: 0 };
  for (const { text, start, end } of texts) {
    const wanted = text.slice(start, end);
    const written = (await target.complete(text.slice(0, start), wanted.length)).slice(0, wanted.length);
    if (written === wanted) result.exact += 1;
    if (editDistance(written, wanted) <= Math.floor(wanted.length / 20)) result.near += 1;
  }
  return result;
}

/** Levenshtein distance. */
export function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++)
      next.push(
        Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)),
      );
    row = next;
  }
  return row[right.length]!;
}

export type MembershipAttack = 'loss' | 'zlib' | 'reference' | 'min-k-20';

export interface Membership extends Roc {
  attack: MembershipAttack;
  /** 95 % of bootstrap samples lie between. */
  aucInterval: [low: number, high: number];
}

/** Scores of a set of texts by every attack; higher means member. */
export type MembershipScores = Partial<Record<MembershipAttack, number[]>>;

/**
 * Membership scores from ln p alone: loss (Yeom et al. 2018), zlib ratio and reference model (Carlini et al. 2021), Min-20 %
 * (Shi et al. 2024).
 */
export function membershipScores(
  texts: readonly string[],
  scores: readonly Float64Array[],
  reference?: readonly Float64Array[],
): MembershipScores {
  return {
    loss: scores.map(average),
    zlib: scores.map((one, index) => sum(one) / deflateSync(texts[index]!).length),
    'min-k-20': scores.map((one) => -minK(one, 20)),
    ...(reference
      ? { reference: scores.map((one, index) => average(one) - average(reference[index]!)) }
      : {}),
  };
}

export function membership(
  members: MembershipScores,
  nonmembers: MembershipScores,
  seed: number,
): Membership[] {
  return (Object.keys(members) as MembershipAttack[]).map((attack) => {
    const inside = members[attack]!;
    const outside = nonmembers[attack]!;
    return { attack, ...roc(inside, outside), aucInterval: aucInterval(inside, outside, seed) };
  });
}

const resamples = 200;

function aucInterval(inside: readonly number[], outside: readonly number[], seed: number): [number, number] {
  const random = createRandom(seed);
  const draw = (values: readonly number[]): number[] => values.map(() => values[random.int(values.length)]!);
  const found = Float64Array.from(
    { length: resamples },
    () => roc(draw(inside), draw(outside), []).auc,
  ).sort();
  return [found[Math.floor(0.025 * resamples)]!, found[Math.ceil(0.975 * resamples) - 1]!];
}

/** What a target says that rounds its log-probabilities, as `parameter-clamp` does. */
export function roundedScores(scores: readonly Float64Array[], step: number): Float64Array[] {
  return scores.map((one) => one.map((value) => Math.round(value / step) * step));
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

function average(values: Float64Array): number {
  return sum(values) / Math.max(1, values.length);
}
