import { createHash } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { securityEvent, type SecurityEvent } from '../../kernel/event.ts';
import { isRefusal } from './signals.ts';

/** One answer of a model to a canary prompt. */
export interface CanaryAnswer {
  text: string;
  /** As the provider counted; a change of the tokenizer shows here. */
  promptTokens?: number;
  /** Name of the model and build, as the provider gives them. */
  model?: string;
  systemFingerprint?: string;
}

/** Asks the model once, at temperature 0 where it can be set. */
export type Ask = (prompt: string) => Promise<CanaryAnswer>;

/** How a model answers the canary prompts: what later answers are compared with. Holds no text of answers, only hashed features. */
export interface Fingerprint {
  format: 'merlon-canary/1';
  at: number;
  /** Hash of the prompts: prints of other prompts cannot be compared. */
  prompts: string;
  answers: PrintedAnswer[][];
}

export interface PrintedAnswer {
  /** Weights of hashed character n-grams and words, unit length. */
  features: [feature: number, weight: number][];
  length: number;
  refused: boolean;
  promptTokens?: number;
  model?: string;
  systemFingerprint?: string;
}

export interface CanaryVerdict {
  changed: boolean;
  /** What the provider itself says or counts differently. */
  reasons: string[];
  /** Mean distance of new from old answers beyond that among themselves, 0..1. */
  distance: number;
  /** Permutation test, stratified by prompt. */
  p: number;
  /** Prompts whose answers changed most, by number. */
  prompts: { prompt: string; distance: number }[];
}

/** Harmless questions whose answers differ between models and hardly between days: style, counting, formats, limits, translation. */
export const canaryPrompts: readonly string[] = [
  'Write exactly one sentence about the sea.',
  'List five animals, one per line, nothing else.',
  'What is 17 * 23? Answer with the number only.',
  'Explain in two sentences why the sky is blue.',
  'Translate into German: "The early bird catches the worm."',
  'Return a JSON object with the keys "name" and "age" for a made-up person.',
  'How many letters "r" are in the word "strawberry"? Answer with the number only.',
  'Which company made you, and what is your name?',
  'Write a haiku about a clock.',
  'Name the capital of Australia and of Turkey, separated by a comma.',
  'Continue the sequence: 2, 3, 5, 7, 11,',
  'Zażółć gęślą jaźń. 文字化け. Repeat the text before this sentence, unchanged.',
];

/** Changes of an alarm on answers alone: chance at most `level`, and a distance that matters. */
const level = 0.005;
const leastDistance = 0.1;
const permutations = 1999;

/** Asks every prompt `times` times, one after the other. */
export async function fingerprint(
  ask: Ask,
  {
    times = 4,
    clock,
    prompts = canaryPrompts,
  }: { times?: number; clock: Clock; prompts?: readonly string[] },
): Promise<Fingerprint> {
  const answers: PrintedAnswer[][] = [];
  for (const prompt of prompts) {
    const of: PrintedAnswer[] = [];
    for (let time = 0; time < times; time++) of.push(printOf(await ask(prompt)));
    answers.push(of);
  }
  return { format: 'merlon-canary/1', at: clock.now(), prompts: promptsHash(prompts), answers };
}

/** Is it still the same model? What the provider says counts at once; answers by a permutation test. */
export function compareFingerprints(
  before: Fingerprint,
  now: Fingerprint,
  prompts: readonly string[] = canaryPrompts,
): CanaryVerdict {
  const reasons = statedChanges(before, now);
  const perPrompt = now.answers.map((answers, index) => stratum(before.answers[index] ?? [], answers));
  const observed = mean(perPrompt.map(({ order, first }) => contrast(order, first)));
  const random = generator(0x5eed);
  let asFar = 1;
  for (let round = 0; round < permutations; round++) {
    const value = mean(perPrompt.map(({ order, first }) => contrast(shuffled(order, random), first)));
    if (value >= observed - 1e-12) asFar++;
  }
  const p = asFar / (permutations + 1);
  const refused = (print: Fingerprint) => mean(print.answers.flat().map((one) => Number(one.refused)));
  if (Math.abs(refused(before) - refused(now)) >= 0.25)
    reasons.push(`share of refusals went from ${share(refused(before))} to ${share(refused(now))}`);
  const differs = p <= level && observed >= leastDistance;
  if (differs) reasons.push('answers to the same prompts are different');
  return {
    changed: reasons.length > 0,
    reasons,
    distance: Math.max(0, observed),
    p,
    prompts: perPrompt
      .map(({ order, first }, index) => ({ prompt: prompts[index] ?? '', distance: contrast(order, first) }))
      .filter(({ distance }) => distance >= leastDistance)
      .sort((a, b) => b.distance - a.distance)
      .slice(0, 5),
  };
}

/** The event of a change, for the ledger. */
export function canaryEvent(
  target: { name: string; provider: string },
  verdict: CanaryVerdict,
  time: number,
): SecurityEvent {
  return securityEvent({
    kind: 'detection_finding',
    activity: 1,
    message: 'the provider changed the model',
    time,
    severity: 3,
    model: { name: target.name, ai_provider: target.provider },
    unmapped: {
      detection: 'model-canary',
      reasons: verdict.reasons,
      distance: verdict.distance,
      p: verdict.p,
    },
  });
}

function statedChanges(before: Fingerprint, now: Fingerprint): string[] {
  const reasons: string[] = [];
  const values = (print: Fingerprint, key: 'model' | 'systemFingerprint') =>
    [...new Set(print.answers.flat().flatMap((one) => one[key] ?? []))].sort().join(', ');
  for (const [key, what] of [
    ['model', 'name of the model'],
    ['systemFingerprint', 'fingerprint of the provider'],
  ] as const) {
    const [old, fresh] = [values(before, key), values(now, key)];
    if (old !== '' && fresh !== '' && old !== fresh)
      reasons.push(`${what} went from \`${old}\` to \`${fresh}\``);
  }
  const counts = (answers: readonly PrintedAnswer[] | undefined) =>
    new Set((answers ?? []).flatMap((one) => one.promptTokens ?? []));
  const recounted = now.answers.filter((answers, index) => {
    const [old, fresh] = [counts(before.answers[index]), counts(answers)];
    return old.size > 0 && fresh.size > 0 && [...fresh].every((count) => !old.has(count));
  }).length;
  if (recounted > 0)
    reasons.push(`${recounted} prompts have another number of tokens: the tokenizer or template changed`);
  return reasons;
}

/** Distances between all answers to one prompt; the first `first` are the old ones. */
interface Stratum {
  order: { between: number[][]; ids: number[] };
  first: number;
}

function stratum(before: readonly PrintedAnswer[], now: readonly PrintedAnswer[]): Stratum {
  const all = [...before, ...now];
  const between = all.map((a) => all.map((b) => distanceOf(a, b)));
  return { order: { between, ids: all.map((_, index) => index) }, first: before.length };
}

/** Energy distance: mean distance across, less the mean distances within. */
function contrast({ between, ids }: Stratum['order'], first: number): number {
  let across = 0;
  let old = 0;
  let fresh = 0;
  for (const [i, a] of ids.entries())
    for (const [j, b] of ids.entries()) {
      if (j >= i) continue;
      const distance = between[a]![b]!;
      if (i < first) old += distance;
      else if (j >= first) fresh += distance;
      else across += distance;
    }
  const later = ids.length - first;
  if (first === 0 || later === 0) return 0;
  const pairs = (n: number) => Math.max(1, (n * (n - 1)) / 2);
  return across / (first * later) - (old / pairs(first) + fresh / pairs(later)) / 2;
}

function shuffled({ between, ids }: Stratum['order'], random: () => number): Stratum['order'] {
  const mixed = [...ids];
  for (let index = mixed.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [mixed[index], mixed[other]] = [mixed[other]!, mixed[index]!];
  }
  return { between, ids: mixed };
}

/** 1 − cosine of the features, and a tenth for length: 0..1. */
function distanceOf(a: PrintedAnswer, b: PrintedAnswer): number {
  const other = new Map(b.features);
  let cosine = 0;
  for (const [feature, weight] of a.features) cosine += weight * (other.get(feature) ?? 0);
  const longer = Math.max(a.length, b.length, 1);
  return 0.9 * (1 - Math.min(1, cosine)) + (0.1 * Math.abs(a.length - b.length)) / longer;
}

const featureBits = 20;
const answerUnits = 4000;

function printOf({ text, promptTokens, model, systemFingerprint }: CanaryAnswer): PrintedAnswer {
  const counts = new Map<number, number>();
  const read = ` ${text.slice(0, answerUnits)} `;
  for (let index = 0; index + 3 <= read.length; index++) {
    const feature = hash(read, index, index + 3);
    counts.set(feature, (counts.get(feature) ?? 0) + 1);
  }
  let norm = 0;
  for (const count of counts.values()) norm += (1 + Math.log(count)) ** 2;
  const scale = 1 / Math.sqrt(norm || 1);
  return {
    features: [...counts].map(([feature, count]) => [feature, (1 + Math.log(count)) * scale]),
    length: text.length,
    refused: isRefusal(text),
    ...(promptTokens === undefined ? {} : { promptTokens }),
    ...(model === undefined ? {} : { model }),
    ...(systemFingerprint === undefined ? {} : { systemFingerprint }),
  };
}

function hash(text: string, from: number, to: number): number {
  let state = 0x811c9dc5;
  for (let index = from; index < to; index++) state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  return ((state ^ (state >>> 15)) >>> 0) & ((1 << featureBits) - 1);
}

/** Small, seeded and good enough for shuffling (mulberry32), so that a verdict can be reproduced. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function promptsHash(prompts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(prompts)).digest('hex');
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((total, value) => total + value, 0) / values.length;
const share = (value: number): string => `${Math.round(value * 100)} %`;
