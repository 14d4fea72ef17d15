import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { contextFor } from '../../testing.ts';
import { Condition, violation } from './conditions.ts';
import { control } from './control.ts';

if (control.point !== 'tool_call') throw new Error('not a tool_call control');
const verbs = control;

const decide = (name: string, args: unknown, settings: Record<string, unknown> = {}) =>
  verbs.decide(
    { id: 'call_1', name, arguments: typeof args === 'string' ? args : JSON.stringify(args) },
    control.settings.parse(settings),
    contextFor(),
  );
const offer = (names: string[], settings: Record<string, unknown> = {}) =>
  verbs.offer!(
    {
      model: 'm',
      tool_choice: 'auto',
      tools: names.map((name) => ({ type: 'function', function: { name } })),
    },
    control.settings.parse(settings),
    contextFor(),
  );

test('lets declared tools through that only read', () => {
  expect(decide('crm-read', { id: 7 })).toEqual({ action: 'allow' });
});

test('denies what the plan does not give this agent, whatever the name looks like', () => {
  for (const name of ['delete-all', 'constructor', '__proto__', '', 'CRM-READ'])
    expect(decide(name, {})).toMatchObject({ action: 'block' });
});

test('asks before what cannot be undone, with the threats it answers', () => {
  expect(decide('send-mail', { to: 'a@b.c' })).toMatchObject({
    action: 'ask',
    threats: ['AGT-02@bot>send-mail'],
  });
  expect(decide('send-mail', {}, { approval: 'never' })).toEqual({ action: 'allow' });
});

test('denies arguments that are not a JSON object', () => {
  for (const args of ['[1]', '"x"', '{"a":', 'null'])
    expect(decide('crm-read', args)).toMatchObject({ action: 'block' });
});

test('refuses or strips undeclared tools that a request offers', () => {
  expect(offer(['crm-read'])).toEqual({ action: 'allow' });
  expect(offer(['crm-read', 'wipe'])).toMatchObject({ action: 'block', code: 'FORBIDDEN' });
  expect(offer(['crm-read', 'wipe'], { undeclared: 'strip' })).toMatchObject({
    action: 'mask',
    body: { tools: [{ function: { name: 'crm-read' } }], tool_choice: 'auto' },
  });
  const none = offer(['wipe'], { undeclared: 'strip' });
  expect(none).toMatchObject({ action: 'mask' });
  expect(none).not.toHaveProperty('body.tools');
  expect(none).not.toHaveProperty('body.tool_choice');
});

test.each([
  [{ equals: 5 }, 5, '5'],
  [{ oneOf: ['a', 'b'] }, 'b', 'c'],
  [{ max: 100 }, 100, 101],
  [{ max: 100 }, 1, '1'],
  [{ min: 1 }, 1, Number.NaN],
  [{ prefix: '/srv/' }, '/srv/x', 'srv/x'],
  [{ maxLength: 3 }, 'abc', 'abcd'],
  [{ matches: '[A-Z]{2}\\d+' }, 'AB1', 'AB1; DROP'],
  [{ hostIn: ['example.com'] }, 'https://example.com/x', 'https://example.com@evil.test/'],
  [{ hostIn: ['example.com'] }, 'Jana <jana@example.com>', 'jana@example.com, eve@evil.test'],
  [{ hostIn: ['.example.com'] }, 'https://api.example.com', 'https://notexample.com'],
  [{ hostIn: ['example.com'] }, ['a@example.com', 'b@example.com'], ['a@example.com', 'eve@evil.test']],
])('%j holds for %j and not for %j', (condition, good, bad) => {
  const parsed = Condition.parse(condition);
  expect(violation('x', good, parsed)).toBeUndefined();
  expect(violation('x', bad, parsed)).toBeDefined();
});

test('no text slips past a list of hosts', () => {
  const condition = Condition.parse({ hostIn: ['example.com'] });
  fc.assert(
    fc.property(fc.string(), fc.domain(), fc.string(), (before, domain, after) => {
      fc.pre(domain !== 'example.com');
      for (const text of [`${before}@${domain}`, `https://${domain}/${after}`, `${after}, x@${domain}`])
        expect(violation('to', text, condition)).toBeDefined();
    }),
  );
});
