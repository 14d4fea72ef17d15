import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bounded,
  canBeginWith,
  longestMatch,
  offsetOf,
  parseExpression,
  printBeginning,
  printExpression,
} from './expression.ts';

const print = (source: string) => printExpression(parseExpression(source));

test('folds modifiers into the sets', () => {
  expect(print('(?i)ab')).toBe('[Aa][Bb]');
  expect(print('a(?i:b)c')).toBe('a(?:[Bb])c');
  expect(print('(?i)a(?-i:b)')).toBe('[Aa](?:b)');
  expect(print('(?s:.)')).toBe('(?:[\\x00-\\uffff])');
});

test('reads what RE2 has and JavaScript does not', () => {
  expect(new RegExp(`^${print('[[:alnum:]]{3}\\z')}`).test('a1B')).toBe(true);
  expect(print('(?P<name>x)')).toBe('(x)');
  expect(print('\\x60')).toBe('`');
});

test('refuses what is not regular', () => {
  expect(() => parseExpression('(a)\\1')).toThrow(/not supported/);
  expect(() => parseExpression('(a')).toThrow(/not closed/);
  expect(() => parseExpression('a)')).toThrow(/bracket too many/);
});

test('prints what matches the same', () => {
  const sources = [
    'a|b(c|d)?',
    '[^a-c]{2,3}x*',
    '(?:ab){1,2}\\b',
    '^\\d+\\.\\d$',
    '[\\w-]+@[a-z]+',
    '\\bkey=(?:"[^"]+"|\\S+)',
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...sources),
      fc.stringMatching(/^[abcdxkey=1.2@" -]{0,20}$/),
      (source, text) => {
        expect(new RegExp(print(source)).exec(text)?.[0]).toBe(new RegExp(source).exec(text)?.[0]);
      },
    ),
  );
});

test('bounds every repetition and knows the longest match', () => {
  expect(longestMatch(parseExpression('a+'))).toBe(Infinity);
  expect(longestMatch(bounded(parseExpression('a+(b{2,})*c?'), 10))).toBe(11 + 10 * 12 + 1);
  expect(longestMatch(parseExpression('\\ba{2}(?:b|cd)$'))).toBe(4);
});

test('knows where a word can stand', () => {
  const node = parseExpression('\\b(?i)(?:x{0,3}key|token)=\\d');
  expect(offsetOf(node, 'key')).toBe(3);
  expect(offsetOf(node, 'token')).toBe(0);
  expect(offsetOf(node, 'secret')).toBeUndefined();
  expect(canBeginWith(parseExpression('AKIA[A-Z]{4}'), 'akia')).toBe(true);
});

test('the beginning of a match is a beginning at every cut', () => {
  const source = '\\b(sk-(?:proj|admin)-[a-z0-9]{6,9}(?:==)?)(?![a-z])';
  const whole = new RegExp(source);
  const beginning = new RegExp(printBeginning(parseExpression(source)));
  fc.assert(
    fc.property(
      fc.stringMatching(/^[ xy]{0,4}$/),
      fc.stringMatching(/^sk-(?:proj|admin)-[a-z0-9]{6,9}$/),
      fc.nat(),
      (before, secret, cut) => {
        const text = `${before} ${secret}`;
        fc.pre(whole.test(text));
        const at = before.length + 2 + (cut % secret.length);
        expect(beginning.test(text.slice(0, at))).toBe(true);
      },
    ),
  );
  // At the very end anything may begin: that is the empty beginning, which holds nothing.
  expect(beginning.exec('nothing of the kind')?.[1]).toBe('');
});

test('what introduces a value is not part of its beginning', () => {
  const beginning = new RegExp(printBeginning(parseExpression('password = "([a-z0-9]{6,})"')), 'd');
  expect(beginning.exec('my password = "ab')?.indices?.[1]).toEqual([15, 17]);
  expect(beginning.exec('my password')).toBeNull();
});
