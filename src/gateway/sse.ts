/** One server-sent event (WHATWG HTML §9.2) with the bytes it came in. */
export interface SseEvent {
  /** Everything up to and with the blank line, so that an unchanged event goes on byte for byte. */
  raw: Buffer;
  /** The `data` lines joined by LF; undefined when there was none (comments, `retry`). */
  data?: string;
  /** What is not data: comments, event names, ids. They reach the client too, so they are inspected too. */
  rest: string;
}

const lf = 10;
const cr = 13;
const nothing = Buffer.alloc(0);

/**
 * Splits bytes into events. Line ends may be LF, CRLF or CR, and a chunk may end anywhere: within a character, a line end
 * or an event. Bytes are decoded only once an event is whole.
 */
export class SseParser {
  #kept: Buffer = nothing;
  /** How far `#kept` was searched, and whether the last byte searched ended a line. */
  #searched = 0;
  #lineStart = true;
  readonly #limit: number;

  /** @param limit largest event in bytes; a larger one throws RangeError */
  constructor(limit: number) {
    this.#limit = limit;
  }

  push(chunk: Buffer): SseEvent[] {
    const bytes = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    const events: SseEvent[] = [];
    let from = 0;
    let at = this.#searched;
    let lineStart = this.#lineStart;
    while (at < bytes.length) {
      const code = bytes[at]!;
      if (code !== lf && code !== cr) {
        lineStart = false;
        at = nextLineEnd(bytes, at);
        continue;
      }
      // CR LF is one line end. When the LF is not here yet, it will be taken for the start of the next event.
      const after = code === cr && bytes[at + 1] === lf ? at + 2 : at + 1;
      const strayLf = code === lf && at === from && from === 0 && this.#endedOnCr;
      if (strayLf) {
        this.#endedOnCr = false;
        at = after;
        continue;
      }
      if (lineStart) {
        events.push(read(bytes.subarray(from, after)));
        this.#endedOnCr = code === cr && after === at + 1 && after === bytes.length;
        from = after;
      } else {
        // A CR at the very end of what is here may be the first half of CR LF.
        if (code === cr && after === bytes.length) break;
        lineStart = true;
      }
      at = after;
    }
    this.#kept = from === bytes.length ? nothing : from === 0 ? bytes : Buffer.from(bytes.subarray(from));
    this.#searched = at - from;
    this.#lineStart = lineStart;
    if (this.#kept.length > this.#limit) throw new RangeError('event too large');
    return events;
  }

  /** What came after the last blank line. A stream that breaks off leaves it here. */
  end(): SseEvent | undefined {
    const rest = this.#kept;
    this.#kept = nothing;
    this.#searched = 0;
    this.#lineStart = true;
    return rest.length === 0 ? undefined : read(rest);
  }

  #endedOnCr = false;
}

function nextLineEnd(bytes: Buffer, from: number): number {
  const feed = bytes.indexOf(lf, from);
  const end = feed < 0 ? bytes.length : feed;
  // CR alone is rare; look for it only as far as the next LF.
  const ret = bytes.subarray(from, end).indexOf(cr);
  return ret < 0 ? end : from + ret;
}

function read(raw: Buffer): SseEvent {
  const text = raw.toString('utf8');
  // The common case: one data line.
  if (text.startsWith('data: {') && text.indexOf('\n') === text.length - 2 && !text.includes('\r'))
    return { raw, data: text.slice(6, -2), rest: '' };
  const data: string[] = [];
  const rest: string[] = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (line.startsWith('data:')) data.push(line.charCodeAt(5) === 32 ? line.slice(6) : line.slice(5));
    else if (line === 'data') data.push('');
    else if (line !== '') rest.push(line);
  }
  return { raw, ...(data.length > 0 ? { data: data.join('\n') } : {}), rest: rest.join('\n') };
}

/** The wire form of a data event, with the line end of ours. */
export function dataEvent(data: string): string {
  return `data: ${data.includes('\n') ? data.replaceAll('\n', '\ndata: ') : data}\n\n`;
}
