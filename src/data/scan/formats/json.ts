/** A JSON value in a stream, and the line, from 1, on which it begins. */
export interface JsonRecord {
  text: string;
  line: number;
}

const quoteByte = 34;
const backslash = 92;

/** Finds where values end in a stream of JSON values: the elements of one array, or values one after the other. */
export class JsonSplitter {
  #depth = 0;
  #base = 0;
  #begun = false;
  #inString = false;
  #escaped = false;

  /** Offset behind the last complete value of this block, 0 when none ends here. */
  feed(block: Uint8Array): number {
    let end = 0;
    for (let at = 0; at < block.length; at += 1) {
      const byte = block[at]!;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quoteByte) this.#inString = false;
        continue;
      }
      if (!this.#begun && byte > 32) {
        this.#begun = true;
        if (byte === 91) this.#base = 1;
      }
      if (byte === quoteByte) this.#inString = true;
      else if (byte === 123 || byte === 91) this.#depth += 1;
      else if (byte === 125 || byte === 93) {
        this.#depth -= 1;
        if (this.#depth <= this.#base) end = at + 1;
      } else if (byte === 44 && this.#depth === this.#base) end = at;
    }
    return end;
  }

  restart(): void {
    this.#depth = this.#base;
    this.#inString = false;
    this.#escaped = false;
  }
}

/** The values of a stretch that begins and ends between values. `first`: the stretch begins the document. */
export function* jsonValues(
  text: string,
  first: boolean,
  inArray: boolean,
  firstLine = 1,
): Generator<JsonRecord> {
  const base = inArray && first ? 1 : 0;
  let depth = 0;
  let line = firstLine;
  let start = -1;
  let startLine = line;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === 10) line += 1;
    if (unit <= 32) continue;
    if (unit === quoteByte) {
      if (start < 0 && depth === base) {
        start = at;
        startLine = line;
      }
      for (at += 1; at < text.length && text.charCodeAt(at) !== quoteByte; at += 1)
        if (text.charCodeAt(at) === backslash) at += 1;
      continue;
    }
    const opens = unit === 123 || unit === 91;
    if (opens && depth < base) {
      depth += 1;
      continue;
    }
    const separates = depth === base && unit === 44;
    const closes = unit === 125 || unit === 93;
    if (separates || (closes && depth === base)) {
      if (start >= 0) yield { text: text.slice(start, at), line: startLine };
      start = -1;
      if (closes) depth = Math.max(0, depth - 1);
      continue;
    }
    if (start < 0) {
      start = at;
      startLine = line;
    }
    if (opens) depth += 1;
    else if (closes) {
      depth -= 1;
      if (depth === base) {
        yield { text: text.slice(start, at + 1), line: startLine };
        start = -1;
      }
    }
  }
  if (start >= 0) yield { text: text.slice(start), line: startLine };
}

/** One leaf of a record. */
export interface Leaf {
  /** Where it stands, with `[]` for any place in a list: what makes a column. */
  column: string;
  /** JSON pointer (RFC 6901) within the record. */
  pointer: string;
  value: string | number | boolean | null;
}

/** Leaves of one record, at most so many and so deep; what is below is left out and counted. */
export function leavesOf(
  record: unknown,
  limits = { leaves: 20_000, depth: 32 },
): { leaves: Leaf[]; dropped: number } {
  const leaves: Leaf[] = [];
  let dropped = 0;
  const visit = (value: unknown, column: string, pointer: string, depth: number): void => {
    if (leaves.length >= limits.leaves || depth > limits.depth) {
      dropped += 1;
      return;
    }
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index += 1)
        visit(value[index], `${column}[]`, `${pointer}/${index}`, depth + 1);
      return;
    }
    if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value))
        visit(
          inner,
          column === '' ? key : `${column}.${key}`,
          `${pointer}/${key.includes('~') || key.includes('/') ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key}`,
          depth + 1,
        );
      return;
    }
    if (typeof value === 'bigint') {
      leaves.push({ column: column || 'value', pointer, value: value.toString() });
      return;
    }
    if (value === undefined || typeof value === 'function' || typeof value === 'symbol') return;
    leaves.push({ column: column || 'value', pointer, value: value as Leaf['value'] });
  };
  visit(record, '', '', 0);
  return { leaves, dropped };
}
