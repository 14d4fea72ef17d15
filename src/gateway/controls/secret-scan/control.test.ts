import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ControlContext, MessageControl, Segment } from '../../../kernel/control.ts';
import { createSecretDetector } from '../../../inspection/secrets/detector.ts';
import { control as plain, removed } from './control.ts';

const control = plain as MessageControl;
const settings = control.settings.parse({});
const rules = join(import.meta.dirname, '../../../../assets/inspection/secrets.json');
const detector = createSecretDetector(JSON.parse(readFileSync(rules, 'utf8')));
const context = {
  services: { inspect: (text: string) => detector.detect(text), hold: (text: string) => detector.hold(text) },
  memo: new Map(),
} as unknown as ControlContext;

// Made up, in public formats.
const aws = ['AKIA', 'Z7QX3WM5VNP2JR6T'].join('');
const github = ['ghp', '_', 'n8Rk2vTq7LzX4mWc9YpB3sJd6HfG1aQe5UtZ'].join('');
const openai = [
  'sk-proj-',
  'q8Rk2vTq7LzX4mWc9YpB3sJd6HfG1aQe5UtZn8Rk2vTq7LzX4mWc9YpB3sJd6HfG1aQe5UtZaZ',
].join('');
const pem = `-----BEGIN RSA PRIVATE KEY-----\n${'MIIEpAIBAAKCAQEA7Rk2vTq7LzX4mWc9YpB3sJd6HfG1aQe5UtZn8Rk2vTq7Lz\n'.repeat(6)}-----END RSA PRIVATE KEY-----`;
const password = 'h7Rk2vTq7LzX4mWc9YpB';

function segment(text: string): Segment {
  return {
    pointer: '/choices/0/message/content',
    surface: 'assistant',
    text,
    label: { trust: 1, classes: [] },
    phase: 'answer',
  };
}

async function masked(text: string, override = {}): Promise<string> {
  const verdict = await control.inspect(segment(text), { ...settings, ...override }, context);
  return 'text' in verdict ? verdict.text : text;
}

/** What a lane of the gateway does: what has gone out is read again, and must never change. */
async function streamed(chunks: readonly string[]): Promise<string> {
  const stream = control.stream!;
  let delivered = '';
  let pending = '';
  for (const [index, chunk] of chunks.entries()) {
    pending += chunk;
    const sent = delivered.slice(-stream.window);
    const held = index === chunks.length - 1 ? 0 : stream.hold(sent + pending, settings, context);
    const ready = pending.slice(0, Math.max(0, pending.length - held));
    if (ready === '') continue;
    pending = pending.slice(ready.length);
    const out = await masked(sent + ready);
    expect(out.startsWith(sent)).toBe(true);
    delivered += out.slice(sent.length);
  }
  return delivered;
}

test('removes secrets and leaves the rest as it was', async () => {
  expect(await masked(`key ${aws}, token ${github}.`)).toBe(`key ${removed}, token ${removed}.`);
  expect(await masked('no secret in 9fceb02d0ae598e95dc970b74767f19372d61af8')).toContain('9fceb02d');
});

test('refuses when told to', async () => {
  const verdict = await control.inspect(segment(aws), { ...settings, action: 'block' }, context);
  expect(verdict).toMatchObject({ action: 'block' });
});

test('is not talked out of it by marks in the text', async () => {
  expect(await masked(`aws_access_key_id = ${aws} # gitleaks:allow`)).not.toContain(aws);
});

test('a rule can be switched off by name', async () => {
  const rules = detector.detect(aws).map(({ detector: rule }) => rule.replace('secret/', ''));
  expect(await masked(aws, { allowed: rules })).toBe(aws);
});

test('arguments stay JSON', async () => {
  const call = JSON.stringify({ token: github, note: 'say "hi"' });
  expect(JSON.parse(await masked(call))).toEqual({ token: removed, note: 'say "hi"' });
});

test('no secret leaks, however the stream is cut', async () => {
  const secrets = [aws, github, openai, password];
  const text = `Here you are: ${aws} and GITHUB_TOKEN=${github}\n{"apiKey": "${openai}"}\npostgres://crm:${password}@db.internal/crm\n${pem}\nThe key is safe, is it not? Yes.`;
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(text.length), { maxLength: 80 }), async (cuts) => {
      const out = await streamed(pieces(text, cuts));
      for (const secret of secrets) expect(out).not.toContain(secret.slice(0, 14));
      expect(out).not.toContain('MIIEpA');
      expect(out.endsWith('The key is safe, is it not? Yes.')).toBe(true);
    }),
    { numRuns: 400 },
  );
});

test('one unit at a time gives what the whole text gives', async () => {
  const text = `Use ${aws} with ${github}, or ${openai}. Done.`;
  expect(await streamed(text.split(''))).toBe(await masked(text));
});

test('ordinary prose waits for nothing', () => {
  for (const text of [
    'The weather is fine today.',
    'I keep my keys in the drawer ',
    'Tell me a secret. ',
    'Yes! ',
  ])
    expect(control.stream!.hold(text, settings, context)).toBe(0);
});

function pieces(text: string, cuts: readonly number[]): string[] {
  const sorted = [...cuts].sort((left, right) => left - right);
  return [...sorted, text.length].map((cut, i) => text.slice(i === 0 ? 0 : sorted[i - 1], cut));
}
