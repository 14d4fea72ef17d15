import { mechanisms, pureEpsilon, unsupported, type Mechanism, type PrivacyEvent } from './events.ts';
import { fourier } from './fft.ts';
import { normalMass } from './special.ts';

// Privacy loss distributions on a grid. Each mechanism is put on the grid by "connect the dots" (Doroshenko et al. 2022): the
// mass between two grid points goes to both so that its weight under P and under Q is kept. The result dominates the
// mechanism, its error is of second order in the interval. Compositions are powers in Fourier space; what the truncation of
// their tails may lose (Chernoff) counts as infinite loss.

/** Distribution of the privacy loss: `masses[i]` at (`lowest` + i) · `interval`, the rest at infinity. */
interface LossDistribution {
  interval: number;
  lowest: number;
  masses: Float64Array;
  infinity: number;
}

/** A pair of distributions, seen through its loss: mass of P and of Q where low < loss ≤ high. */
interface Density {
  kind: 'density';
  low: number;
  high: number;
  /** No loss lies outside low … high, so that what rounding finds there belongs to the ends. */
  bounded: boolean;
  p(low: number, high: number): number;
  q(low: number, high: number): number;
}

interface Atoms {
  kind: 'atoms';
  list: { loss: number; p: number; q: number }[];
  infinity: number;
}

type Pair = Density | Atoms;

const defaultInterval = 1e-4;
/** Mass that the truncation of a composition may lose in each tail. */
const tail = 1e-15;
const longest = 2 ** 21;

export interface PldAccountant {
  /** δ at which the event is (ε, δ)-differentially private. */
  delta(epsilon: number): number;
  /** ε at which the event is (ε, δ)-differentially private; Infinity when there is none. */
  epsilon(delta: number): number;
}

/** Tight accounting by privacy loss distributions, for adding and for removing a row. */
export function pld(event: PrivacyEvent): PldAccountant {
  const parts = mechanisms(event);
  const pure = parts.reduce((sum, part) => sum + pureEpsilon(part), 0);
  const asymmetric = parts.some(({ event }) => event.type === 'poisson');
  const directions = [compose(parts, false), ...(asymmetric ? [compose(parts, true)] : [])];
  return {
    delta: (epsilon) =>
      epsilon >= pure - 1e-12 ? 0 : Math.max(...directions.map((one) => deltaOf(one, epsilon))),
    epsilon: (delta) => Math.min(pure, Math.max(...directions.map((one) => epsilonOf(one, delta)))),
  };
}

function compose(parts: readonly Mechanism[], swapped: boolean): LossDistribution {
  const pairs = parts.map(({ event, count }) => ({
    pair: swapped ? swap(pairOf(event)) : pairOf(event),
    count,
  }));
  for (let interval = defaultInterval; ; interval *= 2) {
    if (pairs.some(({ pair }) => spanOf(pair) / interval > longest)) continue;
    const losses = pairs.map(({ pair, count }) => ({ loss: onGrid(pair, interval), count }));
    const result = convolve(losses, interval);
    if (result) return result;
  }
}

function pairOf(event: PrivacyEvent): Pair {
  switch (event.type) {
    case 'gaussian':
      return gaussianPair(event.sigma);
    case 'laplace':
      return laplacePair(1 / event.b);
    case 'discreteGaussian':
      return discreteGaussianPair(event.sigma, event.sensitivity);
    case 'discreteLaplace':
      return discreteLaplacePair(event.noise_parameter, event.sensitivity);
    case 'randomizedResponse': {
      const truth = 1 - event.p + event.p / event.k;
      const lie = event.p / event.k;
      return lie === 0
        ? { kind: 'atoms', list: [], infinity: 1 }
        : twoPoints(truth, lie, (event.k - 2) * lie);
    }
    case 'exponential':
      return epsDeltaPair(event.epsilon, 0);
    case 'epsDelta':
      return epsDeltaPair(event.epsilon, event.delta);
    case 'poisson': {
      const [only, ...more] = mechanisms(event.event);
      if (only === undefined) return { kind: 'atoms', list: [{ loss: 0, p: 1, q: 1 }], infinity: 0 };
      if (more.length > 0 || only.count > 1) throw unsupported('Poisson sampling of a composition');
      return sampled(event.q, pairOf(only.event));
    }
    case 'zcdp':
    case 'swor':
    case 'self':
    case 'composed':
    case 'noOp':
      break;
  }
  throw unsupported(`the privacy loss distribution of \`${event.type}\``);
}

/** N(0, σ²) against N(1, σ²): the loss is itself normal. */
function gaussianPair(sigma: number): Density {
  const mean = 1 / (2 * sigma ** 2);
  const reach = 9 / sigma;
  return {
    kind: 'density',
    low: -mean - reach,
    high: mean + reach,
    bounded: false,
    p: (low, high) => normalMass((low - mean) * sigma, (high - mean) * sigma),
    q: (low, high) => normalMass((low + mean) * sigma, (high + mean) * sigma),
  };
}

function laplacePair(epsilon: number): Density {
  // P = Laplace(0, b), Q = Laplace(1, b): half of P has the loss ε, e^(−ε)/2 of it has −ε, between them the density is exponential.
  const upTo = (loss: number): number =>
    loss < -epsilon ? 0 : loss >= epsilon ? 1 : 0.5 * Math.exp((loss - epsilon) / 2);
  const below = (loss: number): number =>
    loss < -epsilon ? 0 : loss >= epsilon ? 1 : 1 - 0.5 * Math.exp((-loss - epsilon) / 2);
  return {
    kind: 'density',
    low: -epsilon,
    high: epsilon,
    bounded: true,
    p: (low, high) => upTo(high) - upTo(low),
    q: (low, high) =>
      low >= -epsilon && high < epsilon
        ? -0.5 * Math.exp((-low - epsilon) / 2) * Math.expm1((low - high) / 2)
        : below(high) - below(low),
  };
}

function discreteGaussianPair(sigma: number, sensitivity: number): Atoms {
  const shift = Math.ceil(sensitivity);
  const reach = Math.ceil(10 * sigma) + shift;
  const weight = (x: number): number => Math.exp(-(x ** 2) / (2 * sigma ** 2));
  let total = 0;
  for (let x = -reach - shift; x <= reach + shift; x++) total += weight(x);
  const list: Atoms['list'] = [];
  for (let x = -reach; x <= reach + shift; x++)
    list.push({
      loss: (shift ** 2 - 2 * shift * x) / (2 * sigma ** 2),
      p: weight(x) / total,
      q: weight(x - shift) / total,
    });
  return { kind: 'atoms', list, infinity: 0 };
}

function discreteLaplacePair(parameter: number, sensitivity: number): Atoms {
  const shift = Math.ceil(sensitivity);
  const scale = Math.tanh(parameter / 2);
  const weight = (x: number): number => scale * Math.exp(-parameter * Math.abs(x));
  const far = Math.exp(-parameter) / (1 + Math.exp(-parameter));
  const epsilon = parameter * shift;
  // All x ≤ 0 have the loss ε, all x ≥ shift the loss −ε.
  const list = [
    { loss: epsilon, p: 1 - far, q: (1 - far) * Math.exp(-epsilon) },
    { loss: -epsilon, p: (1 - far) * Math.exp(-epsilon), q: 1 - far },
  ];
  for (let x = 1; x < shift; x++)
    list.push({ loss: parameter * (shift - 2 * x), p: weight(x), q: weight(x - shift) });
  return { kind: 'atoms', list, infinity: 0 };
}

function twoPoints(truth: number, lie: number, rest: number): Atoms {
  const loss = Math.log(truth / lie);
  return {
    kind: 'atoms',
    list: [
      { loss, p: truth, q: lie },
      { loss: 0, p: rest, q: rest },
      { loss: -loss, p: lie, q: truth },
    ],
    infinity: 0,
  };
}

function epsDeltaPair(epsilon: number, delta: number): Atoms {
  const truth = 1 / (1 + Math.exp(-epsilon));
  const pair = twoPoints((1 - delta) * truth, (1 - delta) * (1 - truth), 0);
  return { ...pair, infinity: delta };
}

/** Poisson sampling with the base pair P against Q gives (1 − q)·Q + q·P against Q (Zhu, Dong and Wang 2022). */
function sampled(q: number, pair: Pair): Pair {
  const after = (loss: number): number => Math.log1p(q * Math.expm1(loss));
  const before = (loss: number): number => {
    const ratio = Math.expm1(loss) + q;
    return ratio <= 0 ? -Infinity : Math.log(ratio / q);
  };
  if (pair.kind === 'atoms')
    return {
      kind: 'atoms',
      list: pair.list.map((atom) => ({
        loss: after(atom.loss),
        p: (1 - q) * atom.q + q * atom.p,
        q: atom.q,
      })),
      infinity: q * pair.infinity,
    };
  // Below the range of the base lies mass that the rounding of the range's end must not lose.
  const mass = (of: 'p' | 'q', low: number, high: number): number => {
    const [from, to] = [before(low), before(high)];
    return to === -Infinity ? 0 : pair[of](from, to);
  };
  return {
    kind: 'density',
    low: after(pair.low),
    high: after(pair.high),
    bounded: pair.bounded,
    p: (low, high) => (1 - q) * mass('q', low, high) + q * mass('p', low, high),
    q: (low, high) => mass('q', low, high),
  };
}

/** The pair seen from the other side: a row is added instead of removed. */
function swap(pair: Pair): Pair {
  if (pair.kind === 'atoms')
    return {
      kind: 'atoms',
      list: pair.list.map(({ loss, p, q }) => ({ loss: -loss, p: q, q: p })),
      infinity: pair.infinity,
    };
  return {
    kind: 'density',
    low: -pair.high,
    high: -pair.low,
    bounded: pair.bounded,
    p: (low, high) => pair.q(-high, -low),
    q: (low, high) => pair.p(-high, -low),
  };
}

function spanOf(pair: Pair): number {
  if (pair.kind === 'density') return pair.high - pair.low;
  const losses = pair.list.map(({ loss }) => loss);
  return losses.length === 0 ? 0 : Math.max(...losses) - Math.min(...losses);
}

function onGrid(pair: Pair, interval: number): LossDistribution {
  if (pair.kind === 'atoms') return atomsOnGrid(pair, interval);
  const lowest = Math.floor(pair.low / interval + 1e-9);
  const highest = Math.ceil(pair.high / interval - 1e-9);
  const masses = new Float64Array(highest - lowest + 1);
  // Whatever lies below the grid is lifted onto its first point, whatever lies above is infinite.
  masses[0] = pair.p(-Infinity, lowest * interval);
  const up = -Math.expm1(-interval);
  for (let index = 0; index < highest - lowest; index++) {
    const low = (lowest + index) * interval;
    const high = (lowest + index + 1) * interval;
    const p = pair.p(low, high);
    if (p <= 0) continue;
    const toHigh = Math.min(p, Math.max(0, (p - pair.q(low, high) * Math.exp(low)) / up));
    masses[index] = masses[index]! + p - toHigh;
    masses[index + 1] = masses[index + 1]! + toHigh;
  }
  const above = Math.max(0, pair.p(highest * interval, Infinity));
  if (!pair.bounded) return { interval, lowest, masses, infinity: above };
  masses[masses.length - 1] = masses.at(-1)! + above;
  return { interval, lowest, masses, infinity: 0 };
}

function atomsOnGrid({ list, infinity }: Atoms, interval: number): LossDistribution {
  if (list.length === 0) return { interval, lowest: 0, masses: new Float64Array(1), infinity };
  const places = list.map(({ loss }) => loss / interval);
  const lowest = Math.floor(Math.min(...places) + 1e-6);
  const masses = new Float64Array(Math.ceil(Math.max(...places) - 1e-6) - lowest + 1);
  for (const [index, { p }] of list.entries()) {
    const nearest = Math.round(places[index]!);
    if (Math.abs(places[index]! - nearest) < 1e-6) {
      masses[nearest - lowest] = masses[nearest - lowest]! + p;
      continue;
    }
    const low = Math.floor(places[index]!);
    const toHigh = (p * Math.expm1((low - places[index]!) * interval)) / Math.expm1(-interval);
    masses[low - lowest] = masses[low - lowest]! + p - toHigh;
    masses[low - lowest + 1] = masses[low - lowest + 1]! + toHigh;
  }
  return { interval, lowest, masses, infinity };
}

/** Undefined when the result is longer than what is computed: the caller widens the interval. */
function convolve(
  parts: readonly { loss: LossDistribution; count: number }[],
  interval: number,
): LossDistribution | undefined {
  const [first] = parts;
  if (first === undefined) return { interval, lowest: 0, masses: Float64Array.of(1), infinity: 0 };
  if (parts.length === 1 && first.count === 1) return first.loss;
  const lowest = Math.max(
    parts.reduce((sum, { loss, count }) => sum + count * loss.lowest, 0),
    -chernoff(parts, interval, -1) - 1,
  );
  const highest = Math.min(
    parts.reduce((sum, { loss, count }) => sum + count * (loss.lowest + loss.masses.length - 1), 0),
    chernoff(parts, interval, 1) + 1,
  );
  const length = highest - lowest + 1;
  if (length > longest) return undefined;
  const size = 2 ** Math.ceil(Math.log2(Math.max(2, length)));
  const re = new Float64Array(size);
  const im = new Float64Array(size);
  const oneRe = new Float64Array(size);
  const oneIm = new Float64Array(size);
  re.fill(1);
  let offset = 0;
  let finite = 1;
  for (const { loss, count } of parts) {
    oneRe.fill(0);
    oneIm.fill(0);
    // Longer than the result: folded, which is what a circular convolution does anyway.
    for (let index = 0; index < loss.masses.length; index++)
      oneRe[index % size] = oneRe[index % size]! + loss.masses[index]!;
    fourier(oneRe, oneIm);
    // The input is real: the upper half of its spectrum mirrors the lower one.
    for (let index = 0; index <= size >> 1; index++) {
      const [a, b] = [oneRe[index]!, oneIm[index]!];
      const radius = (a * a + b * b) ** (count / 2);
      const angle = Math.atan2(b, a) * count;
      const x = radius * Math.cos(angle);
      const y = radius * Math.sin(angle);
      const kept = re[index]!;
      re[index] = kept * x - im[index]! * y;
      im[index] = kept * y + im[index]! * x;
    }
    offset += count * loss.lowest;
    finite *= (1 - loss.infinity) ** count;
  }
  for (let index = 1; index < size >> 1; index++) {
    re[size - index] = re[index]!;
    im[size - index] = -im[index]!;
  }
  fourier(re, im, true);
  const masses = new Float64Array(length);
  for (let index = 0; index < length; index++) {
    const place = (((lowest + index - offset) % size) + size) % size;
    masses[index] = Math.max(0, re[place]! / size);
  }
  return { interval, lowest, masses, infinity: 1 - finite + tail };
}

/** Grid index beyond which (in direction `side`) the composed loss has less mass than `tail`. */
function chernoff(
  parts: readonly { loss: LossDistribution; count: number }[],
  interval: number,
  side: 1 | -1,
): number {
  let best = Infinity;
  for (let exponent = -8; exponent <= 14; exponent++) {
    const t = 2 ** exponent;
    let log = 0;
    for (const { loss, count } of parts) log += count * logMoment(loss, side * t);
    best = Math.min(best, (log - Math.log(tail)) / t);
  }
  return Math.ceil(best / interval);
}

function logMoment({ masses, lowest, interval }: LossDistribution, t: number): number {
  // The largest exponent stands at one end; terms far below it vanish.
  const end = t > 0 ? lowest + masses.length - 1 : lowest;
  const top = t * end * interval;
  let sum = 0;
  for (let index = 0; index < masses.length; index++) {
    const mass = masses[index]!;
    if (mass > 0) sum += mass * Math.exp(t * (lowest + index) * interval - top);
  }
  return Math.log(sum) + top;
}

function deltaOf({ interval, lowest, masses, infinity }: LossDistribution, epsilon: number): number {
  let delta = infinity;
  const from = Math.max(0, Math.ceil(epsilon / interval - lowest - 1e-9));
  for (let index = masses.length - 1; index >= from; index--)
    delta += masses[index]! * -Math.expm1(epsilon - (lowest + index) * interval);
  return Math.min(1, Math.max(0, delta));
}

function epsilonOf({ interval, lowest, masses, infinity }: LossDistribution, delta: number): number {
  if (infinity > delta) return Infinity;
  // Going down the grid, δ(ε) = mass − e^ε · weight between two points.
  let mass = infinity;
  let weight = 0;
  for (let index = masses.length - 1; index >= 0; index--) {
    const loss = (lowest + index) * interval;
    if (weight > 0 && mass - Math.exp(loss) * weight >= delta) break;
    if (loss < 0 && mass - weight >= delta) break;
    mass += masses[index]!;
    weight += masses[index]! * Math.exp(-loss);
  }
  if (mass <= delta || weight === 0) return 0;
  return Math.max(0, Math.log((mass - delta) / weight));
}
