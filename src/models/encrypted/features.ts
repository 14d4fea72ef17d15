/** Dimensions that fit: one CKKS ciphertext of the parameters in use has 4,096 slots. */
export const dimensionsAllowed = [256, 512, 1024, 2048, 4096] as const;

const readUnits = 20_000;

/**
 * What the client computes from a text, in the clear and on its own machine: words, pairs of neighbours and fours of
 * characters, hashed with signs (Weinberger et al. 2009) into few dimensions, logarithmic counts, unit length.
 */
export function encryptedFeatures(text: string, dimensions: number): Float64Array {
  const counts = new Map<number, number>();
  const add = (hash: number) => counts.set(hash, (counts.get(hash) ?? 0) + 1);
  let before = 0;
  for (const [word] of text
    .slice(0, readUnits)
    .normalize('NFKC')
    .toLowerCase()
    .matchAll(/[\p{L}\p{N}]+/gu)) {
    let hash = 0x811c9dc5;
    for (let index = 0; index < word.length && index < 40; index++) {
      hash = Math.imul(hash ^ word.charCodeAt(index), 0x01000193);
      if (index >= 3) {
        let four = 0x2f0b4c47;
        for (let at = index - 3; at <= index; at++) four = Math.imul(four ^ word.charCodeAt(at), 0x01000193);
        add(four);
      }
    }
    add(hash);
    add(Math.imul(before, 31) ^ hash ^ 0x5bd1e995);
    before = hash;
  }
  const vector = new Float64Array(dimensions);
  for (const [hash, count] of counts) {
    const once = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    const mixed = (once ^ (once >>> 13)) >>> 0;
    vector[mixed & (dimensions - 1)]! += ((mixed >>> 31) * 2 - 1) * (1 + Math.log(count));
  }
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares) || 1;
  return vector.map((value) => value / length);
}
