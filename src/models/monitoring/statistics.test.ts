import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { chiSquareTail, kolmogorovTail } from './distributions.ts';
import { categoricalDrift, medianGamma, mmdSquared, numericDrift } from './statistics.ts';

const sample = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 60 });
const counts = fc.array(fc.tuple(fc.nat(500), fc.nat(500)), { minLength: 2, maxLength: 12 });

test('gives the tails that reference tables give', () => {
  // Exact distribution of the two-sided statistic, scipy 1.17 kstwo.sf.
  expect(kolmogorovTail(0.3, 5)).toBeCloseTo(0.664, 12);
  expect(kolmogorovTail(0.1, 140) / 0.11353657290090946).toBeCloseTo(1, 9);
  expect(kolmogorovTail(0.6, 40) / 2.668455783749458e-14).toBeCloseTo(1, 9);
  expect(kolmogorovTail(0.05, 500) / 0.15866260223815387).toBeCloseTo(1, 6);
  expect(kolmogorovTail(0.02, 100_000) / 3.5372711931479597e-35).toBeCloseTo(1, 6);
  expect(chiSquareTail(3.841458820694124, 1)).toBeCloseTo(0.05, 12);
  expect(chiSquareTail(18.307038053275146, 10)).toBeCloseTo(0.05, 12);
});

test('a sample has no distance from itself', () => {
  fc.assert(
    fc.property(sample, (values) => {
      const found = numericDrift(values, values);
      expect(found).toMatchObject({ psi: 0, ks: 0, ksP: 1, wasserstein: 0, hellinger: 0 });
    }),
  );
});

test('shifting a sample moves it by the shift, and distances stay within their bounds', () => {
  fc.assert(
    fc.property(sample, fc.integer({ min: 1, max: 1000 }), (values, shift) => {
      const found = numericDrift(
        values,
        values.map((value) => value + shift),
      );
      expect(found.wasserstein).toBeCloseTo(shift, 3);
      for (const share of [found.ks, found.ksP, found.hellinger, found.jensenShannon]) {
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test('counts in the same proportions do not differ, whatever the size of the samples', () => {
  fc.assert(
    fc.property(counts, fc.integer({ min: 2, max: 50 }), (pairs, times) => {
      const reference = pairs.map(([a]) => a + 1);
      const found = categoricalDrift(
        reference,
        reference.map((count) => count * times),
      );
      expect(found.chiSquare).toBeCloseTo(0, 6);
      expect(found.totalVariation).toBeCloseTo(0, 9);
      expect(found.psi).toBeCloseTo(0, 9);
    }),
  );
});

test('a category that the reference never had is as surprising as can be', () => {
  expect(categoricalDrift([10, 0], [5, 5])).toMatchObject({ chiSquare: Infinity, chiSquareP: 0 });
});

test('points of the same place have no discrepancy, those far away have the largest', () => {
  const here = [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ];
  const far = here.map(([x, y]) => [x! + 1000, y!]);
  const gamma = medianGamma(here, here);
  expect(mmdSquared(here, here, gamma)).toBeLessThan(0.01);
  expect(mmdSquared(here, far, gamma)).toBeGreaterThan(0.5);
});
