import {
  createScratch,
  forward,
  softmax,
  startOfLine,
  vocabulary,
  type Shape,
  type Weights,
} from './network.ts';
import type { PrivateTraining } from './train.ts';

/** How a model came to be, as its file tells it. */
export interface Training {
  seed: number;
  lines: number;
  epochs?: number;
  private?: PrivateTraining;
}

/** A trained byte-level language model. Tokens are bytes; a newline ends what it looks back at. */
export interface ByteModel {
  shape: Shape;
  weights: Weights;
  training: Training;
  /** Logits of the byte after `bytes`; the array is the caller's to change. */
  logits(bytes: ArrayLike<number>): Float32Array;
  /** ln p of each byte from `from` on, given what is before it. */
  logProbabilities(bytes: Uint8Array, from?: number): Float64Array;
}

export function byteModel(shape: Shape, weights: Weights, training: Training): ByteModel {
  const scratch = createScratch(shape, together);
  const windows = new Uint16Array(together * shape.context);
  return {
    shape,
    weights,
    training,
    logits(bytes) {
      windowBefore(bytes, bytes.length, windows, 0, shape.context);
      forward(shape, weights, windows, 1, scratch);
      return Float32Array.from(scratch.output.subarray(0, vocabulary));
    },
    logProbabilities(bytes, from = 0) {
      const answer = new Float64Array(bytes.length - from);
      for (let start = from; start < bytes.length; start += together) {
        const count = Math.min(together, bytes.length - start);
        for (let i = 0; i < count; i++) windowBefore(bytes, start + i, windows, i, shape.context);
        forward(shape, weights, windows, count, scratch);
        for (let i = 0; i < count; i++) {
          const row = i * vocabulary;
          const logit = scratch.output[row + bytes[start + i]!]!;
          answer[start + i - from] = logit - softmax(scratch.output, row, row + vocabulary);
        }
      }
      return answer;
    },
  };
}

/** Places that are looked at in one pass. */
const together = 32;

/** The ids that the model looks at before `place`: back to the start of the line, padded. */
function windowBefore(
  bytes: ArrayLike<number>,
  place: number,
  windows: Uint16Array,
  row: number,
  context: number,
): void {
  const end = (row + 1) * context;
  windows.fill(startOfLine, row * context, end);
  for (let back = 1; back <= context && back <= place; back++) {
    const byte = bytes[place - back]!;
    if (byte === 10) return;
    windows[end - back] = byte;
  }
}
