import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildAutomaton, eachKeyword, hasKeyword } from './automaton.ts';
import { compileTogether, compileTriggers, type Trigger } from './windows.ts';

test('finds what a naive search finds, in both cases', () => {
  const word = fc.stringMatching(/^[abKü]{1,4}$/);
  fc.assert(
    fc.property(
      fc.uniqueArray(word, { minLength: 1, maxLength: 6, selector: (one) => one.toLowerCase() }),
      fc.stringMatching(/^[abkKüÜ ]{0,40}$/),
      (keywords, text) => {
        const found: string[] = [];
        const automaton = buildAutomaton(keywords);
        eachKeyword(automaton, text, (keyword, end) => found.push(`${keywords[keyword]}@${end}`));
        const lower = text.toLowerCase();
        const naive = keywords.flatMap((keyword) =>
          Array.from({ length: lower.length }, (_, i) => i)
            .filter((i) => lower.startsWith(keyword.toLowerCase(), i))
            .map((i) => `${keyword}@${i + keyword.length}`),
        );
        expect(found.sort()).toEqual(naive.sort());
        expect(hasKeyword(automaton, text)).toBe(naive.length > 0);
      },
    ),
  );
});

test('merges the windows of a flood into one', () => {
  const windows = compileTriggers([{ keywords: ['key'], before: 4, after: 20 }]);
  expect(windows('key '.repeat(1000))).toEqual([{ rule: 0, start: 0, end: 4000 }]);
});

test('keeps windows that are far apart, and each rule its own', () => {
  const windows = compileTriggers([
    { keywords: ['key'], before: 1, after: 5 },
    { keywords: ['api_key'], before: 0, after: 2 },
  ]);
  expect(windows(`api_key${' '.repeat(30)}KEY`)).toEqual([
    { rule: 1, start: 0, end: 9 },
    { rule: 0, start: 3, end: 12 },
    { rule: 0, start: 36, end: 40 },
  ]);
});

test('words count whole, assignments only with an operator nearby', () => {
  const word = compileTriggers([{ keywords: ['tel'], before: 0, after: 1, word: true }]);
  expect(word('hotel tel: intel')).toEqual([{ rule: 0, start: 6, end: 10 }]);
  const assigned = compileTriggers([{ keywords: ['key'], before: 0, after: 1, operatorWithin: 5 }]);
  expect(assigned('the key to all, key = 1')).toEqual([{ rule: 0, start: 16, end: 20 }]);
});

test('finds together what each set of rules finds alone', () => {
  const sets: Trigger[][] = [
    [
      { keywords: ['key', 'token'], before: 4, after: 20 },
      { keywords: ['sk-'], before: 1, after: 30, exact: true },
    ],
    [{ keywords: ['key', 'card'], before: 10, after: 40, word: true }],
  ];
  const together = compileTogether(sets);
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('key', 'token', 'card', 'sk-', ' ', 'x', '='), { maxLength: 60 }),
      (parts) => {
        const text = parts.join('');
        expect(together(text)).toEqual(sets.map((rules) => compileTriggers(rules)(text)));
      },
    ),
  );
});
