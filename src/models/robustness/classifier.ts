import { Problem } from '../../kernel/problem.ts';
import { seededRandom } from './random.ts';

/** A text with what it is: 1 for what the classifier must find, 0 for the rest. */
export interface Labelled {
  text: string;
  label: 0 | 1;
}

/** A linear text classifier on hashed n-grams of characters and words. */
export interface TextClassifier {
  format: 'merlon-text-classifier/1';
  /** Number of hashed features, a power of two. */
  dimensions: number;
  bias: number;
  /** Probability from which a text counts as found. */
  threshold: number;
  weights: Float32Array;
}

export interface TrainOptions {
  dimensions?: number;
  epochs?: number;
  rate?: number;
  /** Shrinks weights, so that evidence is spread over many features. */
  decay?: number;
  seed?: number;
  onEpoch?(epoch: number, epochs: number): void;
}

/** Text beyond this is not read, in UTF-16 units. */
const readUnits = 6000;

/** Features of a text: distinct hashed n-grams, each with the same weight so that the vector has unit length. */
export function featuresOf(text: string, dimensions: number): Uint32Array {
  const mask = dimensions - 1;
  const found = new Set<number>();
  const read = ` ${text.slice(0, readUnits)} `;
  for (let index = 0; index < read.length; index++) {
    let hash = 0x811c9dc5;
    for (let length = 1; length <= 5 && index + length <= read.length; length++) {
      hash = Math.imul(hash ^ read.charCodeAt(index + length - 1), 0x01000193);
      if (length >= 2) found.add(mixed(hash ^ length) & mask);
    }
  }
  let before = 0;
  for (const [word] of read.toLowerCase().matchAll(/[\p{L}\p{N}]+/gu)) {
    let hash = 0x2f0b4c47;
    for (let index = 0; index < word.length && index < 40; index++)
      hash = Math.imul(hash ^ word.charCodeAt(index), 0x01000193);
    found.add(mixed(hash) & mask);
    found.add(mixed(Math.imul(before, 31) ^ hash ^ 0x5bd1e995) & mask);
    before = hash;
  }
  return Uint32Array.from(found);
}

function mixed(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (once ^ (once >>> 13)) >>> 0;
}

/** Probability that the text is what the classifier looks for, 0..1. */
export function classify(model: TextClassifier, text: string): number {
  return sigmoid(raw(model, featuresOf(text, model.dimensions)));
}

function raw({ weights, bias }: Pick<TextClassifier, 'weights' | 'bias'>, features: Uint32Array): number {
  let sum = 0;
  for (const feature of features) sum += weights[feature]!;
  return bias + sum / Math.sqrt(features.length || 1);
}

const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));

/** Logistic regression by AdaGrad (Duchi et al. 2011); both classes weigh the same. */
export function train(texts: readonly Labelled[], options: TrainOptions = {}): TextClassifier {
  const { dimensions = 1 << 18, epochs = 5, rate = 0.3, decay = 2e-6, seed = 1, onEpoch } = options;
  const positive = texts.filter(({ label }) => label === 1).length;
  if (positive === 0 || positive === texts.length)
    throw new Problem('INPUT_INVALID', {
      detail: 'the texts have only one label',
      fix: 'Give texts with `"label": 1` and with `"label": 0`.',
    });
  const balance = [texts.length / (2 * (texts.length - positive)), texts.length / (2 * positive)];
  const features = texts.map(({ text }) => featuresOf(text, dimensions));
  const weights = new Float32Array(dimensions);
  const squares = new Float32Array(dimensions).fill(1e-3);
  let bias = 0;
  let biasSquares = 1e-3;
  const random = seededRandom(seed);
  const order = Uint32Array.from(texts.keys());
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let index = order.length - 1; index > 0; index--) {
      const other = Math.floor(random() * (index + 1));
      [order[index], order[other]] = [order[other]!, order[index]!];
    }
    for (const at of order) {
      const found = features[at]!;
      const { label } = texts[at]!;
      const error = (sigmoid(raw({ weights, bias }, found)) - label) * balance[label]!;
      const scale = error / Math.sqrt(found.length || 1);
      for (const feature of found) {
        const gradient = scale + decay * weights[feature]!;
        squares[feature]! += gradient * gradient;
        weights[feature]! -= (rate * gradient) / Math.sqrt(squares[feature]!);
      }
      biasSquares += error * error;
      bias -= (rate * error) / Math.sqrt(biasSquares);
    }
    onEpoch?.(epoch + 1, epochs);
  }
  return { format: 'merlon-text-classifier/1', dimensions, bias, threshold: 0.5, weights };
}

/** The file form: JSON with the weights as base64 of little-endian 32-bit floats. */
export function encodeClassifier({ weights, ...rest }: TextClassifier): string {
  const bytes = Buffer.alloc(weights.length * 4);
  for (const [index, weight] of weights.entries()) bytes.writeFloatLE(weight, index * 4);
  return `${JSON.stringify({ ...rest, weights: bytes.toString('base64') })}\n`;
}

const largestDimensions = 1 << 22;

/** @throws Problem INPUT_INVALID when the text is no classifier */
export function parseClassifier(text: string, file = 'the classifier'): TextClassifier {
  const invalid = (why: string): Problem =>
    new Problem('INPUT_INVALID', {
      detail: `\`${file}\` is no text classifier: ${why}`,
      fix: 'Take a file that `merlon robustness train` wrote.',
      facts: { file },
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('it is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw invalid('it is not an object');
  const { format, dimensions, bias, threshold, weights } = value as Record<string, unknown>;
  if (format !== 'merlon-text-classifier/1') throw invalid('`format` is not `merlon-text-classifier/1`');
  if (
    typeof dimensions !== 'number' ||
    !Number.isInteger(Math.log2(dimensions)) ||
    dimensions > largestDimensions
  )
    throw invalid('`dimensions` is not a power of two that fits');
  if (typeof bias !== 'number' || !Number.isFinite(bias)) throw invalid('`bias` is not a number');
  if (typeof threshold !== 'number' || !(threshold >= 0 && threshold <= 1))
    throw invalid('`threshold` is not between 0 and 1');
  const bytes = typeof weights === 'string' ? Buffer.from(weights, 'base64') : Buffer.alloc(0);
  if (bytes.length !== dimensions * 4) throw invalid('`weights` has another size than `dimensions`');
  const read = new Float32Array(dimensions);
  for (let index = 0; index < dimensions; index++) read[index] = bytes.readFloatLE(index * 4);
  if (!read.every((weight) => Number.isFinite(weight))) throw invalid('a weight is not a finite number');
  return { format, dimensions, bias, threshold, weights: read };
}
