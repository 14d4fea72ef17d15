import { Problem } from '../../kernel/problem.ts';

/** Tags of the sequence: outside, and beginning and inside of each kind. */
export const tags = [
  'O',
  'B-person',
  'I-person',
  'B-location',
  'I-location',
  'B-organisation',
  'I-organisation',
] as const;
export const tagCount = tags.length;
export const outside = 0;

/** Weights are one table of rows of `tagCount`, chosen by hash. */
export const buckets = 1 << 17;
/** Bits per word: what the lexicon knows of it. */
export const lexiconSize = 1 << 16;
/** Seen in small letters: an ordinary word. */
export const ordinary = 1;
/** Nearly always with a capital, also within a sentence. */
export const proper = 2;
/** Often after the words that places follow, and where people stand in a sentence. */
export const placed = 4;
export const acting = 8;
/** Bits of a word that say how it is written. */
const writing = ordinary | proper;

/** What is known of a word whatever stands around it. */
interface Word {
  /** Hash of the word in small letters. */
  word: number;
  shape: number;
  prefixes: readonly [number, number, number];
  suffixes: readonly [number, number, number];
  lexicon: number;
  capital: boolean;
}

/** One word, number or sign of a text. */
export interface Token extends Word {
  start: number;
  end: number;
}

const pattern = /https?:\/\/[^\s]+|[@#]?[\p{L}\p{N}_][\p{M}]*(?:['’.\-&]?[\p{L}\p{M}\p{N}_])*|[^\s]/gu;
/** Part of a token that is read: no name is longer. */
const unitsRead = 40;
/** Words remembered with their hashes: most words of a text are among the last ones met. */
const remembered = 20_000;

/** Cuts texts into tokens by one lexicon. */
export function createTokenizer(lexicon: Uint8Array): (text: string) => Token[] {
  const known = new Map<string, Word>();
  return (text) => {
    const tokens: Token[] = [];
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      const { 0: found, index } = match;
      const written = found.length > unitsRead ? found.slice(0, unitsRead) : found;
      let one = known.get(written);
      if (one === undefined) {
        if (known.size >= remembered) known.clear();
        known.set(written, (one = wordOf(written, lexicon)));
      }
      const { word, shape, prefixes, suffixes, lexicon: bits, capital } = one;
      tokens.push({
        word,
        shape,
        prefixes,
        suffixes,
        lexicon: bits,
        capital,
        start: index,
        end: index + found.length,
      });
    }
    return tokens;
  };
}

function wordOf(written: string, lexicon: Uint8Array): Word {
  const small = written.toLowerCase();
  const { length } = small;
  const word = hash(small, 0, length);
  return {
    word,
    shape: shapeOf(written),
    prefixes: [
      hash(small, 0, Math.min(1, length)),
      hash(small, 0, Math.min(2, length)),
      hash(small, 0, Math.min(3, length)),
    ],
    suffixes: [
      hash(small, Math.max(0, length - 2), length),
      hash(small, Math.max(0, length - 3), length),
      hash(small, Math.max(0, length - 4), length),
    ],
    lexicon: lexicon[word & (lexiconSize - 1)]!,
    capital: written !== small,
  };
}

export function hash(text: string, from: number, to: number): number {
  let value = 0x811c9dc5;
  for (let at = from; at < to; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return mix(value);
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** Capitals, small letters, digits and others, with runs collapsed: `Xx`, `XX`, `Xx-Xx`, `d`. */
function shapeOf(word: string): number {
  let shape = 7;
  let last = 0;
  let runs = 0;
  for (let at = 0; at < word.length && runs < 8; at += 1) {
    const char = word[at]!;
    const unit = word.charCodeAt(at);
    const kind =
      unit >= 48 && unit <= 57
        ? 1
        : unit === 64
          ? 5
          : unit === 35
            ? 6
            : char.toLowerCase() !== char
              ? 2
              : char.toUpperCase() !== char
                ? 3
                : 4;
    if (kind === last) {
      // One capital and several differ: `A` and `AB`.
      if (kind === 2 && at === 1) shape = Math.imul(shape, 31) + 9;
      continue;
    }
    last = kind;
    runs += 1;
    shape = Math.imul(shape, 31) + kind;
  }
  return mix(shape);
}

/** An ordinary word in small letters after no name is none itself: most of a text is passed over so. */
export function passes({ capital, lexicon }: Token, before: number): boolean {
  return before === outside && !capital && (lexicon & writing) === ordinary;
}

export const featureCount = 36;
const edge = 0x5bd1e995;

/** Rows of the table that speak for the tag of one token, given the two tags before it. */
export function featuresOf(
  tokens: readonly Token[],
  at: number,
  before: number,
  beforeThat: number,
  out: Uint32Array,
): void {
  const token = tokens[at]!;
  const left = tokens[at - 1];
  const left2 = tokens[at - 2];
  const right = tokens[at + 1];
  const right2 = tokens[at + 2];
  const { word, shape, lexicon } = token;
  const leftWord = left?.word ?? edge;
  const rightWord = right?.word ?? edge;
  const leftShape = left?.shape ?? edge;
  const rightShape = right?.shape ?? edge;
  const kind = lexicon + (token.capital ? 16 : 0);
  const leftKind = left === undefined ? 33 : left.lexicon + (left.capital ? 16 : 0);
  const rightKind = right === undefined ? 33 : right.lexicon + (right.capital ? 16 : 0);
  let n = 0;
  const put = (template: number, one: number, other = 0): void => {
    out[n++] =
      (mix(Math.imul(one + template, 0x9e3779b1) ^ Math.imul(other + 0x7f4a7c15, template * 2 + 1)) &
        (buckets - 1)) *
      tagCount;
  };
  put(1, 0);
  put(2, word);
  put(3, shape);
  put(4, token.prefixes[0], shape);
  put(5, token.prefixes[1]);
  put(6, token.prefixes[2]);
  put(7, token.suffixes[0]);
  put(8, token.suffixes[1]);
  put(9, token.suffixes[2]);
  put(10, leftWord);
  put(11, rightWord);
  put(12, left2?.word ?? edge);
  put(13, right2?.word ?? edge);
  put(14, leftShape, shape);
  put(15, rightShape, shape);
  put(16, before);
  put(17, before, beforeThat);
  put(18, before, word);
  put(19, before, shape);
  put(20, leftWord, word);
  put(21, word, rightWord);
  put(22, leftWord, shape);
  put(23, rightWord, shape);
  put(24, kind, before);
  put(25, kind, leftKind * 64 + rightKind);
  put(26, leftWord, before);
  put(27, rightWord, before);
  put(28, left?.suffixes[0] ?? edge, shape);
  put(29, right?.suffixes[0] ?? edge, shape);
  put(30, left === undefined ? 1 : 0, shape);
  put(31, kind, shape);
  put(32, leftWord, left2?.word ?? edge);
  put(33, rightWord, right2?.word ?? edge);
  put(34, token.suffixes[1], kind);
  put(35, lexicon >> 2, leftWord);
  put(36, lexicon >> 2, shape);
}

/** Tags that may follow a tag: an inside only after its own kind. */
export function follows(before: number, tag: number): boolean {
  return tag === outside || tag % 2 === 1 || before === tag || before === tag - 1;
}

export interface NamesModel {
  scale: number;
  lexicon: Uint8Array;
  weights: Int8Array;
}

const magic = 'MRLNAME2';

/** A model file: 8 bytes of name, the scale as 32-bit float, the lexicon packed in 4 bits per word, the weights in 8 bits each. */
export function encodeNames({ scale, lexicon, weights }: NamesModel): Uint8Array {
  const packed = new Uint8Array(lexiconSize / 2);
  for (let at = 0; at < lexiconSize; at += 1) packed[at >> 1]! |= lexicon[at]! << ((at & 1) * 4);
  const bytes = new Uint8Array(12 + packed.length + weights.length);
  bytes.set(new TextEncoder().encode(magic));
  new DataView(bytes.buffer).setFloat32(8, scale, true);
  bytes.set(packed, 12);
  bytes.set(new Uint8Array(weights.buffer, weights.byteOffset, weights.length), 12 + packed.length);
  return bytes;
}

/** @throws Problem ASSET_MISSING when the bytes are not such a file */
export function parseNames(bytes: Uint8Array): NamesModel {
  const packedSize = lexiconSize / 2;
  if (
    bytes.length !== 12 + packedSize + buckets * tagCount ||
    new TextDecoder().decode(bytes.subarray(0, 8)) !== magic
  )
    throw new Problem('ASSET_MISSING', {
      detail: 'the model file `names.bin` cannot be read',
      fix: 'Restore it from the distribution, or train it again with tools/train-names.mjs.',
    });
  const lexicon = new Uint8Array(lexiconSize);
  for (let at = 0; at < lexiconSize; at += 1) lexicon[at] = (bytes[12 + (at >> 1)]! >> ((at & 1) * 4)) & 15;
  return {
    scale: new DataView(bytes.buffer, bytes.byteOffset).getFloat32(8, true),
    lexicon,
    weights: new Int8Array(bytes.subarray(12 + packedSize)),
  };
}
