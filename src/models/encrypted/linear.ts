import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';
import { dimensionsAllowed, encryptedFeatures } from './features.ts';

/** A linear model that the server holds in the clear. */
export const LinearModel = z.object({
  format: z.literal('merlon-encrypted-linear/1'),
  /** What a text is that the model finds, such as `prompt_injection`. */
  finds: z.string().max(100),
  dimensions: z.literal(dimensionsAllowed),
  bias: z.number(),
  /** Probability from which a text counts as found. */
  threshold: z.number().min(0).max(1),
  weights: z.array(z.number().min(-1000).max(1000)).max(4096),
});
export type LinearModel = z.infer<typeof LinearModel>;

/** @throws Problem INPUT_INVALID */
export function parseLinear(text: string, file: string): LinearModel {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const read = LinearModel.safeParse(value);
  if (read.success && read.data.weights.length === read.data.dimensions) return read.data;
  throw new Problem('INPUT_INVALID', {
    detail: `\`${file}\` is no linear model for encrypted scoring`,
    fix: 'Take a file that `merlon encrypted train` wrote.',
    facts: { file },
  });
}

export const probability = (raw: number): number => 1 / (1 + Math.exp(-raw));

/** The score of a text in the clear: what the encrypted way must come to. */
export function rawScore({ weights, bias, dimensions }: LinearModel, text: string): number {
  let sum = bias;
  for (const [index, value] of encryptedFeatures(text, dimensions).entries()) sum += value * weights[index]!;
  return sum;
}

const epochs = 30;
const decay = 1e-4;

/** Logistic regression by AdaGrad, both classes with the same weight. Deterministic: texts are taken in a fixed stride. */
export function trainLinear(
  texts: readonly { text: string; label: 0 | 1 }[],
  { dimensions, finds }: { dimensions: LinearModel['dimensions']; finds: string },
): LinearModel {
  const positive = texts.filter(({ label }) => label === 1).length;
  if (positive === 0 || positive === texts.length)
    throw new Problem('INPUT_INVALID', {
      detail: 'the texts have only one label',
      fix: 'Give texts with `"label": 1` and with `"label": 0`.',
    });
  const rows = texts.map(({ text }) => encryptedFeatures(text, dimensions));
  const balance = [texts.length / (2 * (texts.length - positive)), texts.length / (2 * positive)];
  const weights = new Float64Array(dimensions);
  const squares = new Float64Array(dimensions).fill(1e-3);
  let bias = 0;
  let biasSquares = 1e-3;
  const stride = strideFor(texts.length);
  for (let round = 0, at = 0; round < epochs * texts.length; round++, at = (at + stride) % texts.length) {
    const row = rows[at]!;
    const { label } = texts[at]!;
    let raw = bias;
    for (let index = 0; index < dimensions; index++) raw += row[index]! * weights[index]!;
    const error = (probability(raw) - label) * balance[label]!;
    for (let index = 0; index < dimensions; index++) {
      if (row[index] === 0) continue;
      const gradient = error * row[index]! + decay * weights[index]!;
      squares[index]! += gradient * gradient;
      weights[index]! -= (0.5 * gradient) / Math.sqrt(squares[index]!);
    }
    biasSquares += error * error;
    bias -= (0.5 * error) / Math.sqrt(biasSquares);
  }
  return {
    format: 'merlon-encrypted-linear/1',
    finds,
    dimensions,
    bias,
    threshold: 0.5,
    weights: Array.from(weights, (weight) => Number(weight.toPrecision(9))),
  };
}

/** A step that visits every row once per round: near the golden section, without a common divisor. */
function strideFor(length: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  let stride = Math.max(1, Math.round(length * 0.618));
  while (divisor(stride, length) !== 1) stride++;
  return stride;
}
