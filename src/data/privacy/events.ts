import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';

const positive = z.number().positive();
const probability = z.number().min(0).max(1);

/**
 * What one or many accesses to a dataset cost, as a tree. Noise is relative to a sensitivity of 1 (`sigma` and `b` are noise
 * multipliers) unless the event has its own; neighbours differ by one added or removed row, except where an event says otherwise.
 */
const Leaf = z.discriminatedUnion('type', [
  z.object({ type: z.literal('noOp') }),
  z.object({ type: z.literal('gaussian'), sigma: positive }),
  z.object({ type: z.literal('laplace'), b: positive }),
  z.object({ type: z.literal('discreteGaussian'), sigma: positive, sensitivity: positive.default(1) }),
  z.object({
    type: z.literal('discreteLaplace'),
    /** P[x] ∝ exp(−noise_parameter · |x|). */
    noise_parameter: positive,
    sensitivity: positive.default(1),
  }),
  /** Keeps the true value with probability 1 − p, else one of k values at random. Neighbours replace one row. */
  z.object({ type: z.literal('randomizedResponse'), p: probability, k: z.number().int().min(2) }),
  z.object({ type: z.literal('exponential'), epsilon: z.number().min(0) }),
  z.object({ type: z.literal('zcdp'), rho: z.number().min(0), xi: z.number().min(0).default(0) }),
  z.object({ type: z.literal('epsDelta'), epsilon: z.number().min(0), delta: probability }),
]);
type Leaf = z.infer<typeof Leaf>;

export type PrivacyEvent =
  | Leaf
  | { type: 'poisson'; q: number; event: PrivacyEvent }
  /** m rows drawn without replacement from n. Neighbours replace one row. */
  | { type: 'swor'; n: number; m: number; event: PrivacyEvent }
  | { type: 'self'; count: number; event: PrivacyEvent }
  | { type: 'composed'; events: PrivacyEvent[] };

export const PrivacyEvent: z.ZodType<PrivacyEvent> = z.lazy(() =>
  z.union([
    Leaf,
    z.object({ type: z.literal('poisson'), q: probability, event: PrivacyEvent }),
    z.object({
      type: z.literal('swor'),
      n: z.number().int().positive(),
      m: z.number().int().min(0),
      event: PrivacyEvent,
    }),
    z.object({ type: z.literal('self'), count: z.number().int().min(0), event: PrivacyEvent }),
    z.object({ type: z.literal('composed'), events: z.array(PrivacyEvent) }),
  ]),
);

/** One mechanism with how often it runs. */
export interface Mechanism {
  event: Exclude<PrivacyEvent, { type: 'self' | 'composed' | 'noOp' }>;
  count: number;
}

/** The mechanisms of a tree. Gaussians without sampling are joined: their composition is a Gaussian. */
export function mechanisms(event: PrivacyEvent): Mechanism[] {
  const all: Mechanism[] = [];
  let precision = 0;
  const walk = (one: PrivacyEvent, count: number): void => {
    if (count === 0) return;
    switch (one.type) {
      case 'noOp':
        return;
      case 'self':
        return walk(one.event, count * one.count);
      case 'composed':
        return one.events.forEach((part) => walk(part, count));
      case 'gaussian':
        precision += count / one.sigma ** 2;
        return;
      case 'poisson':
        if (one.q === 0) return;
        if (one.q === 1) return walk(one.event, count);
        break;
      case 'swor':
        if (one.m === 0) return;
        if (one.m > one.n) throw unsupported('a sample larger than its dataset');
        break;
      default:
        break;
    }
    all.push({ event: one, count });
  };
  walk(event, 1);
  if (precision > 0) all.unshift({ event: { type: 'gaussian', sigma: 1 / Math.sqrt(precision) }, count: 1 });
  return all;
}

/** ε of a mechanism that is (ε, 0)-differentially private; Infinity for one that is not. */
export function pureEpsilon({ event, count }: Mechanism): number {
  switch (event.type) {
    case 'laplace':
      return count / event.b;
    case 'discreteLaplace':
      return count * event.noise_parameter * event.sensitivity;
    case 'randomizedResponse':
      return count * Math.log((1 - event.p + event.p / event.k) / (event.p / event.k));
    case 'exponential':
      return count * event.epsilon;
    case 'epsDelta':
      return event.delta === 0 ? count * event.epsilon : Infinity;
    case 'poisson': {
      const [base, ...more] = mechanisms(event.event);
      if (base === undefined || more.length > 0) return Infinity;
      return count * Math.log1p(event.q * Math.expm1(pureEpsilon(base)));
    }
    case 'gaussian':
    case 'discreteGaussian':
    case 'zcdp':
    case 'swor':
      break;
  }
  return Infinity;
}

export function unsupported(what: string): Problem {
  return new Problem('INPUT_INVALID', { detail: `${what} has no bound in this accountant` });
}
