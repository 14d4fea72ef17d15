import { backwardsWords, rotatedWords } from './ciphers.ts';

/** What a text may hold, found in one cheap pass, so that ordinary prose skips the work of undoing it. */
export const suspect = { encoded: 1, spaced: 2, leet: 4, rotated: 8, backwards: 16 } as const;

const leetSigns = new Set(Array.from('0134578@$!|+€', (sign) => sign.charCodeAt(0)));

/** Kinds of hidden spelling by the hash of a lower-case word; a collision only costs time. */
const wordKinds = new Uint8Array(4096);
for (const [words, kind] of [
  [rotatedWords, suspect.rotated],
  [backwardsWords, suspect.backwards],
] as const) {
  for (const word of words) {
    let hash = 0;
    for (const letter of word) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0;
    wordKinds[(hash ^ (hash >>> 12)) & 4095]! |= kind;
  }
}

/** Bits of `suspect`. Never misses what the transforms would undo; may raise a false alarm. */
export function suspicion(text: string): number {
  let found = 0;
  let hash = 0;
  let word = 0;
  let run = 0;
  let letters = 0;
  let others = 0;
  let bits = 0;
  let single = 0;
  let lastSingle = -9;
  let pairs = 0;
  let signs = 0;
  for (let index = 0; index <= text.length; index++) {
    const unit = index < text.length ? text.charCodeAt(index) : 32;
    const lower = unit | 32;
    const isLetter = (lower >= 97 && lower <= 122) || unit > 0xbf;
    if (isLetter) {
      if (signs > 0 && signs < 4) found |= suspect.leet;
      signs = 0;
      hash = (Math.imul(hash, 31) + lower) | 0;
      word++;
    } else {
      if (word > 0) {
        found |= wordKinds[(hash ^ (hash >>> 12)) & 4095]!;
        if (word === 1) {
          single = index - lastSingle === 2 ? single + 1 : 1;
          lastSingle = index;
          if (single >= 4) found |= suspect.spaced;
        }
        signs = 0;
        hash = 0;
      }
      if (leetSigns.has(unit) && (word > 0 || signs > 0)) signs++;
      else signs = 0;
      word = 0;
    }
    if (
      (isLetter && unit < 0x80) ||
      (unit >= 48 && unit <= 57) ||
      unit === 43 ||
      unit === 45 ||
      unit === 47 ||
      unit === 95
    ) {
      // Base64 mixes its alphabet; a capital at the beginning, or a date, does not count.
      if (isLetter) letters++;
      if (run > 0 && (unit < 97 || unit > 122) && unit !== 45 && unit !== 47) others++;
      if (unit === 48 || unit === 49) bits++;
      run++;
      if (run === 2) pairs++;
      else if (run === 3) pairs = 0;
      if ((run >= 12 && letters >= 4 && others > 0) || (run === 8 && bits === 8) || pairs >= 7) {
        found |= suspect.encoded;
      }
      continue;
    }
    run = 0;
    letters = 0;
    others = 0;
    bits = 0;
    // `%41`, `&#65;`, `\u0041`, `=41` and a soft line break.
    if (unit === 37 || unit === 38 || unit === 92 || unit === 61) found |= suspect.encoded;
  }
  return found;
}
