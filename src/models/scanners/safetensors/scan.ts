import { defineScanner, LimitExceeded, Malformed, type ScanContext } from '../contract.ts';
import { executableAt } from '../executables.ts';
import { isObject, parseJson, wholeNumber, type Json, type JsonObject } from '../json-strict.ts';
import type { Source } from '../source.ts';

/** Longest header that loaders accept (safetensors README, "Format"). */
const headerMost = 100_000_000;

/** Tensors of one file; the largest models have some thousands. */
const tensorsMost = 100_000;

/** Bits of one value. */
const bitsOf = new Map<string, number>(
  Object.entries({
    BOOL: 8,
    U8: 8,
    I8: 8,
    F8_E5M2: 8,
    F8_E4M3: 8,
    F8_E8M0: 8,
    F8_E4M3FNUZ: 8,
    F8_E5M2FNUZ: 8,
    F4: 4,
    F6_E2M3: 6,
    F6_E3M2: 6,
    I16: 16,
    U16: 16,
    F16: 16,
    BF16: 16,
    I32: 32,
    U32: 32,
    F32: 32,
    I64: 64,
    U64: 64,
    F64: 64,
    C64: 64,
  }),
);

export const scanner = defineScanner({
  id: 'safetensors',
  title: 'safetensors',

  recognise(source) {
    const head = source.read(0, 9);
    if (head.length < 9 || head[8] !== 0x7b) return undefined;
    // Whatever the length says: what looks like this is loaded as this.
    const length = head.readBigUInt64LE(0);
    return length > 0n &&
      (length <= BigInt(headerMost) ||
        (length < 1n << 40n && /^\{\s*"/.test(source.read(8, 16).toString('latin1'))))
      ? 'magic'
      : undefined;
  },

  scan(source, context) {
    const length = source.read(0, 8).readBigUInt64LE(0);
    if (length > BigInt(headerMost)) throw new Malformed(0, `the header says it has ${length} bytes`);
    const size = Number(length);
    if (8 + size > source.size) throw new Malformed(0, 'the header goes past the end of the file');
    const bytes = source.read(8, size);
    checkCount(bytes);
    const header = readHeader(bytes);
    const tensors = readTensors(header);
    checkLayout(tensors, source.size - 8 - size);
    for (const { name, begin, end } of tensors)
      lookAtTensor(source, 8 + size + begin, end - begin, name, context);
  },
});

/** Counted before anything is built, so that a long header costs no memory. */
function checkCount(bytes: Buffer): void {
  let count = 0;
  for (let at = bytes.indexOf('"data_offsets"'); at >= 0; at = bytes.indexOf('"data_offsets"', at + 14)) {
    count += 1;
    if (count > tensorsMost) throw new LimitExceeded(`more than ${tensorsMost} tensors`);
  }
}

function readHeader(bytes: Buffer): JsonObject {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Malformed(8, 'the header is not UTF-8');
  }
  const json = relocated(() => parseJson(text.replace(/ +$/, ''), { depth: 8 }));
  if (!isObject(json)) throw new Malformed(8, 'the header is not an object');
  const metadata = json.get('__metadata__');
  if (
    metadata !== undefined &&
    (!isObject(metadata) || [...metadata.values()].some((one) => typeof one !== 'string'))
  )
    throw new Malformed(8, '`__metadata__` is not a map of texts');
  return json;
}

function relocated<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Malformed) throw new Malformed(8 + error.offset, `the header: ${error.message}`);
    throw error;
  }
}

interface Tensor {
  name: string;
  begin: number;
  end: number;
}

function readTensors(header: JsonObject): Tensor[] {
  const tensors: Tensor[] = [];
  for (const [name, info] of header) {
    if (name === '__metadata__') continue;
    tensors.push(readTensor(name, info));
  }
  return tensors.sort((one, other) => one.begin - other.begin || one.end - other.end);
}

function readTensor(name: string, info: Json): Tensor {
  const wrong = (why: string): Malformed => new Malformed(8, `tensor \`${name}\`: ${why}`);
  if (!isObject(info)) throw wrong('is not described by an object');
  for (const key of info.keys())
    if (key !== 'dtype' && key !== 'shape' && key !== 'data_offsets')
      throw wrong(`has an unknown key \`${key}\``);
  const type = info.get('dtype');
  const bits = typeof type === 'string' ? bitsOf.get(type) : undefined;
  if (bits === undefined) throw wrong('has an unknown dtype');
  const shape = info.get('shape');
  const offsets = info.get('data_offsets');
  if (!Array.isArray(shape) || !Array.isArray(offsets) || offsets.length !== 2)
    throw wrong('has no shape or offsets');
  const [begin, end] = offsets.map(wholeNumber);
  if (begin === undefined || end === undefined || begin > end)
    throw wrong('has offsets that are not a range');
  let values = 1n;
  for (const dimension of shape) {
    const size = wholeNumber(dimension);
    if (size === undefined) throw wrong('has a dimension that is not a whole number');
    values *= BigInt(size);
    if (values > 0xffffffffffffffffn) throw wrong('has a shape that overflows');
  }
  if (values * BigInt(bits) !== BigInt(end - begin) * 8n)
    throw wrong('has a shape that does not fill its bytes');
  return { name, begin, end };
}

/** No hole, no overlap, nothing behind: so that the file can be nothing else at the same time. */
function checkLayout(tensors: readonly Tensor[], size: number): void {
  let at = 0;
  for (const { name, begin, end } of tensors) {
    if (begin !== at)
      throw new Malformed(8, `tensor \`${name}\` begins at ${begin} where ${at} was expected`);
    at = end;
  }
  if (at !== size) throw new Malformed(8, `tensors end at ${at} of ${size} bytes`);
}

function lookAtTensor(source: Source, at: number, size: number, name: string, context: ScanContext): void {
  if (size < 16) return;
  const native = executableAt(source.slice(at, at + size));
  if (native !== undefined)
    context.report({
      rule: 'tensor-executable',
      weight: 'suspicious',
      offset: at,
      evidence: `${name}: ${native}`,
      why: 'numbers of a model do not begin like a program; something may carry it out of the file',
    });
  else if (source.read(at, 1)[0] === 0x80 && source.read(at + 1, 1)[0]! <= 5)
    context.nested(name, source.slice(at, at + size), { role: 'tensor', base: at });
}
