import { hash } from 'node:crypto';

/** Hashes per tile and entries per bundle (c2sp.org/tlog-tiles: height 8). */
export const tileWidth = 256;

export const hashBytes = 32;

/** Longest entry: its length is written in 16 bits. */
export const maxEntryBytes = 65_535;

/** Where a tile is published: `tile/1/x001/234.p/5`. `width` is given for partial tiles. */
export function tilePath(level: number | 'entries', n: number, width = tileWidth): string {
  const digits = String(n).padStart(3, '0');
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g)!;
  const name = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${level}/${name}${width === tileWidth ? '' : `.p/${width}`}`;
}

/** Undefined when the path is not the canonical path of a tile. */
export function parseTilePath(
  path: string,
): { level: number | 'entries'; n: number; width: number } | undefined {
  const [, levelText, name, widthText] =
    /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path) ?? [];
  if (levelText === undefined) return undefined;
  const level = levelText === 'entries' ? 'entries' : Number(levelText);
  const n = Number(name!.replaceAll(/[x/]/g, ''));
  const width = widthText === undefined ? tileWidth : Number(widthText);
  return tilePath(level, n, width) === path && width > 0 ? { level, n, width } : undefined;
}

/** Entries one after the other, each after its length in 16 bits, big-endian. */
export function encodeBundle(entries: readonly Uint8Array[]): Buffer {
  const bundle = Buffer.allocUnsafe(entries.reduce((sum, entry) => sum + 2 + entry.length, 0));
  let at = 0;
  for (const entry of entries) {
    at = bundle.writeUInt16BE(entry.length, at);
    bundle.set(entry, at);
    at += entry.length;
  }
  return bundle;
}

/** Entries up to the first that is cut short; `rest` counts the bytes that make no entry. */
export function decodeBundle(bundle: Buffer): { entries: Buffer[]; rest: number } {
  const entries: Buffer[] = [];
  let at = 0;
  while (at + 2 <= bundle.length) {
    const end = at + 2 + bundle.readUInt16BE(at);
    if (end > bundle.length) break;
    entries.push(bundle.subarray(at + 2, end));
    at = end;
  }
  return { entries, rest: bundle.length - at };
}

/** SHA-256(0x00 ‖ entry). */
export function leafHashOf(entry: Uint8Array): Buffer {
  const prefixed = Buffer.allocUnsafe(entry.length + 1);
  prefixed[0] = 0;
  prefixed.set(entry, 1);
  return hash('sha256', prefixed, 'buffer');
}

const pair = Buffer.alloc(1 + 2 * hashBytes, 1);

/** SHA-256(0x01 ‖ left ‖ right). */
export function nodeHashOf(left: Uint8Array, right: Uint8Array): Buffer {
  pair.set(left, 1);
  pair.set(right, 1 + hashBytes);
  return hash('sha256', pair, 'buffer');
}

/** Root of the perfect subtree over `count` (a power of two) hashes of a tile, from hash `start` on. */
export function subtreeRoot(hashes: Uint8Array, start: number, count: number): Buffer {
  if (count === 1) return Buffer.from(hashes.subarray(start * hashBytes, (start + 1) * hashBytes));
  let level = Buffer.from(hashes.subarray(start * hashBytes, (start + count) * hashBytes));
  for (let width = count; width > 1; width /= 2) {
    for (let i = 0; i < width / 2; i += 1) {
      // The two halves lie side by side and the result is written before them: one buffer will do.
      pair.set(level.subarray(2 * i * hashBytes, (2 * i + 2) * hashBytes), 1);
      level.set(hash('sha256', pair, 'buffer'), i * hashBytes);
    }
    level = level.subarray(0, (width / 2) * hashBytes);
  }
  return level;
}

/** Root of no entries: SHA-256 of nothing (RFC 6962 §2.1). */
export const emptyRoot = hash('sha256', Buffer.alloc(0), 'buffer');
