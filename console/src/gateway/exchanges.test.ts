import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Action, Exchange } from '../api/types.ts';
import { countByAction, newestFirst, pieces, timeline } from './exchanges.ts';

function exchange(id: string, at: number, action: Action = 'allow'): Exchange {
  return {
    id,
    at,
    action,
    client: 'bot',
    route: '/v1/chat/completions',
    model: 'llm',
    status: 200,
    stream: false,
    latencyMs: 1,
    tokens: { prompt: 1, completion: 1 },
    findings: [],
    segments: [],
    flow: 'prompt',
    threats: [],
  };
}

test('exchanges stand newest first, each once, however they arrive', () => {
  const arrivals = [exchange('b', 2), exchange('a', 1), exchange('c', 3), exchange('b', 2, 'block')];
  const list = arrivals.reduce<Exchange[]>(newestFirst, []);
  expect(list.map(({ id, action }) => `${id} ${action}`)).toEqual(['c allow', 'b block', 'a allow']);
  expect(countByAction(list)).toEqual({ allow: 2, block: 1 });
});

test('decisions fall into the slot of their time, and what is older falls out', () => {
  const list = [exchange('a', 1000), exchange('b', 25_000, 'block'), exchange('c', 29_000, 'mask')];
  expect(timeline(list, 30_500, 2, 10_000)).toEqual([
    { start: 20_000, allowed: 0, touched: 1, stopped: 1 },
    { start: 30_000, allowed: 0, touched: 0, stopped: 0 },
  ]);
});

test('highlighting cuts a text without losing or inventing a character', () => {
  const mark = fc.record({
    start: fc.integer({ min: -5, max: 60 }),
    end: fc.integer({ min: -5, max: 60 }),
    type: fc.constantFrom('secret', 'email'),
  });
  fc.assert(
    fc.property(fc.string({ maxLength: 50 }), fc.array(mark, { maxLength: 6 }), (text, marks) => {
      const cut = pieces(text, marks);
      expect(cut.map((piece) => piece.text).join('')).toBe(text);
      expect(cut.every((piece) => piece.text !== '')).toBe(true);
    }),
  );
});

test('overlapping findings are both named where they overlap', () => {
  const cut = pieces('abcdef', [
    { start: 0, end: 4, type: 'secret' },
    { start: 2, end: 6, type: 'email' },
  ]);
  expect(cut).toEqual([
    { text: 'ab', types: ['secret'] },
    { text: 'cd', types: ['secret', 'email'] },
    { text: 'ef', types: ['email'] },
  ]);
});
