import { expect, test } from 'vitest';
import type { Threat } from '../api/types.ts';
import { barsText, beforeAndAfter, countByStatus, oldest } from './summary.ts';

test('threats are counted per level before and after', () => {
  const threats = [
    { level: 'critical', residualLevel: 'low', risk: 20, residual: 2.5, status: 'verified' },
    { level: 'critical', residualLevel: 'critical', risk: 20, residual: 20, status: 'open' },
  ] as Threat[];
  expect(beforeAndAfter(threats)).toEqual({
    before: { low: 0, medium: 0, high: 0, critical: 2 },
    after: { low: 1, medium: 0, high: 0, critical: 1 },
    inherent: 40,
    residual: 22.5,
  });
  expect(countByStatus(threats)).toEqual({ verified: 1, open: 1 });
});

test('the bars of a probe are told in words', () => {
  expect(barsText({ off: { n: 24, successes: 24 }, on: { n: 24, successes: 0, upper: 0.138 } })).toBe(
    'Control off: 24 of 24 attacks succeed. Control on: 0 of 24, at most 14 % with 95 % confidence.',
  );
});

test('without evidence there is no age', () => {
  expect(oldest([])).toBeUndefined();
});
