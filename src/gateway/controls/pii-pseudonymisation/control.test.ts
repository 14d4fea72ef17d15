import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ControlContext, MessageControl, Segment } from '../../../kernel/control.ts';
import type { Surface } from '../../../kernel/finding.ts';
import { detectPii } from '../../../inspection/pii/detector.ts';
import { control as plain } from './control.ts';

const control = plain as MessageControl;
const settings = control.settings.parse({});

function exchange(conversation = 'c1'): ControlContext {
  return {
    principal: { kind: 'client', id: 'bot', tenant: 'default' },
    conversation,
    memo: new Map(),
    services: {
      inspect: (text: string) => detectPii(text),
      scopedKey: (scope: string) => Promise.resolve(Buffer.from(scope.padEnd(32, '.'))),
    },
  } as unknown as ControlContext;
}

function segment(text: string, phase: 'request' | 'answer', surface: Surface = 'user'): Segment {
  return { pointer: '/messages/0/content', surface, text, phase, label: { trust: 1, classes: [] } };
}

async function up(text: string, context: ControlContext, surface: Surface = 'user'): Promise<string> {
  const verdict = await control.inspect(segment(text, 'request', surface), settings, context);
  return 'text' in verdict ? verdict.text : text;
}

async function down(text: string, context: ControlContext, surface: Surface = 'assistant'): Promise<string> {
  const verdict = await control.inspect(segment(text, 'answer', surface), settings, context);
  return 'text' in verdict ? verdict.text : text;
}

/** What a lane of the gateway does with a control that has a window of 0. */
async function streamed(
  chunks: readonly string[],
  context: ControlContext,
): Promise<{ out: string; parts: string[] }> {
  const parts: string[] = [];
  let pending = '';
  for (const [index, chunk] of chunks.entries()) {
    pending += chunk;
    const last = index === chunks.length - 1;
    const held = last ? 0 : control.stream!.hold(pending, settings, context);
    const ready = pending.slice(0, pending.length - held);
    pending = pending.slice(ready.length);
    if (ready !== '') parts.push(await down(ready, context));
  }
  return { out: parts.join(''), parts };
}

const sample =
  'Write to mara.lindqvist@example.com or call +1 415-555-0132. Refund to IBAN GB82 WEST 1234 5698 7654 32, card 4111 1111 1111 1111.';

test('the model sees names, the application sees values', async () => {
  const context = exchange();
  const hidden = await up(sample, context);
  expect(hidden).toMatch(/PII_EMAIL_[0-9a-f]{16}/);
  expect(hidden).not.toMatch(/mara|415-555|GB82|4111/);
  expect(await down(hidden, context)).toBe(sample);
});

test('a value has one name in a conversation and another in the next', async () => {
  const [first, again, other] = [exchange('c1'), exchange('c1'), exchange('c2')];
  const name = await up('a@example.com', first);
  expect(await up('a@example.com', again)).toBe(name);
  expect(await up('a@example.com', other)).not.toBe(name);
});

test('an earlier answer that is sent again is hidden like the rest, and its names are known', async () => {
  const context = exchange();
  const hidden = await up('The contact is a@example.com.', context, 'assistant');
  expect(hidden).toMatch(/^The contact is PII_EMAIL_[0-9a-f]{16}\.$/);
  expect(await down(hidden, context)).toBe('The contact is a@example.com.');
});

test('names that this exchange does not know never reach the application', async () => {
  const context = exchange();
  await up('a@example.com', context);
  expect(await down('Ask PII_EMAIL_0123456789abcdef.', context)).toBe('Ask [email].');
  expect(await down('Ask PII_EMAIL_0123456789abcdef.', exchange())).toBe('Ask [email].');
});

test('accepts what models make of a name', async () => {
  const context = exchange();
  const name = await up('a@example.com', context);
  for (const variant of [
    name.toLowerCase(),
    name.replaceAll('_', '\\_'),
    `**${name}**`,
    `${name}'s`,
    `(${name})`,
  ])
    expect(await down(variant, context)).toContain('a@example.com');
});

test('arguments of tool calls stay JSON', async () => {
  const context = exchange();
  const value = '12 Example Street, Apt "B"';
  const hidden = await up('Mail to 12 Example Street please', context);
  const name = /PII_ADDRESS_[0-9a-f]{16}/.exec(hidden)![0];
  const call = await down(JSON.stringify({ to: name, note: 'line\nbreak' }), context, 'tool_call');
  expect(JSON.parse(call)).toEqual({ to: '12 Example Street', note: 'line\nbreak' });
  const escaped = JSON.stringify({ text: `${value}: a@example.com` });
  expect(JSON.parse(await up(escaped, context, 'tool_call'))).toHaveProperty('text');
});

test('leaves alone the types that are excepted, and all but the chosen ones', async () => {
  const text = 'a@example.com from 203.0.113.9';
  const chosen = control.settings.parse({ types: ['email_address'] });
  const excepted = control.settings.parse({ except: ['email_address'] });
  const one = await control.inspect(segment(text, 'request'), chosen, exchange());
  const rest = await control.inspect(segment(text, 'request'), excepted, exchange());
  expect(one).toMatchObject({ text: expect.stringMatching(/^PII_EMAIL_\w+ from 203\.0\.113\.9$/) });
  expect(rest).toMatchObject({ text: expect.stringMatching(/^a@example\.com from PII_IP_/) });
});

test('restores exactly, however the stream is cut', async () => {
  const context = exchange();
  const hidden = await up(`${sample} ${sample}`, context);
  const told = `Sure: ${hidden} Bye P PI PII PII_ PII_EMAIL_ ${hidden.slice(9, 40)}`;
  const whole = await down(told, context);
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(told.length), { maxLength: 60 }), async (cuts) => {
      const { out, parts } = await streamed(pieces(told, cuts), context);
      expect(out).toBe(whole);
      expect(parts.join('')).not.toMatch(/PII_[A-Z]+_[0-9a-f]{16}/);
    }),
    { numRuns: 10_000 },
  );
});

test('ordinary prose waits for nothing', () => {
  for (const text of ['', 'The weather is fine.', 'A list of items, ', 'in the PIN code', 'UPI'])
    expect(control.stream!.hold(text, settings, exchange())).toBe(text === 'UPI' ? 2 : 0);
});

function pieces(text: string, cuts: readonly number[]): string[] {
  const sorted = [...cuts].sort((left, right) => left - right);
  return [...sorted, text.length].map((cut, i) => text.slice(i === 0 ? 0 : sorted[i - 1], cut));
}
