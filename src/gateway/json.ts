import { Problem } from '../kernel/problem.ts';

/** Bounds on what is parsed at all. */
export interface JsonLimits {
  depth: number;
  /** Members of one array or object. */
  members: number;
}

/** Where a value stands in the text; `from` is where its member begins (its key, or the value itself in an array). */
interface Span {
  start: number;
  end: number;
  from: number;
}

const quote = 34;
const backslash = 92;

/** End of the string that opens at `at`, after its closing quote; -1 when it never closes. */
function stringEnd(text: string, at: number): number {
  for (let from = at + 1; ;) {
    const close = text.indexOf('"', from);
    if (close < 0) return -1;
    let back = close - 1;
    while (text.charCodeAt(back) === backslash) back--;
    if ((close - back) % 2 === 1) return close + 1;
    from = close + 1;
  }
}

function blank(text: string, at: number): number {
  for (let code = text.charCodeAt(at); code === 32 || code === 10 || code === 13 || code === 9;)
    code = text.charCodeAt(++at);
  return at;
}

/** RFC 6901 §3. */
export function escapePointer(key: string): string {
  return key.includes('~') || key.includes('/') ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key;
}

class Malformed extends Error {}

/**
 * One pass over the text of a JSON value. Refuses what readers disagree on (a key twice in one object: the model could be
 * told what no control saw) and what costs too much. Texts that are not JSON pass through: JSON.parse will say so.
 * @throws Problem INPUT_INVALID for a duplicate key, TOO_LARGE for depth and members
 */
function walk(text: string, limits: JsonLimits, visit?: (pointer: string, span: Span) => void): void {
  const tooLarge = (what: string, limit: number): never => {
    throw new Problem('TOO_LARGE', {
      detail: `the body has more than ${limit} ${what}`,
      fix: 'Send a smaller body, or raise the limit in merlon.yaml.',
    });
  };
  const value = (start: number, from: number, pointer: string, depth: number): number => {
    if (depth > limits.depth) tooLarge('levels of nesting', limits.depth);
    const first = text.charCodeAt(start);
    let end: number;
    if (first === quote) end = stringEnd(text, start);
    else if (first === 123) end = object(start, pointer, depth);
    else if (first === 91) end = array(start, pointer, depth);
    else {
      end = start;
      for (;;) {
        const code = text.charCodeAt(end);
        if (Number.isNaN(code) || code === 44 || code === 93 || code === 125 || code <= 32) break;
        end++;
      }
      if (end === start) throw new Malformed();
    }
    if (end < 0) throw new Malformed();
    visit?.(pointer, { start, end, from });
    return end;
  };
  const object = (start: number, pointer: string, depth: number): number => {
    const keys = new Set<string>();
    let at = blank(text, start + 1);
    if (text.charCodeAt(at) === 125) return at + 1;
    for (;;) {
      const end = text.charCodeAt(at) === quote ? stringEnd(text, at) : -1;
      if (end < 0) throw new Malformed();
      const raw = text.slice(at + 1, end - 1);
      let key = raw;
      if (raw.includes('\\')) {
        try {
          key = JSON.parse(`"${raw}"`) as string;
        } catch {
          throw new Malformed();
        }
      }
      if (keys.has(key))
        throw new Problem('INPUT_INVALID', {
          detail: `an object of the body has the key \`${key.slice(0, 40)}\` twice`,
          fix: 'Send each key once.',
        });
      keys.add(key);
      if (keys.size > limits.members) tooLarge('members in one object', limits.members);
      const colon = blank(text, end);
      if (text.charCodeAt(colon) !== 58) throw new Malformed();
      const inner = visit ? `${pointer}/${escapePointer(key)}` : '';
      const next = blank(text, value(blank(text, colon + 1), at, inner, depth + 1));
      const code = text.charCodeAt(next);
      if (code === 125) return next + 1;
      if (code !== 44) throw new Malformed();
      at = blank(text, next + 1);
    }
  };
  const array = (start: number, pointer: string, depth: number): number => {
    let at = blank(text, start + 1);
    if (text.charCodeAt(at) === 93) return at + 1;
    for (let index = 0; ; index++) {
      if (index >= limits.members) tooLarge('members in one array', limits.members);
      const next = blank(text, value(at, at, visit ? `${pointer}/${index}` : '', depth + 1));
      const code = text.charCodeAt(next);
      if (code === 93) return next + 1;
      if (code !== 44) throw new Malformed();
      at = blank(text, next + 1);
    }
  };
  try {
    const start = blank(text, 0);
    value(start, start, '', 0);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
  }
}

/**
 * Parses an object within limits.
 * @throws Problem INPUT_INVALID when it is not a JSON object or has a key twice, TOO_LARGE over the limits
 */
export function parseObject(text: string, limits: JsonLimits): Record<string, unknown> {
  walk(text, limits);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new Problem('INPUT_INVALID', {
      detail: 'the body is not JSON',
      fix: 'Send one JSON object.',
      cause,
    });
  }
  if (!isRecord(parsed))
    throw new Problem('INPUT_INVALID', { detail: 'the body is not a JSON object', fix: 'Send one object.' });
  return parsed;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Changes by JSON pointer; `undefined` removes a member of an object. A pointer to a new key of the root adds it. */
export type Edits = Map<string, unknown>;

/** Applies edits to JSON text and leaves every other byte as it was: numbers, order, spaces, unknown fields. */
export function applyEdits(text: string, edits: Edits): string {
  if (edits.size === 0) return text;
  const cuts: { start: number; end: number; put: string }[] = [];
  const left = new Set(edits.keys());
  let rootEnd = -1;
  let kept = 0;
  walk(text, { depth: Infinity, members: Infinity }, (pointer, span) => {
    if (pointer === '') rootEnd = span.end;
    const root = pointer !== '' && pointer.indexOf('/', 1) < 0;
    if (root && !(edits.has(pointer) && edits.get(pointer) === undefined)) kept++;
    if (!left.delete(pointer)) return;
    const value = edits.get(pointer);
    if (value !== undefined) cuts.push({ start: span.start, end: span.end, put: JSON.stringify(value) });
    else cuts.push({ ...member(text, span), put: '' });
  });
  const added = [...left].filter((pointer) => edits.get(pointer) !== undefined);
  if (added.length > 0) {
    const close = rootEnd - 1;
    const members = added.map((pointer) => {
      const key = pointer.slice(1).replaceAll('~1', '/').replaceAll('~0', '~');
      return `${JSON.stringify(key)}:${JSON.stringify(edits.get(pointer))}`;
    });
    cuts.push({ start: close, end: close, put: (kept === 0 ? '' : ',') + members.join(',') });
  }
  cuts.sort((a, b) => a.start - b.start);
  let out = '';
  let at = 0;
  for (const cut of cuts) {
    if (cut.start < at) {
      // The last member goes, and so did the one before it: the comma before them both goes too.
      out = withoutComma(out);
      at = cut.end;
      continue;
    }
    out += text.slice(at, cut.start) + cut.put;
    at = cut.end;
  }
  return out + text.slice(at);
}

/** The member with the comma that goes with it: the one behind, or for a last member the one before. */
function member(text: string, span: Span): { start: number; end: number } {
  const next = blank(text, span.end);
  if (text.charCodeAt(next) === 44) return { start: span.from, end: blank(text, next + 1) };
  let back = span.from - 1;
  while (back > 0 && text.charCodeAt(back) <= 32) back--;
  return { start: text.charCodeAt(back) === 44 ? back : span.from, end: span.end };
}

function withoutComma(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) <= 32) end--;
  return text.charCodeAt(end - 1) === 44 ? text.slice(0, end - 1) : text;
}
