import { Malformed } from '../contract.ts';
import { Output } from './output.ts';

// bzip2: run lengths, Burrows-Wheeler, move to front, Huffman; blocks of up to 900,000 bytes. Checksums are not compared.

const blockMagic = 0x314159265359;
const endMagic = 0x177245385090;

class Bits {
  readonly #bytes: Buffer;
  #at: number;
  #held = 0;
  #count = 0;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  bit(): number {
    return this.bits(1);
  }

  /** Up to 24 bits at once. */
  bits(count: number): number {
    while (this.#count < count) this.#fill();
    this.#count -= count;
    return (this.#held >>> this.#count) & ((1 << count) - 1);
  }

  /** The next 20 bits without taking them; zeros behind the end. */
  peek(): number {
    while (this.#count < 20) {
      this.#held = (this.#held << 8) | (this.#bytes[this.#at] ?? 0);
      this.#at += 1;
      this.#count += 8;
    }
    return (this.#held >>> (this.#count - 20)) & 0xfffff;
  }

  skip(count: number): void {
    this.#count -= count;
    if (this.#at - (this.#count >> 3) > this.#bytes.length)
      throw new Malformed(this.#bytes.length, 'bzip2 data ends early');
  }

  #fill(): void {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new Malformed(this.#bytes.length, 'bzip2 data ends early');
    this.#at += 1;
    this.#held = (this.#held << 8) | byte;
    this.#count += 8;
  }

  /** What is left from the next whole byte on. */
  get rest(): Buffer {
    return this.#bytes.subarray(this.#at - (this.#count >> 3));
  }
}

/** Unpacks bzip2 streams; throws LimitExceeded above `most` bytes and Malformed on bad data. */
export function unpackBzip2(packed: Buffer, most: number): Buffer {
  const out = new Output(most);
  let rest = packed;
  while (rest.length >= 14 && rest.subarray(0, 3).toString('latin1') === 'BZh') {
    const blockMost = (rest[3]! - 0x30) * 100_000;
    const bits = new Bits(rest, 4);
    for (;;) {
      const magic = bits.bits(24) * 0x1000000 + bits.bits(24);
      bits.bits(16);
      bits.bits(16);
      if (magic === endMagic) break;
      if (magic !== blockMagic) throw new Malformed(0, 'a bzip2 block has no signature');
      readBlock(bits, blockMost, out);
    }
    rest = bits.rest;
  }
  return out.bytes();
}

function readBlock(bits: Bits, blockMost: number, out: Output): void {
  if (bits.bit() === 1) throw new Malformed(0, 'a randomised bzip2 block is not read');
  const origin = bits.bits(24);
  const symbols = readSymbols(bits);
  const groups = bits.bits(3);
  const selectorCount = bits.bits(15);
  if (groups < 2 || groups > 6 || selectorCount === 0 || symbols.length === 0)
    throw new Malformed(0, 'a bzip2 block is not valid');
  const selectors = readSelectors(bits, groups, selectorCount);
  const tables = Array.from({ length: groups }, () => readTable(bits, symbols.length + 2));
  const block = readSymbolsOf(bits, { symbols, selectors, tables, blockMost });
  if (origin >= block.length) throw new Malformed(0, 'a bzip2 block begins outside itself');
  write(block, origin, out);
}

function readSymbols(bits: Bits): number[] {
  const used: number[] = [];
  const ranges = bits.bits(16);
  for (let range = 0; range < 16; range++) {
    if (((ranges >> (15 - range)) & 1) === 0) continue;
    const map = bits.bits(16);
    for (let index = 0; index < 16; index++)
      if (((map >> (15 - index)) & 1) === 1) used.push(range * 16 + index);
  }
  return used;
}

function readSelectors(bits: Bits, groups: number, count: number): number[] {
  const order = Array.from({ length: groups }, (_, index) => index);
  return Array.from({ length: count }, () => {
    let steps = 0;
    while (bits.bit() === 1) {
      steps += 1;
      if (steps >= groups) throw new Malformed(0, 'a bzip2 selector is not valid');
    }
    const [selected] = order.splice(steps, 1);
    order.unshift(selected!);
    return selected!;
  });
}

interface Table {
  /** First code and first position of each length. */
  first: number[];
  position: number[];
  count: number[];
  sorted: number[];
  shortest: number;
}

function readTable(bits: Bits, size: number): Table {
  const lengths: number[] = [];
  let length = bits.bits(5);
  for (let index = 0; index < size; index++) {
    while (bits.bit() === 1) length += bits.bit() === 1 ? -1 : 1;
    if (length < 1 || length > 20) throw new Malformed(0, 'a bzip2 code is too long');
    lengths.push(length);
  }
  const count = Array.from({ length: 21 }, (_, bitsLong) => lengths.filter((one) => one === bitsLong).length);
  const first: number[] = [0];
  const position: number[] = [0];
  let code = 0;
  let at = 0;
  for (let bitsLong = 1; bitsLong <= 20; bitsLong++) {
    code *= 2;
    first.push(code);
    position.push(at);
    code += count[bitsLong]!;
    at += count[bitsLong]!;
  }
  const sorted = lengths
    .map((_, index) => index)
    .sort((one, other) => lengths[one]! - lengths[other]! || one - other);
  return { first, position, count, sorted, shortest: Math.min(...lengths) };
}

function readSymbolsOf(
  bits: Bits,
  {
    symbols,
    selectors,
    tables,
    blockMost,
  }: { symbols: number[]; selectors: number[]; tables: Table[]; blockMost: number },
): Uint8Array {
  const block = new Uint8Array(blockMost);
  const end = symbols.length + 1;
  const order = Uint8Array.from(symbols);
  let length = 0;
  let run = 0;
  let runUnit = 1;
  let inGroup = 0;
  let group = 0;
  let table = tables[selectors[0]!]!;
  for (;;) {
    if (inGroup === 50) {
      inGroup = 0;
      group += 1;
      if (group >= selectors.length) throw new Malformed(0, 'a bzip2 block has too few selectors');
      table = tables[selectors[group]!]!;
    }
    inGroup += 1;
    const symbol = readCode(bits, table);
    if (symbol <= 1) {
      run += runUnit << symbol;
      runUnit *= 2;
      if (run > blockMost) throw new Malformed(0, 'a bzip2 run is too long');
      continue;
    }
    if (run > 0) {
      if (length + run > blockMost) throw new Malformed(0, 'a bzip2 block is too long');
      block.fill(order[0]!, length, length + run);
      length += run;
      run = 0;
      runUnit = 1;
    }
    if (symbol === end) return block.subarray(0, length);
    if (length >= blockMost) throw new Malformed(0, 'a bzip2 block is too long');
    const value = order[symbol - 1]!;
    order.copyWithin(1, 0, symbol - 1);
    order[0] = value;
    block[length++] = value;
  }
}

function readCode(bits: Bits, table: Table): number {
  const ahead = bits.peek();
  for (let length = table.shortest; length <= 20; length++) {
    const index = (ahead >>> (20 - length)) - table.first[length]!;
    if (index >= table.count[length]!) continue;
    bits.skip(length);
    return table.sorted[table.position[length]! + index]!;
  }
  throw new Malformed(0, 'a bzip2 code is not valid');
}

/** Undoes the Burrows-Wheeler transform and the first run-length coding: four equal bytes, then a count of more. */
function write(block: Uint8Array, origin: number, out: Output): void {
  const starts = new Uint32Array(257);
  for (const byte of block) starts[byte + 1]! += 1;
  for (let byte = 0; byte < 256; byte++) starts[byte + 1]! += starts[byte]!;
  const next = new Uint32Array(block.length);
  for (let index = 0; index < block.length; index++) next[starts[block[index]!]!++] = index;
  const held = Buffer.allocUnsafe(65_536 + 256);
  let length = 0;
  let at = next[origin]!;
  let same = 0;
  let last = -1;
  for (let index = 0; index < block.length; index++) {
    if (length >= 65_536) {
      out.copy(held.subarray(0, length));
      length = 0;
    }
    const byte = block[at]!;
    at = next[at]!;
    if (same === 4) {
      held.fill(last, length, length + byte);
      length += byte;
      same = 0;
      last = -1;
      continue;
    }
    same = byte === last ? same + 1 : 1;
    last = byte;
    held[length++] = byte;
  }
  out.copy(held.subarray(0, length));
}
