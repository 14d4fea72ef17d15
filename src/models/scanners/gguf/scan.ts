import { defineScanner, Malformed, type ScanContext } from '../contract.ts';
import { executableAt } from '../executables.ts';
import type { Source } from '../source.ts';
import { reportTemplate } from '../template/report.ts';

// GGUF 2 and 3 (ggml docs/gguf.md): counts, then keys with values, then tensor descriptions, then aligned data.

const magic = Buffer.from('GGUF', 'latin1');
const countMost = 1_000_000;
const keyMost = 65_535;
const stringMost = 16 * 1024 * 1024;
const nestingMost = 4;

/** Bytes of each plain value type: u8 i8 u16 i16 u32 i32 f32 bool, then u64 i64 f64. */
const plainSizes = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, 4],
  [7, 1],
  [10, 8],
  [11, 8],
  [12, 8],
]);

/** ggml type → [values per block, bytes per block]. */
const blocks = new Map<number, [number, number]>([
  [0, [1, 4]],
  [1, [1, 2]],
  [2, [32, 18]],
  [3, [32, 20]],
  [6, [32, 22]],
  [7, [32, 24]],
  [8, [32, 34]],
  [9, [32, 36]],
  [10, [256, 84]],
  [11, [256, 110]],
  [12, [256, 144]],
  [13, [256, 176]],
  [14, [256, 210]],
  [15, [256, 292]],
  [16, [256, 66]],
  [17, [256, 74]],
  [18, [256, 98]],
  [19, [256, 50]],
  [20, [32, 18]],
  [21, [256, 110]],
  [22, [256, 82]],
  [23, [256, 136]],
  [24, [1, 1]],
  [25, [1, 2]],
  [26, [1, 4]],
  [27, [1, 8]],
  [28, [1, 8]],
  [29, [256, 56]],
  [30, [1, 2]],
  [34, [256, 54]],
  [35, [256, 66]],
  [39, [32, 17]],
]);

export const scanner = defineScanner({
  id: 'gguf',
  title: 'GGUF',

  recognise: (source) => (source.read(0, 4).equals(magic) ? 'magic' : undefined),

  scan(source, context) {
    const reader = new Reader(source);
    reader.at = 4;
    const version = reader.u32();
    if (version !== 2 && version !== 3) throw new Malformed(4, `version ${version} is not read`);
    const tensorCount = reader.u64();
    const pairCount = reader.u64();
    // The least that an entry takes: nothing is believed, or allocated, that the file has no room for.
    if (tensorCount > Math.min(countMost, source.size / 24))
      throw new Malformed(8, `${tensorCount} tensors do not fit`);
    if (pairCount > Math.min(countMost, source.size / 13))
      throw new Malformed(16, `${pairCount} keys do not fit`);
    const alignment = readPairs(reader, pairCount, context);
    readTensors(reader, tensorCount, alignment, context);
  },
});

class Reader {
  at = 0;
  readonly source: Source;

  constructor(source: Source) {
    this.source = source;
  }

  take(length: number): Buffer {
    const bytes = this.source.read(this.at, length);
    if (bytes.length < length) throw new Malformed(this.at, 'the file ends early');
    this.at += length;
    return bytes;
  }

  skip(length: number): void {
    if (this.at + length > this.source.size) throw new Malformed(this.at, 'a value goes past the end');
    this.at += length;
  }

  u32(): number {
    return this.take(4).readUInt32LE(0);
  }

  u64(): number {
    const start = this.at;
    const value = this.take(8).readBigUInt64LE(0);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Malformed(start, `${value} is out of bounds`);
    return Number(value);
  }

  text(most: number): string {
    const start = this.at;
    const length = this.u64();
    if (length > this.source.size - this.at)
      throw new Malformed(start, `a text of ${length} bytes goes past the end`);
    if (length > most) throw new Malformed(start, `a text of ${length} bytes is too long`);
    return this.take(length).toString('utf8');
  }
}

function readPairs(reader: Reader, count: number, context: ScanContext): number {
  const keys = new Set<string>();
  let alignment = 32;
  for (let index = 0; index < count; index++) {
    const start = reader.at;
    const key = reader.text(keyMost);
    if (!/^[\x21-\x7e]+$/.test(key)) throw new Malformed(start, 'a key is not printable ASCII');
    if (keys.has(key)) throw new Malformed(start, `the key \`${key}\` is there twice`);
    keys.add(key);
    const type = reader.u32();
    const valueAt = reader.at;
    if (type === 8) {
      const text = reader.text(stringMost);
      judgeText(key, text, valueAt + 8, context);
    } else if (key === 'general.alignment') {
      if (type !== 4) throw new Malformed(valueAt, '`general.alignment` is not a u32');
      alignment = reader.u32();
      if (alignment === 0 || alignment % 8 !== 0 || alignment > 65_536)
        throw new Malformed(valueAt, `alignment ${alignment} is not valid`);
    } else skipValue(reader, type, 0);
  }
  return alignment;
}

function judgeText(key: string, text: string, offset: number, context: ScanContext): void {
  if (/chat_template|template/i.test(key)) reportTemplate(text, offset, context);
  else if (/\{[{%][\s\S]*?_{2}\w+_{2}[\s\S]*?[%}]\}/.test(text)) reportTemplate(text, offset, context);
}

function skipValue(reader: Reader, type: number, depth: number): void {
  const start = reader.at;
  if (type === 7) {
    if (reader.take(1)[0]! > 1) throw new Malformed(start, 'a truth value is neither 0 nor 1');
    return;
  }
  const size = plainSizes.get(type);
  if (size !== undefined) {
    reader.skip(size);
    return;
  }
  if (type === 8) {
    const length = reader.u64();
    reader.skip(length);
    return;
  }
  if (type !== 9) throw new Malformed(start, `value type ${type} does not exist`);
  if (depth >= nestingMost) throw new Malformed(start, `arrays nest deeper than ${nestingMost}`);
  const of = reader.u32();
  const length = reader.u64();
  const each = plainSizes.get(of);
  if (each !== undefined && of !== 7) {
    if (length * each > reader.source.size - reader.at)
      throw new Malformed(start, `an array of ${length} goes past the end`);
    reader.skip(length * each);
    return;
  }
  if (length > reader.source.size - reader.at)
    throw new Malformed(start, `an array of ${length} goes past the end`);
  for (let index = 0; index < length; index++) skipValue(reader, of, depth + 1);
}

interface Tensor {
  name: string;
  begin: number;
  end: number;
  at: number;
}

function readTensors(reader: Reader, count: number, alignment: number, context: ScanContext): void {
  const names = new Set<string>();
  const tensors: Tensor[] = [];
  for (let index = 0; index < count; index++) {
    const at = reader.at;
    const name = reader.text(keyMost);
    if (Buffer.byteLength(name) > 64) throw new Malformed(at, 'the name of a tensor is longer than 64 bytes');
    if (names.has(name)) throw new Malformed(at, `the tensor \`${name}\` is there twice`);
    names.add(name);
    const dimensions = reader.u32();
    if (dimensions > 4) throw new Malformed(at, `${dimensions} dimensions are too many`);
    let values = 1n;
    let row = 1;
    for (let axis = 0; axis < dimensions; axis++) {
      const size = reader.u64();
      if (axis === 0) row = size;
      values *= BigInt(size);
    }
    const type = reader.u32();
    const begin = reader.u64();
    const block = blocks.get(type);
    if (block === undefined) throw new Malformed(at, `tensor type ${type} is not known`);
    if (row % block[0] !== 0) throw new Malformed(at, `the rows of \`${name}\` are no whole blocks`);
    if (begin % alignment !== 0) throw new Malformed(at, `\`${name}\` is not aligned to ${alignment}`);
    const size = (values / BigInt(block[0])) * BigInt(block[1]);
    if (size > BigInt(reader.source.size)) throw new Malformed(at, `\`${name}\` is larger than the file`);
    tensors.push({ name, begin, end: begin + Number(size), at });
  }
  checkLayout(tensors, Math.ceil(reader.at / alignment) * alignment, reader.source, alignment, context);
}

function checkLayout(
  tensors: Tensor[],
  data: number,
  source: Source,
  alignment: number,
  context: ScanContext,
): void {
  tensors.sort((one, other) => one.begin - other.begin || one.end - other.end);
  let end = 0;
  for (const tensor of tensors) {
    if (data + tensor.end > source.size)
      throw new Malformed(tensor.at, `\`${tensor.name}\` goes past the end`);
    if (tensor.begin < end) throw new Malformed(tensor.at, `\`${tensor.name}\` overlaps another tensor`);
    end = tensor.end;
    const native =
      tensor.end - tensor.begin >= 16
        ? executableAt(source.slice(data + tensor.begin, data + tensor.end))
        : undefined;
    if (native !== undefined)
      context.report({
        rule: 'tensor-executable',
        weight: 'suspicious',
        offset: data + tensor.begin,
        evidence: `${tensor.name}: ${native}`,
        why: 'numbers of a model do not begin like a program',
      });
  }
  const last = data + Math.ceil(end / alignment) * alignment;
  if (source.size > last && tensors.length > 0)
    context.report({
      rule: 'gguf-trailing-data',
      weight: 'suspicious',
      offset: last,
      evidence: `${source.size - last} bytes`,
      why: 'data follows the last tensor; something else may read it',
    });
}
