import { Malformed } from './contract.ts';

/** A Python literal: what `ast.literal_eval` takes, as far as array headers need it. */
export type Literal = null | boolean | number | string | Literal[] | Map<string, Literal>;

const token =
  /\s*(?:([{}()[\],:])|(True|False|None)\b|([bu]?)(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)")|(-?\d+)L?|(\S))/y;

/** Parses one literal; anything else, such as a name or a call, is Malformed. Nesting is bounded. */
export function parseLiteral(text: string, most = 32): Literal {
  let at = 0;
  let held: RegExpExecArray | undefined;

  const peek = (): RegExpExecArray | undefined => {
    if (held !== undefined) return held;
    token.lastIndex = at;
    held = token.exec(text) ?? undefined;
    if (held?.[7] !== undefined) throw new Malformed(at, `\`${held[7]}\` is not part of a literal`);
    return held;
  };
  const next = (): RegExpExecArray => {
    const found = peek();
    if (found === undefined) throw new Malformed(at, 'the literal ends early');
    at = found.index + found[0].length;
    held = undefined;
    return found;
  };
  const mark = (): string | undefined => peek()?.[1];

  const many = (end: string, level: number): Literal[] => {
    const out: Literal[] = [];
    while (mark() !== end) {
      out.push(value(level + 1));
      if (mark() === ',') next();
      else if (mark() !== end) throw new Malformed(at, 'a comma is missing');
    }
    next();
    return out;
  };

  const dict = (level: number): Map<string, Literal> => {
    const out = new Map<string, Literal>();
    while (mark() !== '}') {
      const key = value(level + 1);
      if (typeof key !== 'string') throw new Malformed(at, 'a key is not a text');
      if (out.has(key)) throw new Malformed(at, `the key \`${key}\` is there twice`);
      if (next()[1] !== ':') throw new Malformed(at, 'a colon is missing');
      out.set(key, value(level + 1));
      if (mark() === ',') next();
      else if (mark() !== '}') throw new Malformed(at, 'a comma is missing');
    }
    next();
    return out;
  };

  const value = (level: number): Literal => {
    if (level > most) throw new Malformed(at, `nested deeper than ${most}`);
    const found = next();
    const [, punctuation, word, , single, double, digits] = found;
    if (punctuation === '{') return dict(level);
    if (punctuation === '(') return many(')', level);
    if (punctuation === '[') return many(']', level);
    if (word !== undefined) return word === 'None' ? null : word === 'True';
    if (digits !== undefined) return Number(digits);
    const quoted = single ?? double;
    if (quoted === undefined) throw new Malformed(at, 'a value is missing');
    return quoted;
  };

  const parsed = value(0);
  if (peek() !== undefined) throw new Malformed(at, 'something follows the literal');
  return parsed;
}
