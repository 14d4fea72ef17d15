import { Malformed } from './contract.ts';

// RFC 8259, read strictly: duplicate keys are refused, numbers keep their spelling, nesting and size are bounded, and objects
// are maps, so that no key can reach a prototype. JSON.parse hides all of this.

export type Json = null | boolean | string | JsonNumber | Json[] | JsonObject;
export interface JsonNumber {
  number: string;
}
export type JsonObject = Map<string, Json>;

export interface JsonOptions {
  /** Deepest nesting. */
  depth?: number;
  /** A repeated key: an error (default), or told through the function and the last one kept. */
  onDuplicate?: (key: string, offset: number) => void;
  /** JSON as Python writes it: NaN and Infinity. */
  python?: boolean;
}

/** Parses the whole text; throws Malformed with the position in UTF-16 units. */
export function parseJson(
  text: string,
  { depth = 100, onDuplicate, python = false }: JsonOptions = {},
): Json {
  let at = 0;

  const fail = (why: string): never => {
    throw new Malformed(at, why);
  };
  const space = (): void => {
    for (;;) {
      const code = text.charCodeAt(at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      at += 1;
    }
  };

  const string = (): string => {
    const start = at + 1;
    at = start;
    let simple = true;
    for (;;) {
      const code = text.charCodeAt(at);
      if (Number.isNaN(code)) fail('a string has no end');
      if (code === 0x22) break;
      if (code < 0x20) fail('a control character in a string');
      if (code === 0x5c) {
        simple = false;
        at += 1;
      }
      at += 1;
    }
    const raw = text.slice(start, at);
    at += 1;
    if (simple) return raw;
    return raw.replaceAll(
      /\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt])|(.|$))/gs,
      (_, code?: string, plain?: string) => {
        if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
        if (plain === undefined) fail('an escape that does not exist');
        return { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }[plain!] ?? plain!;
      },
    );
  };

  const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
  const word = /true|false|null|NaN|-?Infinity/y;

  const value = (level: number): Json => {
    if (level > depth) fail(`nested deeper than ${depth}`);
    space();
    const code = text.charCodeAt(at);
    if (code === 0x22) return string();
    if (code === 0x7b) return object(level);
    if (code === 0x5b) return array(level);
    word.lastIndex = at;
    const literal = word.exec(text)?.[0];
    if (literal !== undefined) {
      if (/N|I/.test(literal) && !python) fail(`${literal} is not JSON`);
      at += literal.length;
      return literal === 'true'
        ? true
        : literal === 'false'
          ? false
          : literal === 'null'
            ? null
            : { number: literal };
    }
    number.lastIndex = at;
    const digits = number.exec(text)?.[0];
    if (digits === undefined) return fail('a value is missing');
    at += digits.length;
    return { number: digits };
  };

  const object = (level: number): JsonObject => {
    const out: JsonObject = new Map();
    at += 1;
    space();
    if (text[at] === '}') {
      at += 1;
      return out;
    }
    for (;;) {
      space();
      const keyAt = at;
      if (text[at] !== '"') fail('a key is missing');
      const key = string();
      if (out.has(key)) {
        if (onDuplicate === undefined) {
          at = keyAt;
          fail(`the key \`${key}\` is there twice`);
        } else onDuplicate(key, keyAt);
      }
      space();
      if (text[at] !== ':') fail('a colon is missing');
      at += 1;
      out.set(key, value(level + 1));
      space();
      if (text[at] === '}') break;
      if (text[at] !== ',') fail('a comma is missing');
      at += 1;
    }
    at += 1;
    return out;
  };

  const array = (level: number): Json[] => {
    const out: Json[] = [];
    at += 1;
    space();
    if (text[at] === ']') {
      at += 1;
      return out;
    }
    for (;;) {
      out.push(value(level + 1));
      space();
      if (text[at] === ']') break;
      if (text[at] !== ',') fail('a comma is missing');
      at += 1;
    }
    at += 1;
    return out;
  };

  const parsed = value(0);
  space();
  if (at < text.length) fail('something follows the value');
  return parsed;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return value instanceof Map;
}

/** A whole number that is exact, or undefined. */
export function wholeNumber(value: Json | undefined): number | undefined {
  if (value === undefined || value === null || typeof value !== 'object' || !('number' in value))
    return undefined;
  if (!/^\d+$/.test(value.number)) return undefined;
  const whole = Number(value.number);
  return Number.isSafeInteger(whole) ? whole : undefined;
}

/** Every value below, with its path of keys; iterative, so that depth cannot exhaust the stack. */
export function* walkJson(
  root: Json,
): Generator<{ path: string; key: string; value: Json; parent: JsonObject | undefined }> {
  const open: { path: string; key: string; value: Json; parent: JsonObject | undefined }[] = [
    { path: '', key: '', value: root, parent: undefined },
  ];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    yield one;
    const { path, value } = one;
    if (Array.isArray(value))
      for (let index = value.length - 1; index >= 0; index--)
        open.push({ path: `${path}/${index}`, key: String(index), value: value[index]!, parent: undefined });
    else if (isObject(value))
      for (const [key, child] of [...value].reverse())
        open.push({ path: `${path}/${key}`, key, value: child, parent: value });
  }
}
