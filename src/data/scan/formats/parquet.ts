import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import * as zlib from 'node:zlib';
import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
  type AsyncBuffer,
  type Compressors,
} from 'hyparquet';
import { Problem } from '../../../kernel/problem.ts';

export type ParquetFile = { path: string } | { bytes: Uint8Array };

/** Rows that are read at once. */
export interface RowRange {
  start: number;
  end: number;
}

/** Uncompressed bytes of one row group that are read at once; a larger one is refused, for memory. */
const groupLimit = 192 * 1024 ** 2;
/** Bytes that one page may become. */
const pageLimit = 64 * 1024 ** 2;

type Zstd = (input: Uint8Array, options: { maxOutputLength: number }) => Buffer;
const zstd = (zlib as { zstdDecompressSync?: Zstd }).zstdDecompressSync;

const bound = (length: number): { maxOutputLength: number } => {
  if (length > pageLimit) throw new Problem('TOO_LARGE', { detail: `a Parquet page of ${length} bytes` });
  return { maxOutputLength: Math.max(1, length) };
};

// Snappy and plain pages are the library's own.
const compressors: Compressors = {
  GZIP: (input, length) => gunzipSync(input, bound(length)),
  BROTLI: (input, length) => brotliDecompressSync(input, bound(length)),
  ...(zstd && { ZSTD: (input: Uint8Array, length: number) => zstd(input, bound(length)) }),
};

async function bufferOf(file: ParquetFile): Promise<AsyncBuffer> {
  if ('path' in file) return asyncBufferFromFile(file.path);
  const { bytes } = file;
  return {
    byteLength: bytes.byteLength,
    // A copy of its own: a Buffer's `slice` would hand out the whole pool behind it.
    slice: (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer,
  };
}

/** Row groups that can be read one by one, and what cannot. */
export async function rowGroups(
  file: ParquetFile,
): Promise<{ ranges: RowRange[]; rows: number; refused: number }> {
  const { row_groups: groups } = await parquetMetadataAsync(await bufferOf(file));
  const ranges: RowRange[] = [];
  let row = 0;
  let refused = 0;
  for (const group of groups) {
    const count = Number(group.num_rows);
    if (!Number.isSafeInteger(count) || count < 0)
      throw new Problem('INPUT_INVALID', { detail: 'a row group without a number of rows' });
    const size = group.columns.reduce(
      (sum, { meta_data }) => sum + Number(meta_data?.total_uncompressed_size ?? 0),
      0,
    );
    if (size > groupLimit) refused += count;
    else if (count > 0) ranges.push({ start: row, end: row + count });
    row += count;
  }
  return { ranges, rows: row, refused };
}

/** The rows of one range as objects. */
export async function readRows(
  file: ParquetFile,
  { start, end }: RowRange,
): Promise<Record<string, unknown>[]> {
  const rows = await parquetReadObjects({
    file: await bufferOf(file),
    rowStart: start,
    rowEnd: end,
    compressors,
  });
  return rows.map((row) => plain(row) as Record<string, unknown>);
}

/** Dates, big integers and bytes as text; the rest as it is. */
function plain(value: unknown, depth = 0): unknown {
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (typeof value !== 'object' || value === null || depth > 40) return value;
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner, depth + 1)]));
}
