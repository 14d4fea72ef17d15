import type { ByteModel } from './model.ts';
import { createRandom } from './random.ts';

/** Logits of a batch as transformers.js hands them to processors: a tensor whose rows are tensors. */
export interface BatchLogits {
  readonly dims: readonly number[];
  readonly [row: number]: { readonly data: Float32Array };
}

/**
 * The `LogitsProcessor` of transformers.js: a callable with `_call`, given all ids so far and the logits of the next
 * one, which it changes in place and returns.
 */
export interface LogitsProcessor {
  <T extends BatchLogits>(inputIds: readonly (readonly bigint[])[], logits: T): T;
  _call<T extends BatchLogits>(inputIds: readonly (readonly bigint[])[], logits: T): T;
}

export interface GenerateOptions {
  /** Bytes to write at most. */
  length: number;
  seed: number;
  /** 0 always takes the likeliest byte. Default 1. */
  temperature?: number;
  /** Only this many likeliest bytes. Default all. */
  topK?: number;
  /** Run after temperature and top-k, so that they see the distribution that is sampled from. */
  processors?: readonly LogitsProcessor[];
  /** Stop after this byte, such as 10. */
  stop?: number;
}

/** Continues `prompt`; returns what was written. */
export function generate(model: ByteModel, prompt: Uint8Array, options: GenerateOptions): Uint8Array {
  const { length, seed, temperature = 1, topK = 256, processors = [], stop } = options;
  const random = createRandom(seed);
  const bytes = new Uint8Array(prompt.length + length);
  bytes.set(prompt);
  // Grown with the text: rebuilding it for each byte would make the work quadratic.
  const ids = Array.from(prompt, BigInt);
  let reached = prompt.length;
  while (reached < bytes.length) {
    const logits = model.logits(bytes.subarray(0, reached));
    warp(logits, temperature, topK);
    const batch: BatchLogits = { dims: [1, logits.length], 0: { data: logits } };
    for (const processor of processors) processor([ids], batch);
    const byte = draw(logits, random.next());
    bytes[reached] = byte;
    ids.push(BigInt(byte));
    reached += 1;
    if (byte === stop) break;
  }
  return bytes.slice(prompt.length, reached);
}

function warp(logits: Float32Array, temperature: number, topK: number): void {
  if (temperature === 0) {
    const best = logits.indexOf(Math.max(...logits));
    logits.fill(-Infinity);
    logits[best] = 0;
    return;
  }
  for (let i = 0; i < logits.length; i++) logits[i] = logits[i]! / temperature;
  if (topK >= logits.length) return;
  const least = logits.slice().sort()[logits.length - topK]!;
  for (let i = 0; i < logits.length; i++) if (logits[i]! < least) logits[i] = -Infinity;
}

/** The byte at `share` of the cumulative distribution. */
function draw(logits: Float32Array, share: number): number {
  const largest = Math.max(...logits);
  let total = 0;
  const weights = Float64Array.from(logits, (logit) => {
    const weight = Math.exp(logit - largest);
    total += weight;
    return weight;
  });
  let rest = share * total;
  for (let i = 0; i < weights.length; i++) {
    rest -= weights[i]!;
    if (rest < 0) return i;
  }
  return weights.lastIndexOf(Math.max(...weights));
}
