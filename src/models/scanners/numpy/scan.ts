import { defineScanner, Malformed, type ScanContext } from '../contract.ts';
import { scanPickles } from '../pickle/streams.ts';
import { parseLiteral, type Literal } from '../python-literal.ts';
import type { Source } from '../source.ts';
import { scanArchive } from '../zip/entries.ts';
import { isNumpyArchive } from '../zip/kinds.ts';

const magic = Buffer.from('\x93NUMPY', 'latin1');
const headerMost = 1024 * 1024;

export const scanner = defineScanner({
  id: 'numpy',
  title: 'NumPy array or archive of arrays',

  recognise(source) {
    if (source.read(0, 6).equals(magic)) return 'magic';
    return isNumpyArchive(source) ? 'magic' : undefined;
  },

  scan(source, context) {
    if (source.read(0, 6).equals(magic)) scanArray(source, context);
    else scanArchive(source, context, () => 'file');
  },
});

/** One array: magic, version, length, a Python literal, then raw values, or a pickle when the values are objects (NEP 1). */
function scanArray(source: Source, context: ScanContext): void {
  const head = source.read(0, 12);
  const major = head[6];
  if (major === undefined || major < 1 || major > 3 || head.length < 12)
    throw new Malformed(6, 'an unknown version');
  const start = major === 1 ? 10 : 12;
  const length = major === 1 ? head.readUInt16LE(8) : head.readUInt32LE(8);
  if (length > headerMost || start + length > source.size)
    throw new Malformed(8, 'the header goes past the end');
  const header = literalOf(source.read(start, length).toString(major === 3 ? 'utf8' : 'latin1'), start);
  const data = start + length;
  const type = header.get('descr');
  if (type === undefined || !header.has('shape') || !header.has('fortran_order'))
    throw new Malformed(start, 'the header lacks `descr`, `shape` or `fortran_order`');
  if (holdsObjects(type)) {
    context.report({
      rule: 'numpy-objects',
      weight: 'note',
      offset: start,
      evidence: JSON.stringify(type),
      why: 'an array of objects is a pickle; it loads only with allow_pickle',
    });
    scanPickles(source, data, context);
    return;
  }
  const size = byteSize(type, header.get('shape')!);
  if (size !== undefined && data + size !== source.size)
    context.report({
      rule: 'numpy-size',
      weight: data + size > source.size ? 'error' : 'suspicious',
      offset: data,
      evidence: `${source.size - data} bytes for ${size}`,
      why: 'the data is not as long as the header says',
    });
  if (source.read(data, 1)[0] === 0x80)
    context.nested('', source.slice(data, source.size), { role: 'tensor', base: data });
}

function literalOf(text: string, offset: number): Map<string, Literal> {
  try {
    const literal = parseLiteral(text);
    if (literal instanceof Map) return literal;
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new Malformed(offset + error.offset, `the header is no literal: ${error.message}`);
  }
  throw new Malformed(offset, 'the header is no dictionary');
}

function holdsObjects(type: Literal): boolean {
  if (typeof type === 'string') return /O/.test(type);
  if (Array.isArray(type)) return type.some(holdsObjects);
  return false;
}

/** Bytes of the data, for plain types. */
function byteSize(type: Literal, shape: Literal): number | undefined {
  const item = typeof type === 'string' ? /^[<>|=]?([?bBiufcmMSVU])(\d*)(?:\[.*\])?$/.exec(type) : null;
  if (item === null || !Array.isArray(shape)) return undefined;
  const width = Number(item[2] || '1') * (item[1] === 'U' ? 4 : 1);
  let values = 1;
  for (const size of shape) {
    if (typeof size !== 'number' || size < 0) return undefined;
    values *= size;
  }
  return Number.isSafeInteger(values * width) ? values * width : undefined;
}
