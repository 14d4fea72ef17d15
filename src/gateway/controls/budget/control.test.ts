import { expect, test } from 'vitest';
import { contextFor, testServices } from '../../testing.ts';
import { control } from './control.ts';

if (control.point !== 'request') throw new Error('not a request control');
const { point: _point, ...verbs } = control;

function client(settings: Record<string, unknown>) {
  let now = Date.UTC(2027, 0, 5, 12, 30, 30);
  const services = testServices({ now: () => now });
  const parsed = control.settings.parse(settings);
  return {
    at: (ms: number) => {
      now += ms;
    },
    ask(body: Record<string, unknown> = {}) {
      const context = contextFor({ services });
      return {
        verdict: verbs.review(body, parsed, context),
        settle: (tokens: number, cost = 0) =>
          verbs.settle!({ promptTokens: tokens, completionTokens: 0, cost }, parsed, context),
      };
    },
  };
}

test('answers 429 with Retry-After when a minute is spent, and lets through again when it has slid on', () => {
  const { ask, at } = client({ requestsPerMinute: 3 });
  for (let i = 0; i < 3; i++) expect(ask().verdict).toEqual({ action: 'allow' });
  expect(ask().verdict).toMatchObject({ action: 'block', code: 'BUDGET_SPENT', retryAfterS: 5 });
  at(31_000);
  expect(ask().verdict).toMatchObject({ action: 'block' });
  at(60_000);
  expect(ask().verdict).toEqual({ action: 'allow' });
});

test('reserves tokens while a request is under way and corrects them by what was used', () => {
  const { ask } = client({ tokensPerDay: 1000 });
  const first = ask({ max_tokens: 600 });
  expect(first.verdict).toEqual({ action: 'allow' });
  expect(ask({ max_tokens: 600 }).verdict).toMatchObject({ action: 'block', code: 'BUDGET_SPENT' });
  first.settle(50);
  expect(ask({ max_tokens: 600 }).verdict).toEqual({ action: 'allow' });
});

test('stops at the cost of the day', () => {
  const { ask } = client({ costPerDay: 1 });
  ask().settle(10, 1.5);
  expect(ask().verdict).toMatchObject({ action: 'block', retryAfterS: 41_370 });
});

test('counts streams under way and forgets them when they end', () => {
  const { ask } = client({ concurrentStreams: 1 });
  const first = ask({ stream: true });
  expect(ask({ stream: true }).verdict).toMatchObject({ action: 'block', retryAfterS: 1 });
  expect(ask().verdict).toEqual({ action: 'allow' });
  first.settle(1);
  expect(ask({ stream: true }).verdict).toEqual({ action: 'allow' });
});
