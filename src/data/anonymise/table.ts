import { createHash, randomUUID } from 'node:crypto';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { Problem } from '../../kernel/problem.ts';

/** A table in memory. Cells are text as they stand in the file; JSON values that are not strings are kept by their JSON. */
export interface Table {
  columns: string[];
  rows: string[][];
  format: TableFormat;
}

export type TableFormat = { kind: 'csv'; delimiter: string } | { kind: 'jsonl' };

/** Largest file that is read into memory, in bytes. */
const largest = 512 * 1024 * 1024;

/** Reads CSV (comma, semicolon, tab or bar, by its header) or JSON Lines. @throws Problem with line numbers */
export async function readTable(file: string): Promise<Table & { digest: string }> {
  const bytes = await readBounded(file);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const text = textOf(bytes);
  const table = /^\.(?:jsonl|ndjson)$/i.test(extname(file)) ? parseJsonl(text, file) : parseCsv(text, file);
  return { ...table, digest };
}

/** Reads the records of a CSV file that has no header. */
export async function readRecords(file: string): Promise<string[][]> {
  return parseRecords(textOf(await readBounded(file)), file).records.map(({ fields }) => fields);
}

const textOf = (bytes: Buffer): string => bytes.toString('utf8').replace(/^\uFEFF/, '');

async function readBounded(file: string): Promise<Buffer> {
  try {
    const { size } = await stat(file);
    if (size > largest)
      throw new Problem('TOO_LARGE', {
        detail: `\`${file}\` has ${size} bytes, more than ${largest}`,
        fix: 'Split the file.',
        facts: { file },
      });
    return await readFile(file);
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('FILE_UNREADABLE', {
      detail: `\`${file}\` cannot be read`,
      facts: { file },
      cause: error,
    });
  }
}

/** RFC 4180 with a delimiter that the header shows. @throws Problem INPUT_INVALID */
export function parseCsv(text: string, file = 'input'): Table {
  const { records, delimiter } = parseRecords(text, file);
  const [header, ...rest] = records;
  if (!header) throw new Problem('INPUT_INVALID', { detail: 'the table has no header', facts: { file } });
  const columns = header.fields;
  requireDistinct(columns, file);
  return { columns, rows: rest.map(({ fields }) => fields), format: { kind: 'csv', delimiter } };
}

/** Records without a header, all as long as the first. @throws Problem INPUT_INVALID */
export function parseRecords(
  text: string,
  file = 'input',
): { records: { fields: string[]; line: number }[]; delimiter: string } {
  const delimiter = delimiterOf(text);
  const records: { fields: string[]; line: number }[] = [];
  let fields: string[] = [];
  let line = 1;
  let at = 0;
  let started = 1;
  const wrong = (detail: string): Problem =>
    new Problem('INPUT_INVALID', { detail, facts: { file, line: started } });
  while (at < text.length) {
    let field: string;
    if (text[at] === '"') {
      let end = at + 1;
      for (;;) {
        end = text.indexOf('"', end);
        if (end < 0) throw wrong(`line ${started}: a quote is not closed`);
        if (text[end + 1] !== '"') break;
        end += 2;
      }
      const raw = text.slice(at + 1, end);
      for (const character of raw) if (character === '\n') line++;
      field = raw.replaceAll('""', '"');
      at = end + 1;
      const next = text[at];
      if (next !== undefined && next !== delimiter && next !== '\n' && next !== '\r')
        throw wrong(`line ${started}: text follows a closing quote`);
    } else {
      let end = at;
      while (end < text.length && text[end] !== delimiter && text[end] !== '\n' && text[end] !== '\r') end++;
      field = text.slice(at, end);
      at = end;
    }
    fields.push(field);
    if (text[at] === delimiter) {
      at++;
      // A delimiter at the very end is followed by an empty field.
      if (at === text.length) fields.push('');
      else continue;
    }
    if (fields.length > 1 || fields[0] !== '') {
      records.push({ fields, line: started });
    }
    fields = [];
    if (text[at] === '\r') at++;
    if (text[at] === '\n') at++;
    started = ++line;
  }
  if (fields.length > 0) {
    records.push({ fields, line: started });
  }
  const width = records[0]?.fields.length;
  const odd = records.find(({ fields }) => fields.length !== width);
  if (odd)
    throw new Problem('INPUT_INVALID', {
      detail: `line ${odd.line}: ${odd.fields.length} fields instead of ${width!}`,
      facts: { file, line: odd.line },
    });
  return { records, delimiter };
}

function delimiterOf(text: string): string {
  const header = text.slice(0, text.search(/[\r\n]|$/)).replaceAll(/"[^"]*"/g, '');
  const counted = [',', ';', '\t', '|'].map((one) => [one, header.split(one).length] as const);
  return counted.reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

/** One flat JSON object per line; the columns are all keys in order of appearance, a missing key is an empty cell. */
export function parseJsonl(text: string, file = 'input'): Table {
  const columns: string[] = [];
  const places = new Map<string, number>();
  const rows: string[][] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      value = undefined;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Problem('INPUT_INVALID', {
        detail: `line ${index + 1} is not a JSON object`,
        facts: { file, line: index + 1 },
      });
    const row: string[] = columns.map(() => '');
    for (const [key, cell] of Object.entries(value)) {
      let place = places.get(key);
      if (place === undefined) {
        places.set(key, (place = columns.length));
        columns.push(key);
      }
      row[place] = typeof cell === 'string' ? cell : cell === null ? '' : JSON.stringify(cell);
    }
    rows.push(row);
  }
  if (columns.length === 0)
    throw new Problem('INPUT_INVALID', { detail: 'the table is empty', facts: { file } });
  for (const row of rows) while (row.length < columns.length) row.push('');
  return { columns, rows, format: { kind: 'jsonl' } };
}

function requireDistinct(columns: readonly string[], file: string): void {
  const twice = columns.find((column, index) => columns.indexOf(column) !== index);
  if (twice !== undefined)
    throw new Problem('INPUT_INVALID', {
      detail: `the column \`${twice}\` stands twice in the header`,
      facts: { file, line: 1 },
    });
}

export function printTable({ columns, rows, format }: Table): string {
  if (format.kind === 'jsonl')
    return rows
      .map(
        (row) => `${JSON.stringify(Object.fromEntries(columns.map((column, at) => [column, row[at]!])))}\n`,
      )
      .join('');
  const { delimiter } = format;
  const quote = (value: string): string => `"${value.replaceAll('"', '""')}"`;
  const field = (value: string): string =>
    value.includes(delimiter) || /["\r\n]/.test(value) ? quote(value) : value;
  // The header must not show another delimiter than this one.
  const header = columns.map((column) => (/[",;|\t\r\n]/.test(column) ? quote(column) : column));
  // Where no delimiter shows, and where an empty cell would read as an empty line, every cell is quoted.
  const print = (row: readonly string[]): string =>
    `${(columns.length === 1 ? row.map(quote) : row.map(field)).join(delimiter)}\n`;
  return `${header.join(delimiter)}\n${rows.map(print).join('')}`;
}

/** JSON Lines for `.jsonl`, else CSV with the delimiter of the input. */
export function formatFor(file: string, input: TableFormat): TableFormat {
  if (/^\.(?:jsonl|ndjson)$/i.test(extname(file))) return { kind: 'jsonl' };
  return input.kind === 'csv' ? input : { kind: 'csv', delimiter: ',' };
}

/** Whole or not at all: written beside the target, synchronised, then renamed. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const draft = join(dirname(file), `.${basename(file)}.${randomUUID()}`);
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw new Problem('FILE_UNREADABLE', {
      detail: `\`${file}\` cannot be written`,
      fix: 'Check that its folder exists and is writable.',
      facts: { file },
      cause: error,
    });
  }
}

/** Rows as records, one at a time. */
export function* recordsOf({ columns, rows }: Table): Generator<Record<string, string>> {
  for (const row of rows) {
    const record: Record<string, string> = {};
    for (let at = 0; at < columns.length; at++) record[columns[at]!] = row[at]!;
    yield record;
  }
}

/** @throws Problem INPUT_INVALID that lists what there is */
export function requireColumn({ columns }: Pick<Table, 'columns'>, column: string): number {
  const at = columns.indexOf(column);
  if (at >= 0) return at;
  throw new Problem('INPUT_INVALID', {
    detail: `there is no column \`${column}\``,
    fix: `The columns are ${columns.map((one) => `\`${one}\``).join(', ')}.`,
  });
}
