import { Problem } from '../../kernel/problem.ts';

/** An exact fraction ≥ 0 in lowest terms. Noise is drawn from these, never from floating point. */
export interface Rational {
  readonly num: bigint;
  readonly den: bigint;
}

export function rational(num: bigint, den = 1n): Rational {
  const divisor = greatestCommonDivisor(num, den);
  return { num: num / divisor, den: den / divisor };
}

/** The exact value of a decimal such as `0.1` or `1e-5`, as it is written and not as binary floating point rounds it. */
export function parseRational(text: string | number): Rational {
  const match = /^\+?(\d{1,30})(?:\.(\d{1,30}))?(?:[eE]([+-]?\d{1,3}))?$/.exec(String(text).trim());
  if (!match) {
    throw new Problem('INPUT_INVALID', {
      detail: `\`${String(text)}\` is not a positive decimal number`,
      fix: 'Write it like `0.5` or `1e-6`.',
    });
  }
  const [, whole = '0', fraction = '', exponent = '0'] = match;
  const power = Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  return power >= 0 ? rational(digits * 10n ** BigInt(power)) : rational(digits, 10n ** BigInt(-power));
}

/** The least fraction over `den` that is not below the number. */
export function rationalAbove(value: number, den: bigint): Rational {
  if (!Number.isFinite(value) || value < 0)
    throw new Problem('INTERNAL', { detail: `${value} is no parameter of noise` });
  const scaled = value * Number(den);
  return rational(BigInt(Math.ceil(scaled)), den);
}

export const multiply = (a: Rational, b: Rational): Rational => rational(a.num * b.num, a.den * b.den);
export const divide = (a: Rational, b: Rational): Rational => rational(a.num * b.den, a.den * b.num);
export const toNumber = ({ num, den }: Rational): number => Number(num) / Number(den);

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [left, right] = [a < 0n ? -a : a, b];
  while (right > 0n) [left, right] = [right, left % right];
  return left === 0n ? 1n : left;
}
