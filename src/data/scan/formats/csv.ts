/** How a delimited file is written. RFC 4180 is `{delimiter: ',', quote: '"', header: true}`. */
export interface Dialect {
  /** One ASCII character. */
  delimiter: string;
  /** One ASCII character, or empty where nothing is quoted. */
  quote: string;
  /** Takes the next character as it is, inside and outside quotes; empty where quotes are doubled instead. */
  escape: string;
  header: boolean;
}

/** A record and the line, from 1, on which it begins. */
export interface CsvRecord {
  fields: string[];
  line: number;
}

const delimiters = [',', ';', '\t', '|'];
/** Records that the guess is made from. */
const sampled = 50;

/**
 * Reads records out of a text that begins at the beginning of a record (RFC 4180 §2). As lenient as programs that write
 * such files are careless: a quote inside an unquoted field is text, and so is what follows a closing quote. Line ends are
 * CRLF, LF or CR; a line without any character is no record.
 */
export function* parseCsv(text: string, dialect: Dialect, firstLine = 1): Generator<CsvRecord> {
  const { delimiter, quote, escape } = dialect;
  const { length } = text;
  let line = firstLine;
  let at = 0;
  while (at < length) {
    const begin = line;
    const ending = lineEnd(text, at);
    const plain = text.slice(at, ending);
    if ((quote === '' || !plain.includes(quote)) && (escape === '' || !plain.includes(escape))) {
      at = afterLineEnd(text, ending);
      line += 1;
      if (plain !== '') yield { fields: plain.split(delimiter), line: begin };
      continue;
    }
    const fields: string[] = [];
    let open = true;
    while (open) {
      let value = '';
      if (quote !== '' && text[at] === quote) {
        at += 1;
        for (;;) {
          const char = text[at];
          if (char === undefined) break;
          if (char === escape) {
            value += text[at + 1] ?? '';
            if (isLineEnd(text, at + 1)) line += 1;
            at += 2;
          } else if (char === quote) {
            at += 1;
            if (text[at] !== quote) break;
            value += quote;
            at += 1;
          } else {
            if (isLineEnd(text, at)) line += 1;
            const stop = nextOf(text, at + 1, quote, escape);
            value += text.slice(at, stop);
            line += lineEndsIn(text, at + 1, stop);
            at = stop;
          }
        }
      }
      while (at < length && text[at] !== delimiter && text[at] !== '\n' && text[at] !== '\r') {
        if (text[at] === escape) {
          value += text[at + 1] ?? '';
          if (isLineEnd(text, at + 1)) line += 1;
          at += 2;
        } else value += text[at++]!;
      }
      fields.push(value);
      if (at < length && text[at] === delimiter) at += 1;
      else open = false;
    }
    if (at < length) {
      at = afterLineEnd(text, at);
      line += 1;
    }
    yield { fields, line: begin };
  }
}

function lineEnd(text: string, from: number): number {
  const lf = text.indexOf('\n', from);
  const end = lf < 0 ? text.length : lf;
  // A CR is looked for in this line only: a file without any must not be read to its end for each line.
  for (let at = from; at < end; at += 1) if (text.charCodeAt(at) === 13) return at;
  return end;
}

function afterLineEnd(text: string, at: number): number {
  return text[at] === '\r' && text[at + 1] === '\n' ? at + 2 : at + 1;
}

/** CRLF counts at its LF. */
function isLineEnd(text: string, at: number): boolean {
  return text[at] === '\n' || (text[at] === '\r' && text[at + 1] !== '\n');
}

function lineEndsIn(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === 10 || (unit === 13 && text.charCodeAt(at + 1) !== 10)) count += 1;
  }
  return count;
}

function nextOf(text: string, from: number, quote: string, escape: string): number {
  const end = text.indexOf(quote, from);
  const stop = end < 0 ? text.length : end;
  if (escape === '') return stop;
  for (let at = from; at < stop; at += 1) if (text[at] === escape) return at;
  return stop;
}

/** Finds, byte by byte and over any cut of the stream, where records end. Agrees with `parseCsv` on what a record is. */
export class CsvSplitter {
  readonly #delimiter: number;
  readonly #quote: number;
  readonly #escape: number;
  #state: 'start' | 'plain' | 'quoted' | 'closing' = 'start';
  #escaped = false;
  /** The block before ended in CR: an LF that follows belongs to it. */
  #carriage = false;

  constructor({ delimiter, quote, escape }: Dialect) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#quote = quote === '' ? -1 : quote.charCodeAt(0);
    this.#escape = escape === '' ? -1 : escape.charCodeAt(0);
  }

  /** Offset behind the last record that ends in this block, 0 when none does. */
  feed(block: Uint8Array): number {
    let end = 0;
    const delimiter = this.#delimiter;
    const quote = this.#quote;
    const escape = this.#escape;
    for (let at = 0; at < block.length; at += 1) {
      const byte = block[at]!;
      if (this.#carriage) {
        this.#carriage = false;
        if (byte === 10) {
          end = at + 1;
          continue;
        }
        end = at;
      }
      if (this.#escaped) {
        this.#escaped = false;
        continue;
      }
      if (byte === escape) {
        this.#escaped = true;
        if (this.#state === 'closing' || this.#state === 'start') this.#state = 'plain';
        continue;
      }
      if (this.#state === 'quoted') {
        if (byte === quote) this.#state = 'closing';
        continue;
      }
      if (byte === quote && this.#state !== 'plain') {
        this.#state = 'quoted';
        continue;
      }
      if (byte === delimiter) this.#state = 'start';
      else if (byte === 10) {
        this.#state = 'start';
        end = at + 1;
      } else if (byte === 13) {
        this.#state = 'start';
        this.#carriage = true;
      } else this.#state = 'plain';
    }
    return end;
  }

  /** A record longer than the limit was cut here: what follows is read as a new one. */
  restart(): void {
    this.#state = 'start';
    this.#escaped = false;
    this.#carriage = false;
  }
}

/** The dialect that makes the first records of a file most alike, or undefined when the text is no table. */
export function sniffDialect(sample: string): Dialect | undefined {
  const text = sample.charCodeAt(0) === 0xfeff ? sample.slice(1) : sample;
  let best: { dialect: Dialect; score: number; rows: string[][] } | undefined;
  for (const delimiter of delimiters) {
    for (const quote of text.includes('"') ? ['"'] : text.includes("'") ? ["'", ''] : ['"']) {
      // A quote that begins no field is an apostrophe.
      if (quote === "'" && !new RegExp(`(?:^|[\\n\\r${delimiter === '|' ? '\\|' : delimiter}])'`).test(text))
        continue;
      const escape = quote !== '' && text.includes(`\\${quote}`) ? '\\' : '';
      const dialect: Dialect = { delimiter, quote, escape, header: true };
      const rows: string[][] = [];
      for (const { fields } of parseCsv(text, dialect)) if (rows.push(fields) > sampled) break;
      // The last record of a sample is cut.
      if (rows.length > 2) rows.pop();
      const widths = new Map<number, number>();
      for (const { length } of rows) widths.set(length, (widths.get(length) ?? 0) + 1);
      const [width = 0, count = 0] = [...widths].sort((left, right) => right[1] - left[1])[0] ?? [];
      if (width < 2) continue;
      const score = (count / rows.length) * (1 + Math.min(width, 20) / 100);
      if (score > (best?.score ?? 0.8)) best = { dialect, score, rows };
    }
  }
  return best && { ...best.dialect, header: hasHeader(best.rows) };
}

const number = /^[+-]?(?:\d+(?:[.,]\d+)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Names stand in the first record: different from one another, no numbers, and short. */
export function hasHeader(rows: readonly (readonly string[])[]): boolean {
  const [first, ...rest] = rows;
  if (first === undefined) return false;
  const names = first.map((one) => one.trim());
  if (new Set(names).size < names.length || names.some((one) => number.test(one) || one.length > 64))
    return false;
  if (names.filter((one) => one === '').length > 1 || names.some((one) => /@|https?:/.test(one)))
    return false;
  if (names.every((one) => /^[\p{L}_][\p{L}\p{N}_ .\-/()#%?:]*$/u.test(one) || one === '')) {
    // A first record of the same shapes as all others is data, unless it reads like identifiers.
    const numeric = names.some((_, column) => {
      const cells = rest.map((row) => row[column] ?? '').filter((cell) => cell !== '');
      return cells.length > 0 && cells.every((cell) => number.test(cell.trim()));
    });
    const repeated = names.some(
      (one, column) => one !== '' && rest.some((row) => row[column]?.trim() === one),
    );
    return numeric || !repeated;
  }
  return false;
}
