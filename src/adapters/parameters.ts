import { Problem } from '../kernel/problem.ts';
import type { SqlValue } from '../ports/store.ts';

export interface Parsed {
  /** Parameter names in order of first use. */
  names: readonly string[];
  /** The same SQL with `$1`, `$2`, … */
  numbered: string;
}

// What may hold an `@` that is no parameter comes first: strings, quoted names, comments.
const token = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|@([A-Za-z_]\w*)/g;

/** Finds the parameters `@name` of a statement. */
export function parseParameters(sql: string): Parsed {
  const names: string[] = [];
  const numbered = sql.replace(token, (text, name: string | undefined) => {
    if (name === undefined) return text;
    if (!names.includes(name)) names.push(name);
    return `$${names.indexOf(name) + 1}`;
  });
  return { names, numbered };
}

/** Values in the order of `names`. Missing and unknown ones are bugs of the caller and refused on every engine alike. */
export function ordered(names: readonly string[], parameters: Record<string, SqlValue>): SqlValue[] {
  for (const name in parameters) {
    if (!names.includes(name)) refuse(`the statement has no parameter \`${name}\``);
  }
  return names.map((name) => {
    const value = parameters[name];
    if (value === undefined) refuse(`parameter \`${name}\` has no value`);
    return value!;
  });
}

function refuse(detail: string): never {
  throw new Problem('STORE_FAILED', { detail });
}
