import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { lossOf } from './budget.ts';
import { evaluateSynthesis } from './evaluation.ts';
import { seededRandom } from './random.ts';
import { onSimplex, other, planSynthesis } from './synthesis.ts';

/** People whose income follows from education and age, and one person with a name that nobody else has. */
function people(count: number): string[][] {
  const random = seededRandom(1);
  const below = (bound: number): number => random.uint32() % bound;
  return Array.from({ length: count }, (_, at) => {
    const educated = below(2);
    const age = 20 + below(40);
    const income = below(10) < educated * 6 + (age > 40 ? 3 : 0) ? 'high' : 'low';
    return [educated ? 'yes' : 'no', String(age), at === 0 ? 'Xaver' : 'somebody', income];
  });
}
const columns = ['educated', 'age', 'name', 'income'];
const request = { columns, label: 'income', epsilon: 1, delta: 1e-5, bounds: {} };

test('a model trained on the synthetic table predicts real rows', () => {
  const rows = people(8000);
  const model = planSynthesis(request).fit(rows, seededRandom(2));
  expect(Math.abs(model.rows - 8000)).toBeLessThan(400);
  const report = evaluateSynthesis(columns, rows, model.sample(8000, seededRandom(3)), 'income');
  expect(report.real.accuracy).toBeGreaterThan(report.majority + 0.1);
  expect(report.synthetic.accuracy).toBeGreaterThan(report.real.accuracy - 0.03);
});

test('what only one person has never appears', () => {
  const made = planSynthesis(request).fit(people(4000), seededRandom(4)).sample(3000, seededRandom(5));
  const names = new Set(made.map((row) => row[2]));
  expect(names.has('Xaver')).toBe(false);
  for (const name of names) expect(['somebody', other]).toContain(name);
});

test('the table costs what was asked, for any number of columns', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.constantFrom(0.1, 1, 4), (features, epsilon) => {
      const plan = planSynthesis({
        ...request,
        columns: ['income', ...Array.from({ length: features }, (_, at) => `c${at}`)],
        epsilon,
      });
      const loss = lossOf([plan.cost], request.delta);
      expect(loss).toBeLessThanOrEqual(epsilon * 1.0000001);
      expect(loss).toBeGreaterThan(epsilon * 0.99);
    }),
    { numRuns: 20, seed: 1 },
  );
});

test('numbers that are all distinct need bounds, and then are drawn within them', () => {
  const random = seededRandom(6);
  const rows = Array.from({ length: 3000 }, (_, at) => [
    String(random.uint32() / 2 ** 32),
    at % 2 === 0 ? 'a' : 'b',
  ]);
  const plan = (bounds: Record<string, [number, number]>) =>
    planSynthesis({ columns: ['x', 'y'], label: 'y', epsilon: 1, delta: 1e-5, bounds }).fit(
      rows,
      seededRandom(7),
    );
  expect(plan({}).unknown).toEqual(['x']);
  const bounded = plan({ x: [0, 1] });
  expect(bounded.unknown).toEqual([]);
  for (const [x] of bounded.sample(200, seededRandom(8))) expect(Number(x) >= 0 && Number(x) <= 1).toBe(true);
});

test('a label that is too rare to be learnt is refused', () => {
  expect(() => planSynthesis(request).fit(people(20), seededRandom(9))).toThrow(
    expect.objectContaining({ code: 'INPUT_INVALID', fix: expect.stringContaining('epsilon') }),
  );
});

test('noisy counts are brought to their total without negative ones', () => {
  fc.assert(
    fc.property(
      fc.float64Array({ min: -1e3, max: 1e3, minLength: 1, maxLength: 30, noNaN: true }),
      fc.double({ min: 0.1, max: 1e4, noNaN: true }),
      (values, total) => {
        const clean = onSimplex(values, total);
        expect(clean.every((value) => value >= 0)).toBe(true);
        expect(clean.reduce((sum, value) => sum + value, 0)).toBeCloseTo(total, 3);
      },
    ),
    { seed: 2 },
  );
});
