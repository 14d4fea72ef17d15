import { createHash, hkdfSync } from 'node:crypto';
import { binomialTail } from './exact-tails.ts';
import type { Watermark } from './scheme.ts';

export interface SynthIdOptions {
  /** Length of the n-gram that is hashed, the new token included. Default 5. */
  ngram?: number;
  /** The tournament runs among this many likeliest tokens; the others are never drawn. Default 256. */
  topK?: number;
}

const multiplierHigh = 0x5851f42d;
const multiplierLow = 0x4c957f2d;

/** h ← (h + added) · 6364136223846793005 + 1 in wrapping 64-bit arithmetic; `h` is [low, high]. */
function accumulate(h: Int32Array, addedLow: number, addedHigh: number): void {
  const low = (h[0]! >>> 0) + (addedLow >>> 0);
  const sumLow = low >>> 0;
  const sumHigh = (h[1]! + addedHigh + (low > 0xffffffff ? 1 : 0)) | 0;
  // High word of the 32 × 32 bit product, in steps that a double holds exactly.
  const upper = (sumLow >>> 16) * multiplierLow + Math.floor(((sumLow & 0xffff) * multiplierLow) / 65536);
  const carried = Math.floor(upper / 65536);
  const productLow = Math.imul(sumLow, multiplierLow);
  const productHigh = (carried + Math.imul(sumLow, multiplierHigh) + Math.imul(sumHigh, multiplierLow)) | 0;
  h[0] = (productLow + 1) | 0;
  h[1] = (productHigh + (productLow === -1 ? 1 : 0)) | 0;
}

/** The bit of a layer: twelve rounds of the same generator, each with an arithmetic shift by five; then bit 30. */
function bitOf(low: number, high: number, h: Int32Array): number {
  h[0] = low;
  h[1] = high;
  for (let round = 0; round < 12; round++) {
    accumulate(h, 1, 0);
    h[0] = (h[0] >>> 5) | (h[1] << 27);
    h[1] = h[1] >> 5;
  }
  return (h[0] >>> 30) & 1;
}

const lowWord = (value: number): number => value | 0;
const highWord = (value: number): number => Math.floor(value / 4294967296) | 0;

/** Start value: SHA-256 of the keys as little-endian int64, as a big-endian number modulo 2⁶³ − 1. */
export function synthIdStart(keys: readonly number[]): bigint {
  const bytes = Buffer.alloc(8 * keys.length);
  keys.forEach((key, index) => bytes.writeBigInt64LE(BigInt(key), 8 * index));
  return BigInt(`0x${createHash('sha256').update(bytes).digest('hex')}`) % (2n ** 63n - 1n);
}

/** The functions of SynthID-Text (Dathathri et al. 2024) for one set of layer keys, bit-exact to the published code. */
export function synthIdHash(keys: readonly number[]): {
  /** Hash of each layer for an n-gram, as signed 64-bit numbers. */
  ngramKeys(ngram: readonly number[]): bigint[];
  /** The bits of each layer for an n-gram. */
  bits(ngram: readonly number[]): Uint8Array;
} {
  const start = synthIdStart(keys);
  const startLow = Number(BigInt.asIntN(32, start));
  const startHigh = Number(BigInt.asIntN(32, start >> 32n));
  const layers = keys.map((key) => ({ low: lowWord(key), high: highWord(key) }));
  const h = new Int32Array(2);
  const eachLayer = (ngram: readonly number[], take: (low: number, high: number, layer: number) => void) => {
    h[0] = startLow;
    h[1] = startHigh;
    for (const token of ngram) accumulate(h, lowWord(token), highWord(token));
    const [low, high] = [h[0], h[1]];
    layers.forEach((key, layer) => {
      h[0] = low;
      h[1] = high;
      accumulate(h, key.low, key.high);
      take(h[0], h[1], layer);
    });
  };
  return {
    ngramKeys(ngram) {
      const answer: bigint[] = [];
      eachLayer(ngram, (low, high) => answer.push((BigInt(high) << 32n) | BigInt(low >>> 0)));
      return answer;
    },
    bits(ngram) {
      const answer = new Uint8Array(keys.length);
      eachLayer(ngram, (low, high, layer) => {
        answer[layer] = bitOf(low, high, h);
      });
      return answer;
    },
  };
}

/** The tournament: for each layer, p ← p · (1 + g − Σ g·p). `bits[candidate][layer]`. */
export function tournament(probabilities: Float64Array, bits: readonly ArrayLike<number>[]): Float64Array {
  const result = probabilities.slice();
  const depth = bits[0]?.length ?? 0;
  for (let layer = 0; layer < depth; layer++) {
    let mass = 0;
    for (let i = 0; i < result.length; i++) mass += result[i]! * bits[i]![layer]!;
    for (let i = 0; i < result.length; i++) result[i] = result[i]! * (1 + bits[i]![layer]! - mass);
  }
  return result;
}

/** Share of ones over all tokens and layers. */
export function meanScore(rows: readonly ArrayLike<number>[]): number {
  return weighted(rows, () => 1);
}

/** The same with weights from 10 for the first layer down to 1 for the last, scaled to a mean of one. */
export function weightedMeanScore(rows: readonly ArrayLike<number>[]): number {
  const depth = rows[0]?.length ?? 0;
  return weighted(rows, (layer) => (depth === 1 ? 10 : 10 - (9 * layer) / (depth - 1)));
}

function weighted(rows: readonly ArrayLike<number>[], weight: (layer: number) => number): number {
  let sum = 0;
  let total = 0;
  for (const row of rows)
    for (let layer = 0; layer < row.length; layer++) {
      sum += weight(layer) * row[layer]!;
      total += weight(layer);
    }
  return total === 0 ? 0 : sum / total;
}

/** Thirty layer keys from one secret, for those who have no keys of their own. */
export function synthIdKeys(key: Buffer, depth = 30): number[] {
  const bytes = Buffer.from(
    hkdfSync('sha256', key, Buffer.alloc(0), 'merlon-watermark/1 synthid', 4 * depth),
  );
  return Array.from({ length: depth }, (_, layer) => bytes.readUInt32LE(4 * layer) >>> 2);
}

export function synthIdWatermark(keys: readonly number[], options: SynthIdOptions = {}): Watermark {
  const { ngram = 5, topK = 256 } = options;
  const context = ngram - 1;
  const hash = synthIdHash(keys);
  return {
    name: 'synthid',
    mark(tokens, logits, seen) {
      if (tokens.length < context) return;
      const before = tokens.slice(-context);
      const name = before.join();
      if (seen.has(name)) return;
      seen.add(name);
      const candidates = likeliest(logits, topK);
      const largest = Math.max(...candidates.map((token) => logits[token]!));
      const probabilities = Float64Array.from(candidates, (token) => Math.exp(logits[token]! - largest));
      const total = probabilities.reduce((sum, one) => sum + one, 0);
      for (let i = 0; i < probabilities.length; i++) probabilities[i] = probabilities[i]! / total;
      const marked = tournament(
        probabilities,
        candidates.map((token) => hash.bits([...before, token])),
      );
      logits.fill(-Infinity);
      candidates.forEach((token, index) => {
        logits[token] = Math.log(marked[index]!);
      });
    },
    detect(tokens) {
      const seen = new Set<string>();
      let ones = 0;
      for (let place = context; place < tokens.length; place++) {
        const name = tokens.slice(place - context, place).join();
        if (seen.has(name)) continue;
        seen.add(name);
        for (const bit of hash.bits(tokens.slice(place - context, place + 1))) ones += bit;
      }
      const scored = seen.size;
      const throws = scored * keys.length;
      return {
        scheme: 'synthid',
        tokens: tokens.length,
        scored,
        score: ones,
        expected: throws / 2,
        z: throws === 0 ? 0 : (ones - throws / 2) / Math.sqrt(throws / 4),
        tail: binomialTail(throws, ones, 0.5),
      };
    },
  };
}

function likeliest(logits: Float32Array, count: number): number[] {
  const candidates: number[] = [];
  for (let token = 0; token < logits.length; token++) if (logits[token]! > -Infinity) candidates.push(token);
  if (candidates.length <= count) return candidates;
  return candidates.sort((left, right) => logits[right]! - logits[left]!).slice(0, count);
}
