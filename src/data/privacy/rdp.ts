import { mechanisms, pureEpsilon, unsupported, type Mechanism, type PrivacyEvent } from './events.ts';
import { logAdd, logChoose } from './special.ts';

/** Rényi orders at which losses are tracked. */
export const defaultOrders: readonly number[] = [
  ...Array.from({ length: 99 }, (_, index) => 1 + (index + 1) / 10),
  ...Array.from({ length: 53 }, (_, index) => index + 11),
  128,
  256,
  512,
  1024,
];

/** Rényi divergence of the event at each order: an upper bound, exact where one is known. */
export function rdp(event: PrivacyEvent, orders: readonly number[] = defaultOrders): number[] {
  const total = orders.map(() => 0);
  for (const mechanism of mechanisms(event)) {
    const one = atOrders(mechanism, orders);
    for (let index = 0; index < total.length; index++)
      total[index] = total[index]! + mechanism.count * one[index]!;
  }
  return total;
}

function atOrders({ event }: Mechanism, orders: readonly number[]): number[] {
  switch (event.type) {
    case 'gaussian':
      return orders.map((order) => order / (2 * event.sigma ** 2));
    case 'discreteGaussian':
      // Canonne, Kamath and Steinke, theorem 4: no worse than the continuous one.
      return orders.map((order) => (order * event.sensitivity ** 2) / (2 * event.sigma ** 2));
    case 'zcdp':
      return orders.map((order) => event.xi + event.rho * order);
    case 'laplace':
      return orders.map((order) => laplace(1 / event.b, order));
    case 'randomizedResponse':
      return orders.map((order) => randomizedResponse(event.p, event.k, order));
    case 'exponential':
      // Bounded range (Durfee and Rogers 2019; Cesar and Rogers 2021): ε²/8-zCDP, which pure ε-DP alone does not give.
      return orders.map((order) => Math.min((order * event.epsilon ** 2) / 8, pure(event.epsilon, order)));
    case 'discreteLaplace':
      return orders.map((order) =>
        discreteLaplace(event.noise_parameter, Math.ceil(event.sensitivity), order),
      );
    case 'epsDelta': {
      const epsilon = pureEpsilon({ event, count: 1 });
      return orders.map((order) => pure(epsilon, order));
    }
    case 'poisson':
      return poisson(event.q, event.event, orders);
    case 'swor':
      break;
  }
  return withoutReplacement(event.m / event.n, event.event, orders);
}

/** Mironov 2017, table II: the Rényi divergence of Laplace distributions at distance ε scales. */
function laplace(epsilon: number, order: number): number {
  return (
    logAdd(
      Math.log(order / (2 * order - 1)) + (order - 1) * epsilon,
      Math.log((order - 1) / (2 * order - 1)) - order * epsilon,
    ) /
    (order - 1)
  );
}

/** P[x] ∝ e^(−a|x|) against itself moved by `shift`: two atoms outside, a geometric series between them. */
function discreteLaplace(a: number, shift: number, order: number): number {
  const epsilon = a * shift;
  const outside = -Math.log1p(Math.exp(-a));
  let total = logAdd(outside + (order - 1) * epsilon, outside - order * epsilon);
  const ratio = -a * (2 * order - 1);
  if (shift > 1)
    total = logAdd(
      total,
      Math.log(Math.tanh(a / 2)) +
        (order - 1) * epsilon +
        ratio +
        Math.log(-Math.expm1(ratio * (shift - 1))) -
        Math.log(-Math.expm1(ratio)),
    );
  return Math.max(0, total / (order - 1));
}

/** The most that ε-differential privacy allows: randomised response of two values. */
function pure(epsilon: number, order: number): number {
  if (epsilon === 0) return 0;
  if (epsilon === Infinity) return Infinity;
  const truth = -Math.log1p(Math.exp(-epsilon));
  const lie = truth - epsilon;
  return logAdd(order * truth + (1 - order) * lie, order * lie + (1 - order) * truth) / (order - 1);
}

function randomizedResponse(p: number, k: number, order: number): number {
  if (p === 0) return Infinity;
  const truth = Math.log(1 - p + p / k);
  const lie = Math.log(p / k);
  const both = logAdd(order * truth + (1 - order) * lie, order * lie + (1 - order) * truth);
  return (k > 2 ? logAdd(both, Math.log(k - 2) + lie) : both) / (order - 1);
}

/** The one Gaussian that a sampled event may hold. */
function gaussianIn(event: PrivacyEvent, sampling: string): number {
  const [only, ...more] = mechanisms(event);
  if (only === undefined) return Infinity;
  if (more.length > 0) throw unsupported(`${sampling} sampling of a composition`);
  if (only.event.type === 'gaussian') return only.event.sigma;
  if (only.event.type === 'discreteGaussian') return only.event.sigma / only.event.sensitivity;
  throw unsupported(`the Rényi divergence of ${sampling} sampled ${only.event.type} noise`);
}

/** Poisson sampling. Gaussian: Mironov, Talwar and Zhang 2019; the binomial sum at whole orders, quadrature between them. */
function poisson(q: number, event: PrivacyEvent, orders: readonly number[]): number[] {
  const [only, ...more] = mechanisms(event);
  if (only === undefined) return orders.map(() => 0);
  const pureLoss = more.length === 0 ? pureEpsilon(only) : Infinity;
  if (pureLoss < Infinity) return orders.map((order) => pure(Math.log1p(q * Math.expm1(pureLoss)), order));
  const sigma = gaussianIn(event, 'Poisson');
  return orders.map((order) => Math.max(0, logMoment(q, sigma, order) / (order - 1)));
}

/** log E over N(0, σ²) of ((1 − q) + q·e^((2x − 1)/(2σ²)))^order. */
function logMoment(q: number, sigma: number, order: number): number {
  const keep = Math.log1p(-q);
  const take = Math.log(q);
  if (Number.isInteger(order)) {
    let total = -Infinity;
    for (let k = 0; k <= order; k++)
      total = logAdd(
        total,
        logChoose(order, k) + k * take + (order - k) * keep + (k * k - k) / (2 * sigma ** 2),
      );
    return total;
  }
  // The trapezoid rule on the whole line converges geometrically; the next singularity lies πσ² beside it.
  const step = Math.min(sigma / 8, sigma ** 2 / 3);
  const low = -12 * sigma;
  const high = order + 12 * sigma;
  let total = -Infinity;
  for (let index = 0, x = low; x <= high; index++, x = low + index * step) {
    const ratio = logAdd(keep, take + (2 * x - 1) / (2 * sigma ** 2));
    total = logAdd(total, order * ratio - x ** 2 / (2 * sigma ** 2));
  }
  return total + Math.log(step) - Math.log(sigma) - 0.5 * Math.log(2 * Math.PI);
}

/** Sampling without replacement, Gaussian noise, neighbours that replace one row: Wang, Balle and Kasiviswanathan 2019, theorem 27. */
function withoutReplacement(q: number, event: PrivacyEvent, orders: readonly number[]): number[] {
  const sigma = gaussianIn(event, 'fixed-size');
  if (sigma === Infinity) return orders.map(() => 0);
  if (q === 1) return orders.map((order) => order / (2 * sigma ** 2));
  const known = new Map<number, number>();
  const at = (order: number): number => {
    let value = known.get(order);
    if (value === undefined) known.set(order, (value = logWithoutReplacement(q, sigma, order)));
    return value;
  };
  return orders.map((order) => {
    // The cumulant generating function is convex: between whole orders the chord lies above it.
    const low = Math.floor(order);
    const rest = order - low;
    return ((1 - rest) * at(low) + (rest > 0 ? rest * at(low + 1) : 0)) / (order - 1);
  });
}

function logWithoutReplacement(q: number, sigma: number, order: number): number {
  if (order <= 1) return 0;
  const divergence = (at: number): number => at / (2 * sigma ** 2);
  let total = 0;
  for (let j = 2; j <= order; j++) {
    const crude = Math.log(2) + (j - 1) * divergence(j);
    const fine = Math.log(4) + logTernary(sigma, j);
    total = logAdd(total, j * Math.log(q) + logChoose(order, j) + Math.min(crude, fine));
  }
  return total;
}

/** log of a bound on E over N(1, σ²) of |p/q − 1|^j: exact for even j, the geometric mean of its neighbours for odd j. */
function logTernary(sigma: number, j: number): number {
  if (j % 2 === 1) return (logTernary(sigma, j - 1) + logTernary(sigma, j + 1)) / 2;
  if (j > 256) return Infinity;
  const step = sigma / 8;
  let total = -Infinity;
  const low = -j - 12 * sigma;
  const high = j + 12 * sigma;
  for (let index = 0, x = low; x <= high; index++, x = low + index * step) {
    const exponent = (2 * x - 1) / (2 * sigma ** 2);
    const ratio =
      exponent > 30 ? exponent + Math.log1p(-Math.exp(-exponent)) : Math.log(Math.abs(Math.expm1(exponent)));
    if (ratio > -Infinity) total = logAdd(total, j * ratio - x ** 2 / (2 * sigma ** 2));
  }
  return total + Math.log(step) - Math.log(sigma) - 0.5 * Math.log(2 * Math.PI);
}

/** ε at δ (Canonne, Kamath and Steinke 2020, proposition 12; Kullback-Leibler where it suffices), and the order that gives it. */
export function epsilonOfRdp(
  divergences: readonly number[],
  delta: number,
  orders: readonly number[] = defaultOrders,
): { epsilon: number; order: number } {
  let best = { epsilon: Infinity, order: orders[0] ?? 0 };
  if (delta <= 0) return divergences.every((one) => one === 0) ? { ...best, epsilon: 0 } : best;
  for (const [index, order] of orders.entries()) {
    const divergence = divergences[index]!;
    const epsilon =
      delta ** 2 + Math.expm1(-divergence) > 0
        ? 0
        : order > 1.01
          ? divergence + Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1)
          : Infinity;
    if (epsilon < best.epsilon) best = { epsilon: Math.max(0, epsilon), order };
  }
  return best;
}

/** δ at ε, by the same bounds. */
export function deltaOfRdp(
  divergences: readonly number[],
  epsilon: number,
  orders: readonly number[] = defaultOrders,
): number {
  let best = 0;
  for (const [index, order] of orders.entries()) {
    const divergence = divergences[index]!;
    let logDelta = divergence === 0 ? -Infinity : 0.5 * Math.log1p(-Math.exp(-divergence));
    if (order > 1.01)
      logDelta = Math.min(
        logDelta,
        (order - 1) * (divergence - epsilon + Math.log1p(-1 / order)) - Math.log(order),
      );
    best = Math.min(best, logDelta);
  }
  return Math.exp(best);
}
