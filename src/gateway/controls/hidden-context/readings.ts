/** A text that another text spells. Positions point at the whole spelling. */
export interface Reading {
  text: string;
  locate(start: number, end: number): { start: number; end: number };
}

/** Base64, hexadecimal and base32, spellings by word, by sign and by first letters. Linear; ordinary prose gives the first letters only. */
export function readings(text: string): Reading[] {
  const found: Reading[] = [];
  const add = (spelled: string, at: number, length: number): void => {
    if (spelled.length >= 6) found.push({ text: spelled, locate: () => ({ start: at, end: at + length }) });
  };
  for (const run of text.matchAll(/(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{12,}={0,6}/g)) {
    // Without asking whether it reads like text: what counts is whether something hidden is in it.
    const encodings = /^[\da-fA-F]+$/.test(run[0]) ? (['hex', 'base64'] as const) : (['base64'] as const);
    for (const encoding of encodings)
      add(Buffer.from(run[0], encoding).toString('latin1'), run.index, run[0].length);
    if (/^[A-Z2-7]{16,}$/.test(run[0].replaceAll('=', ''))) add(fromBase32(run[0]), run.index, run[0].length);
  }
  for (const run of text.matchAll(/(?:[.\-·–]{1,6}[ /|\n]{1,3}){5,}[.\-·–]{1,6}/g))
    add(fromMorse(run[0]), run.index, run[0].length);
  if (codeWords.test(text)) {
    const words = text.match(/\p{L}+|\d/gu) ?? [];
    const spoken = words
      .map((word) => alphabet.get(word.toLowerCase()) ?? (/^\d$/.test(word) ? word : ' '))
      .join('');
    for (const run of spoken.match(/[a-z\d]{6,}/g) ?? []) add(run, 0, text.length);
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length >= 6)
    add(lines.map((line) => /[\p{L}\p{N}]/u.exec(line)?.[0] ?? '').join(''), 0, text.length);
  return found;
}

const words =
  'alpha alfa bravo charlie delta echo foxtrot golf hotel india juliett juliet kilo lima mike november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu';
const alphabet = new Map(words.split(' ').map((word) => [word, word[0]!]));
/** Two code words beside each other. */
const codeWords = new RegExp(
  `\\b(?:${words.replaceAll(' ', '|')})[\\s,.-]{1,3}(?:${words.replaceAll(' ', '|')})\\b`,
  'i',
);

function fromBase32(text: string): string {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const char of text) {
    if (char === '=') break;
    const five = char <= '7' ? char.charCodeAt(0) - 24 : char.charCodeAt(0) - 65;
    value = ((value << 5) | five) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
    }
  }
  return Buffer.from(bytes).toString('latin1');
}

const morse = new Map(
  '.- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --..'
    .split(' ')
    .map((code, index) => [code, String.fromCharCode(97 + index)]),
);
for (const [digit, code] of '----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----.'
  .split(' ')
  .entries())
  morse.set(code, String(digit));

function fromMorse(text: string): string {
  return text
    .replace(/[·]/g, '.')
    .replace(/[–]/g, '-')
    .split(/[\s/|]+/)
    .map((code) => morse.get(code) ?? '')
    .join('');
}
