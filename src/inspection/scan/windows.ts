import { buildAutomaton, eachKeyword } from './automaton.ts';

/** What brings a rule to look at a stretch of text. */
export interface Trigger {
  /** Both cases match. */
  keywords: readonly string[];
  /** Units before and after the keyword that a match can reach. */
  before: number;
  after: number;
  /** The keyword counts only as a whole word. */
  word?: boolean;
}

/** A stretch of text that one rule must look at. Windows of one rule never overlap. */
export interface Window {
  rule: number;
  start: number;
  end: number;
}

/**
 * Finds the windows of all rules in one pass. Overlapping windows of a rule are merged, so that a flood of keywords
 * costs each rule at most one reading of the text.
 */
export function compileTriggers(rules: readonly Trigger[]): (text: string) => Window[] {
  const byKeyword = new Map<string, number[]>();
  rules.forEach(({ keywords }, rule) => {
    for (const keyword of new Set(keywords.map((one) => one.toLowerCase())))
      byKeyword.set(keyword, [...(byKeyword.get(keyword) ?? []), rule]);
  });
  const keywords = [...byKeyword.keys()];
  const interested = keywords.map((keyword) => Int32Array.from(byKeyword.get(keyword)!));
  const automaton = keywords.length === 0 ? undefined : buildAutomaton(keywords);
  // One open window per rule, empty between calls.
  const open: (Window | undefined)[] = rules.map(() => undefined);

  return (text) => {
    if (automaton === undefined) return [];
    const windows: Window[] = [];
    eachKeyword(automaton, text, (keyword, end) => {
      const begin = end - keywords[keyword]!.length;
      const isWord = !letter(text.charCodeAt(begin - 1)) && !letter(text.charCodeAt(end));
      for (const rule of interested[keyword]!) {
        const { before, after, word } = rules[rule]!;
        if (word === true && !isWord) continue;
        const start = Math.max(0, begin - before);
        const stop = Math.min(text.length, end + after);
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
    });
    for (const { rule } of windows) open[rule] = undefined;
    return windows;
  };
}

/** ASCII letters only: a keyword in a script without spaces stands beside other letters. NaN (no unit) is no letter. */
function letter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
}
