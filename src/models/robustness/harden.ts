import { createHash } from 'node:crypto';
import { Problem } from '../../kernel/problem.ts';
import { classify, train, type Labelled, type TextClassifier, type TrainOptions } from './classifier.ts';
import { operators as allOperators, type Operator } from './operators.ts';
import { pick, seededRandom } from './random.ts';

/** How good a classifier is on texts it has not seen, as they are and changed. Shares, 0..1. */
export interface Measure {
  /** Mean of recall and of benign texts left alone. */
  clean: number;
  falsePositives: number;
  /** Recall per operator, and false positives on changed benign texts. */
  operators: { operator: string; heldOut: boolean; recall: number; falsePositives: number }[];
  /** Means of the recalls, over the operators held out of training and over those in it. */
  robustHeldOut: number;
  robustTrained: number;
}

export interface Hardened {
  model: TextClassifier;
  before: Measure;
  after: Measure;
  verdict: GateVerdict;
  texts: { train: number; calibration: number; test: number };
}

export interface HardenOptions extends TrainOptions {
  /** Operators that the measure uses and training does not. */
  heldOut?: readonly string[];
  /** Operators that training uses. */
  trained?: readonly string[];
  /** Attack → mix → retrain, this many times. */
  rounds?: number;
  /** False positives on unchanged benign texts at which both models are compared. */
  falsePositives?: number;
  /** The model to be replaced; without one, a model trained on the unchanged texts. */
  baseline?: TextClassifier;
  onStep?(step: string): void;
}

export const trainedByDefault = [
  'homoglyph',
  'leet',
  'typo',
  'spacing',
  'casing',
  'odd-letters',
  'odd-between',
];
export const heldOutByDefault = [
  'fullwidth',
  'diacritics',
  'zero-width',
  'soft-hyphen',
  'punctuation',
  'substitution',
  'padding',
];

/**
 * Adversarial training: the model is attacked, the changed texts that it gets most wrong are mixed in under their true
 * label (benign ones too, so that being changed is no sign of guilt), it is trained again, and attacked with operators
 * that training never saw. Both models are compared at the same rate of false positives.
 * @throws Problem INPUT_INVALID when there are too few texts, USAGE when an operator is in both lists or unknown
 */
export function harden(texts: readonly Labelled[], options: HardenOptions = {}): Hardened {
  const { rounds = 2, falsePositives = 0.03, seed = 1, onStep } = options;
  const trained = operatorsOf(options.trained ?? trainedByDefault);
  const heldOut = operatorsOf(options.heldOut ?? heldOutByDefault);
  const both = trained.find((one) => heldOut.includes(one));
  if (both)
    throw new Problem('USAGE', {
      detail: `operator \`${both.id}\` is held out and trained on`,
      fix: 'Name it in one list only.',
    });
  const parts = split(texts);
  const measured = (model: TextClassifier) => measure(model, parts.test, { trained, heldOut, seed });
  onStep?.('training on the texts as they are');
  const baseline = calibrated(
    options.baseline ?? train(parts.train, options),
    parts.calibration,
    falsePositives,
  );
  const before = measured(baseline);
  let model = baseline;
  // Twice as they are, so that ordinary texts keep their weight.
  let mix = [...parts.train, ...parts.train];
  for (let round = 0; round < rounds; round++) {
    onStep?.(`round ${round + 1} of ${rounds}: attacking and training again`);
    const random = seededRandom(seed + 101 * (round + 1));
    mix = [...mix, ...parts.train.map((one) => worst(model, one, trained, random))];
    model = train(mix, options);
  }
  model = calibrated(model, parts.calibration, falsePositives);
  onStep?.('attacking with the operators held out');
  const after = measured(model);
  return {
    model,
    before,
    after,
    verdict: gate(before, after),
    texts: { train: parts.train.length, calibration: parts.calibration.length, test: parts.test.length },
  };
}

export interface GateVerdict {
  passed: boolean;
  reasons: string[];
}

/** Points, of a hundred, by which a new model may be worse. */
export const tolerance = { clean: 1, robust: 1 };

/** Refuses a model that is worse than the one it replaces, on texts as they are or on changed ones. */
export function gate(before: Measure, after: Measure): GateVerdict {
  const reasons: string[] = [];
  const fell = (what: string, old: number, fresh: number, most: number) => {
    if ((old - fresh) * 100 > most + 1e-9)
      reasons.push(`${what} fell from ${(old * 100).toFixed(1)} to ${(fresh * 100).toFixed(1)}`);
  };
  fell('clean score', before.clean, after.clean, tolerance.clean);
  fell('robust recall', before.robustHeldOut, after.robustHeldOut, tolerance.robust);
  fell('robust recall on trained operators', before.robustTrained, after.robustTrained, tolerance.robust);
  return { passed: reasons.length === 0, reasons };
}

/** Share of a text that is changed when recall is measured. */
const measuredShare = 0.5;

export function measure(
  model: TextClassifier,
  texts: readonly Labelled[],
  {
    trained,
    heldOut,
    seed = 1,
  }: { trained: readonly Operator[]; heldOut: readonly Operator[]; seed?: number },
): Measure {
  const flagged = (change: (text: string) => string) => {
    const hits = [0, 0];
    const sizes = [0, 0];
    for (const { text, label } of texts) {
      sizes[label]!++;
      if (classify(model, change(text)) >= model.threshold) hits[label]!++;
    }
    return { recall: hits[1]! / (sizes[1]! || 1), falsePositives: hits[0]! / (sizes[0]! || 1) };
  };
  const clean = flagged((text) => text);
  const of = (operator: Operator, isHeldOut: boolean) => {
    const random = seededRandom(seed + 7);
    return {
      operator: operator.id,
      heldOut: isHeldOut,
      ...flagged((text) => operator.apply(text, measuredShare, random)),
    };
  };
  const [outside, inside] = [heldOut.map((one) => of(one, true)), trained.map((one) => of(one, false))];
  const mean = (all: readonly { recall: number }[]) =>
    all.reduce((sum, { recall }) => sum + recall, 0) / (all.length || 1);
  return {
    clean: (clean.recall + 1 - clean.falsePositives) / 2,
    falsePositives: clean.falsePositives,
    operators: [...outside, ...inside],
    robustHeldOut: mean(outside),
    robustTrained: mean(inside),
  };
}

/** @throws Problem USAGE when an operator does not exist */
export function operatorsOf(ids: readonly string[]): Operator[] {
  return ids.map((id) => {
    const found = allOperators.find((one) => one.id === id);
    if (found) return found;
    throw new Problem('USAGE', {
      detail: `there is no operator \`${id}\``,
      fix: `Take some of ${allOperators.map((one) => one.id).join(', ')}.`,
    });
  });
}

const attempts = 3;
const strengths = [0.2, 0.5, 0.9];

/** Of a few changed forms the one that the model gets most wrong. */
function worst(
  model: TextClassifier,
  { text, label }: Labelled,
  operators: readonly Operator[],
  random: () => number,
): Labelled {
  let found = { text, loss: -1 };
  for (let n = 0; n < attempts; n++) {
    const changed = pick(random, operators).apply(text, pick(random, strengths), random);
    const loss = Math.abs(classify(model, changed) - label);
    if (loss > found.loss) found = { text: changed, loss };
  }
  return { text: found.text, label };
}

/** One half, unless that flags more than this share of the benign texts: then the score that flags just so many. */
function calibrated(model: TextClassifier, texts: readonly Labelled[], rate: number): TextClassifier {
  const scores = texts
    .filter(({ label }) => label === 0)
    .map(({ text }) => classify(model, text))
    .sort((a, b) => b - a);
  const at = Math.floor(scores.length * rate);
  const quantile = at < scores.length ? (scores[at]! + (scores[at - 1] ?? 1)) / 2 : 0;
  return { ...model, threshold: Math.max(0.5, quantile) };
}

const leastTexts = 200;

/** 60 % training, 15 % calibration, 25 % test, by hash of the text: equal texts never stand on both sides. */
export function split(texts: readonly Labelled[]): Record<'train' | 'calibration' | 'test', Labelled[]> {
  if (texts.length < leastTexts)
    throw new Problem('INPUT_INVALID', {
      detail: `${texts.length} texts are too few to train and test on`,
      fix: `Give at least ${leastTexts}, with both labels.`,
    });
  const parts: Record<'train' | 'calibration' | 'test', Labelled[]> = {
    train: [],
    calibration: [],
    test: [],
  };
  for (const one of texts) {
    const place = createHash('sha256').update(one.text).digest().readUInt16LE(0) % 100;
    parts[place < 60 ? 'train' : place < 75 ? 'calibration' : 'test'].push(one);
  }
  return parts;
}
