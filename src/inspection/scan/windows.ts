import { buildAutomaton } from './automaton.ts';

/** What brings a rule to look at a stretch of text. */
export interface Trigger {
  /** Both cases match. */
  keywords: readonly string[];
  /** Units before and after the keyword that a match can reach. */
  before: number;
  after: number;
  /** The keyword counts only as a whole word. */
  word?: boolean;
  /** A match begins with the keyword: each keyword is a place of its own, and nothing is merged. */
  exact?: boolean;
  /** An operator of an assignment must follow within so many units. */
  operatorWithin?: number;
}

/** A stretch of text that one rule must look at. Windows of one rule never overlap, except exact ones. */
export interface Window {
  rule: number;
  start: number;
  end: number;
}

/** `=`, `:`, `>`, `|`, `,` and `?`, as they assign in programs and configuration files. */
const operators = new Uint8Array(128);
for (const char of '=:>|,?') operators[char.charCodeAt(0)] = 1;

/**
 * Finds the windows of all rules in one pass. Overlapping windows of a rule are merged, so that a flood of keywords
 * costs each rule at most one reading of the text. The automaton is built with the first text.
 */
export function compileTriggers(rules: readonly Trigger[]): (text: string) => Window[] {
  let compiled: ((text: string) => Window[]) | undefined;
  return (text) => (compiled ??= compile(rules))(text);
}

function compile(rules: readonly Trigger[]): (text: string) => Window[] {
  const byKeyword = new Map<string, number[]>();
  rules.forEach(({ keywords }, rule) => {
    for (const keyword of new Set(keywords.map((one) => one.toLowerCase())))
      byKeyword.set(keyword, [...(byKeyword.get(keyword) ?? []), rule]);
  });
  const keywords = [...byKeyword.keys()];
  const lengths = Int32Array.from(keywords, (keyword) => keyword.length);
  const interested = keywords.map((keyword) => byKeyword.get(keyword)!);
  // Keywords that only rules of words, or only rules of assignments, look for are dropped before the rules are asked.
  const wordOnly = interested.map((list) => list.every((rule) => rules[rule]!.word === true));
  const operatorOnly = Int32Array.from(interested, (list) =>
    Math.max(...list.map((rule) => rules[rule]!.operatorWithin ?? Infinity)) === Infinity
      ? -1
      : Math.max(...list.map((rule) => rules[rule]!.operatorWithin!)),
  );
  const automaton = buildAutomaton(keywords.length === 0 ? ['\0'] : keywords);
  const { classes, width, next, firstFinal, outputStart, outputs } = automaton;
  // One open window per rule, empty between calls.
  const open: (Window | undefined)[] = rules.map(() => undefined);

  return (text) => {
    const { length } = text;
    const windows: Window[] = [];
    let operator = -1;
    let state = 0;
    for (let i = 0; i < length; i += 1) {
      state = next[state + classes[text.charCodeAt(i)]!]!;
      if (state < firstFinal) continue;
      const end = i + 1;
      const final = (state - firstFinal) / width;
      for (let o = outputStart[final]!; o < outputStart[final + 1]!; o += 1) {
        const keyword = outputs[o]!;
        const begin = end - lengths[keyword]!;
        if (wordOnly[keyword] && !isWord(text, begin, end)) continue;
        const within = operatorOnly[keyword]!;
        if (within >= 0) {
          if (operator < end) operator = operatorFrom(text, end);
          if (operator - end > within) continue;
        }
        for (const rule of interested[keyword] ?? []) {
          const { before, after, word, exact, operatorWithin } = rules[rule]!;
          if (word === true && !isWord(text, begin, end)) continue;
          if (operatorWithin !== undefined && within < 0) {
            if (operator < end) operator = operatorFrom(text, end);
            if (operator - end > operatorWithin) continue;
          }
          if (exact === true) {
            windows.push({ rule, start: begin, end: Math.min(length, end + after) });
            continue;
          }
          const start = Math.max(0, begin - before);
          const stop = Math.min(length, end + after);
          const current = open[rule];
          if (current !== undefined && start <= current.end) {
            if (stop > current.end) current.end = stop;
            if (start < current.start) current.start = start;
            continue;
          }
          const window = { rule, start, end: stop };
          open[rule] = window;
          windows.push(window);
        }
      }
    }
    for (const { rule } of windows) open[rule] = undefined;
    return windows;
  };
}

/** The same for several sets of rules in one pass: what one set alone would find, per set. */
export function compileTogether(sets: readonly (readonly Trigger[])[]): (text: string) => Window[][] {
  const windowsOf = compileTriggers(sets.flat());
  const setOf: number[] = [];
  const first: number[] = [];
  for (const [set, rules] of sets.entries()) {
    first.push(setOf.length);
    for (let rule = 0; rule < rules.length; rule += 1) setOf.push(set);
  }
  return (text) => {
    const found: Window[][] = sets.map(() => []);
    for (const window of windowsOf(text)) {
      const set = setOf[window.rule]!;
      window.rule -= first[set]!;
      found[set]!.push(window);
    }
    return found;
  };
}

function operatorFrom(text: string, from: number): number {
  for (let i = from; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 128 && operators[code] === 1) return i;
  }
  return Infinity;
}

function isWord(text: string, begin: number, end: number): boolean {
  return !letter(text.charCodeAt(begin - 1)) && !letter(text.charCodeAt(end));
}

/** ASCII letters only: a keyword in a script without spaces stands beside other letters. NaN (no unit) is no letter. */
function letter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
}
