import { Problem } from '../../kernel/problem.ts';
import { byteModel, type ByteModel, type Training } from './model.ts';
import {
  backward,
  createScratch,
  emptyWeights,
  forward,
  initialWeights,
  startOfLine,
  type Scratch,
  type Shape,
  type Weights,
} from './network.ts';
import { createRandom, shuffle, type Random } from './random.ts';

export const defaultShape: Shape = { context: 12, embedding: 10, hidden: 64 };

/**
 * Training with differential privacy (Abadi et al. 2016): each step takes every line with probability `rate` on its own,
 * clips the gradient of each line to `clip`, adds normal noise of deviation `sigma × clip`, and divides by the expected
 * number of lines. What that costs in ε is for an accountant to say, from `sigma`, `rate` and `steps`.
 */
export interface PrivateTraining {
  sigma: number;
  clip: number;
  rate: number;
  steps: number;
}

export interface TrainOptions {
  seed: number;
  shape?: Shape;
  /** Passes over the text; not used with `private`. */
  epochs?: number;
  learningRate?: number;
  private?: PrivateTraining;
  /** Called about a hundred times. `loss` is the running mean in nats per byte. */
  onProgress?: (done: number, total: number, loss: number) => void;
}

const batch = 64;
const newline = 10;

/** Lines of a text as the model learns them: each ends in a newline and its context starts anew. */
export function linesOf(text: string | Uint8Array): Uint8Array[] {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const lines: Uint8Array[] = [];
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(newline, start);
    const line = bytes.subarray(start, end === -1 ? bytes.length : end);
    if (line.length > 0) lines.push(line);
    if (end === -1) break;
    start = end + 1;
  }
  return lines;
}

/** Trains a model on lines. The same lines, options and seed give the same weights. */
export function train(lines: readonly Uint8Array[], options: TrainOptions): ByteModel {
  if (lines.length === 0)
    throw new Problem('INPUT_INVALID', {
      detail: 'there is no text to learn from',
      fix: 'Give a text with at least one line that is not empty.',
    });
  const shape = options.shape ?? defaultShape;
  if (shape.hidden % 4 !== 0)
    throw new Problem('INPUT_INVALID', { detail: 'the number of hidden units is not a multiple of four' });
  const random = createRandom(options.seed);
  const weights = initialWeights(shape, random);
  const training: Training = options.private
    ? { seed: options.seed, lines: lines.length, private: options.private }
    : { seed: options.seed, lines: lines.length, epochs: options.epochs ?? 10 };
  if (options.private) learnPrivately(shape, weights, lines, options.private, random, options);
  else learn(shape, weights, lines, random, options);
  // What is kept is what the file can hold: a model answers the same before and after it was saved.
  for (let i = 0; i < weights.all.length; i++) weights.all[i] = Math.fround(weights.all[i]!);
  return byteModel(shape, weights, training);
}

function learn(
  shape: Shape,
  weights: Weights,
  lines: readonly Uint8Array[],
  random: Random,
  { epochs = 10, learningRate = 0.004, onProgress }: TrainOptions,
): void {
  const { windows, targets } = examplesOf(shape, lines);
  const scratch = createScratch(shape, batch);
  const gradient = emptyWeights(shape);
  const taken = { windows: new Uint16Array(batch * shape.context), targets: new Uint8Array(batch) };
  const order = Uint32Array.from(targets, (_, index) => index);
  const steps = Math.ceil(targets.length / batch) * epochs;
  const update = adam(weights.all, gradient.all);
  let step = 0;
  let mean = Math.log(256);
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, random);
    for (let from = 0; from < order.length; from += batch) {
      const examples = order.subarray(from, from + batch);
      gradient.all.fill(0);
      for (const [place, example] of examples.entries()) {
        taken.targets[place] = targets[example]!;
        for (let slot = 0; slot < shape.context; slot++)
          taken.windows[place * shape.context + slot] = windows[example * shape.context + slot]!;
      }
      const { length } = examples;
      forward(shape, weights, taken.windows, length, scratch);
      const loss = backward(
        shape,
        weights,
        taken.windows,
        taken.targets,
        length,
        scratch,
        gradient,
        1 / length,
      );
      mean += (loss / length - mean) * Math.min(1, length / 2000);
      update(learningRate * (1 - step / steps));
      step += 1;
      if (step % Math.ceil(steps / 100) === 0) onProgress?.(step, steps, mean);
    }
  }
}

function learnPrivately(
  shape: Shape,
  weights: Weights,
  lines: readonly Uint8Array[],
  { sigma, clip, rate, steps }: PrivateTraining,
  random: Random,
  { learningRate = 0.01, onProgress }: TrainOptions,
): void {
  const scratch = createScratch(shape, Math.max(...lines.map((line) => line.length)) + 1);
  const sum = new Float64Array(weights.all.length);
  const one = emptyWeights(shape);
  const update = adam(weights.all, sum);
  // Division by what is expected, not by what was drawn: the number drawn would say something about the data.
  const expected = rate * lines.length;
  let mean = Math.log(256);
  for (let step = 0; step < steps; step++) {
    sum.fill(0);
    for (const line of lines) {
      if (random.next() >= rate) continue;
      one.all.fill(0);
      const loss = lineGradient(shape, weights, line, scratch, one);
      mean += (loss - mean) * 0.01;
      addClipped(sum, one.all, clip);
    }
    for (let i = 0; i < sum.length; i++)
      sum[i] = (sum[i]! + random.normal() * sigma * clip) / Math.max(1, expected);
    update(learningRate);
    if ((step + 1) % Math.ceil(steps / 100) === 0) onProgress?.(step + 1, steps, mean);
  }
}

/** Mean loss of a line in nats per byte; its gradient is added to `gradient`. */
function lineGradient(
  shape: Shape,
  weights: Weights,
  line: Uint8Array,
  scratch: Scratch,
  gradient: Weights,
): number {
  const { windows, targets } = examplesOf(shape, [line]);
  const { length } = targets;
  forward(shape, weights, windows, length, scratch);
  return backward(shape, weights, windows, targets, length, scratch, gradient, 1 / length) / length;
}

function addClipped(sum: Float64Array, one: Float64Array, clip: number): void {
  let square = 0;
  for (let i = 0; i < one.length; i++) square += one[i]! * one[i]!;
  const scale = Math.min(1, clip / Math.max(Math.sqrt(square), 1e-12));
  for (let i = 0; i < one.length; i++) sum[i] = sum[i]! + one[i]! * scale;
}

function examplesOf(
  { context }: Shape,
  lines: readonly Uint8Array[],
): { windows: Uint16Array; targets: Uint8Array } {
  const count = lines.reduce((sum, line) => sum + line.length + 1, 0);
  const windows = new Uint16Array(count * context).fill(startOfLine);
  const targets = new Uint8Array(count);
  let example = 0;
  for (const line of lines) {
    for (let place = 0; place <= line.length; place++) {
      for (let back = 1; back <= Math.min(context, place); back++)
        windows[(example + 1) * context - back] = line[place - back]!;
      targets[example] = place === line.length ? newline : line[place]!;
      example += 1;
    }
  }
  return { windows, targets };
}

/** Adam (Kingma and Ba 2015). */
function adam(weights: Float64Array, gradient: Float64Array): (rate: number) => void {
  const first = new Float64Array(weights.length);
  const second = new Float64Array(weights.length);
  let step = 0;
  return (rate) => {
    step += 1;
    const scale = (rate * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step);
    for (let i = 0; i < weights.length; i++) {
      const slope = gradient[i]!;
      const mean = 0.9 * first[i]! + 0.1 * slope;
      const square = 0.999 * second[i]! + 0.001 * slope * slope;
      first[i] = mean;
      second[i] = square;
      weights[i] = weights[i]! - (scale * mean) / (Math.sqrt(square) + 1e-8);
    }
  };
}
