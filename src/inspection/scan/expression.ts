import { Problem } from '../../kernel/problem.ts';

/**
 * Regular expressions as trees: read from RE2 or JavaScript syntax, bounded, printed for V8 without flags, and turned
 * into expressions that match the beginning of a match. No backreferences: what is left is regular.
 */
export type Expression =
  | { kind: 'set'; ranges: readonly Range[] }
  | { kind: 'sequence'; items: readonly Expression[] }
  | { kind: 'choice'; options: readonly Expression[] }
  | { kind: 'group'; capture: boolean; inner: Expression }
  | { kind: 'repeat'; inner: Expression; min: number; max: number; lazy: boolean }
  | { kind: 'look'; opening: string; inner: Expression }
  | { kind: 'assertion'; source: '^' | '$' | '\\b' | '\\B' };

/** UTF-16 code units, both ends inside. */
type Range = readonly [from: number, to: number];

const last = 0xffff;
const digit: Range[] = [[48, 57]];
const word: Range[] = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const space: Range[] = [
  [9, 13],
  [32, 32],
];
const posix: Record<string, Range[]> = {
  alnum: [
    [48, 57],
    [65, 90],
    [97, 122],
  ],
  alpha: [
    [65, 90],
    [97, 122],
  ],
  digit,
  lower: [[97, 122]],
  upper: [[65, 90]],
  space,
  word,
  xdigit: [
    [48, 57],
    [65, 70],
    [97, 102],
  ],
};

/** @throws Problem when the expression uses what a regular expression cannot do in linear time, or is malformed */
export function parseExpression(source: string, ignoreCase = false): Expression {
  let at = 0;
  let fold = ignoreCase;
  let dotAll = false;

  const fail = (why: string): never => {
    throw new Problem('INPUT_INVALID', { detail: `expression \`${source}\`: ${why} at ${at + 1}` });
  };

  // Flags set in the middle of a group, such as `a(?i)b`, hold to the end of that group.
  function choice(): Expression {
    const [outerFold, outerDot] = [fold, dotAll];
    const options = [sequence()];
    while (source[at] === '|') {
      at += 1;
      options.push(sequence());
    }
    [fold, dotAll] = [outerFold, outerDot];
    return options.length === 1 ? options[0]! : { kind: 'choice', options };
  }

  function sequence(): Expression {
    const items: Expression[] = [];
    while (at < source.length && source[at] !== '|' && source[at] !== ')') {
      const item = atom();
      if (item !== undefined) items.push(quantified(item));
    }
    return items.length === 1 ? items[0]! : { kind: 'sequence', items };
  }

  function atom(): Expression | undefined {
    const char = source[at]!;
    if (char === '(') return group();
    if (char === '[') return { kind: 'set', ranges: set() };
    at += 1;
    if (char === '.') return { kind: 'set', ranges: dotAll ? [[0, last]] : complement([[10, 10]]) };
    if (char === '^' || char === '$') return { kind: 'assertion', source: char };
    if (char !== '\\') return { kind: 'set', ranges: folded([unit(char)]) };
    const escape = source[at]!;
    if (escape === 'b' || escape === 'B') {
      at += 1;
      return { kind: 'assertion', source: `\\${escape}` };
    }
    if (escape === 'z') {
      at += 1;
      return { kind: 'assertion', source: '$' };
    }
    return { kind: 'set', ranges: escaped() };
  }

  function group(): Expression | undefined {
    at += 1;
    let capture = true;
    let opening = '';
    const [outerFold, outerDot] = [fold, dotAll];
    if (source[at] === '?') {
      const head = /\?(?:P?<[A-Za-z_]\w*>|<?[=!]|([a-z]*)(?:-([a-z]+))?([:)]))/y;
      head.lastIndex = at;
      const found = head.exec(source) ?? fail('a group that is not supported');
      at = head.lastIndex;
      if (found[3] !== undefined) {
        if (found[1]!.includes('i')) fold = true;
        if (found[2]?.includes('i')) fold = false;
        if (found[1]!.includes('s')) dotAll = true;
        if (found[3] === ')') return undefined;
        capture = false;
      } else if (/[=!]$/.test(found[0])) opening = `(${found[0]}`;
    }
    const inner = choice();
    if (source[at] !== ')') fail('a group is not closed');
    at += 1;
    [fold, dotAll] = [outerFold, outerDot];
    if (opening !== '') return { kind: 'look', opening, inner };
    return { kind: 'group', capture, inner };
  }

  function quantified(inner: Expression): Expression {
    let result = inner;
    for (;;) {
      const quantifier = /([*+?])|\{(\d+)(,?)(\d*)\}/y;
      quantifier.lastIndex = at;
      const found = quantifier.exec(source);
      if (found === null) return result;
      at = quantifier.lastIndex;
      const lazy = source[at] === '?';
      if (lazy) at += 1;
      const min = found[1] === undefined ? Number(found[2]) : found[1] === '+' ? 1 : 0;
      const max =
        found[1] === undefined
          ? found[3] === ''
            ? min
            : found[4] === ''
              ? Infinity
              : Number(found[4])
          : found[1] === '?'
            ? 1
            : Infinity;
      result = { kind: 'repeat', inner: result, min, max, lazy };
    }
  }

  function set(): Range[] {
    at += 1;
    const negated = source[at] === '^';
    if (negated) at += 1;
    const ranges: Range[] = [];
    for (let first = true; source[at] !== ']' || first; first = false) {
      if (at >= source.length) fail('a set is not closed');
      const named = /\[:([a-z]+):\]/y;
      named.lastIndex = at;
      const found = named.exec(source);
      if (found !== null) {
        at = named.lastIndex;
        ranges.push(...(posix[found[1]!] ?? fail('an unknown class')));
        continue;
      }
      const from = member();
      if (source[at] === '-' && source[at + 1] !== ']' && single(from) !== undefined) {
        at += 1;
        const to = member();
        ranges.push([from[0]![0], single(to) ?? fail('a range that does not end in a character')]);
      } else ranges.push(...from);
    }
    at += 1;
    const all = folded(ranges);
    return negated ? complement(all) : all;
  }

  function member(): Range[] {
    const char = source[at]!;
    at += 1;
    return char === '\\' ? escaped() : [unit(char)];
  }

  function escaped(): Range[] {
    const char = source[at]!;
    at += 1;
    switch (char) {
      case 'd':
        return digit;
      case 'D':
        return complement(digit);
      case 'w':
        return word;
      case 'W':
        return complement(word);
      case 's':
        return space;
      case 'S':
        return complement(space);
      case 'n':
        return [[10, 10]];
      case 'r':
        return [[13, 13]];
      case 't':
        return [[9, 9]];
      case 'f':
        return [[12, 12]];
      case 'v':
        return [[11, 11]];
      case 'x':
      case 'u': {
        const digits = source.slice(at, at + (char === 'x' ? 2 : 4));
        at += digits.length;
        const code = Number.parseInt(digits, 16);
        return [[code, code]];
      }
      default:
        if (/[A-Za-z0-9]/.test(char)) fail(`an escape that is not supported, \`\\${char}\`,`);
        return [unit(char)];
    }
  }

  function folded(ranges: readonly Range[]): Range[] {
    if (!fold) return normal(ranges);
    const both: Range[] = [...ranges];
    for (const [from, to] of ranges) {
      const upper: Range = [Math.max(from, 65), Math.min(to, 90)];
      const lower: Range = [Math.max(from, 97), Math.min(to, 122)];
      if (upper[0] <= upper[1]) both.push([upper[0] + 32, upper[1] + 32]);
      if (lower[0] <= lower[1]) both.push([lower[0] - 32, lower[1] - 32]);
    }
    return normal(both);
  }

  const whole = choice();
  if (at < source.length) fail('a bracket too many');
  return whole;
}

/** The same language for V8, without flags. */
export function printExpression(node: Expression): string {
  switch (node.kind) {
    case 'set':
      return printSet(node.ranges);
    case 'assertion':
      return node.source;
    case 'sequence':
      return node.items
        .map((item) => (item.kind === 'choice' ? `(?:${printExpression(item)})` : printExpression(item)))
        .join('');
    case 'choice':
      return node.options.map(printExpression).join('|');
    case 'group':
      return `${node.capture ? '(' : '(?:'}${printExpression(node.inner)})`;
    case 'look':
      return `${node.opening}${printExpression(node.inner)})`;
    case 'repeat':
      break;
  }
  return `${wrapped(node.inner, printExpression(node.inner))}${quantifier(node)}`;
}

/**
 * Matches every beginning of a match that runs to the end of the text: each unit may be the end of the text instead.
 * When the expression has a capture at its top level, what stands before it must match in full and is left out of
 * group 1; so a stream holds the value, not the words that introduce it.
 */
export function printBeginning(node: Expression): string {
  const items = node.kind === 'sequence' ? node.items : [node];
  const value = items.findIndex((item) => item.kind === 'group' && item.capture);
  const before = value < 0 ? [] : items.slice(0, value);
  const rest = value < 0 ? items : items.slice(value);
  const introduction = printExpression({ kind: 'sequence', items: before.map(uncaptured) });
  return `${introduction}(${rest.map((item) => beginning(uncaptured(item))).join('')})$`;
}

function beginning(node: Expression): string {
  switch (node.kind) {
    case 'set':
      return `(?:${printSet(node.ranges)}|$)`;
    case 'assertion':
      return node.source === '^' || node.source === '$' ? node.source : `(?:${node.source}|$)`;
    case 'sequence':
      return node.items.map(beginning).join('');
    case 'choice':
      return `(?:${node.options.map(beginning).join('|')})`;
    case 'group':
      return `(?:${beginning(node.inner)})`;
    case 'look':
      return node.opening.includes('<')
        ? printExpression(node)
        : `(?:${printExpression(node)}|(?=[\\x00-\\uffff]{0,64}$))`;
    case 'repeat':
      break;
  }
  return `(?:${beginning(node.inner)})${quantifier(node)}`;
}

/** No capture anywhere. */
function uncaptured(node: Expression): Expression {
  switch (node.kind) {
    case 'group':
      return { ...node, capture: false, inner: uncaptured(node.inner) };
    case 'sequence':
      return { ...node, items: node.items.map(uncaptured) };
    case 'choice':
      return { ...node, options: node.options.map(uncaptured) };
    case 'look':
    case 'repeat':
      return { ...node, inner: uncaptured(node.inner) };
    case 'set':
    case 'assertion':
      break;
  }
  return node;
}

/** Longest match in UTF-16 units; Infinity when it has no bound. */
export function longestMatch(node: Expression): number {
  switch (node.kind) {
    case 'set':
      return 1;
    case 'assertion':
    case 'look':
      return 0;
    case 'sequence':
      return node.items.reduce((sum, item) => sum + longestMatch(item), 0);
    case 'choice':
      return Math.max(...node.options.map(longestMatch));
    case 'group':
      return longestMatch(node.inner);
    case 'repeat':
      break;
  }
  const inner = longestMatch(node.inner);
  return inner === 0 ? 0 : inner * node.max;
}

/** True when a match can begin with the word (lower case), whatever the case of its letters. */
export function canBeginWith(node: Expression, word: string): boolean {
  return spells([node], word);
}

function spells(items: readonly Expression[], word: string): boolean {
  if (word === '') return true;
  const [item, ...rest] = items;
  if (item === undefined) return false;
  switch (item.kind) {
    case 'set': {
      const codes = [word.charCodeAt(0), word.charAt(0).toUpperCase().charCodeAt(0)];
      // A large class holds any word, but is not there for it.
      const few = item.ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0) <= 4;
      const takes = item.ranges.some(([from, to]) => codes.some((code) => from <= code && code <= to));
      return few && takes && spells(rest, word.slice(1));
    }
    case 'assertion':
    case 'look':
      return spells(rest, word);
    case 'group':
      return spells([item.inner, ...rest], word);
    case 'sequence':
      return spells([...item.items, ...rest], word);
    case 'choice':
      return item.options.some((option) => spells([option, ...rest], word));
    case 'repeat':
      break;
  }
  const once = spells(
    [...Array.from({ length: Math.max(1, Math.min(item.min, 8)) }, () => item.inner), ...rest],
    word,
  );
  return once || (item.min === 0 && spells(rest, word));
}

/**
 * Largest distance from the start of a match to a word (lower case) in it; undefined when the word is no part of the
 * expression.
 */
export function offsetOf(node: Expression, word: string): number | undefined {
  switch (node.kind) {
    case 'group':
      return offsetOf(node.inner, word);
    case 'repeat':
      return offsetOf(node.inner, word) === undefined ? undefined : longestMatch(node);
    case 'choice': {
      const found = node.options.map((option) => offsetOf(option, word)).filter((one) => one !== undefined);
      return found.length === 0 ? undefined : Math.max(...found);
    }
    case 'set':
    case 'assertion':
    case 'look':
      return spells([node], word) ? 0 : undefined;
    case 'sequence':
      break;
  }
  let before = 0;
  let largest: number | undefined;
  for (const [i, item] of node.items.entries()) {
    const inner = ['group', 'repeat', 'choice'].includes(item.kind) ? offsetOf(item, word) : undefined;
    const here = spells(node.items.slice(i), word) ? 0 : undefined;
    if (inner !== undefined || here !== undefined) largest = before + Math.max(inner ?? 0, here ?? 0);
    before += longestMatch(item);
  }
  return largest;
}

/** Gives every unbounded repetition a bound: `limit` more than its minimum. */
export function bounded(node: Expression, limit: number): Expression {
  switch (node.kind) {
    case 'sequence':
      return { ...node, items: node.items.map((item) => bounded(item, limit)) };
    case 'choice':
      return { ...node, options: node.options.map((option) => bounded(option, limit)) };
    case 'group':
    case 'look':
      return { ...node, inner: bounded(node.inner, limit) };
    case 'repeat':
      return {
        ...node,
        inner: bounded(node.inner, limit),
        max: node.max === Infinity ? node.min + limit : node.max,
      };
    case 'set':
    case 'assertion':
      break;
  }
  return node;
}

function quantifier({ min, max, lazy }: { min: number; max: number; lazy: boolean }): string {
  const plain =
    min === 0 && max === 1
      ? '?'
      : max === Infinity
        ? min < 2
          ? ['*', '+'][min]!
          : `{${min},}`
        : min === max
          ? `{${min}}`
          : `{${min},${max}}`;
  return lazy ? `${plain}?` : plain;
}

function wrapped(inner: Expression, printed: string): string {
  return inner.kind === 'set' || inner.kind === 'group' ? printed : `(?:${printed})`;
}

function unit(char: string): Range {
  const code = char.charCodeAt(0);
  return [code, code];
}

function single(ranges: readonly Range[]): number | undefined {
  const [range] = ranges;
  return ranges.length === 1 && range![0] === range![1] ? range![0] : undefined;
}

function normal(ranges: readonly Range[]): Range[] {
  const merged: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((left, right) => left[0] - right[0])) {
    const top = merged.at(-1);
    if (top !== undefined && from <= top[1] + 1) top[1] = Math.max(top[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

function complement(ranges: readonly Range[]): Range[] {
  const out: Range[] = [];
  let next = 0;
  for (const [from, to] of normal(ranges)) {
    if (from > next) out.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= last) out.push([next, last]);
  return out;
}

function printSet(ranges: readonly Range[]): string {
  const one = single(ranges);
  if (one !== undefined) return printUnit(one, false);
  const body = (list: readonly Range[]) =>
    list
      .map(([from, to]) =>
        from === to
          ? printUnit(from, true)
          : to === from + 1
            ? printUnit(from, true) + printUnit(to, true)
            : `${printUnit(from, true)}-${printUnit(to, true)}`,
      )
      .join('');
  const rest = complement(ranges);
  if (rest.length === 0) return '[\\x00-\\uffff]';
  return ranges.at(-1)![1] === last ? `[^${body(rest)}]` : `[${body(ranges)}]`;
}

function printUnit(code: number, inSet: boolean): string {
  const char = String.fromCharCode(code);
  if (code < 32 || code > 126)
    return code < 256
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  return (inSet ? /[\\\]^-]/ : /[\\^$.*+?()[\]{}|/]/).test(char) ? `\\${char}` : char;
}
