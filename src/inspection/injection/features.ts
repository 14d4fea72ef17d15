import { concepts, conceptNames } from './lexicon.ts';
import { foldAscii, foldUnit, foldWord, isUnspaced, isWordUnit } from './fold.ts';

/** Three groups of hashed features, one range each: characters 3–5, words with their neighbours, concepts with theirs. */
export const charSize = 1 << 18;
export const wordSize = 1 << 17;
export const conceptSize = 1 << 13;
export const sparseSize = charSize + wordSize + conceptSize;
export const denseNames = [
  'capitals',
  'capital words',
  'marks',
  'lines',
  'length',
  'questions',
  'you',
  'start',
  'end',
  'whole',
] as const;
/** Concept by hash of the folded word (`exact`) or of its beginning (`prefix`); open addressing on 16 bits. */
const lexicon = buildLexicon();

interface Lexicon {
  keys: Int32Array;
  concept: Uint8Array;
}

function buildLexicon(): Lexicon {
  const table: Lexicon = { keys: new Int32Array(1 << 16), concept: new Uint8Array(1 << 16) };
  for (const [number, name] of conceptNames.entries()) {
    for (const entry of concepts[name].split(/\s+/)) {
      const isPrefix = entry.endsWith('*');
      const units = foldWord(isPrefix ? entry.slice(0, -1) : entry);
      let hash = 0;
      for (const unit of units) hash = step(hash, unit);
      const key = isPrefix ? hash : step(hash, 1);
      const slot = slotOf(key);
      if (table.concept[slot] === 0) {
        table.keys[slot] = key;
        table.concept[slot] = number + 1;
      }
    }
  }
  return table;

  function slotOf(key: number): number {
    let slot = spread(key) & 0xffff;
    while (table.concept[slot] !== 0 && table.keys[slot] !== key) slot = (slot + 1) & 0xffff;
    return slot;
  }
}

function conceptOf(key: number): number {
  let slot = spread(key) & 0xffff;
  while (lexicon.concept[slot] !== 0) {
    if (lexicon.keys[slot] === key) return lexicon.concept[slot]!;
    slot = (slot + 1) & 0xffff;
  }
  return 0;
}

function step(hash: number, unit: number): number {
  return (Math.imul(hash, 0x01000193) ^ Math.imul(unit, 0x9e3779b1)) | 0;
}

function spread(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

/** A text made ready: folded units with their places, words with hash and concept. */
export interface Prepared {
  length: number;
  units: Uint16Array;
  /** Index in the text of each unit. */
  at: Uint32Array;
  /** 1 where the original was a capital letter. */
  capital: Uint8Array;
  words: number;
  wordStart: Uint32Array;
  wordEnd: Uint32Array;
  wordHash: Int32Array;
  wordConcept: Uint8Array;
}

function emptyPrepared(capacity: number): Prepared {
  return {
    length: 0,
    units: new Uint16Array(capacity),
    at: new Uint32Array(capacity),
    capital: new Uint8Array(capacity),
    words: 0,
    wordStart: new Uint32Array(capacity),
    wordEnd: new Uint32Array(capacity),
    wordHash: new Int32Array(capacity),
    wordConcept: new Uint8Array(capacity),
  };
}

/** Longest text whose buffers are kept for the next one, in UTF-16 units. */
const keptCapacity = 1 << 16;

/** Prepares one text after the other in the same buffers: what it returns is good until it is called again. */
export function createPreparer(): (text: string) => Prepared {
  let kept = emptyPrepared(4096);
  return (text) => {
    if (text.length > keptCapacity) return prepare(text);
    if (text.length > kept.units.length) kept = emptyPrepared(Math.min(keptCapacity, text.length * 2));
    return prepare(text, kept);
  };
}

/** Folds a text and finds its words. Linear. Buffers that are given are longer than their contents. */
export function prepare(text: string, into: Prepared = emptyPrepared(text.length)): Prepared {
  const { units, at, capital, wordStart, wordEnd, wordHash, wordConcept } = into;
  let length = 0;
  let last = 32;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    const folded = unit < 128 ? foldAscii[unit]! : foldUnit(unit);
    if (folded === 0 || (folded === 32 && last === 32)) continue;
    units[length] = folded;
    at[length] = index;
    capital[length] = folded !== unit && folded >= 97 && folded <= 122 ? 1 : 0;
    length++;
    last = folded;
  }
  let words = 0;
  for (let index = 0; index < length;) {
    const unit = units[index]!;
    if (!isWordUnit(unit)) {
      index++;
      continue;
    }
    let end = index + 1;
    let hash = step(0, unit);
    let concept = 0;
    if (isUnspaced(unit)) {
      let longer = hash;
      for (let next = index + 1; ; next++) {
        const found = conceptOf(step(longer, 1));
        if (found !== 0) concept = found;
        if (next >= length || next > index + 5 || !isUnspaced(units[next]!)) break;
        longer = step(longer, units[next]!);
      }
    } else {
      for (; end < length && end < index + 40 && isWordUnit(units[end]!) && !isUnspaced(units[end]!); end++) {
        hash = step(hash, units[end]!);
        const found = end - index >= 2 ? conceptOf(hash) : 0;
        if (found !== 0) concept = found;
      }
      const whole = conceptOf(step(hash, 1));
      if (whole !== 0) concept = whole;
    }
    wordStart[words] = index;
    wordEnd[words] = end;
    wordHash[words] = hash;
    wordConcept[words] = concept;
    words++;
    index = end;
  }
  into.length = length;
  into.words = words;
  return into;
}

/** Reads the features of windows into buffers that are used again: one reader is not for two texts at once. */
export class WindowReader {
  readonly sparse: Uint32Array = new Uint32Array(1 << 15);
  readonly dense: Float64Array = new Float64Array(denseNames.length);
  /** End of each group in `sparse`: characters, words, concepts. */
  readonly ends: Int32Array = new Int32Array(3);
  /** With weights: their sums per group, so that scoring needs no second pass. */
  readonly sums: Int32Array = new Int32Array(3);
  /** Weight of a feature in the low byte, in the high one the round in which it was last seen: one look at memory for both. */
  readonly #table: Uint16Array;
  readonly #unseen: Uint16Array;
  /** The round as it stands in the table. */
  #round = 0;
  #count = 0;
  #sum = 0;

  constructor(weights: Int8Array = new Int8Array(sparseSize)) {
    this.#unseen = new Uint16Array(new Uint8Array(weights.buffer, weights.byteOffset, weights.length));
    this.#table = this.#unseen.slice();
  }

  /** Features of the units `from..to`; `firstWord` is the first word at or after `from`. */
  read(text: Prepared, from: number, to: number, firstWord: number): void {
    if (this.#round === 0xff00) {
      this.#table.set(this.#unseen);
      this.#round = 0;
    }
    this.#round += 0x100;
    this.#sum = 0;
    this.#count = this.#readCharacters(text.units, from, to);
    this.#close(0);
    const { capital, wordHash, wordConcept, wordStart, wordEnd } = text;
    let previous = 0;
    let beforePrevious = 0;
    let you = 0;
    let capitalWords = 0;
    let word = firstWord;
    for (; word < text.words && wordStart[word]! < to; word++) {
      const hash = wordHash[word]!;
      this.#addWord(hash ^ 0x3c6ef372);
      this.#addWord(Math.imul(previous, 31) ^ hash ^ 0x2545f491);
      this.#addWord(Math.imul(beforePrevious, 37) ^ hash ^ 0x1f83d9ab);
      const start = wordStart[word]!;
      const end = wordEnd[word]!;
      if (end - start >= 4 && capital[start] === 1 && capital[start + 1] === 1 && capital[end - 1] === 1) {
        capitalWords++;
        this.#addWord(hash ^ 0x6a09e667);
      }
      if (wordConcept[word] === youConcept) you++;
      beforePrevious = previous;
      previous = hash;
    }
    this.#close(1);
    this.#readConcepts(text, firstWord, word);
    this.#close(2);
    const words = word - firstWord;
    this.#describe(text, from, to, { you, words, capitalWords });
  }

  #close(group: number): void {
    this.ends[group] = this.#count;
    this.sums[group] = this.#sum;
    this.#sum = 0;
  }

  /** Characters in threes, fours and fives: the inner loop of all scoring, hence in one piece. Returns how many are new. */
  #readCharacters(units: Uint16Array, from: number, to: number): number {
    const { sparse } = this;
    const table = this.#table;
    const round = this.#round;
    let count = 0;
    let sum = 0;
    let one = 32;
    let two = 32;
    let three = 32;
    let four = 32;
    const last = Math.min(to, from + Math.floor(sparse.length / 4));
    for (let index = from; index < last; index++) {
      const unit = units[index]!;
      const gram3 = Math.imul(two, 0x85ebca6b) ^ Math.imul(one, 0xc2b2ae35) ^ Math.imul(unit, 0x9e3779b1);
      const gram4 = gram3 ^ Math.imul(three, 0x27d4eb2f);
      const gram5 = gram4 ^ Math.imul(four, 0x165667b1);
      const slot3 = spread(gram3) & (charSize - 1);
      const known3 = table[slot3]!;
      if ((known3 & 0xff00) !== round) {
        table[slot3] = round | (known3 & 255);
        sparse[count++] = slot3;
        sum += (known3 << 24) >> 24;
      }
      const slot4 = spread(gram4 ^ 0x5bd1e995) & (charSize - 1);
      const known4 = table[slot4]!;
      if ((known4 & 0xff00) !== round) {
        table[slot4] = round | (known4 & 255);
        sparse[count++] = slot4;
        sum += (known4 << 24) >> 24;
      }
      const slot5 = spread(gram5 ^ 0x1b873593) & (charSize - 1);
      const known5 = table[slot5]!;
      if ((known5 & 0xff00) !== round) {
        table[slot5] = round | (known5 & 255);
        sparse[count++] = slot5;
        sum += (known5 << 24) >> 24;
      }
      four = three;
      three = two;
      two = one;
      one = unit;
    }
    this.#sum = sum;
    return count;
  }

  /** Concepts alone, in pairs and triples of neighbours, and with one between; words without a concept are skipped. */
  #readConcepts({ wordConcept }: Prepared, firstWord: number, lastWord: number): void {
    let one = 0;
    let two = 0;
    let oneAt = -100;
    let twoAt = -100;
    for (let word = firstWord; word < lastWord; word++) {
      const concept = wordConcept[word]!;
      if (concept === 0) continue;
      this.#addConcept(concept);
      if (word - oneAt <= 6) {
        this.#addConcept(64 + one * 32 + concept);
        if (word - twoAt <= 9) this.#addConcept(2048 + (two * 32 + one) * 32 + concept);
      }
      if (word - twoAt <= 8) this.#addConcept(1200 + two * 32 + concept);
      two = one;
      twoAt = oneAt;
      one = concept;
      oneAt = word;
    }
  }

  #describe(
    text: Prepared,
    from: number,
    to: number,
    { you, words, capitalWords }: { you: number; words: number; capitalWords: number },
  ): void {
    const { units, capital, length } = text;
    let capitals = 0;
    let letters = 0;
    let marks = 0;
    let questions = 0;
    for (let index = from; index < to; index++) {
      const unit = units[index]!;
      if (unit >= 97 && unit <= 122) {
        letters++;
        capitals += capital[index]!;
      } else if (unit === 63 || unit === 0xff1f) questions++;
      else if (unit !== 32 && unit < 0xc0) marks++;
    }
    const size = Math.max(1, to - from);
    const { dense } = this;
    dense[0] = capitals / (letters + 5);
    dense[1] = Math.min(1, (capitalWords * 4) / (words + 4));
    dense[2] = marks / size;
    dense[3] = 0;
    dense[4] = Math.log(size + 8) / 6.5;
    dense[5] = Math.min(1, (questions * 20) / (size + 20));
    dense[6] = Math.min(1, (you * 8) / (words + 4));
    dense[7] = from === 0 ? 1 : 0;
    dense[8] = to === length ? 1 : 0;
    dense[9] = from === 0 && to === length ? 1 : 0;
  }

  #add(index: number): void {
    const known = this.#table[index]!;
    if ((known & 0xff00) === this.#round || this.#count >= this.sparse.length) return;
    this.#table[index] = this.#round | (known & 255);
    this.sparse[this.#count++] = index;
    this.#sum += (known << 24) >> 24;
  }

  #addWord(hash: number): void {
    this.#add(charSize + (spread(hash) & (wordSize - 1)));
  }

  #addConcept(code: number): void {
    this.#add(charSize + wordSize + (code < 2048 ? code : 2048 + (spread(code) % (conceptSize - 2048))));
  }
}

const youConcept = conceptNames.indexOf('you') + 1;
