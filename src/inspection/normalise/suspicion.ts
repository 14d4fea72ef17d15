import { beginsAsText } from './base64.ts';
import { backwardsWords, rotatedWords } from './ciphers.ts';

/** What a text may hold, found in one cheap pass, so that ordinary prose skips the work of undoing it. */
export const suspect = { encoded: 1, spaced: 2, leet: 4, rotated: 8, backwards: 16 } as const;

const letter = 1;
const leetSign = 2;
/** Of the alphabet of base64, or of a path that looks like it. */
const runUnit = 4;
/** May begin an escape. */
const escape = 8;

/** What a unit below U+00C0 is; all above count as letters. */
const kinds = Uint8Array.from({ length: 0xc0 }, (_, unit) => {
  const sign = String.fromCharCode(unit);
  return (
    (/[a-zA-Z]/.test(sign) ? letter : 0) |
    ('0134578@$!|+'.includes(sign) ? leetSign : 0) |
    (/[\w+/-]/.test(sign) ? runUnit : 0) |
    ('%&\\='.includes(sign) ? escape : 0)
  );
});

/** What a word in disguise is, by the hash of its lower-case letters. */
const wordKinds = new Map<number, number>();
/** The same by 12 bits of the hash: nearly all words are no such word, and see no more than this. */
const wordFilter = new Uint8Array(4096);
for (const [words, kind] of [
  [rotatedWords, suspect.rotated],
  [backwardsWords, suspect.backwards],
] as const) {
  for (const word of words) {
    let hash = 0;
    for (const one of word) hash = (Math.imul(hash, 31) + one.charCodeAt(0)) | 0;
    wordKinds.set(hash, (wordKinds.get(hash) ?? 0) | kind);
    wordFilter[(hash ^ (hash >>> 12)) & 4095] = 1;
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
    const kind = unit < 0xc0 ? kinds[unit]! : letter;
    if ((kind & letter) !== 0) {
      if (signs > 0) {
        if (signs < 4) found |= suspect.leet;
        signs = 0;
      }
      hash = (Math.imul(hash, 31) + (unit | 32)) | 0;
      word++;
    } else {
      if (word > 0) {
        if (wordFilter[(hash ^ (hash >>> 12)) & 4095] === 1) found |= wordKinds.get(hash) ?? 0;
        if (word === 1) {
          single = index - lastSingle === 2 ? single + 1 : 1;
          lastSingle = index;
          if (single >= 4) found |= suspect.spaced;
        }
        signs = 0;
        hash = 0;
      }
      if ((kind & leetSign) !== 0 && (word > 0 || signs > 0)) signs++;
      else signs = 0;
      word = 0;
    }
    if ((kind & runUnit) !== 0) {
      // Base64 mixes its alphabet; a capital at the beginning, or a date, does not count.
      if ((kind & letter) !== 0) letters++;
      if (run > 0 && (unit < 97 || unit > 122) && unit !== 45 && unit !== 47) others++;
      if (unit === 48 || unit === 49) bits++;
      run++;
      if (run === 2) pairs++;
      else if (run === 3) pairs = 0;
      if ((run === 8 && bits === 8) || pairs >= 7) found |= suspect.encoded;
      continue;
    }
    if (run >= 12 && letters >= 4 && others > 0 && (found & suspect.encoded) === 0) {
      if (beginsAsText(text, index - run, index) || isHexRun(text, index - run, index))
        found |= suspect.encoded;
    }
    run = 0;
    letters = 0;
    others = 0;
    bits = 0;
    if ((kind & escape) !== 0 && escapes(text, index, unit)) found |= suspect.encoded;
  }
  return found;
}

/** `%41`, `&#65;`, `\u0041`, `=41` and a soft line break begin here. */
function escapes(text: string, index: number, unit: number): boolean {
  const next = text.charCodeAt(index + 1);
  if (unit === 37) return isHex(next) && isHex(text.charCodeAt(index + 2));
  if (unit === 38) return next === 35 || (kinds[next] ?? 0) === (letter | runUnit);
  if (unit === 92) return next === 117 || next === 120;
  return next === 10 || next === 13 || (isHex(next) && isHex(text.charCodeAt(index + 2)));
}

function isHexRun(text: string, from: number, to: number): boolean {
  for (let index = from; index < to; index++) {
    const unit = text.charCodeAt(index);
    if (!isHex(unit) && unit !== 120) return false;
  }
  return true;
}

function isHex(unit: number): boolean {
  return (unit >= 48 && unit <= 57) || ((unit | 32) >= 97 && (unit | 32) <= 102);
}
