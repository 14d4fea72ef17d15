/** 64 bits as two words. */
export type SimHash = readonly [high: number, low: number];

/** Words looked at: the start of a long prompt tells which form it has. */
const wordsRead = 400;

/**
 * SimHash (Charikar 2002) over words and pairs of words, without case: texts that share most of them differ in few bits.
 * Numbers count as one word whatever their value, so that a list counted through is one form.
 */
export function simHash(text: string): SimHash {
  const words = (
    text
      .slice(0, 16_384)
      .toLowerCase()
      .match(/[\p{L}\p{M}]+|\p{N}+|[^\s\p{L}\p{M}\p{N}]/gu) ?? []
  )
    .slice(0, wordsRead)
    .map((word) => (/^\p{N}/u.test(word) ? '0' : word));
  const votes = new Int32Array(64);
  words.forEach((word, index) => {
    vote(votes, word);
    if (index > 0) vote(votes, `${words[index - 1]!} ${word}`);
  });
  return [wordOf(votes, 0), wordOf(votes, 32)];
}

/** Differing bits. */
export function distance([high, low]: SimHash, [otherHigh, otherLow]: SimHash): number {
  return ones(high ^ otherHigh) + ones(low ^ otherLow);
}

function vote(votes: Int32Array, feature: string): void {
  let first = 0x811c9dc5;
  let second = 0x9e3779b9;
  for (let i = 0; i < feature.length; i++) {
    const unit = feature.charCodeAt(i);
    first = Math.imul(first ^ unit, 0x01000193);
    second = Math.imul(second ^ unit, 0x85ebca6b) ^ (second >>> 13);
  }
  const words = [mixed(first), mixed(second ^ first)];
  for (let bit = 0; bit < 64; bit++)
    votes[bit] = votes[bit]! + ((words[bit >> 5]! >>> (bit & 31)) & 1 ? 1 : -1);
}

/** Finaliser of MurmurHash3: every bit of the input moves every bit of the result. */
function mixed(word: number): number {
  let value = word ^ (word >>> 16);
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  value = Math.imul(value, 0xc2b2ae35);
  return value ^ (value >>> 16);
}

function wordOf(votes: Int32Array, from: number): number {
  let word = 0;
  for (let bit = 0; bit < 32; bit++) if (votes[from + bit]! > 0) word |= 1 << bit;
  return word;
}

function ones(word: number): number {
  let value = word - ((word >>> 1) & 0x55555555);
  value = (value & 0x33333333) + ((value >>> 2) & 0x33333333);
  return Math.imul((value + (value >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
