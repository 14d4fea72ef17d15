import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSecretDetector, entropy, SecretRules } from './detector.ts';
import { providerRules } from './provider-rules.ts';

const root = join(import.meta.dirname, '../../..');
const asset: unknown = JSON.parse(readFileSync(join(root, 'assets/inspection/secrets.json'), 'utf8'));
const detector = createSecretDetector(asset);
const shared = join(
  root,
  process.env['MERLON_SHARED'] ?? '../shared',
  'data/secrets/secret_samples.jsonl.gz',
);

interface Sample {
  rule_id: string;
  text: string;
  should_match: boolean;
  source: string;
}

function samples(): Sample[] {
  return gunzipSync(readFileSync(shared))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Sample)
    .filter(({ source, text }) => source === 'gitleaks' && text !== '');
}

test('carries the ported rules and our own', () => {
  const { rules } = SecretRules.parse(asset);
  expect(rules.length).toBeGreaterThanOrEqual(180);
  expect(new Set([...rules.map(({ id }) => id), ...providerRules.map(({ id }) => id)]).size).toBe(
    rules.length + providerRules.length,
  );
});

test.skipIf(!existsSync(shared))('finds every positive sample of the ported rules', () => {
  const missed = samples().filter(
    ({ should_match: wanted, text }) => wanted && detector.detect(text).length === 0,
  );
  expect(missed.map(({ rule_id: rule }) => rule)).toEqual([]);
});

test.skipIf(!existsSync(shared))('a rule does not fire on its negative samples', () => {
  const wrong = samples().filter(
    ({ should_match: wanted, rule_id: rule, text }) =>
      !wanted && detector.detect(text).some(({ detector: by }) => by === `secret/${rule}`),
  );
  expect(wrong.map(({ rule_id: rule }) => rule)).toEqual([]);
});

test.skipIf(!existsSync(shared))('finds a sample wherever it stands in a longer text', () => {
  const filler = 'The quick brown fox reads the manual. ';
  for (const { text } of samples()
    .filter(({ should_match: wanted }) => wanted)
    .filter((_, i) => i % 17 === 0)) {
    const alone = detector.detect(`\n${text}\n`);
    const within = detector.detect(`${filler.repeat(40)}\n${text}\n${filler.repeat(40)}`);
    expect(within.length).toBeGreaterThanOrEqual(Math.min(1, alone.length));
  }
});

test.skipIf(!existsSync(shared))('misses nothing that a naive scan with every expression finds', () => {
  const { source, rules } = SecretRules.parse(asset);
  const bare = rules.map(({ id, title, pattern, keywords, before, after }) => ({
    id,
    title,
    pattern,
    keywords,
    before,
    after,
  }));
  const windowed = createSecretDetector({ source, allow: [], rules: bare });
  const missed: string[] = [];
  for (const { text } of samples().filter((_, i) => i % 3 === 0)) {
    const found = windowed.detect(text);
    const lower = text.toLowerCase();
    for (const { id, pattern, keywords } of bare.filter((rule) =>
      rule.keywords.some((keyword) => lower.includes(keyword)),
    ))
      for (const match of text.matchAll(new RegExp(pattern, 'g'))) {
        const met = found.some(
          ({ start, end }) => start < match.index + match[0].length && match.index < end,
        );
        if (!met) missed.push(`${id} by ${keywords.join()}`);
      }
  }
  expect(missed).toEqual([]);
});

test('finds keys of the providers of generative AI', () => {
  const body = 'q8Rk2vTq7LzX4mWc9YpB3sJd6HfG1aQe5UtZn8Rk2vTq7LzX4mWc9YpB3sJd6HfG1aQe5UtZ';
  for (const key of [
    `sk-proj-${body}`,
    `gsk_${body.slice(0, 52)}`,
    `r8_${body.slice(0, 37)}`,
    `pcsk_4aBcD_${body.slice(0, 60)}`,
    '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',
    'sk-lf-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9',
    `nvapi-${body.slice(0, 64)}`,
    `MISTRAL_API_KEY=${body.slice(0, 32)}`,
  ])
    expect(detector.detect(`here: ${key} .`), key.slice(0, 8)).toHaveLength(1);
});

test('leaves ordinary text alone', () => {
  for (const text of [
    'Order 7f3a9c1e-2b4d-4e6f-8a1b-3c5d7e9f1a2b, commit 9fceb02d0ae598e95dc970b74767f19372d61af8.',
    'The key to success is a secret that nobody wants to access: token effort.',
    'const password = await prompt("Password: ");',
    'OPENAI_API_KEY=${OPENAI_API_KEY}',
    'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk',
  ])
    expect(detector.detect(text), text).toEqual([]);
});

test('positions are those of the value', () => {
  const value = 'h7Rk2vTq7LzX4mWc9YpB';
  const text = `url: postgres://crm:${value}@db.internal/crm`;
  const [finding] = detector.detect(text);
  expect(text.slice(finding?.start, finding?.end)).toBe(value);
  expect(finding?.reason).not.toContain(value);
});

test('any text is read to its end without error, with findings inside it', () => {
  const piece = fc.constantFrom(
    'key',
    'token=',
    'AKIA',
    'sk-',
    '-----BEGIN',
    '"',
    '\n',
    'password is ',
    'aB3',
    'eyJ',
    '://',
    '@',
    ' ',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 60 }), (pieces) => {
      const text = pieces.join('');
      let before = 0;
      for (const { start, end } of detector.detect(text)) {
        expect(start).toBeGreaterThanOrEqual(before);
        expect(end).toBeGreaterThan(start);
        before = end;
      }
      expect(before).toBeLessThanOrEqual(text.length);
      expect(detector.hold(text)).toBeLessThanOrEqual(text.length);
    }),
  );
});

test('a text that is all keywords is reported as a whole instead of being read for ever', () => {
  const flood = 'curl -u key=-----BEGIN PRIVATE KEY-----'.repeat(3000);
  expect(detector.detect(flood).some(({ detector: by }) => by === 'secret/overload')).toBe(true);
});

test('refuses rules of another shape', () => {
  expect(() => createSecretDetector({ rules: 'none' })).toThrow(/expected shape/);
});

test('entropy is that of Shannon', () => {
  expect(entropy('aaaa')).toBe(0);
  expect(entropy('abcd')).toBe(2);
});
