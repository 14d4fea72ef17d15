/** Tails of the distributions that the drift tests need. Pure; relative precision about 1e-9 or better. */

const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Natural logarithm of the gamma function for x > 0 (Lanczos, g = 7, n = 9). */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  let series = lanczos[0]!;
  for (let index = 1; index < lanczos.length; index++) series += lanczos[index]! / (x - 1 + index);
  const base = x - 1 + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(base) - base + Math.log(series);
}

/** Upper tail of the χ² distribution: the regularised incomplete gamma function (series below the mean, fraction above). */
export function chiSquareTail(value: number, degrees: number): number {
  if (!(value > 0) || degrees <= 0) return 1;
  if (value === Infinity) return 0;
  const a = degrees / 2;
  const x = value / 2;
  const front = a * Math.log(x) - x - logGamma(a);
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < 100_000 && term > sum * 1e-16; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return Math.max(0, 1 - sum * Math.exp(front));
  }
  // Lentz's method for the continued fraction of the upper incomplete gamma function.
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < 100_000; n++) {
    const numerator = -n * (n - a);
    b += 2;
    d = 1 / (numerator * d + b || 1e-300);
    c = b + numerator / c || 1e-300;
    const delta = c * d;
    fraction *= delta;
    if (Math.abs(delta - 1) < 1e-15) break;
  }
  return Math.exp(front) * fraction;
}

/** Largest n for which the exact distribution is computed; beyond it the limit is within 1e-4. */
const exactLimit = 2000;

/**
 * P[D ≥ d] of the two-sided Kolmogorov–Smirnov statistic of `n` points. Exact by Durbin's matrix (Marsaglia, Tsang and
 * Wang 2003); far out twice the one-sided tail (Miller 1956), which there equals it to all digits.
 */
export function kolmogorovTail(d: number, n: number): number {
  if (!(d > 0) || n < 1) return 1;
  if (d >= 1) return 0;
  const t = n * d;
  if (t <= 0.5) return 1;
  if (d >= 0.5 || t * d > 4) return Math.min(1, 2 * smirnovTail(d, n));
  if (n > exactLimit) return limitTail(d, n);
  return Math.min(1, Math.max(0, 1 - durbin(d, n)));
}

/** P[D⁺ ≥ d] (Birnbaum and Tingey 1951), summed in logarithms. */
function smirnovTail(d: number, n: number): number {
  let sum = 0;
  const logN = logGamma(n + 1);
  for (let j = 0; j <= Math.floor(n * (1 - d)); j++) {
    const rest = 1 - d - j / n;
    if (rest <= 0 && n > j) continue;
    sum += Math.exp(
      logN - logGamma(j + 1) - logGamma(n - j + 1) + (n - j) * Math.log(rest) + (j - 1) * Math.log(d + j / n),
    );
  }
  return Math.min(1, d * sum);
}

function limitTail(d: number, n: number): number {
  const lambda = d * (Math.sqrt(n) + 0.12 + 0.11 / Math.sqrt(n));
  if (lambda < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k <= 100; k++) {
    const term = Math.exp(-2 * k * k * lambda * lambda);
    sum += k % 2 === 1 ? term : -term;
    if (term < 1e-17) break;
  }
  return Math.min(1, Math.max(0, 2 * sum));
}

function durbin(d: number, n: number): number {
  const k = Math.floor(n * d) + 1;
  const size = 2 * k - 1;
  const h = k - n * d;
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) matrix[i * size + j] = i - j + 1 < 0 ? 0 : 1;
  for (let i = 0; i < size; i++) {
    matrix[i * size]! -= h ** (i + 1);
    matrix[(size - 1) * size + i]! -= h ** (size - i);
  }
  matrix[(size - 1) * size]! += 2 * h - 1 > 0 ? (2 * h - 1) ** size : 0;
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++)
      if (i - j + 1 > 0) for (let g = 1; g <= i - j + 1; g++) matrix[i * size + j]! /= g;
  let { value, exponent } = power(matrix, size, n, k - 1);
  for (let i = 1; i <= n; i++) {
    value = (value * i) / n;
    if (value < 1e-140) {
      value *= 1e140;
      exponent -= 140;
    }
  }
  return value * 10 ** exponent;
}

/** Entry (centre, centre) of the n-th power, scaled by powers of ten so that nothing overflows. */
function power(
  base: Float64Array,
  size: number,
  n: number,
  centre: number,
): { value: number; exponent: number } {
  let result = identity(size);
  let resultExponent = 0;
  let square = base;
  let squareExponent = 0;
  for (let rest = n; ;) {
    if (rest % 2 === 1) {
      result = multiply(result, square, size);
      resultExponent += squareExponent;
      if (result[centre * size + centre]! > 1e140) resultExponent += shrink(result);
    }
    rest = Math.floor(rest / 2);
    if (rest === 0) break;
    square = multiply(square, square, size);
    squareExponent *= 2;
    if (square[centre * size + centre]! > 1e140) squareExponent += shrink(square);
  }
  return { value: result[centre * size + centre]!, exponent: resultExponent };
}

function shrink(matrix: Float64Array): number {
  for (let index = 0; index < matrix.length; index++) matrix[index]! *= 1e-140;
  return 140;
}

function identity(size: number): Float64Array {
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) matrix[i * size + i] = 1;
  return matrix;
}

function multiply(a: Float64Array, b: Float64Array, size: number): Float64Array {
  const product = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let k = 0; k < size; k++) {
      const factor = a[i * size + k]!;
      if (factor === 0) continue;
      for (let j = 0; j < size; j++) product[i * size + j]! += factor * b[k * size + j]!;
    }
  return product;
}
