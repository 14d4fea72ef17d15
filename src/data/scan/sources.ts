import { createReadStream } from 'node:fs';
import { lstat, open, readdir, realpath } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import yauzl from 'yauzl';
import { Problem } from '../../kernel/problem.ts';
import { encodingOf, formatOf, type Encoding, type Format } from './formats/format.ts';

export interface SourceLimits {
  /** Entries of one ZIP and files of one folder. */
  entries: number;
  /** Bytes that one compressed file may become. */
  expanded: number;
  /** Bytes out per byte in, beyond the first megabyte. */
  ratio: number;
  /** Bytes of a file in a container that has to be held whole (Parquet, ZIP in ZIP). */
  held: number;
  /** Containers inside containers. */
  nesting: number;
}

export const sourceLimits: SourceLimits = {
  entries: 100_000,
  expanded: 64 * 1024 ** 3,
  ratio: 1_000,
  held: 64 * 1024 ** 2,
  nesting: 2,
};

/** A file to be scanned: a stream of UTF-8, or a Parquet file. */
export interface Source {
  /** Relative to what was asked for, with `/`; entries of containers follow a `!`. */
  file: string;
  format: Format;
  encoding: Encoding;
  /** Bytes on disk, or of the entry as it declares; for progress. */
  size: number;
  /** Undefined for Parquet. */
  read?: () => AsyncIterable<Uint8Array>;
  /** Parquet on disk, or held. */
  parquet?: { path: string } | { bytes: Uint8Array };
}

/** What was not scanned, and why. Nothing is left out silently. */
export interface Skipped {
  file: string;
  reason: string;
}

const headSize = 65_536;

/** Every file below a path, with its format. Symbolic links are not followed out of the path. */
export async function* sourcesOf(
  path: string,
  skip: (skipped: Skipped) => void,
  limits: SourceLimits = sourceLimits,
): AsyncGenerator<Source> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat === undefined)
    throw new Problem('FILE_UNREADABLE', {
      detail: `\`${path}\` is not there`,
      fix: 'Name a file or a folder of JSONL, CSV, Parquet, text or ZIP files.',
      facts: { file: path },
    });
  const root = await realpath(path);
  if ((await lstat(root)).isDirectory()) {
    let count = 0;
    for await (const file of filesBelow(root, root, skip)) {
      if ((count += 1) > limits.entries) {
        skip({ file: '', reason: `more than ${limits.entries} files: the rest was not scanned` });
        return;
      }
      yield* fromDisk(file, relative(root, file).replaceAll('\\', '/'), skip, limits);
    }
  } else yield* fromDisk(root, basename(path), skip, limits);
}

async function* filesBelow(
  root: string,
  folder: string,
  skip: (skipped: Skipped) => void,
): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((left, right) => (left.name < right.name ? -1 : 1))) {
    const full = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== '.git') yield* filesBelow(root, full, skip);
    } else if (entry.isFile()) yield full;
    else
      skip({
        file: relative(root, full).replaceAll('\\', '/'),
        reason: entry.isSymbolicLink() ? 'a symbolic link' : 'not an ordinary file',
      });
  }
}

async function* fromDisk(
  path: string,
  file: string,
  skip: (skipped: Skipped) => void,
  limits: SourceLimits,
): AsyncGenerator<Source> {
  let handle;
  try {
    handle = await open(path, 'r');
  } catch (cause) {
    throw new Problem('FILE_UNREADABLE', { detail: `\`${file}\` cannot be opened`, facts: { file }, cause });
  }
  let head: Buffer;
  let size: number;
  try {
    ({ size } = await handle.stat());
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(headSize, size)), 0, undefined, 0);
    head = buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
  if (size === 0) {
    skip({ file, reason: 'empty' });
    return;
  }
  yield* fromHead(
    {
      file,
      size,
      head,
      stream: () => createReadStream(path, { highWaterMark: 1 << 20 }),
      onDisk: path,
      nesting: 0,
    },
    skip,
    limits,
  );
}

interface Opened {
  file: string;
  size: number;
  head: Buffer;
  stream: () => Readable | Promise<Readable>;
  onDisk?: string;
  nesting: number;
}

async function* fromHead(
  opened: Opened,
  skip: (skipped: Skipped) => void,
  limits: SourceLimits,
): AsyncGenerator<Source> {
  const { file, size, head, stream, onDisk, nesting } = opened;
  const encoding = encodingOf(head);
  const format = formatOf(head, file.slice(file.lastIndexOf('!') + 1), encoding);
  if (format === undefined) {
    skip({ file, reason: 'neither text nor a format that is known' });
    return;
  }
  switch (format.kind) {
    case 'gzip': {
      if (nesting >= limits.nesting) {
        skip({ file, reason: 'containers nested too deep' });
        return;
      }
      const inner = async (): Promise<Readable> => gunzipped(await stream(), limits);
      const unpacked = await headOf(await inner()).catch(() => undefined);
      if (unpacked === undefined) {
        skip({ file, reason: 'damaged gzip, or it expands beyond the limit' });
        return;
      }
      yield* fromHead(
        { file: file.replace(/\.gz$/i, ''), size, head: unpacked, stream: inner, nesting: nesting + 1 },
        skip,
        limits,
      );
      return;
    }
    case 'zip':
      if (nesting >= limits.nesting) {
        skip({ file, reason: 'containers nested too deep' });
        return;
      }
      yield* fromZip(opened, skip, limits);
      return;
    case 'parquet': {
      if (onDisk !== undefined) {
        yield { file, format, encoding, size, parquet: { path: onDisk } };
        return;
      }
      const bytes = await heldWhole(await stream(), limits.held);
      if (bytes === undefined) {
        skip({
          file,
          reason: `a Parquet file over ${limits.held} bytes in a container: unpack it first`,
        });
        return;
      }
      yield { file, format, encoding, size, parquet: { bytes } };
      return;
    }
    default:
      yield {
        file,
        format,
        encoding,
        size,
        read: async function* () {
          yield* utf8(await stream(), encoding);
        },
      };
  }
}

async function* fromZip(
  { file, stream, onDisk, nesting }: Opened,
  skip: (skipped: Skipped) => void,
  limits: SourceLimits,
): AsyncGenerator<Source> {
  let zip: yauzl.ZipFile;
  try {
    if (onDisk === undefined) {
      const bytes = await heldWhole(await stream(), limits.held);
      if (bytes === undefined) {
        skip({ file, reason: `a ZIP over ${limits.held} bytes in a container: unpack it first` });
        return;
      }
      zip = await yauzl.fromBufferPromise(Buffer.from(bytes), zipOptions);
    } else zip = await yauzl.openPromise(onDisk, zipOptions);
  } catch {
    skip({ file, reason: 'a damaged ZIP' });
    return;
  }
  let count = 0;
  let expanded = 0;
  const seen = new Set<string>();
  try {
    for await (const entry of zip.eachEntry()) {
      // Names stay bytes in the library: it would refuse a whole archive for one doubtful name.
      const name = Buffer.from(entry.fileName).toString('utf8');
      const inner = `${file}!${name}`;
      if ((count += 1) > limits.entries) {
        skip({ file, reason: `more than ${limits.entries} entries: the rest was not scanned` });
        break;
      }
      if (name.endsWith('/')) continue;
      const doubt = doubtfulName(name) ?? (seen.has(name) ? 'a second entry of the same name' : undefined);
      seen.add(name);
      if (doubt !== undefined) {
        skip({ file: inner, reason: doubt });
        continue;
      }
      if (entry.isEncrypted()) {
        skip({ file: inner, reason: 'encrypted' });
        continue;
      }
      if (entry.uncompressedSize === 0) continue;
      expanded += entry.uncompressedSize;
      if (
        expanded > limits.expanded ||
        entry.uncompressedSize > Math.max(1 << 20, entry.compressedSize * limits.ratio)
      ) {
        skip({ file: inner, reason: 'expands beyond the limit, as a decompression bomb does' });
        continue;
      }
      const openEntry = async (): Promise<Readable> => zip.openReadStreamPromise(entry);
      const head = await headOf(await openEntry().catch(() => Readable.from([]))).catch(() => undefined);
      if (head === undefined || head.length === 0) {
        skip({ file: inner, reason: 'a damaged entry' });
        continue;
      }
      yield* fromHead(
        { file: inner, size: entry.uncompressedSize, head, stream: openEntry, nesting: nesting + 1 },
        skip,
        limits,
      );
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    skip({ file, reason: 'a damaged ZIP: its directory cannot be read to the end' });
  } finally {
    zip.close();
  }
}

const zipOptions = {
  autoClose: false,
  decodeStrings: false,
  validateEntrySizes: true,
  strictFileNames: false,
};

/** Nothing is ever unpacked to disk, yet a name that leaves its folder says that somebody tried. */
function doubtfulName(name: string): string | undefined {
  if (name.includes('\0')) return 'a name with a zero byte';
  if (/^(?:[a-zA-Z]:|[\\/])/.test(name) || name.split(/[\\/]/).includes('..'))
    return 'a name that leaves the archive';
  return undefined;
}

function gunzipped(stream: Readable, { expanded, ratio }: SourceLimits): Readable {
  let taken = 0;
  let given = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _, done) {
      taken += chunk.length;
      done(null, chunk);
    },
  });
  const bound = new Transform({
    transform(chunk: Buffer, _, done) {
      given += chunk.length;
      if (given > expanded || (given > 1 << 20 && given > taken * ratio + (1 << 20)))
        done(new Problem('TOO_LARGE', { detail: 'a compressed file expands beyond the limit' }));
      else done(null, chunk);
    },
  });
  const gunzip = createGunzip();
  stream.on('error', (error) => gunzip.destroy(error));
  meter.on('error', (error) => gunzip.destroy(error));
  gunzip.on('error', (error) => bound.destroy(error));
  bound.on('close', () => {
    stream.destroy();
    gunzip.destroy();
  });
  stream.pipe(meter).pipe(gunzip).pipe(bound);
  return bound;
}

async function headOf(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      parts.push(chunk);
      size += chunk.length;
      if (size >= headSize) break;
    }
  } finally {
    stream.destroy();
  }
  return Buffer.concat(parts).subarray(0, headSize);
}

async function heldWhole(stream: Readable, limit: number): Promise<Uint8Array | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) return undefined;
      parts.push(chunk);
    }
  } finally {
    stream.destroy();
  }
  return Buffer.concat(parts);
}

/** The stream as UTF-8 without a byte order mark. */
async function* utf8(stream: Readable, encoding: Encoding): AsyncGenerator<Uint8Array> {
  const decoder =
    encoding === 'utf-8' ? undefined : new TextDecoder(encoding === 'latin1' ? 'windows-1252' : encoding);
  let first = true;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let bytes: Uint8Array = decoder ? Buffer.from(decoder.decode(chunk, { stream: true })) : chunk;
    if (first && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
    first &&= bytes.length === 0;
    if (bytes.length > 0) yield bytes;
  }
  const rest = decoder?.decode() ?? '';
  if (rest !== '') yield Buffer.from(rest);
}
