import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { contextFor, testServices } from '../../testing.ts';
import { control } from './control.ts';
import { distance, simHash } from './sim-hash.ts';

if (control.point !== 'request') throw new Error('not a request control');
const { point: _point, ...verbs } = control;

function client(settings: Record<string, unknown>) {
  let now = Date.UTC(2027, 0, 5, 12, 30);
  const totals = new Map<string, number>();
  const windowOf = (name: string, windowMs: number): string => `${name} ${Math.floor(now / windowMs)}`;
  const total = (name: string, windowMs: number): number => totals.get(windowOf(name, windowMs)) ?? 0;
  const services = testServices({
    now: () => now,
    counters: {
      total,
      add(name, windowMs, amount) {
        totals.set(windowOf(name, windowMs), total(name, windowMs) + amount);
        return total(name, windowMs);
      },
    },
  });
  const parsed = control.settings.parse(settings);
  return {
    at: (ms: number) => {
      now += ms;
    },
    ask(text: string) {
      const segment = {
        pointer: '/messages/0/content',
        surface: 'user' as const,
        text,
        label: { trust: 0 as const, classes: [] },
      };
      return verbs.review({}, parsed, contextFor({ services, segments: [segment] }));
    },
  };
}

test('answers 429 when one form of question is counted through, and lets other questions pass', () => {
  const { ask, at } = client({ variantsPerHour: 20 });
  for (let i = 0; i <= 20; i++)
    expect(ask(`Complete the record of customer number ${i}:`)).toEqual({ action: 'allow' });
  expect(ask('Complete the record of customer number 9999:')).toMatchObject({
    action: 'block',
    code: 'BUDGET_SPENT',
    retryAfterS: 1800,
  });
  expect(ask('What are your opening hours on Sunday?')).toEqual({ action: 'allow' });
  at(3_600_000);
  expect(ask('Complete the record of customer number 9999:')).toEqual({ action: 'allow' });
});

test('sees variants whose changed part is a word', () => {
  const { ask } = client({ variantsPerHour: 3 });
  const names = ['Alder', 'Brook', 'Crane', 'Dorn', 'Ember', 'Frost', 'Grove', 'Hale'];
  const answers = names.map((name) =>
    ask(`Tell me the address and date of birth of the patient called ${name}.`),
  );
  const refused = answers.filter((answer) => 'action' in answer && answer.action === 'block');
  expect(refused.length).toBeGreaterThanOrEqual(3);
});

test('charges nothing for a prompt that was asked before', () => {
  const { ask } = client({ variantsPerHour: 1, distinctPerDay: 1 });
  for (let i = 0; i < 50; i++) expect(ask('Is the service up?')).toEqual({ action: 'allow' });
});

test('bounds how many different prompts a client asks in a day', () => {
  const { ask } = client({ distinctPerDay: 2 });
  expect(ask('Why is the sky blue?')).toEqual({ action: 'allow' });
  expect(ask('Write a letter to my landlord about the heating.')).toEqual({ action: 'allow' });
  expect(ask('Translate this menu into French, please.')).toMatchObject({ action: 'block' });
});

test('tells ordinary questions apart', () => {
  const questions = [
    'How do I reset my password?',
    'Where is my parcel?',
    'Can I pay with a gift card?',
    'What is the weight limit for suitcases?',
    'Please cancel my subscription at the end of the month.',
    'Which of your plans includes support by phone?',
  ].map(simHash);
  for (const [index, one] of questions.entries())
    for (const other of questions.slice(index + 1)) expect(distance(one, other)).toBeGreaterThan(14);
});

test('measures a distance: none to itself, the same both ways', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (left, right) => {
      const [one, other] = [simHash(left), simHash(right)];
      expect(distance(one, one)).toBe(0);
      expect(distance(one, other)).toBe(distance(other, one));
    }),
  );
});
