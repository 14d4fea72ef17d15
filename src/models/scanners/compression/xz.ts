import { Malformed } from '../contract.ts';
import { Output } from './output.ts';

// LZMA as of the LZMA specification (LZMA SDK, lzma-specification.txt), LZMA2 and the XZ container as of xz-file-format 1.1.0.
// Checksums are not compared: what is scanned is what a lenient loader would read.

const topValue = 2 ** 24;
const probabilityStart = 1024;

class RangeDecoder {
  readonly #bytes: Buffer;
  at: number;
  #range = 0;
  #code = 0;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  start(): void {
    this.#range = 0xffffffff;
    this.#code = 0;
    for (let index = 0; index < 5; index++) this.#code = ((this.#code << 8) | this.#next()) >>> 0;
  }

  #next(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw new Malformed(this.at, 'LZMA data ends early');
    this.at += 1;
    return byte;
  }

  bit(probabilities: Uint16Array, index: number): number {
    const probability = probabilities[index]!;
    const bound = (this.#range >>> 11) * probability;
    let bit: number;
    if (this.#code < bound) {
      this.#range = bound;
      probabilities[index] = probability + ((2048 - probability) >> 5);
      bit = 0;
    } else {
      this.#range = (this.#range - bound) >>> 0;
      this.#code = (this.#code - bound) >>> 0;
      probabilities[index] = probability - (probability >> 5);
      bit = 1;
    }
    if (this.#range < topValue) {
      this.#range = (this.#range << 8) >>> 0;
      this.#code = ((this.#code << 8) | this.#next()) >>> 0;
    }
    return bit;
  }

  direct(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index++) {
      this.#range >>>= 1;
      const bit = this.#code >= this.#range ? 1 : 0;
      if (bit === 1) this.#code = (this.#code - this.#range) >>> 0;
      value = value * 2 + bit;
      if (this.#range < topValue) {
        this.#range = (this.#range << 8) >>> 0;
        this.#code = ((this.#code << 8) | this.#next()) >>> 0;
      }
    }
    return value;
  }

  tree(probabilities: Uint16Array, bits: number, base = 0): number {
    let node = 1;
    for (let index = 0; index < bits; index++) node = node * 2 + this.bit(probabilities, base + node);
    return node - (1 << bits);
  }

  reverseTree(probabilities: Uint16Array, bits: number, base = 0): number {
    let node = 1;
    let value = 0;
    for (let index = 0; index < bits; index++) {
      const bit = this.bit(probabilities, base + node);
      node = node * 2 + bit;
      value |= bit << index;
    }
    return value;
  }
}

const fresh = (size: number): Uint16Array => new Uint16Array(size).fill(probabilityStart);

class LengthDecoder {
  readonly #choice = fresh(2);
  readonly #low = fresh(16 * 8);
  readonly #middle = fresh(16 * 8);
  readonly #high = fresh(256);

  read(range: RangeDecoder, position: number): number {
    if (range.bit(this.#choice, 0) === 0) return range.tree(this.#low, 3, position * 8) + 2;
    if (range.bit(this.#choice, 1) === 0) return range.tree(this.#middle, 3, position * 8) + 10;
    return range.tree(this.#high, 8) + 18;
  }
}

/** What one LZMA stream remembers between symbols. */
class Lzma {
  readonly #out: Output;
  readonly #lc: number;
  readonly #lpMask: number;
  readonly #pbMask: number;
  readonly #literals: Uint16Array;
  readonly #isMatch = fresh(12 * 16);
  readonly #isRep = fresh(12);
  readonly #isRepG0 = fresh(12);
  readonly #isRepG1 = fresh(12);
  readonly #isRepG2 = fresh(12);
  readonly #isRep0Long = fresh(12 * 16);
  readonly #slots = fresh(4 * 64);
  readonly #specials = fresh(128);
  readonly #align = fresh(16);
  readonly #lengths = new LengthDecoder();
  readonly #repLengths = new LengthDecoder();
  #state = 0;
  #reps = [0, 0, 0, 0];
  /** Where the dictionary of this stream begins in the output. */
  readonly #base: number;

  constructor(properties: number, out: Output, base: number) {
    if (properties >= 225) throw new Malformed(0, 'LZMA properties are not valid');
    const lp = Math.floor(properties / 9) % 5;
    this.#lc = properties % 9;
    this.#lpMask = (1 << lp) - 1;
    this.#pbMask = (1 << Math.floor(properties / 45)) - 1;
    this.#literals = fresh(0x300 << (this.#lc + lp));
    this.#out = out;
    this.#base = base;
  }

  /** Decodes until `end` bytes of output are there, or to the end marker; false when the marker came. */
  run(range: RangeDecoder, end: number): boolean {
    const out = this.#out;
    while (out.length < end) {
      const position = out.length - this.#base;
      const posState = position & this.#pbMask;
      if (range.bit(this.#isMatch, this.#state * 16 + posState) === 0) {
        this.#literal(range, position);
        continue;
      }
      let length: number;
      if (range.bit(this.#isRep, this.#state) === 1) {
        const short = this.#repeated(range, posState);
        if (short) continue;
        length = this.#repLengths.read(range, posState);
        this.#state = this.#state < 7 ? 8 : 11;
      } else {
        length = this.#lengths.read(range, posState);
        this.#state = this.#state < 7 ? 7 : 10;
        const distance = this.#distance(range, length);
        if (distance === 0xffffffff) return false;
        this.#reps = [distance, this.#reps[0]!, this.#reps[1]!, this.#reps[2]!];
      }
      const distance = this.#reps[0]! + 1;
      if (distance > position) throw new Malformed(range.at, 'an LZMA match begins before the data');
      if (out.length + length > end) throw new Malformed(range.at, 'an LZMA match goes past its chunk');
      out.repeat(distance, length);
    }
    return true;
  }

  #literal(range: RangeDecoder, position: number): void {
    const before = position === 0 ? 0 : this.#out.back(1);
    const base = 0x300 * (((position & this.#lpMask) << this.#lc) + (before >> (8 - this.#lc)));
    let symbol = 1;
    if (this.#state >= 7) {
      let match = this.#out.back(this.#reps[0]! + 1);
      do {
        const matchBit = (match >> 7) & 1;
        match = (match << 1) & 0xff;
        const bit = range.bit(this.#literals, base + ((1 + matchBit) << 8) + symbol);
        symbol = symbol * 2 + bit;
        if (matchBit !== bit) break;
      } while (symbol < 0x100);
    }
    while (symbol < 0x100) symbol = symbol * 2 + range.bit(this.#literals, base + symbol);
    this.#out.byte(symbol & 0xff);
    this.#state = this.#state < 4 ? 0 : this.#state < 10 ? this.#state - 3 : this.#state - 6;
  }

  /** A match at one of the last distances; true when it was one byte and is done. */
  #repeated(range: RangeDecoder, posState: number): boolean {
    const [one, two, three, four] = this.#reps as [number, number, number, number];
    if (range.bit(this.#isRepG0, this.#state) === 0) {
      if (range.bit(this.#isRep0Long, this.#state * 16 + posState) === 0) {
        this.#state = this.#state < 7 ? 9 : 11;
        this.#out.repeat(one + 1, 1);
        return true;
      }
    } else if (range.bit(this.#isRepG1, this.#state) === 0) this.#reps = [two, one, three, four];
    else if (range.bit(this.#isRepG2, this.#state) === 0) this.#reps = [three, one, two, four];
    else this.#reps = [four, one, two, three];
    return false;
  }

  #distance(range: RangeDecoder, length: number): number {
    const slot = range.tree(this.#slots, 6, Math.min(length - 2, 3) * 64);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) * 2 ** bits;
    if (slot < 14) return base + range.reverseTree(this.#specials, bits, base - slot);
    return base + range.direct(bits - 4) * 16 + range.reverseTree(this.#align, 4);
  }
}

/** Unpacks the .lzma format of LZMA Utils ("LZMA alone"). */
export function unpackLzma(packed: Buffer, most: number): Buffer {
  const out = new Output(most);
  const size = packed.readBigUInt64LE(5);
  const range = new RangeDecoder(packed, 13);
  range.start();
  const end = size === 0xffffffffffffffffn ? Number.MAX_SAFE_INTEGER : Number(size);
  new Lzma(packed[0]!, out, 0).run(range, end);
  return out.bytes();
}

/** Unpacks every block of every XZ stream; throws LimitExceeded above `most` bytes. */
export function unpackXz(packed: Buffer, most: number): Buffer {
  const out = new Output(most);
  let at = 0;
  while (at + 12 <= packed.length) {
    if (packed.subarray(at, at + 6).toString('latin1') !== '\xfd7zXZ\0') {
      if (packed.subarray(at).every((byte) => byte === 0)) break;
      throw new Malformed(at, 'something follows the XZ stream');
    }
    at = readStream(packed, at, out);
  }
  return out.bytes();
}

const checkSizes = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

function readStream(packed: Buffer, start: number, out: Output): number {
  const check = checkSizes[packed[start + 7]! & 15]!;
  let at = start + 12;
  for (;;) {
    const size = packed[at];
    if (size === undefined) throw new Malformed(at, 'an XZ stream has no end');
    if (size === 0) return endOfStream(packed, at);
    const header = (size + 1) * 4;
    checkFilters(packed, at);
    const data = readLzma2(packed, at + header, out);
    at = Math.ceil((data - start) / 4) * 4 + start + check;
  }
}

function checkFilters(packed: Buffer, at: number): void {
  const flags = packed[at + 1] ?? 0;
  if ((flags & 3) !== 0) throw new Malformed(at, 'an XZ block with more than one filter is not read');
  let next = at + 2;
  const skipNumber = (): void => {
    while (next < packed.length && (packed[next]! & 0x80) !== 0) next += 1;
    next += 1;
  };
  if ((flags & 0x40) !== 0) skipNumber();
  if ((flags & 0x80) !== 0) skipNumber();
  if (packed[next] !== 0x21) throw new Malformed(next, 'an XZ filter other than LZMA2 is not read');
}

/** LZMA2 chunks up to the one that says it is the last; the offset behind it. */
function readLzma2(packed: Buffer, start: number, out: Output): number {
  let at = start;
  let base = out.length;
  let properties: number | undefined;
  let lzma: Lzma | undefined;
  for (;;) {
    const control = packed[at];
    if (control === undefined) throw new Malformed(at, 'LZMA2 data ends early');
    at += 1;
    if (control === 0) return at;
    if (control === 1) {
      base = out.length;
      lzma = undefined;
    }
    if (control <= 2) {
      if (at + 2 > packed.length) throw new Malformed(at, 'an LZMA2 chunk is cut');
      const length = packed.readUInt16BE(at) + 1;
      if (at + 2 + length > packed.length) throw new Malformed(at, 'an LZMA2 chunk goes past the end');
      out.copy(packed.subarray(at + 2, at + 2 + length));
      at += 2 + length;
      continue;
    }
    if (control < 0x80 || at + 5 > packed.length) throw new Malformed(at, 'an LZMA2 chunk is not valid');
    const unpacked = ((control & 0x1f) << 16) + packed.readUInt16BE(at) + 1;
    const size = packed.readUInt16BE(at + 2) + 1;
    at += 4;
    const reset = (control >> 5) & 3;
    if (reset === 3) base = out.length;
    if (reset >= 2) properties = packed[at++]!;
    if (properties === undefined) throw new Malformed(at, 'the first LZMA2 chunk has no properties');
    if (reset >= 1 || lzma === undefined) lzma = new Lzma(properties, out, base);
    const range = new RangeDecoder(packed, at);
    range.start();
    lzma.run(range, out.length + unpacked);
    at += size;
  }
}

/** Behind the index and the footer, which are stepped over: `YZ` ends a stream on a multiple of four bytes. */
function endOfStream(packed: Buffer, index: number): number {
  for (let at = packed.indexOf('YZ', index, 'latin1'); at >= 0; at = packed.indexOf('YZ', at + 1, 'latin1'))
    if ((at + 2 - index) % 4 === 0) return at + 2;
  throw new Malformed(index, 'an XZ stream has no footer');
}
