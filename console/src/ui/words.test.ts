import { expect, test } from 'vitest';
import { ago, percent, plural, rate, referenceParts, shortHash } from './words.ts';

test('counts agree with their noun', () => {
  expect([plural(0, 'threat'), plural(1, 'threat'), plural(1200, 'threat')]).toEqual([
    'no threats',
    '1 threat',
    '1,200 threats',
  ]);
});

test('ages get coarser the older they are, and are never negative', () => {
  const now = 1_800_000_000_000;
  const ages = [-3, 2, 40, 600, 7200, 5 * 86_400].map((seconds) => ago(now - seconds * 1000, now));
  expect(ages).toEqual(['just now', 'just now', '40 s ago', '10 min ago', '2 h ago', '5 days ago']);
});

test('a measured rate is told with its bound', () => {
  expect(rate(0, 24, 0.1379)).toBe('0/24, at most 14 %');
  expect(rate(24, 24)).toBe('24/24');
  expect(percent(0.046)).toBe('4.6 %');
});

test('a reference is told with its edition', () => {
  expect(referenceParts('owasp-llm:2026/LLM01')).toEqual({
    catalogue: 'OWASP LLM Top 10',
    edition: '2026',
    id: 'LLM01',
  });
  expect(referenceParts('strange')).toEqual({ catalogue: 'strange', edition: '', id: '' });
});

test('a hash is shortened without its algorithm', () => {
  expect(shortHash(`sha256:${'ab'.repeat(32)}`)).toBe('abababababab');
});
