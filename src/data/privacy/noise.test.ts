import { expect, test } from 'vitest';
import {
  bernoulliExp,
  bernoulliExpBig,
  discreteGaussian,
  discreteLaplace,
  discreteLaplaceBig,
  permuteAndFlip,
  selectByExponential,
} from './noise.ts';
import { seededRandom, systemRandom, uniform, uniformBig } from './random.ts';
import { parseRational, rational } from './rational.ts';
import { chiSquareTail } from './special.ts';

const draws = 60_000;
/** Seeded, so that a pass stays a pass. */
const leastP = 1e-4;

/** p-value of the draws against weights on integers; what is rare is joined. */
function fit(draw: () => number, weight: (x: number) => number, reach: number): number {
  const counts = new Map<number, number>();
  for (let n = 0; n < draws; n++) {
    const one = draw();
    counts.set(one, (counts.get(one) ?? 0) + 1);
  }
  let total = 0;
  for (let x = -reach; x <= reach; x++) total += weight(x);
  let [chi, cells, restSeen, restExpected] = [0, 0, draws, draws];
  for (let x = -reach; x <= reach; x++) {
    const expected = (draws * weight(x)) / total;
    if (expected < 20) continue;
    const seen = counts.get(x) ?? 0;
    chi += (seen - expected) ** 2 / expected;
    cells++;
    restSeen -= seen;
    restExpected -= expected;
  }
  if (restExpected > 5) chi += (restSeen - restExpected) ** 2 / restExpected;
  return chiSquareTail(chi, restExpected > 5 ? cells : cells - 1);
}

test.each(['0.25', '1', '2.5', '33.3'])(
  'discrete Laplace noise of scale %s has its distribution',
  (scale) => {
    const draw = discreteLaplace(parseRational(scale), seededRandom(1));
    expect(fit(draw, (x) => Math.exp(-Math.abs(x) / Number(scale)), 1000)).toBeGreaterThan(leastP);
  },
);

test('discrete Laplace noise has the same distribution where numbers are too small for its scale', () => {
  const draw = discreteLaplaceBig(parseRational('1.50000000000000000001'), seededRandom(2));
  expect(
    fit(
      () => Number(draw()),
      (x) => Math.exp(-Math.abs(x) / 1.5),
      200,
    ),
  ).toBeGreaterThan(leastP);
});

test.each(['0.25', '1', '6.25', '400'])(
  'discrete Gaussian noise of variance %s has its distribution',
  (variance) => {
    const draw = discreteGaussian(parseRational(variance), seededRandom(3));
    expect(fit(draw, (x) => Math.exp(-(x ** 2) / (2 * Number(variance))), 400)).toBeGreaterThan(leastP);
  },
);

test('discrete Gaussian noise has the same distribution beyond the fast path', () => {
  const draw = discreteGaussian(parseRational('4.00000000000000000001'), seededRandom(4));
  expect(fit(draw, (x) => Math.exp(-(x ** 2) / 8), 60)).toBeGreaterThan(leastP);
});

test('noise of a huge scale is drawn and stays finite', () => {
  const draw = discreteGaussian(rational(10n ** 24n), seededRandom(5));
  const values = Array.from({ length: 200 }, draw);
  expect(values.every(Number.isFinite)).toBe(true);
  expect(Math.max(...values.map(Math.abs))).toBeLessThan(8e12);
});

test('no noise is drawn for a variance or scale of zero', () => {
  expect(discreteGaussian(rational(0n), seededRandom(1))()).toBe(0);
  expect(discreteLaplace(rational(0n), seededRandom(1))()).toBe(0);
});

test.each([
  [1, 3],
  [7, 2],
  [0, 1],
])('an event of probability exp(−%d/%d) happens that often, on both paths', (num, den) => {
  const random = seededRandom(6);
  const p = Math.exp(-num / den);
  let [fast, big] = [0, 0];
  for (let n = 0; n < draws; n++) {
    fast += Number(bernoulliExp(random, num, den));
    big += Number(bernoulliExpBig(random, BigInt(num) * 10n ** 12n, BigInt(den) * 10n ** 12n));
  }
  const room = 5 * Math.sqrt(p * (1 - p) * draws) + 1e-9;
  expect(Math.abs(fast - p * draws)).toBeLessThanOrEqual(room);
  expect(Math.abs(big - p * draws)).toBeLessThanOrEqual(room);
});

test('the exponential mechanism selects in proportion to exp(ε·score/2)', () => {
  const random = seededRandom(7);
  const scores = [0, 1, 3, 3];
  const counts = [0, 0, 0, 0];
  for (let n = 0; n < draws; n++) counts[selectByExponential(scores, 1, parseRational('1'), random)]!++;
  const weights = scores.map((score) => Math.exp(score / 2));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const chi = counts.reduce((sum, count, at) => {
    const expected = (draws * weights[at]!) / total;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
  expect(chiSquareTail(chi, 3)).toBeGreaterThan(leastP);
});

test('permute-and-flip selects two candidates with its known odds', () => {
  // McKenna and Sheldon 2020: with weights 1 and w, the worse one wins when it comes first and passes: w/2.
  const random = seededRandom(8);
  let worse = 0;
  for (let n = 0; n < draws; n++)
    worse += permuteAndFlip([0, 2], 1, parseRational('1'), random) === 0 ? 1 : 0;
  const p = Math.exp(-1) / 2;
  expect(Math.abs(worse - p * draws)).toBeLessThan(5 * Math.sqrt(p * (1 - p) * draws));
});

test.each([1, 3, 1000, 2 ** 32, 2 ** 33 + 1, 2 ** 53])(
  'uniform numbers below %d stay below it and spread',
  (bound) => {
    const random = seededRandom(9);
    const all = Array.from({ length: 20_000 }, () => uniform(random, bound));
    expect(all.every((one) => one >= 0 && one < bound && Number.isInteger(one))).toBe(true);
    const sum = all.reduce((total, one) => total + one / bound, 0);
    if (bound > 3) expect(Math.abs(sum / 20_000 - 0.5)).toBeLessThan(0.015);
    for (let n = 0; n < 100; n++) expect(uniformBig(random, BigInt(bound)) < BigInt(bound)).toBe(true);
  },
);

test('the operating system gives other bits each time', () => {
  const random = systemRandom();
  const seen = new Set(Array.from({ length: 5000 }, () => random.uint32()));
  expect(seen.size).toBeGreaterThan(4990);
});

test('a decimal is read exactly', () => {
  expect(parseRational('0.1')).toEqual({ num: 1n, den: 10n });
  expect(parseRational('1e-6')).toEqual({ num: 1n, den: 1_000_000n });
  expect(parseRational('12.50e1')).toEqual({ num: 125n, den: 1n });
  for (const text of ['-1', 'NaN', '1/2', '', '1e9999', 'Infinity'])
    expect(() => parseRational(text)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
});
