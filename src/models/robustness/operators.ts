import { pick } from './random.ts';
import { synonyms } from './words.ts';

/** A way to change a text so that people, or a model that is asked to, still read the same. */
export interface Operator {
  id: string;
  family: 'look' | 'invisible' | 'spelling' | 'layout' | 'encoding' | 'wording';
  /** Changes about this share of what it can change, 0..1. */
  apply(text: string, share: number, random: () => number): string;
  /** For operators that work word by word: some other forms of a word. The search uses these. */
  word?(word: string, random: () => number): string[];
}

const lookAlikes: Record<string, string> = {
  a: 'аɑ',
  b: 'Ьƅ',
  c: 'сϲ',
  d: 'ԁ',
  e: 'еҽ',
  f: 'ƒ',
  g: 'ɡ',
  h: 'һ',
  i: 'іι',
  j: 'ј',
  k: 'κ',
  l: 'ӏ',
  m: 'м',
  n: 'ո',
  o: 'оο',
  p: 'рρ',
  q: 'ԛ',
  r: 'г',
  s: 'ѕ',
  t: 'т',
  u: 'υ',
  v: 'ν',
  w: 'ԝ',
  x: 'х',
  y: 'у',
  z: 'ᴢ',
  A: 'А',
  B: 'В',
  C: 'С',
  E: 'Е',
  H: 'Н',
  I: 'І',
  J: 'Ј',
  K: 'К',
  M: 'М',
  N: 'Ν',
  O: 'О',
  P: 'Р',
  S: 'Ѕ',
  T: 'Т',
  X: 'Х',
  Y: 'У',
  Z: 'Ζ',
};

const digits: Record<string, string> = {
  a: '4@',
  b: '8',
  c: '(',
  e: '3',
  g: '9',
  i: '1!',
  l: '1|',
  o: '0',
  s: '5$',
  t: '7+',
  z: '2',
};

const neighbours: Record<string, string> = {
  a: 'sqz',
  b: 'vn',
  c: 'xv',
  d: 'sf',
  e: 'wr',
  f: 'dg',
  g: 'fh',
  h: 'gj',
  i: 'uo',
  j: 'hk',
  k: 'jl',
  l: 'k',
  m: 'n',
  n: 'bm',
  o: 'ip',
  p: 'o',
  q: 'wa',
  r: 'et',
  s: 'ad',
  t: 'ry',
  u: 'yi',
  v: 'cb',
  w: 'qe',
  x: 'zc',
  y: 'tu',
  z: 'x',
};

const invisibles = ['\u200b', '\u200c', '\u200d', '\u2060', '\ufeff'];
const marks = ['\u0300', '\u0301', '\u0302', '\u0303', '\u0308', '\u0323', '\u0331'];

/** Replaces letters one by one; `change` gives the other form or undefined. */
function letters(
  id: string,
  family: Operator['family'],
  change: (letter: string, random: () => number) => string | undefined,
): Operator {
  const apply: Operator['apply'] = (text, share, random) => {
    let out = '';
    for (const letter of text) out += (random() < share ? change(letter, random) : undefined) ?? letter;
    return out;
  };
  return { id, family, apply, word: (word, random) => [apply(word, 0.4, random), apply(word, 1, random)] };
}

/** Changes whole words. */
function words(
  id: string,
  family: Operator['family'],
  change: (word: string, random: () => number) => string | undefined,
): Operator {
  return {
    id,
    family,
    apply: (text, share, random) =>
      text.replace(/\p{L}{2,}/gu, (word) => (random() < share ? change(word, random) : undefined) ?? word),
    word: (word, random) => {
      const changed = change(word, random);
      return changed === undefined ? [] : [changed];
    },
  };
}

/** Hides the text as a whole; a model that is asked to decodes it. Part of it stays when the share is below one. */
function encoding(id: string, encode: (text: string) => string): Operator {
  return {
    id,
    family: 'encoding',
    apply(text, share) {
      const parts = text.split(' ');
      const open = Math.round(parts.length * (1 - share));
      const hidden = encode(parts.slice(open).join(' '));
      return open === 0 ? hidden : `${parts.slice(0, open).join(' ')} ${hidden}`;
    },
  };
}

const fromTable =
  (table: Record<string, string>) =>
  (letter: string, random: () => number): string | undefined => {
    const others = Object.hasOwn(table, letter) ? table[letter]! : undefined;
    return others && pick(random, Array.from(others));
  };

const isLetter = (letter: string): boolean => /\p{L}/u.test(letter);

export const operators: readonly Operator[] = [
  letters('homoglyph', 'look', fromTable(lookAlikes)),
  letters('fullwidth', 'look', (letter) => {
    const code = letter.charCodeAt(0);
    return code > 0x20 && code < 0x7f ? String.fromCharCode(code + 0xfee0) : undefined;
  }),
  letters('diacritics', 'look', (letter, random) =>
    isLetter(letter) ? letter + pick(random, marks) : undefined,
  ),
  letters('zero-width', 'invisible', (letter, random) =>
    isLetter(letter) ? letter + pick(random, invisibles) : undefined,
  ),
  letters('soft-hyphen', 'invisible', (letter) => (isLetter(letter) ? `${letter}\u00ad` : undefined)),
  letters('odd-letters', 'look', (letter, random) => (isLetter(letter) ? oddCharacter(random) : undefined)),
  letters('odd-between', 'invisible', (letter, random) =>
    isLetter(letter) ? letter + oddCharacter(random) : undefined,
  ),
  letters('leet', 'spelling', (letter, random) => fromTable(digits)(letter.toLowerCase(), random)),
  words('typo', 'spelling', typo),
  letters('casing', 'layout', (letter, random) =>
    random() < 0.5 ? letter.toUpperCase() : letter.toLowerCase(),
  ),
  words('spacing', 'layout', (word, random) => {
    if (random() < 0.5) return Array.from(word).join(' ');
    const at = 1 + Math.floor(random() * (word.length - 1));
    return `${word.slice(0, at)} ${word.slice(at)}`;
  }),
  words('punctuation', 'layout', (word, random) =>
    Array.from(word).join(pick(random, ['.', '-', '_', '*', '·'])),
  ),
  encoding('base64', (text) => Buffer.from(text).toString('base64')),
  encoding('hex', (text) => Buffer.from(text).toString('hex')),
  encoding('rot13', (text) =>
    text.replace(/[a-z]/gi, (letter) => {
      const first = letter <= 'Z' ? 65 : 97;
      return String.fromCharCode(((letter.charCodeAt(0) - first + 13) % 26) + first);
    }),
  ),
  encoding('reversed', (text) => Array.from(text).reverse().join('')),
  words('substitution', 'wording', (word, random) => {
    const others = synonyms(word);
    return others.length === 0 ? undefined : pick(random, others);
  }),
  {
    id: 'padding',
    family: 'wording',
    apply(text, share, random) {
      const count = Math.ceil(share * 6);
      const some = () => Array.from({ length: count }, () => pick(random, padding)).join(' ');
      return `${some()} ${text} ${some()}`;
    },
  },
];

/** Harmless sentences that water an attack down. */
const padding = [
  'The library opens at nine on weekdays.',
  'Our train was a few minutes late this morning.',
  'She watered the tomatoes before breakfast.',
  'The recipe calls for two cups of flour.',
  'A gentle breeze came in from the lake.',
  'He fixed the bicycle with a spare chain.',
  'The committee will meet again in October.',
  'They painted the fence a pale shade of green.',
];

/** Blocks that no ordinary text mixes; which one it is must not matter to a classifier. */
const oddBlocks = [
  [0x00a1, 0x17f],
  [0x0250, 0x2af],
  [0x03b1, 0x3ff],
  [0x0430, 0x52f],
  [0x0561, 0x587],
  [0x1e00, 0x1eff],
  [0x2070, 0x20bf],
  [0x2460, 0x24ff],
  [0x2600, 0x26ff],
  [0xa720, 0xa7ff],
] as const;

function oddCharacter(random: () => number): string {
  const [from, to] = pick(random, oddBlocks);
  return String.fromCharCode(from + Math.floor(random() * (to - from + 1)));
}

function typo(word: string, random: () => number): string | undefined {
  if (word.length < 3) return undefined;
  const at = 1 + Math.floor(random() * (word.length - 2));
  switch (Math.floor(random() * 4)) {
    case 0:
      return word.slice(0, at) + word[at + 1]! + word[at]! + word.slice(at + 2);
    case 1:
      return word.slice(0, at) + word.slice(at + 1);
    case 2:
      return word.slice(0, at) + word[at]! + word.slice(at);
    default: {
      const others = neighbours[word[at]!.toLowerCase()];
      return others === undefined
        ? undefined
        : word.slice(0, at) + pick(random, Array.from(others)) + word.slice(at + 1);
    }
  }
}

export const operatorIds: readonly string[] = operators.map(({ id }) => id);
