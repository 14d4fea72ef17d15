import { LimitExceeded, Malformed } from '../contract.ts';
import type { Source } from '../source.ts';

export interface TarEntry {
  name: string;
  type: string;
  link: string;
  /** Offset of the header and of the content. */
  at: number;
  data: number;
  size: number;
}

const block = 512;

/** Whether a tar header with a right checksum is there (POSIX.1-1988 ustar, older headers too). */
export function isTarHeader(header: Buffer): boolean {
  if (header.length < block || header.every((byte) => byte === 0)) return false;
  const stored = octal(header.subarray(148, 156));
  let sum = 0;
  for (let at = 0; at < block; at++) sum += at >= 148 && at < 156 ? 32 : header[at]!;
  return stored === sum;
}

function octal(field: Buffer): number {
  if ((field[0]! & 0x80) !== 0) {
    let value = field[0]! & 0x7f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    return value;
  }
  const digits = field.toString('latin1').replaceAll(/[\0 ]/g, '');
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || '0', 8) : NaN;
}

function text(field: Buffer): string {
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? field.length : end).toString('utf8');
}

/** The entries with their full names: ustar prefixes, GNU long names and pax paths are applied. */
export function readTar(source: Source, most: number): { entries: TarEntry[]; end: number } {
  const entries: TarEntry[] = [];
  let at = 0;
  let longName: string | undefined;
  let longLink: string | undefined;
  while (at + block <= source.size) {
    const header = source.read(at, block);
    if (header.every((byte) => byte === 0)) break;
    if (!isTarHeader(header)) throw new Malformed(at, 'a tar header has a wrong checksum');
    const size = octal(header.subarray(124, 136));
    if (!Number.isSafeInteger(size)) throw new Malformed(at + 124, 'a tar entry has no valid size');
    const type = String.fromCharCode(header[156]!);
    const data = at + block;
    const next = data + Math.ceil(size / block) * block;
    if (data + size > source.size) throw new Malformed(at, 'a tar entry goes past the end');
    if (type === 'L') longName = text(source.read(data, Math.min(size, 65_536)));
    else if (type === 'K') longLink = text(source.read(data, Math.min(size, 65_536)));
    else if (type === 'x' || type === 'g') {
      const pax = paxOf(source.read(data, Math.min(size, 65_536)));
      longName = pax.get('path') ?? longName;
      longLink = pax.get('linkpath') ?? longLink;
    } else {
      if (entries.length >= most) throw new LimitExceeded(`more than ${most} entries in a tar file`);
      const prefix =
        header.subarray(257, 262).toString('latin1') === 'ustar' ? text(header.subarray(345, 500)) : '';
      const short = text(header.subarray(0, 100));
      entries.push({
        name: longName ?? (prefix === '' ? short : `${prefix}/${short}`),
        type,
        link: longLink ?? text(header.subarray(157, 257)),
        at,
        data,
        size,
      });
      longName = undefined;
      longLink = undefined;
    }
    at = next;
  }
  return { entries, end: at };
}

/** pax records: `length key=value\n`. */
function paxOf(bytes: Buffer): Map<string, string> {
  const out = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const length = Number(/^(\d{1,7}) /.exec(bytes.subarray(at, at + 8).toString('latin1'))?.[1] ?? NaN);
    if (!(length > 0)) break;
    const [, key, value] =
      /^\d+ ([^=]*)=(.*)\n?$/s.exec(bytes.subarray(at, at + length).toString('utf8')) ?? [];
    if (key !== undefined && value !== undefined) out.set(key, value);
    at += length;
  }
  return out;
}
