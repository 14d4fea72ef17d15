import { gunzipSync, inflateSync } from 'node:zlib';
import { defineScanner, LimitExceeded, Malformed, type ScanContext } from '../contract.ts';
import { unpackBzip2 } from '../compression/bzip2.ts';
import { unpackLz4 } from '../compression/lz4.ts';
import { unpackLzma, unpackXz } from '../compression/xz.ts';
import { bytesSource, type Source } from '../source.ts';

type Unpack = (packed: Buffer, most: number) => Buffer;

/** joblib and tar wrap a stream in one of these; each by its signature. */
const formats: { id: string; is: (head: Buffer) => boolean; unpack?: Unpack }[] = [
  {
    id: 'gzip',
    is: (head) => head[0] === 0x1f && head[1] === 0x8b,
    unpack: (packed, most) => gunzipSync(packed, { maxOutputLength: most }),
  },
  {
    id: 'zlib',
    is: (head) =>
      head.length > 6 && head[0] === 0x78 && ((0x78 << 8) | head[1]!) % 31 === 0 && (head[1]! & 0x20) === 0,
    unpack: (packed, most) => inflateSync(packed, { maxOutputLength: most }),
  },
  {
    id: 'bzip2',
    is: (head) =>
      /^BZh[1-9]$/.test(head.subarray(0, 4).toString('latin1')) &&
      ['314159265359', '177245385090'].includes(head.subarray(4, 10).toString('hex')),
    unpack: unpackBzip2,
  },
  { id: 'xz', is: (head) => head.subarray(0, 6).toString('latin1') === '\xfd7zXZ\0', unpack: unpackXz },
  {
    id: 'lzma',
    is: (head) => head[0] === 0x5d && head[1] === 0 && head[2] === 0 && head.length >= 13 && lzmaSize(head),
    unpack: unpackLzma,
  },
  { id: 'lz4', is: (head) => head.length > 7 && head.readUInt32LE(0) === 0x184d2204, unpack: unpackLz4 },
  { id: 'zstd', is: (head) => head.length > 4 && head.readUInt32LE(0) === 0xfd2fb528 },
  { id: '7z', is: (head) => head.subarray(0, 6).toString('latin1') === "7z\xbc\xaf'\x1c" },
  { id: 'rar', is: (head) => head.subarray(0, 6).toString('latin1') === 'Rar!\x1a\x07' },
];

function lzmaSize(head: Buffer): boolean {
  const size = head.readBigUInt64LE(5);
  return size === 0xffffffffffffffffn || size < 1n << 40n;
}

function formatOf(source: Source): (typeof formats)[number] | undefined {
  const head = source.read(0, 16);
  return head.length < 2 ? undefined : formats.find(({ is }) => is(head));
}

export const scanner = defineScanner({
  id: 'compressed',
  title: 'Compressed stream (joblib, tar)',

  recognise: (source) => (formatOf(source) === undefined ? undefined : 'magic'),

  scan(source, context) {
    const format = formatOf(source);
    if (format?.unpack === undefined) {
      context.report({
        rule: 'compression-unreadable',
        weight: 'suspicious',
        offset: 0,
        evidence: format?.id ?? 'unknown',
        why: 'this compression is not read here, so its content is not judged',
      });
      return;
    }
    const content = unpackBounded(source, format.unpack, format.id, context);
    if (content === undefined) return;
    context.nested(format.id, bytesSource(content), { role: context.role === 'value' ? 'value' : 'file' });
  },
});

function unpackBounded(source: Source, unpack: Unpack, id: string, context: ScanContext): Buffer | undefined {
  const { ratio, entryBytes } = context.limits;
  const packed = source.read(0, Math.min(source.size, entryBytes));
  const most = Math.min(entryBytes, Math.max(packed.length * ratio, 4 * 1024 * 1024));
  try {
    const content = unpack(packed, most);
    context.spend({ bytes: content.length });
    return content;
  } catch (error) {
    if (error instanceof Malformed) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (error instanceof LimitExceeded || code === 'ERR_BUFFER_TOO_LARGE') {
      context.report({
        rule: 'decompression-bomb',
        weight: 'suspicious',
        offset: 0,
        evidence: `${packed.length} bytes of ${id} become more than ${most}`,
        why: 'unpacking it exhausts memory',
      });
      return undefined;
    }
    if (typeof code === 'string' && code.startsWith('Z_')) throw new Malformed(0, `${id}: ${code}`);
    throw error;
  }
}
