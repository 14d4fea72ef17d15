import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wilsonUpper } from './evidence.ts';
import { canonicalJson, contentHash } from './hash.ts';
import { Problem } from './problem.ts';
import { parseReference } from './reference.ts';
import { Secret } from './secret.ts';
import { levelOf } from './severity.ts';
import { stricter } from './verdict.ts';

test('a problem shows its facts and its fix, and keeps its cause', () => {
  const problem = new Problem('MODEL_INVALID', {
    detail: 'unknown key `elemnts`',
    fix: 'did you mean `elements`?',
    facts: { line: 3 },
    cause: new Error('internal'),
  });
  const shown = JSON.parse(JSON.stringify(problem)) as Record<string, unknown>;
  expect(shown).toMatchObject({
    status: 422,
    code: 'MODEL_INVALID',
    detail: 'unknown key `elemnts`',
    line: 3,
  });
  expect(JSON.stringify(shown)).not.toContain('internal');
});

test('a secret prints as [secret] wherever it is printed', () => {
  const secret = new Secret('sk-verysecret');
  expect(`${String(secret)} ${JSON.stringify({ secret })} ${inspect(secret)}`).not.toContain('verysecret');
  expect(secret.reveal()).toBe('sk-verysecret');
});

test('a reference needs catalogue, edition and id', () => {
  expect(parseReference('owasp-llm:2026/LLM01')).toEqual({
    catalogue: 'owasp-llm',
    edition: '2026',
    id: 'LLM01',
  });
  expect(() => parseReference('LLM01')).toThrow(Problem);
  expect(() => parseReference('atlas/AML.T0051')).toThrow(Problem);
});

test('canonical JSON does not depend on the order of keys and survives a round trip', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
  expect(contentHash({ b: 1, a: [2, { d: 3, c: 4 }] })).toBe(contentHash({ a: [2, { c: 4, d: 3 }], b: 1 }));
});

test('canonical JSON sorts keys by UTF-16 code units as RFC 8785 §3.2.3 shows', () => {
  const keys = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
  expect(Object.values(JSON.parse(canonicalJson(keys)) as object)).toHaveLength(7);
  expect(canonicalJson(keys).indexOf('\ud83d\ude00')).toBeLessThan(canonicalJson(keys).indexOf('\ufb33'));
});

test('the Wilson bound is what the formula gives at known points', () => {
  expect(wilsonUpper(0, 0)).toBe(1);
  expect(wilsonUpper(0, 10)).toBeCloseTo(0.2775, 3);
  expect(wilsonUpper(5, 10)).toBeCloseTo(0.7634, 3);
  expect(wilsonUpper(10, 10)).toBeCloseTo(1, 12);
});

test('levels start above 4, 9 and 16', () => {
  expect([4, 4.1, 9, 10, 16, 17, 25].map(levelOf)).toEqual([
    'low',
    'medium',
    'medium',
    'high',
    'high',
    'critical',
    'critical',
  ]);
  expect(stricter('mask', 'ask')).toBe('ask');
});
