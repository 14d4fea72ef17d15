/** Probability tails without approximation by a normal distribution. Accurate to about 1e-12 relative, also far out. */
export interface Tail {
  p: number;
  /** log₁₀ p, still exact where p is too small for a number. */
  log10: number;
}

const lanczos = [
  0.999_999_999_999_997_1, 57.156_235_665_862_92, -59.597_960_355_475_49, 14.136_097_974_741_746,
  -0.491_913_816_097_620_2, 0.339_946_499_848_118_9e-4, 0.465_236_289_270_485_8e-4,
  -0.983_744_753_048_795_6e-4, 0.158_088_703_224_912_5e-3, -0.210_264_441_724_104_9e-3,
  0.217_439_618_115_212_6e-3, -0.164_318_106_536_763_9e-3, 0.844_182_239_838_527_4e-4,
  -0.261_908_384_015_814_1e-4, 0.368_991_826_595_316_2e-5,
] as const;

/** ln Γ(x) for x > 0 (Lanczos 1964, g = 607/128). */
export function logGamma(x: number): number {
  const shifted = x - 1;
  let sum: number = lanczos[0];
  for (let i = 1; i < lanczos.length; i++) sum += lanczos[i]! / (shifted + i);
  const base = shifted + 607 / 128 + 0.5;
  return Math.log(Math.sqrt(2 * Math.PI) * sum) + (shifted + 0.5) * Math.log(base) - base;
}

/** P[Bin(n, rate) ≥ successes]. */
export function binomialTail(n: number, successes: number, rate: number): Tail {
  if (successes <= 0) return { p: 1, log10: 0 };
  if (successes > n || rate <= 0) return { p: 0, log10: -Infinity };
  if (rate >= 1) return { p: 1, log10: 0 };
  const odds = rate / (1 - rate);
  // Below the mean the tail holds nearly everything: what is missing is summed instead, downwards from its largest term.
  if (successes <= n * rate) {
    let term = 1;
    let sum = 0;
    for (let k = successes - 1; k >= 0 && term > sum * 1e-18; k--) {
      sum += term;
      term *= k / ((n - k + 1) * odds);
    }
    const p = Math.max(0, 1 - sum * Math.exp(logTerm(n, successes - 1, rate)));
    return { p, log10: Math.log10(p) };
  }
  let term = 1;
  let sum = 0;
  for (let k = successes; k <= n && term > sum * 1e-18; k++) {
    sum += term;
    term *= ((n - k) * odds) / (k + 1);
  }
  return fromLog(logTerm(n, successes, rate) + Math.log(sum));
}

function logTerm(n: number, k: number, rate: number): number {
  return (
    logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1) + k * Math.log(rate) + (n - k) * Math.log1p(-rate)
  );
}

/** P[Gamma(shape, 1) ≥ x] for a whole `shape`: a sum of Poisson terms. */
export function gammaTail(shape: number, x: number): Tail {
  if (x <= 0 || shape === 0) return x <= 0 ? { p: 1, log10: 0 } : { p: 0, log10: -Infinity };
  // Terms x^k/k! for k < shape, from the last one down when they grow up to it, else from the largest one out.
  if (x >= shape - 1) {
    let term = 1;
    let sum = 0;
    for (let k = shape - 1; k >= 0 && term > sum * 1e-18; k--) {
      sum += term;
      term *= k / x;
    }
    return fromLog((shape - 1) * Math.log(x) - logGamma(shape) - x + Math.log(sum));
  }
  // Far below the mean: the complement Σ_{k ≥ shape} is what is small.
  let term = 1;
  let sum = 0;
  for (let k = shape; term > sum * 1e-18; k++) {
    sum += term;
    term *= x / (k + 1);
  }
  const p = Math.max(0, 1 - sum * Math.exp(shape * Math.log(x) - logGamma(shape + 1) - x));
  return { p, log10: Math.log10(p) };
}

function fromLog(log: number): Tail {
  return { p: Math.min(1, Math.exp(log)), log10: Math.min(0, log / Math.LN10) };
}

/** Value that a fraction `share` of Beta(a, b) lies below, by bisection over the regularised incomplete beta function. */
export function betaQuantile(share: number, a: number, b: number): number {
  let low = 0;
  let high = 1;
  for (let i = 0; i < 200 && high - low > 1e-16; i++) {
    const middle = (low + high) / 2;
    if (regularizedBeta(middle, a, b) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** I_x(a, b) by the continued fraction of Lentz (Numerical Recipes §6.4). */
export function regularizedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - regularizedBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  const tiny = 1e-300;
  const safe = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / safe(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m < 100_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / safe(1 + even * d);
    c = safe(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / safe(1 + odd * d);
    c = safe(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return (front * fraction) / a;
}

/** P[N(0, 1) ≥ z]: power series near the middle, continued fraction further out (Abramowitz and Stegun 26.2.10, 26.2.14). */
export function normalTail(z: number): Tail {
  if (z < 0) {
    const p = 1 - normalTail(-z).p;
    return { p, log10: Math.log10(p) };
  }
  const logDensity = -0.5 * (z * z + Math.log(2 * Math.PI));
  if (z < 2.5) {
    let term = z;
    let sum = z;
    for (let k = 1; term > sum * 1e-18; k++) {
      term *= (z * z) / (2 * k + 1);
      sum += term;
    }
    const p = 0.5 - Math.exp(logDensity) * sum;
    return { p, log10: Math.log10(p) };
  }
  let fraction = z;
  for (let k = 120; k >= 1; k--) fraction = z + k / fraction;
  return fromLog(logDensity - Math.log(fraction));
}
