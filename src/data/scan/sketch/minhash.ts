import { mix } from './hash.ts';

const bins = 16;
/** Bands of 4 bins: two texts that share 80 % of their shingles meet in one of the bands with 0.88, 95 % with 0.998. */
const rows = 4;
export const bands = bins / rows;
/** Words that a signature is made from: the beginning of a long text stands for it. */
const wordsRead = 256;
const absent = 0xffffffff;

/**
 * Band keys of a text: one-permutation MinHash over 3-word shingles (Li, Owen and Zhang 2012), empty bins filled by
 * rotation (Shrivastava and Li 2014). Two near-duplicates share a key. `words` are hashes of words in order.
 */
export function bandKeys(words: Uint32Array, length: number, out: Float64Array): boolean {
  const count = Math.min(length, wordsRead);
  if (count < 5) return false;
  const smallest = new Uint32Array(bins).fill(absent);
  for (let at = 0; at + 2 < count; at += 1) {
    const shingle = mix(
      Math.imul(words[at]!, 0x9e3779b1) ^ Math.imul(words[at + 1]!, 0x85ebca77) ^ words[at + 2]!,
    );
    const bin = shingle >>> 28;
    const value = (shingle << 4) >>> 0;
    if (value < smallest[bin]!) smallest[bin] = value;
  }
  for (let bin = 0; bin < bins; bin += 1) {
    if (smallest[bin] !== absent) continue;
    for (let step = 1; step < bins; step += 1) {
      const other = smallest[(bin + step) % bins]!;
      if (other === absent || other % 16 !== 0) continue;
      // The low bits tell a borrowed value from an own one.
      smallest[bin] = other + step;
      break;
    }
  }
  for (let band = 0; band < bands; band += 1) {
    let low = band + 1;
    let high = 0x2545f491 ^ band;
    for (let row = 0; row < rows; row += 1) {
      const value = smallest[band * rows + row]!;
      low = mix(low ^ value);
      high = mix(Math.imul(high, 31) ^ value);
    }
    out[band] = low * 0x100000 + (high >>> 12);
  }
  return true;
}

/** One key of 52 bits for the words of a text: case, punctuation and spaces do not make another text. */
export function keyOf(words: Uint32Array, length: number): number {
  let low = length;
  let high = 0x2545f491;
  for (let at = 0; at < length; at += 1) {
    low = Math.imul(low ^ words[at]!, 0x01000193);
    high = Math.imul(high, 31) ^ words[at]!;
  }
  return mix(low) * 0x100000 + (mix(high) >>> 12);
}

/** Hashes of the words of a text in small letters, without what stands between them. Returns how many there are. */
export function wordHashes(text: string, out: Uint32Array): number {
  let count = 0;
  let hash = 0;
  let inWord = false;
  for (let at = 0; at <= text.length; at += 1) {
    let unit = at < text.length ? text.charCodeAt(at) : 32;
    if (unit >= 65 && unit <= 90) unit |= 32;
    if ((unit >= 97 && unit <= 122) || (unit >= 48 && unit <= 57) || unit > 0xbf) {
      hash = Math.imul((inWord ? hash : 0x811c9dc5) ^ unit, 0x01000193);
      inWord = true;
    } else if (inWord) {
      out[count++] = mix(hash);
      inWord = false;
      if (count === out.length) break;
    }
  }
  return count;
}
