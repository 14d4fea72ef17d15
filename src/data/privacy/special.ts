/** Natural logarithm of the gamma function for x > 0: Stirling's series, shifted to where it has converged. */
export function logGamma(x: number): number {
  let at = x;
  let product = 1;
  while (at < 15) product *= at++;
  const inverse = 1 / (at * at);
  const series =
    (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse * (1 / 1188))))) / at;
  return (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series - Math.log(product);
}

export function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
}

/** log(e^a + e^b) without overflow. */
export function logAdd(a: number, b: number): number {
  const [high, low] = a > b ? [a, b] : [b, a];
  return low === -Infinity ? high : high + Math.log1p(Math.exp(low - high));
}

/** Complementary error function, relative error below 1e-13 in both tails. */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2) {
    // erf(x) = 2/√π · e^(−x²) · Σ 2^n x^(2n+1) / (2n+1)!!: all terms positive.
    let term = x;
    let sum = x;
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  if (x > 27) return 0;
  // Continued fraction of the incomplete gamma function, evaluated from behind.
  let fraction = x;
  for (let n = Math.ceil(24 + 300 / (x * x)); n > 0; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}

/** P[Z > z] for a standard normal Z. */
export const normalTail = (z: number): number => 0.5 * erfc(z / Math.SQRT2);

/** P[low < Z ≤ high], computed in the tail that keeps relative precision. */
export function normalMass(low: number, high: number): number {
  return low > 0 ? normalTail(low) - normalTail(high) : normalTail(-high) - normalTail(-low);
}

/** Upper tail of the χ² distribution, by the regularised incomplete gamma function. */
export function chiSquareTail(value: number, degrees: number): number {
  const a = degrees / 2;
  const x = value / 2;
  if (x <= 0) return 1;
  const front = Math.exp(-x + a * Math.log(x) - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < 10_000 && term > sum * 1e-16; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return 1 - sum * front;
  }
  let fraction = 0;
  for (let n = 2000; n > 0; n--) fraction = (n * (a - n)) / (x - a + 1 + 2 * n + fraction);
  return front / (x - a + 1 + fraction);
}
