import { Problem } from '../../kernel/problem.ts';
import { defaultOrders, epsilonOfRdp } from './rdp.ts';
import { normalTail } from './special.ts';

/** Least noise multiplier at which the Gaussian mechanism is (ε, δ)-differentially private: Balle and Wang 2018. */
export function analyticGaussian(epsilon: number, delta: number): number {
  const excess = (sigma: number): number => {
    const half = 1 / (2 * sigma);
    return (
      normalTail(epsilon * sigma - half) - Math.exp(epsilon) * normalTail(epsilon * sigma + half) - delta
    );
  };
  return leastAbove(excess);
}

/**
 * Least ρ-style budget in reverse: the noise multiplier whose Rényi loss converts to ε at δ. A little more noise than
 * `analyticGaussian`, but the loss adds up exactly as the budget ledger adds it.
 */
export function gaussianForBudget(epsilon: number, delta: number): number {
  return leastAbove(
    (sigma) =>
      epsilonOfRdp(
        defaultOrders.map((order) => order / (2 * sigma ** 2)),
        delta,
      ).epsilon - epsilon,
  );
}

/** Least positive argument at which a falling function is not above zero. */
function leastAbove(falling: (sigma: number) => number): number {
  let [low, high] = [1e-6, 1];
  while (falling(high) > 0) {
    high *= 2;
    if (high > 1e12)
      throw new Problem('INPUT_INVALID', {
        detail: 'no amount of noise reaches this ε and δ',
        fix: 'Use a larger ε or δ.',
      });
  }
  for (let round = 0; round < 200 && high - low > 1e-13 * high; round++) {
    const middle = (low + high) / 2;
    if (falling(middle) > 0) low = middle;
    else high = middle;
  }
  return high;
}
