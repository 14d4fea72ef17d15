import { crc32, inflateRawSync } from 'node:zlib';
import { LimitExceeded, type ScanContext } from '../contract.ts';
import { bytesSource, type Source } from '../source.ts';
import { isTarHeader } from '../tar/archive.ts';

// A ZIP file can be read in three ways that need not agree: by its central directory (most loaders), by its local headers
// (streaming loaders), and with the last of several entries of one name (Python). All entries of all views are read here.
// APPNOTE.TXT 6.3.10 §4.3 gives the records.

export interface Entry {
  name: string;
  flags: number;
  method: number;
  crc: number;
  packed: number;
  unpacked: number;
  /** Offset of the local header. */
  local: number;
  /** Unix mode, 0 when unknown. */
  mode: number;
  /** The views that show it. */
  central: boolean;
}

interface Difference {
  offset: number;
  evidence: string;
  why: string;
}

export interface Archive {
  /** Central entries in order, then local ones that the directory does not show. */
  entries: Entry[];
  differences: Difference[];
  /** Where the first record is, and where the last ends. */
  start: number;
  end: number;
  truncated: boolean;
}

const eocdLeast = 22;
const localLeast = 30;
const centralLeast = 46;

const known = new WeakMap<Source, Archive | null>();

/** The archive in a source, if there is one: at its start, or by an end record that points to a directory. */
export function archiveOf(source: Source, most = 10_000): Archive | undefined {
  const held = known.get(source);
  if (held !== undefined) return held ?? undefined;
  const archive = readArchive(source, most);
  known.set(source, archive ?? null);
  return archive;
}

function readArchive(source: Source, most: number): Archive | undefined {
  const directory = endRecord(source);
  const atStart = isLocal(source, 0);
  if (directory === undefined && !atStart) return undefined;
  // An uncompressed archive at the end of a tar file is an entry of that file.
  if (!atStart && isTarHeader(source.read(0, 512))) return undefined;
  const differences: Difference[] = [];
  const central = directory === undefined ? [] : readCentral(source, directory, most);
  const byOffset = new Map(central.map((entry) => [entry.local, entry]));
  const start = Math.min(atStart ? 0 : source.size, ...central.map(({ local }) => local));
  const local = readLocal(source, Number.isFinite(start) ? start : 0, byOffset, most);
  const hidden = local.filter((entry) => !byOffset.has(entry.local));
  for (const entry of local) compare(entry, byOffset.get(entry.local), directory !== undefined, differences);
  const localOffsets = new Set(local.map((entry) => entry.local));
  for (const entry of central)
    if (!localOffsets.has(entry.local) && !isLocal(source, entry.local))
      differences.push({
        offset: entry.local,
        evidence: entry.name,
        why: 'the directory points to where no entry begins',
      });
    else if (!localOffsets.has(entry.local)) {
      const own = localEntry(source, entry.local, entry);
      if (own !== undefined) compare(own.entry, entry, true, differences);
    }
  return {
    entries: [...central, ...hidden],
    differences,
    start: Math.min(start, source.size),
    end: directory?.end ?? source.size,
    truncated: directory === undefined,
  };
}

function compare(local: Entry, central: Entry | undefined, directory: boolean, out: Difference[]): void {
  if (!directory) return;
  if (central === undefined) {
    out.push({ offset: local.local, evidence: local.name, why: 'an entry is not in the central directory' });
    return;
  }
  if (local.name !== central.name)
    out.push({
      offset: local.local,
      evidence: `${local.name} is ${central.name} in the directory`,
      why: 'local header and directory name an entry differently',
    });
  else if (local.method !== central.method || (local.packed !== central.packed && local.packed !== 0))
    out.push({
      offset: local.local,
      evidence: local.name,
      why: 'local header and directory disagree on size or compression',
    });
}

function isLocal(source: Source, offset: number): boolean {
  const head = source.read(offset, 4);
  return head.length === 4 && head.readUInt32LE(0) === 0x04034b50;
}

interface Directory {
  offset: number;
  size: number;
  count: number;
  /** What every stored offset must be moved by: the length of what was put in front. */
  shift: number;
  end: number;
}

/** The last end record whose directory is there (APPNOTE §4.3.16, with the ZIP64 records before it). */
function endRecord(source: Source): Directory | undefined {
  const tailAt = Math.max(0, source.size - 65_557);
  const tail = source.read(tailAt, source.size - tailAt);
  for (
    let at = tail.lastIndexOf('PK\x05\x06', undefined, 'latin1');
    at >= 0;
    at = at === 0 ? -1 : tail.lastIndexOf('PK\x05\x06', at - 1, 'latin1')
  ) {
    if (at + eocdLeast > tail.length) continue;
    const position = tailAt + at;
    let count = tail.readUInt16LE(at + 10);
    let size = tail.readUInt32LE(at + 12);
    let offset = tail.readUInt32LE(at + 16);
    const end = position + eocdLeast + tail.readUInt16LE(at + 20);
    let before = position;
    if (count === 0xffff || size === 0xffffffff || offset === 0xffffffff) {
      const wide = zip64(source, position);
      if (wide === undefined) continue;
      ({ count, size, offset, before } = wide);
    }
    const shift = before - size - offset;
    const first = source.read(offset + shift, 4);
    if (count === 0 && size === 0) return { offset, size, count, shift: Math.max(0, shift), end };
    if (shift >= 0 && first.length === 4 && first.readUInt32LE(0) === 0x02014b50)
      return { offset: offset + shift, size, count, shift, end };
    const plain = source.read(offset, 4);
    if (plain.length === 4 && plain.readUInt32LE(0) === 0x02014b50)
      return { offset, size, count, shift: 0, end };
  }
  return undefined;
}

function zip64(
  source: Source,
  end: number,
): { count: number; size: number; offset: number; before: number } | undefined {
  const locator = source.read(end - 20, 20);
  if (locator.length < 20 || locator.readUInt32LE(0) !== 0x07064b50) return undefined;
  for (const at of [Number(locator.readBigUInt64LE(8)), end - 76]) {
    const record = source.read(at, 56);
    if (record.length < 56 || record.readUInt32LE(0) !== 0x06064b50) continue;
    return {
      count: Number(record.readBigUInt64LE(32)),
      size: Number(record.readBigUInt64LE(40)),
      offset: Number(record.readBigUInt64LE(48)),
      before: at,
    };
  }
  return undefined;
}

function readCentral(source: Source, { offset, size, shift }: Directory, most: number): Entry[] {
  const entries: Entry[] = [];
  let at = offset;
  const end = Math.min(source.size, offset + size);
  while (at + centralLeast <= end) {
    const head = source.read(at, centralLeast);
    if (head.readUInt32LE(0) !== 0x02014b50) break;
    if (entries.length >= most) throw new LimitExceeded(`more than ${most} entries in a ZIP file`);
    const nameLength = head.readUInt16LE(28);
    const extraLength = head.readUInt16LE(30);
    const name = source.read(at + centralLeast, nameLength);
    const extra = source.read(at + centralLeast + nameLength, extraLength);
    const wide = zip64Extra(extra, head.readUInt32LE(24), head.readUInt32LE(20), head.readUInt32LE(42));
    const host = head[5]!;
    entries.push({
      name: nameOf(name, head.readUInt16LE(8)),
      flags: head.readUInt16LE(8),
      method: head.readUInt16LE(10),
      crc: head.readUInt32LE(16),
      packed: wide.packed,
      unpacked: wide.unpacked,
      local: wide.offset + shift,
      mode: host === 3 ? head.readUInt32LE(38) >>> 16 : 0,
      central: true,
    });
    at += centralLeast + nameLength + extraLength + head.readUInt16LE(32);
  }
  return entries;
}

function zip64Extra(
  extra: Buffer,
  unpacked: number,
  packed: number,
  offset: number,
): { unpacked: number; packed: number; offset: number } {
  const out = { unpacked, packed, offset };
  for (let at = 0; at + 4 <= extra.length;) {
    const id = extra.readUInt16LE(at);
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (id === 1) {
      let field = at + 4;
      for (const key of ['unpacked', 'packed', 'offset'] as const) {
        if (out[key] !== 0xffffffff || field + 8 > Math.min(end, extra.length)) continue;
        out[key] = Number(extra.readBigUInt64LE(field));
        field += 8;
      }
    }
    at = end;
  }
  return out;
}

function nameOf(bytes: Buffer, flags: number): string {
  return bytes.toString((flags & 0x800) === 0 && bytes.some((byte) => byte > 0x7f) ? 'latin1' : 'utf8');
}

function localEntry(
  source: Source,
  at: number,
  central?: Entry,
): { entry: Entry; data: number; next: number } | undefined {
  const head = source.read(at, localLeast);
  if (head.length < localLeast || head.readUInt32LE(0) !== 0x04034b50) return undefined;
  const flags = head.readUInt16LE(6);
  const nameLength = head.readUInt16LE(26);
  const extraLength = head.readUInt16LE(28);
  const name = source.read(at + localLeast, nameLength);
  const extra = source.read(at + localLeast + nameLength, extraLength);
  const wide = zip64Extra(extra, head.readUInt32LE(22), head.readUInt32LE(18), 0);
  const data = at + localLeast + nameLength + extraLength;
  const deferred = (flags & 8) !== 0;
  let { packed, unpacked } = wide;
  if (deferred && packed === 0) {
    packed = central?.packed ?? untilRecord(source, data) - data;
    unpacked = central?.unpacked ?? 0;
  }
  return {
    entry: {
      name: nameOf(name, flags),
      flags,
      method: head.readUInt16LE(8),
      crc: deferred ? (central?.crc ?? 0) : head.readUInt32LE(14),
      packed,
      unpacked,
      local: at,
      mode: 0,
      central: false,
    },
    data,
    next: data + packed,
  };
}

/** Where the next record begins, for an entry whose size comes after its data. */
function untilRecord(source: Source, from: number): number {
  const piece = 1024 * 1024;
  for (let at = from; at < source.size && at < from + 64 * piece; at += piece) {
    const bytes = source.read(at, piece + 3);
    for (
      let found = bytes.indexOf('PK', 0, 'latin1');
      found >= 0;
      found = bytes.indexOf('PK', found + 1, 'latin1')
    ) {
      const kind = found + 4 <= bytes.length ? bytes.readUInt16LE(found + 2) : 0;
      if (kind === 0x0807 || kind === 0x0403 || kind === 0x0201) return at + found;
    }
  }
  return source.size;
}

function readLocal(
  source: Source,
  start: number,
  central: ReadonlyMap<number, Entry>,
  most: number,
): Entry[] {
  const entries: Entry[] = [];
  let at = start;
  while (at + localLeast <= source.size) {
    const found = localEntry(source, at, central.get(at));
    if (found === undefined) {
      const next = skipDescriptor(source, at);
      if (next === undefined) break;
      at = next;
      continue;
    }
    if (entries.length >= most) throw new LimitExceeded(`more than ${most} entries in a ZIP file`);
    entries.push(found.entry);
    if (found.next <= at) break;
    at = found.next;
  }
  return entries;
}

/** A data descriptor has 12 or 20 bytes after its signature, and the signature is optional (APPNOTE §4.3.9). */
function skipDescriptor(source: Source, at: number): number | undefined {
  const head = source.read(at, 4);
  const signed = head.length === 4 && head.readUInt32LE(0) === 0x08074b50 ? 4 : 0;
  return [12, 20]
    .map((length) => at + signed + length)
    .find((next) => {
      const record = source.read(next, 4);
      if (record.length < 4) return false;
      const signature = record.readUInt32LE(0);
      return signature === 0x04034b50 || signature === 0x02014b50;
    });
}

export interface Unpacked {
  source: Source;
  /** The compression could not be undone; the source holds nothing then. */
  unreadable?: string;
  crcMatches: boolean | undefined;
}

/** Entries up to this size have their checksum compared. */
const checksumMost = 32 * 1024 * 1024;

/** The content of an entry, bounded. Encryption flags and checksums are ignored, as `torch.load` ignores them. */
export function unpack(source: Source, entry: Entry, context: ScanContext): Unpacked {
  const head = localEntry(source, entry.local, entry);
  if (head === undefined)
    return { source: bytesSource(Buffer.alloc(0)), unreadable: 'no local header', crcMatches: undefined };
  const packed = source.slice(head.data, head.data + entry.packed);
  if (entry.method === 0) return { source: packed, crcMatches: matches(packed, entry.crc) };
  if (entry.method !== 8)
    return {
      source: bytesSource(Buffer.alloc(0)),
      unreadable: `method ${entry.method}`,
      crcMatches: undefined,
    };
  const room = Math.min(context.limits.entryBytes, Math.max(entry.packed * 1100, 1024));
  try {
    const bytes = inflateRawSync(packed.read(0, Math.min(packed.size, context.limits.entryBytes)), {
      maxOutputLength: room,
    });
    context.spend({ bytes: bytes.length });
    const unpacked = bytesSource(bytes);
    return { source: unpacked, crcMatches: matches(unpacked, entry.crc) };
  } catch (error) {
    if (error instanceof LimitExceeded) throw error;
    const tooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    if (tooLarge) throw new LimitExceeded(`entry ${entry.name} unpacks to more than ${room} bytes`);
    return { source: bytesSource(Buffer.alloc(0)), unreadable: 'broken deflate data', crcMatches: undefined };
  }
}

function matches(source: Source, crc: number): boolean | undefined {
  if (source.size > checksumMost) return undefined;
  return crc32(source.read(0, source.size)) === crc;
}
