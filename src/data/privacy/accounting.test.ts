import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lossOf } from './budget.ts';
import { analyticGaussian, gaussianForBudget } from './calibrate.ts';
import type { PrivacyEvent } from './events.ts';
import { lowerBound } from './lower-bound.ts';
import { pld } from './pld.ts';
import { defaultOrders, deltaOfRdp, epsilonOfRdp, rdp } from './rdp.ts';
import { erfc, logGamma, normalTail } from './special.ts';

const trained = (q: number, sigma: number, count: number): PrivacyEvent => ({
  type: 'self',
  count,
  event: { type: 'poisson', q, event: { type: 'gaussian', sigma } },
});
const near = (value: number, reference: number, room = 1e-3): void =>
  expect(Math.abs(value - reference), `${value} instead of ${reference}`).toBeLessThanOrEqual(
    room * reference,
  );

// Figures of dp_accounting (google/differential-privacy) for δ = 1e-5.
describe.each([
  [256 / 60000, 1.1, 14062, 2.5966, 2.3817],
  [0.01, 4, 10000, 1.0355, 0.947],
  [0.02, 0.8, 500, 5.3719, 4.668],
  [0.1, 2, 100, 2.5806, 2.3374],
  [1, 10, 100, 4.7285, 4.3772],
])('sampling %f, noise %f, %d steps', (q, sigma, steps, byRenyi, byDistribution) => {
  test('by Rényi divergence', () => near(epsilonOfRdp(rdp(trained(q, sigma, steps)), 1e-5).epsilon, byRenyi));
  test('by privacy loss distribution', () =>
    near(pld(trained(q, sigma, steps)).epsilon(1e-5), byDistribution));
});

test('Rényi divergence between whole orders is what quadrature of its definition gives', () => {
  near(rdp(trained(0.01, 4, 10000), [1.5])[0]!, 0.04835493176, 1e-8);
  near(rdp(trained(0.02, 0.8, 500), [2.5])[0]!, 1.01017246582, 1e-8);
});

test('the loss of one Gaussian is that of its closed form', () => {
  for (const epsilon of [0.5, 1, 3]) {
    const sigma = analyticGaussian(epsilon, 1e-6);
    near(pld({ type: 'gaussian', sigma }).epsilon(1e-6), epsilon, 1e-4);
  }
});

test('ε-differential privacy alone never counts as more than its sum', () => {
  const event: PrivacyEvent = { type: 'self', count: 3, event: { type: 'laplace', b: 2 } };
  expect(lossOf([event], 0)).toBeCloseTo(1.5, 12);
  expect(pld(event).epsilon(0)).toBeCloseTo(1.5, 12);
  expect(pld(event).delta(1.5)).toBe(0);
});

test('randomised response composes, and a claim that it does not is disproved', () => {
  const event: PrivacyEvent = {
    type: 'self',
    count: 10,
    event: { type: 'randomizedResponse', p: 0.1, k: 3 },
  };
  const once = Math.log((0.9 + 0.1 / 3) / (0.1 / 3));
  expect(pld(event).epsilon(1e-5)).toBeGreaterThan(9 * once);
  expect(lowerBound(event, once)).toBeGreaterThan(0.5);
  expect(lowerBound(event, 10 * once)).toBeLessThan(1e-9);
});

const leaf = fc.oneof(
  fc.record({ type: fc.constant('gaussian' as const), sigma: fc.double({ min: 0.8, max: 20, noNaN: true }) }),
  fc.record({ type: fc.constant('laplace' as const), b: fc.double({ min: 1, max: 20, noNaN: true }) }),
  fc.record({
    type: fc.constant('discreteLaplace' as const),
    noise_parameter: fc.double({ min: 0.02, max: 0.5, noNaN: true }),
    sensitivity: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({
    type: fc.constant('randomizedResponse' as const),
    p: fc.double({ min: 0.5, max: 0.95, noNaN: true }),
    k: fc.integer({ min: 2, max: 5 }),
  }),
);

test('the tight accountant is never above the Rényi one, whatever is composed', () => {
  fc.assert(
    fc.property(
      fc.array(leaf, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(1e-4, 1e-6),
      (events, delta) => {
        const event: PrivacyEvent = { type: 'composed', events };
        const loose = epsilonOfRdp(rdp(event), delta).epsilon;
        expect(pld(event).epsilon(delta)).toBeLessThanOrEqual(loose * 1.0001 + 1e-6);
      },
    ),
    { numRuns: 12, seed: 5 },
  );
});

test('the order in which events come does not matter, and each adds', () => {
  fc.assert(
    fc.property(fc.array(leaf, { minLength: 1, maxLength: 6 }), (events) => {
      const all = lossOf(events, 1e-5);
      expect(lossOf(events.toReversed(), 1e-5)).toBeCloseTo(all, 9);
      expect(lossOf(events.slice(1), 1e-5)).toBeLessThanOrEqual(all + 1e-12);
    }),
    { seed: 6 },
  );
});

test('what an event may fail by is taken from δ', () => {
  const gaussian: PrivacyEvent = { type: 'gaussian', sigma: 5 };
  const fails: PrivacyEvent = { type: 'epsDelta', epsilon: 0, delta: 5e-6 };
  expect(lossOf([gaussian, fails], 1e-5)).toBeCloseTo(lossOf([gaussian], 5e-6), 6);
  expect(lossOf([fails, fails, fails], 1e-5)).toBe(Infinity);
});

test('noise that is calibrated for a budget costs that much', () => {
  for (const epsilon of [0.1, 1, 5]) {
    const sigma = gaussianForBudget(epsilon, 1e-5);
    expect(lossOf([{ type: 'gaussian', sigma }], 1e-5)).toBeLessThanOrEqual(epsilon);
    near(lossOf([{ type: 'gaussian', sigma }], 1e-5), epsilon, 1e-9);
    expect(sigma).toBeGreaterThan(analyticGaussian(epsilon, 1e-5));
  }
});

test('δ and ε are inverse to each other', () => {
  const event = trained(0.01, 1, 1000);
  const accountant = pld(event);
  near(accountant.delta(accountant.epsilon(1e-6)), 1e-6, 1e-6);
  const divergences = rdp(event, defaultOrders);
  expect(deltaOfRdp(divergences, epsilonOfRdp(divergences, 1e-6).epsilon)).toBeLessThanOrEqual(
    1e-6 * 1.000001,
  );
});

test('an event that nothing bounds is refused and not guessed', () => {
  const nested: PrivacyEvent = {
    type: 'poisson',
    q: 0.1,
    event: {
      type: 'composed',
      events: [
        { type: 'gaussian', sigma: 1 },
        { type: 'laplace', b: 1 },
      ],
    },
  };
  expect(() => rdp(nested)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  expect(() => pld({ type: 'zcdp', rho: 1, xi: 0 })).toThrow(
    expect.objectContaining({ code: 'INPUT_INVALID' }),
  );
});

test('special functions agree with known values', () => {
  near(erfc(0.5), 0.4795001221869535, 1e-13);
  near(erfc(3), 2.209049699858544e-5, 1e-12);
  near(erfc(6), 2.1519736712498913e-17, 1e-12);
  near(normalTail(-1), 0.8413447460685429, 1e-14);
  near(logGamma(0.5), 0.5723649429247001, 1e-13);
  near(logGamma(171), 706.5730622457874, 1e-13);
});
