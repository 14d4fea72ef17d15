import {
  createScratch,
  emptyWeights,
  forward,
  softmax,
  startOfLine,
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
  const scratch = createScratch(shape, 1);
  const window = new Uint16Array(shape.context);
  const look = (bytes: ArrayLike<number>, place: number): void => {
    windowBefore(bytes, place, window);
    forward(shape, weights, window, 1, scratch);
  };
  return {
    shape,
    weights,
    training,
    logits(bytes) {
      look(bytes, bytes.length);
      return Float32Array.from(scratch.output);
    },
    logProbabilities(bytes, from = 0) {
      const answer = new Float64Array(bytes.length - from);
      for (let place = from; place < bytes.length; place++) {
        look(bytes, place);
        const logit = scratch.output[bytes[place]!]!;
        answer[place - from] = logit - softmax(scratch.output);
      }
      return answer;
    },
  };
}

/** The ids that the model looks at before `place`: back to the start of the line, padded. */
function windowBefore(bytes: ArrayLike<number>, place: number, window: Uint16Array): void {
  window.fill(startOfLine);
  for (let back = 1; back <= window.length && back <= place; back++) {
    const byte = bytes[place - back]!;
    if (byte === 10) return;
    window[window.length - back] = byte;
  }
}

/** A copy whose weights may be changed. */
export function copyModel({ shape, weights, training }: ByteModel): ByteModel {
  const copy = emptyWeights(shape);
  copy.all.set(weights.all);
  return byteModel(shape, copy, training);
}
