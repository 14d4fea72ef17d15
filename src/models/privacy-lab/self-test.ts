import { modelTarget, type Target } from './target.ts';
import { createRandom } from '../language-model/random.ts';
import type { ByteModel } from '../language-model/model.ts';
import { linesOf, train, type PrivateTraining } from '../language-model/train.ts';
import {
  exposures,
  extract,
  membership,
  membershipScores,
  roundedScores,
  type Membership,
  type MembershipScores,
} from './attacks.ts';
import type { Canary } from './canary.ts';
import { makeCanaries, supportNotes, withCanaries } from './corpus.ts';
import { auditEpsilon } from './metrics.ts';
import { exposureGroup, type Check, type LabReport } from './report.ts';

export interface SelfTestOptions {
  seed: number;
  /** ε of training with Poisson sampling at δ, for one line. */
  epsilon(mechanism: { sigma: number; rate: number; steps: number; delta: number }): number | Promise<number>;
  /** Sizes; the defaults take about a minute of one core. */
  size?: Partial<SelfTestSize>;
  onProgress?: (done: number, total: number, note: string) => void;
  /** Seconds of processor time used so far. */
  cpu(): number;
}

export interface SelfTestSize {
  lines: number;
  seen: number;
  absent: number;
  /** Random secrets per canary where much is to be measured, and where little is. */
  samples: number;
  fewSamples: number;
  epochs: number;
  private: PrivateTraining;
}

/**
 * An unseen canary reaches 2 bits or more by chance in one of four cases: it takes many for a median that says something.
 * That of 15 exceeds 2 bits by chance in one run of sixty, that of 31 in one of five hundred.
 */
const usual: SelfTestSize = {
  lines: 300,
  seen: 15,
  absent: 31,
  samples: 2047,
  fewSamples: 511,
  epochs: 13,
  private: { sigma: 2, clip: 1, rate: 0.05, steps: 150 },
};

/**
 * Shows that the attacks find what is there and nothing else: a small model is trained on made-up notes with canaries, then
 * once more with differential privacy, and both are attacked.
 */
export async function selfTest(options: SelfTestOptions): Promise<LabReport> {
  const { seed, cpu } = options;
  const size = { ...usual, ...options.size };
  const started = cpu();
  const steps = ['training', 'reference', 'private training', 'attacks', 'attacks on the defended model'];
  const step = (done: number): void => options.onProgress?.(done, steps.length, steps[done] ?? 'done');

  const members = supportNotes(size.lines, seed);
  const nonmembers = supportNotes(size.lines, seed + 1);
  const twice = makeCanaries(size.seen, 2, seed + 3);
  const absent = makeCanaries(size.absent, 0, seed + 4);
  const text = linesOf(withCanaries(members, twice, createRandom(seed + 5)).join('\n'));

  step(0);
  const plain = modelTarget('test bed', train(text, { seed: seed + 6, epochs: size.epochs }));
  step(1);
  // Half the epochs will do: the reference only says how likely a text is anyway.
  const reference = train(linesOf(supportNotes(size.lines, seed + 2).join('\n')), {
    seed: seed + 7,
    epochs: Math.ceil(size.epochs / 2),
  });
  step(2);
  const guarded = modelTarget('test bed, private', train(text, { seed: seed + 8, private: size.private }));
  const delta = 1 / (10 * text.length);
  const epsilon = await options.epsilon({ ...size.private, delta });

  const exposureOf = async (target: Target, canaries: readonly Canary[], samples: number, name: string) =>
    exposureGroup(name, (await exposures(target, canaries, { samples, seed: seed + 9 }))!);
  const attack = async (target: Target) => attackMembers(target, reference, members, nonmembers, seed + 10);

  step(3);
  const seenTwice = await exposureOf(plain, twice, size.samples, 'seen twice');
  const notSeen = await exposureOf(plain, absent, size.fewSamples, 'absent');
  const open = await attack(plain);
  const extraction = [
    { what: 'canaries seen twice', result: await extract(plain, twice) },
    { what: 'second halves of training lines', result: await extract(plain, halves(members.slice(0, 50))) },
  ];
  step(4);
  const defended = await exposureOf(
    guarded,
    twice,
    size.fewSamples,
    'seen twice, trained with differential privacy',
  );
  const closed = await attack(guarded);
  const audited = audit(closed.scores, delta);
  step(5);

  const best = strongest(closed.found);
  return {
    target: 'self-test',
    kind: 'self-test',
    exposure: [seenTwice, notSeen, defended],
    extraction,
    membership: open.found,
    defences: [
      {
        name: 'training with differential privacy',
        attack: best.attack,
        auc: best.auc,
        exposure: defended.median,
        note: `ε ${epsilon.toFixed(2)}`,
      },
      ...open.defences,
    ],
    private: { ...size.private, epsilon, delta, audited },
    checks: [
      atLeast('exposure of canaries seen twice', seenTwice.median, 10, 'bits'),
      atMost('exposure of absent canaries', notSeen.median, 2, 'bits'),
      atMost('exposure with differential privacy', defended.median, 2, 'bits'),
      atLeast('membership AUC', strongest(open.found).auc, 0.65),
      atMost('membership AUC with differential privacy', best.auc, 0.58),
      atMost('lower bound on ε that an attack proves', audited, epsilon),
    ],
    inconclusive: [],
    cpuSeconds: cpu() - started,
  };
}

/** Texts cut in the middle: the first half is given, the second must be written. */
export function halves(texts: readonly string[]): { text: string; start: number; end: number }[] {
  return texts.map((text) => ({ text, start: Math.floor(text.length / 2), end: text.length }));
}

export function strongest(found: readonly Membership[]): Membership {
  return found.reduce((left, right) => (right.auc > left.auc ? right : left));
}

interface Attacked {
  found: Membership[];
  scores: { members: MembershipScores; nonmembers: MembershipScores };
  defences: LabReport['defences'];
}

async function attackMembers(
  target: Target,
  reference: ByteModel,
  members: readonly string[],
  nonmembers: readonly string[],
  seed: number,
): Promise<Attacked> {
  const whole = (texts: readonly string[]) => texts.map((text) => ({ text, from: 0 }));
  const usualScores = modelTarget('reference', reference);
  const [inside, outside, insideUsual, outsideUsual] = await Promise.all([
    target.score(whole(members)),
    target.score(whole(nonmembers)),
    usualScores.score(whole(members)),
    usualScores.score(whole(nonmembers)),
  ]);
  const scoresOf = (change: (scores: Float64Array[]) => Float64Array[]) => ({
    members: membershipScores(members, change(inside!), insideUsual),
    nonmembers: membershipScores(nonmembers, change(outside!), outsideUsual),
  });
  const scores = scoresOf((one) => one);
  const found = membership(scores.members, scores.nonmembers, seed);
  const rounded = scoresOf((one) => roundedScores(one, 0.5));
  const weakened = strongest(membership(rounded.members, rounded.nonmembers, seed));
  return {
    found,
    scores,
    defences: [
      {
        name: 'log-probabilities rounded to 0.5',
        attack: weakened.attack,
        auc: weakened.auc,
        note: 'rounding alone hardly helps',
      },
      { name: 'log-probabilities withheld', note: 'no score attack is possible; extraction still is' },
    ],
  };
}

/** Lower bound on ε from the loss attack: the threshold comes from one half of the non-members, the count from the other. */
function audit({ members, nonmembers }: Attacked['scores'], delta: number): number {
  const inside = members.loss!;
  const half = nonmembers.loss!.length >> 1;
  const sorted = nonmembers.loss!.slice(0, half).sort((left, right) => right - left);
  const threshold = sorted[Math.floor(0.1 * half)]!;
  const rest = nonmembers.loss!.slice(half);
  const above = (scores: readonly number[]): number => scores.filter((score) => score > threshold).length;
  return auditEpsilon(
    { tp: above(inside), members: inside.length, fp: above(rest), nonmembers: rest.length },
    delta,
  ).epsilon;
}

export function atLeast(name: string, found: number, wanted: number, unit = ''): Check {
  return { name, wanted: `at least ${wanted} ${unit}`.trim(), found: short(found), ok: found >= wanted };
}

export function atMost(name: string, found: number, wanted: number, unit = ''): Check {
  return {
    name,
    wanted: `at most ${short(wanted)} ${unit}`.trim(),
    found: short(found),
    ok: found <= wanted,
  };
}

const short = (value: number): string => String(Math.round(value * 100) / 100);
