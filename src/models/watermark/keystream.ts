import { createCipheriv, createHmac } from 'node:crypto';

const block = Buffer.alloc(16);

/**
 * The keyed random function of the watermarks: for a context of tokens, 32 random bits per vocabulary entry. Bits of
 * entry v are the little-endian word at byte 4v of AES-256-CTR (zero start block) under HMAC-SHA-256(key, label ‖ 0 ‖
 * context as little-endian 32-bit words). Portable, and any entry is reached without computing those before it.
 */
export interface Keystream {
  /** Words of entries 0 to `size` − 1. */
  words(context: readonly number[], size: number): Uint32Array;
  /** The word of one entry; the same as `words(…)[entry]`. */
  word(context: readonly number[], entry: number): number;
}

export function createKeystream(key: Buffer, label: string): Keystream {
  const start = Buffer.concat([Buffer.from(label, 'utf8'), Buffer.of(0)]);
  const contextKey = (context: readonly number[]): Buffer => {
    const bytes = Buffer.alloc(4 * context.length);
    context.forEach((token, index) => bytes.writeUInt32LE(token >>> 0, 4 * index));
    return createHmac('sha256', key).update(start).update(bytes).digest();
  };
  return {
    words(context, size) {
      const bytes = createCipheriv('aes-256-ctr', contextKey(context), block).update(Buffer.alloc(4 * size));
      const words = new Uint32Array(size);
      for (let entry = 0; entry < size; entry++) words[entry] = bytes.readUInt32LE(4 * entry);
      return words;
    },
    word(context, entry) {
      const counter = Buffer.alloc(16);
      counter.writeUInt32BE(entry >>> 2, 12);
      const bytes = createCipheriv('aes-256-ctr', contextKey(context), counter).update(Buffer.alloc(16));
      return bytes.readUInt32LE(4 * (entry & 3));
    },
  };
}

/** A word as a number strictly between 0 and 1. */
export const unit = (word: number): number => (word + 0.5) / 4294967296;
