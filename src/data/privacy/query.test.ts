import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { queryOf } from './commands.ts';
import { lossOf } from './budget.ts';
import { planQuery, Query } from './query.ts';
import { seededRandom } from './random.ts';
import { parseRational, rational } from './rational.ts';

const people = [
  { age: '30', city: 'Graz' },
  { age: '40', city: 'Graz' },
  { age: '200', city: 'Linz' },
  { age: 'unknown', city: 'Linz' },
];
/** So much ε that no noise is left to see. */
const plain = parseRational('100000');
const ask = (query: unknown, epsilon = plain, delta = 0) =>
  planQuery(Query.parse(query), epsilon, delta).answer(people, seededRandom(1));

test('counts rows, also under conditions', () => {
  expect(ask({ kind: 'count' }).value).toBe(4);
  expect(ask({ kind: 'count', where: { city: 'Graz' } }).value).toBe(2);
});

test('sums and means clamp to the bounds and leave out what is no number', () => {
  expect(ask({ kind: 'sum', column: 'age', bounds: [0, 100] }).value).toBeCloseTo(170, 2);
  expect(ask({ kind: 'mean', column: 'age', bounds: [0, 100] }).value).toBeCloseTo(170 / 3, 2);
});

test('a histogram answers for exactly the declared values', () => {
  expect(ask({ kind: 'histogram', column: 'city', values: ['Graz', 'Wien'] }).value).toEqual({
    Graz: 2,
    Wien: 0,
  });
});

test('quantiles are found among bounds that the asker gave', () => {
  const rows = Array.from({ length: 1001 }, (_, at) => ({ x: String(at) }));
  const { value } = planQuery(
    Query.parse({ kind: 'quantile', column: 'x', bounds: [0, 2000], q: 0.25 }),
    parseRational('2'),
    0,
  ).answer(rows, seededRandom(2));
  expect(value).toBeGreaterThan(230);
  expect(value).toBeLessThan(270);
});

test('noise has the scale that is told', () => {
  const plan = planQuery(Query.parse({ kind: 'count' }), parseRational('0.1'), 0);
  const random = seededRandom(3);
  const answers = Array.from({ length: 4000 }, () => plan.answer(people, random));
  const spread = Math.sqrt(
    answers.reduce((sum, { value }) => sum + ((value as number) - 4) ** 2, 0) / answers.length,
  );
  expect(spread / answers[0]!.noise.scale).toBeGreaterThan(0.94);
  expect(spread / answers[0]!.noise.scale).toBeLessThan(1.06);
});

test.each(['0.1', '1'])('every kind of question costs at most the ε %s that was asked', (epsilon) => {
  const questions = [
    { kind: 'count' },
    { kind: 'sum', column: 'age', bounds: [-7, 93] },
    { kind: 'mean', column: 'age', bounds: [0, 100] },
    { kind: 'histogram', column: 'city', values: ['Graz'] },
    { kind: 'quantile', column: 'age', bounds: [0, 100] },
  ];
  for (const question of questions)
    for (const delta of [0, 1e-6]) {
      const { cost } = planQuery(Query.parse(question), parseRational(epsilon), delta);
      expect(lossOf([cost], delta)).toBeLessThanOrEqual(Number(epsilon) * 1.0000001);
    }
});

test('one row more or less changes a sum by no more than its noise covers', () => {
  // With a huge ε the exact statistic shows: its change in units of the scale is the sensitivity that the noise was made for.
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { maxLength: 20 }),
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.double({ min: -100, max: 99, noNaN: true }),
      fc.double({ min: 0.01, max: 100, noNaN: true }),
      (values, added, low, width) => {
        const query = Query.parse({ kind: 'sum', column: 'x', bounds: [low, low + width] });
        const plan = planQuery(query, rational(10n ** 9n), 0);
        const sum = (list: number[]) =>
          plan.answer(
            list.map((value) => ({ x: String(value) })),
            seededRandom(1),
          ).value as number;
        const most = Math.max(Math.abs(low), Math.abs(low + width));
        expect(Math.abs(sum([...values, added]) - sum(values))).toBeLessThanOrEqual(most + width / 30_000);
      },
    ),
    { seed: 7 },
  );
});

const options = { count: false, where: [] };

test('questions are asked by flags or as JSON, one at a time', () => {
  expect(queryOf({ ...options, mean: 'age', bounds: '0,100', where: ['city=Graz'] })).toEqual({
    kind: 'mean',
    column: 'age',
    bounds: [0, 100],
    where: { city: 'Graz' },
  });
  expect(queryOf({ ...options, query: '{"kind":"count"}' })).toEqual({ kind: 'count', where: {} });
  expect(() => queryOf({ ...options, count: true, sum: 'age' })).toThrow(
    expect.objectContaining({ code: 'USAGE' }),
  );
  expect(() => queryOf(options)).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

test.each([
  { ...options, sum: 'age' },
  { ...options, sum: 'age', bounds: '100,0' },
  { ...options, mean: 'age', bounds: '0,x' },
  { ...options, histogram: 'city' },
  { ...options, query: '{"kind":"sum"' },
  { ...options, query: '{"kind":"drop"}' },
])('a question that cannot be answered privately is refused with a remedy (%#)', (asked) => {
  expect(() => queryOf(asked)).toThrow(
    expect.objectContaining({ code: 'INPUT_INVALID', fix: expect.stringMatching(/.+/) }),
  );
});

test('ε of zero is refused', () => {
  expect(() => planQuery(Query.parse({ kind: 'count' }), rational(0n), 0)).toThrow(
    expect.objectContaining({ code: 'INPUT_INVALID' }),
  );
});
