import { extname } from 'node:path';
import { sniffDialect, type Dialect } from './csv.ts';

export type Format =
  | { kind: 'csv'; dialect: Dialect }
  | { kind: 'jsonl' | 'json' | 'text' | 'parquet' | 'zip' | 'gzip' };

/** Text in another encoding is brought to UTF-8 before it is cut. */
export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'latin1';

const tables: Readonly<Record<string, string>> = { '.csv': ',', '.tsv': '\t', '.tab': '\t', '.psv': '|' };

/** What a file is, by its first bytes and its name; undefined for what is neither text nor a known container. */
export function formatOf(head: Uint8Array, name: string, encoding: Encoding): Format | undefined {
  const magic = Buffer.from(head.buffer, head.byteOffset, Math.min(4, head.length)).toString('latin1');
  if (magic === 'PK\u0003\u0004' || magic === 'PK\u0005\u0006') return { kind: 'zip' };
  if (magic === 'PAR1') return { kind: 'parquet' };
  if (head[0] === 0x1f && head[1] === 0x8b) return { kind: 'gzip' };
  const text = decode(head, encoding);
  if (text.includes('\0')) return undefined;
  const extension = extname(name).toLowerCase();
  const begin = text.trimStart();
  switch (extension) {
    case '.md':
    case '.markdown':
    case '.txt':
    case '.rst':
      return { kind: 'text' };
    case '.jsonl':
    case '.ndjson':
      return { kind: 'jsonl' };
    case '.json':
      return { kind: isLines(begin) ? 'jsonl' : 'json' };
  }
  const forced = tables[extension];
  const dialect = sniffDialect(text);
  if (forced !== undefined)
    return {
      kind: 'csv',
      dialect: dialect ?? {
        delimiter: forced,
        quote: '"',
        escape: '',
        // One column: a first line that no other repeats, and that is a word, is its name.
        header: /^[\p{L}_][\p{L}\p{N}_ -]{0,40}$/u.test(begin.split(/\r?\n/, 1)[0] ?? ''),
      },
    };
  if (begin.startsWith('{') && isLines(begin)) return { kind: 'jsonl' };
  if (/^\[\s*[[{"\d]/.test(begin) && isJsonStart(begin)) return { kind: 'json' };
  if (
    dialect !== undefined &&
    (extension === '.data' || extension === '' || extension === '.dat') &&
    looksTabular(text, dialect)
  )
    return { kind: 'csv', dialect };
  return { kind: 'text' };
}

export function decode(bytes: Uint8Array, encoding: Encoding): string {
  return new TextDecoder(encoding === 'latin1' ? 'windows-1252' : encoding).decode(bytes);
}

/** By its byte order mark; else UTF-8 when the bytes can be, else Windows-1252, which reads anything. */
export function encodingOf(head: Uint8Array): Encoding {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  try {
    // `stream`: the sample may end within a character.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return 'utf-8';
  } catch {
    return 'latin1';
  }
}

/** The first line is one whole JSON object. */
function isLines(text: string): boolean {
  const end = text.indexOf('\n');
  try {
    const value: unknown = JSON.parse(end < 0 ? text : text.slice(0, end));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function isJsonStart(text: string): boolean {
  return /^\[\s*(?:\{\s*"|\[|"(?:[^"\\]|\\.)*"\s*[,\]]|-?\d[\d.eE+-]*\s*[,\]])/.test(text);
}

/** Prose has commas too: a table has the same number of them on nearly every line, and several lines. */
function looksTabular(text: string, { delimiter }: Dialect): boolean {
  const lines = text
    .split(/\r?\n/)
    .slice(0, 40)
    .filter((line) => line !== '');
  if (lines.length < 4) return false;
  const counts = lines.slice(0, -1).map((line) => line.split(delimiter).length);
  const same = counts.filter((count) => count === counts[0]).length;
  return counts[0]! > 1 && same / counts.length > 0.9;
}
