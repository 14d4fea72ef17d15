import { createHash } from 'node:crypto';

/** The digits of a text. */
export function digitsOf(text: string): string {
  return text.replace(/\D+/g, '');
}

/** ISO/IEC 7812-1 annex B. */
export function luhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    const twice = digit * 2;
    sum += i % 2 === 0 ? digit : twice > 9 ? twice - 9 : twice;
  }
  return digits.length > 0 && sum % 10 === 0;
}

/** Sum of digit × weight. */
export function weighted(digits: string, weights: readonly number[]): number {
  return weights.reduce((sum, weight, i) => sum + weight * (digits.charCodeAt(i) - 48), 0);
}

/** Every digit is the same, such as 111-11-1111. */
export function uniform(digits: string): boolean {
  return /^(\d)\1*$/.test(digits);
}

/** Lengths and first digits that the card schemes use, and the Luhn digit. */
export function creditCard(value: string): boolean {
  const digits = digitsOf(value);
  const { length } = digits;
  const two = Number(digits.slice(0, 2));
  const four = Number(digits.slice(0, 4));
  const issued =
    (digits[0] === '4' && (length === 13 || length === 16 || length === 19)) ||
    (length === 16 && ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720))) ||
    (length === 15 && (two === 34 || two === 37 || four === 2131 || four === 1800)) ||
    (length >= 16 &&
      length <= 19 &&
      (four === 6011 || two === 65 || (four >= 6440 && four <= 6499) || two === 62)) ||
    (length >= 14 &&
      length <= 19 &&
      (two === 36 || two === 38 || two === 39 || (four >= 3000 && four <= 3059))) ||
    (length >= 16 && length <= 19 && four >= 3528 && four <= 3589) ||
    (length >= 12 && length <= 19 && (two === 50 || (two >= 56 && two <= 69))) ||
    (length === 16 && two === 22);
  return issued && !uniform(digits) && luhn(digits);
}

/** Area, group and serial as the Social Security Administration gives them out. */
export function usSsn(value: string): boolean {
  const digits = digitsOf(value);
  if (digits.length !== 9 || uniform(digits) || digits === '123456789' || digits === '078051120')
    return false;
  const separators = new Set(value.replace(/\d/g, ''));
  return (
    separators.size <= 1 &&
    !/^(?:000|666|9)/.test(digits) &&
    digits.slice(3, 5) !== '00' &&
    digits.slice(5) !== '0000'
  );
}

/** National Provider Identifier: Luhn with the prefix 80840. */
export function usNpi(value: string): boolean {
  const digits = digitsOf(value);
  return digits.length === 10 && /^[12]/.test(digits) && !uniform(digits.slice(1)) && luhn(`80840${digits}`);
}

/** ABA routing number: weights 3-7-1. */
export function abaRouting(value: string): boolean {
  const digits = digitsOf(value);
  return (
    digits.length === 9 &&
    /^(?:0\d|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)/.test(digits) &&
    weighted(digits, [3, 7, 1, 3, 7, 1, 3, 7, 1]) % 10 === 0
  );
}

/** NHS number: modulus 11. */
export function ukNhs(value: string): boolean {
  const digits = digitsOf(value);
  if (digits.length !== 10 || uniform(digits)) return false;
  const check = (11 - (weighted(digits, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 11;
  return check === Number(digits[9]);
}

/** Vehicle identification number with the check digit of 49 CFR 565. */
export function vin(value: string): boolean {
  const text = value.toUpperCase();
  if (!/\d/.test(text) || !/[A-Z]/.test(text)) return false;
  const values = '0123456789.ABCDEFGH..JKLMN.P.R..STUVWXYZ';
  let sum = 0;
  for (let i = 0; i < 17; i += 1)
    sum += (values.indexOf(text[i]!) % 10) * [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2][i]!;
  return '0123456789X'[sum % 11] === text[8];
}

/** DEA number: modulus 10 over two weighted sums. */
export function deaNumber(value: string): boolean {
  const digits = digitsOf(value);
  return digits.length === 7 && weighted(digits, [1, 2, 1, 2, 1, 2]) % 10 === Number(digits[6]);
}

/** German doctor's number (LANR): weights 4 and 9 over the first six. */
export function deLanr(value: string): boolean {
  const check = (10 - (weighted(value, [4, 9, 4, 9, 4, 9]) % 10)) % 10;
  return check === Number(value[6]);
}

/** Canadian social insurance number: Luhn; 0 and 8 are not given out. */
export function caSin(value: string): boolean {
  const digits = digitsOf(value);
  return digits.length === 9 && !/^[08]/.test(digits) && !uniform(digits) && luhn(digits);
}

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Bitcoin address: Base58Check (version 0 or 5) or Bech32/Bech32m (BIP 173, 350). */
export function bitcoinAddress(value: string): boolean {
  return /^bc1/i.test(value) ? bech32(value) : base58Check(value);
}

function base58Check(value: string): boolean {
  let number = 0n;
  for (const char of value) number = number * 58n + BigInt(base58.indexOf(char));
  const bytes = Buffer.from(number.toString(16).padStart(50, '0'), 'hex');
  if (bytes.length !== 25 || (bytes[0] !== 0 && bytes[0] !== 5)) return false;
  const once = createHash('sha256').update(bytes.subarray(0, 21)).digest();
  return createHash('sha256').update(once).digest().subarray(0, 4).equals(bytes.subarray(21));
}

function bech32(value: string): boolean {
  if (value !== value.toLowerCase() && value !== value.toUpperCase()) return false;
  const text = value.toLowerCase();
  const letters = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
  // The human part `bc`, expanded.
  let check = 1;
  const step = (unit: number) => {
    const top = check >>> 25;
    check = ((check & 0x1ffffff) << 5) ^ unit;
    [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3].forEach((generator, i) => {
      if ((top >>> i) & 1) check ^= generator;
    });
  };
  for (const unit of [3, 3, 0, 2, 3]) step(unit);
  for (const char of text.slice(3)) {
    const unit = letters.indexOf(char);
    if (unit < 0) return false;
    step(unit);
  }
  return check === 1 || check === 0x2bc830a3;
}

/** ISO 7064 MOD 97-10 as IBAN uses it; the country's length is checked by the caller. */
export function mod97(value: string): boolean {
  let rest = 0;
  let head = 0;
  let headFactor = 1;
  let seen = 0;
  for (let i = 0; i < value.length; i += 1) {
    const code = value.charCodeAt(i);
    const letter = code | 32;
    const unit = code >= 48 && code <= 57 ? code - 48 : letter >= 97 && letter <= 122 ? letter - 87 : -1;
    if (unit < 0) continue;
    const factor = unit > 9 ? 100 : 10;
    // The first four come last.
    if (seen < 4) {
      head = head * factor + unit;
      headFactor *= factor;
    } else rest = (rest * factor + unit) % 97;
    seen += 1;
  }
  return (rest * headFactor + head) % 97 === 1;
}

/** Check digits of a machine-readable zone (ICAO 9303-3 §4.9). */
export function mrzDigit(field: string, digit: string): boolean {
  let sum = 0;
  for (let i = 0; i < field.length; i += 1) {
    const char = field[i]!;
    sum += (char === '<' ? 0 : Number.parseInt(char, 36)) * [7, 3, 1][i % 3]!;
  }
  return String(sum % 10) === digit;
}

/** Four numbers 0–255 without leading zeros. */
export function ipv4(value: string): boolean {
  return value.split('.').every((part) => Number(part) <= 255 && String(Number(part)) === part);
}

/** RFC 4291 §2.2; an embedded IPv4 part must be one. */
export function ipv6(value: string): boolean {
  // Times of day have two colons, an address without `::` seven, or six and an IPv4 part.
  if (!value.includes('::') && !/^(?:[^:]*:){6,7}[^:]*$/.test(value)) return false;
  const address = value.replace(/%[\w.-]+$/, '');
  const halves = address.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    if (half === '') continue;
    const parts = half.split(':');
    for (const [at, part] of parts.entries()) {
      const embedded = index === halves.length - 1 && at === parts.length - 1 && part.includes('.');
      if (embedded ? !/^\d{1,3}(?:\.\d{1,3}){3}$/.test(part) || !ipv4(part) : !/^[0-9a-f]{1,4}$/i.test(part))
        return false;
      groups += embedded ? 2 : 1;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

/** Argentine bank account (CBU): each of its two blocks ends in a check digit, weights 3-1-7-9 from the right. */
export function arCbu(value: string): boolean {
  const digits = value.replace(/[ -]/g, '');
  if (!/^\d{22}$/.test(digits)) return false;
  const weights = [3, 1, 7, 9, 3, 1, 7, 9, 3, 1, 7, 9, 3, 1].reverse();
  const right = (block: string, digit: string) =>
    (10 - (weighted(block, weights.slice(-block.length)) % 10)) % 10 === Number(digit);
  return right(digits.slice(0, 7), digits[7]!) && right(digits.slice(8, 21), digits[21]!);
}

/** Chilean RUT: modulus 11, weights 2 to 7 from the right, K for 10. */
export function clRut(value: string): boolean {
  const compact = value.replace(/^CL/i, '').replace(/[ .-]/g, '').toUpperCase();
  if (!/^\d{7,8}[\dK]$/.test(compact)) return false;
  let sum = 0;
  for (let i = 0; i < compact.length - 1; i += 1)
    sum += Number(compact[compact.length - 2 - i]) * (2 + (i % 6));
  return '0K987654321'[sum % 11] === compact.at(-1);
}

/** Taiwanese company number: digit sums of the products, divisible by 5 since 2023. */
export function twUbn(value: string): boolean {
  if (!/^\d{8}$/.test(value)) return false;
  let sum = 0;
  for (const [i, weight] of [1, 2, 1, 2, 1, 2, 4, 1].entries()) {
    const product = Number(value[i]) * weight;
    sum += Math.floor(product / 10) + (product % 10);
  }
  return sum % 5 === 0 || (value[6] === '7' && (sum + 1) % 5 === 0);
}
