/** Digits that stand for letters, so that leet spelling says the same. */
const leet: Record<string, string> = { 0: 'o', 1: 'i', 3: 'e', 4: 'a', 5: 's', 7: 't' };

/** Code of a folded unit: 1–36 for a letter or digit of ASCII, other letters as they are, 0 for what is dropped. */
const codes = new Uint16Array(0x10000);
for (let unit = 0; unit < 0x10000; unit++) {
  const char = String.fromCharCode(unit);
  const plain = char.normalize('NFKD').toLowerCase();
  const first = leet[plain[0]!] ?? plain[0]!;
  if (/^[a-z]$/.test(first)) codes[unit] = first.charCodeAt(0) - 96;
  else if (/^\d$/.test(first)) codes[unit] = first.charCodeAt(0) - 48 + 27;
  else if (/^\p{L}$/u.test(first)) codes[unit] = first.charCodeAt(0);
}

/** Letters and digits only, lower case, without accents; `places` says where in the text each comes from. */
export interface Folded {
  codes: Uint16Array;
  places: Uint32Array;
  length: number;
}

export function fold(text: string): Folded {
  const out = new Uint16Array(text.length);
  const places = new Uint32Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const code = codes[text.charCodeAt(at)]!;
    if (code === 0) continue;
    out[length] = code;
    places[length] = at;
    length++;
  }
  return { codes: out, places, length };
}

/** Rolling hash of `width` folded units, modulo 2^32; called with the index of the last unit of each window. */
export function roll(
  folded: Folded,
  width: number,
  visit: (hash: number, last: number) => boolean | void,
): void {
  let power = 1;
  for (let i = 1; i < width; i++) power = Math.imul(power, base);
  let hash = 0;
  for (let at = 0; at < folded.length; at++) {
    if (at >= width) hash = (hash - Math.imul(folded.codes[at - width]!, power)) | 0;
    hash = (Math.imul(hash, base) + folded.codes[at]!) | 0;
    if (at >= width - 1 && visit(hash, at) === true) return;
  }
}

const base = 0x01000193;

/** The hash that `roll` has for the window that begins here. */
export function hashOf(folded: Folded, from: number, width: number): number {
  let hash = 0;
  for (let at = from; at < from + width; at++) hash = (Math.imul(hash, base) + folded.codes[at]!) | 0;
  return hash;
}

/** A letter moved along the alphabet; everything else stays. */
export function shift(text: string, by: number): string {
  return text.replace(/[a-z]/gi, (letter) => {
    const first = letter <= 'Z' ? 65 : 97;
    return String.fromCharCode(((letter.charCodeAt(0) - first + by + 26) % 26) + first);
  });
}

/** The alphabet mirrored. */
export function atbash(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => {
    const first = letter <= 'Z' ? 65 : 97;
    return String.fromCharCode(25 - (letter.charCodeAt(0) - first) + first);
  });
}

/** By UTF-16 unit, as one who reads backwards would write it. */
export function reverse(text: string): string {
  let out = '';
  for (let at = text.length - 1; at >= 0; at--) out += text[at]!;
  return out;
}
