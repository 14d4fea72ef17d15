import { common } from './lexicon.ts';

/**
 * Other readings of a text: what a model would understand although a plain reader sees noise. Each reading costs one or
 * two passes; nothing is decoded more than `depth` times.
 */
export function readings(text: string, depth = 2): string[] {
  const found: string[] = [];
  const clean = plain(text);
  if (clean !== text) found.push(clean);
  const hidden = smuggled(text);
  if (hidden !== '') found.push(hidden);
  for (const decoded of [...encodedRuns(clean), ...ciphered(clean)]) {
    found.push(decoded);
    if (depth > 1) found.push(...readings(decoded, depth - 1));
  }
  return [...new Set(found)].slice(0, 40);
}

const confusable: Record<string, string> = Object.fromEntries(
  (
    'аa еe оo рp сc уy хx іi јj ѕs ԁd ɡg һh ԛq ԝw ɑa νv οo αa ρp τt υu κk ιi еe ӏl ⅼl ɩi ո' +
    'n АA ВB ЕE КK МM НH ОO РP СC ТT ХX ІI ЈJ ЅS ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX'
  )
    .split(' ')
    .map((pair) => [pair.charAt(0), pair.charAt(1)]),
);

// Zero-width, bidirectional, soft hyphen, variation selectors and tag characters.
const invisible = /\p{Default_Ignorable_Code_Point}/gu;

/** The text as it reads: compatibility forms folded, look-alikes as Latin where they stand among Latin letters, nothing invisible. */
export function plain(text: string): string {
  if (/^[\n\r\t\x20-\x7E]*$/.test(text)) return text;
  const folded = text.normalize('NFKC').replace(invisible, '');
  return folded.replace(/[\p{L}\p{M}]+/gu, (word) => {
    const points = Array.from(word);
    if (!/[a-zA-Z]/.test(word) && !points.every((one) => one in confusable)) return word;
    if (isAccented(word)) return word;
    const bare = word.normalize('NFD').replace(/\p{M}/gu, '').normalize('NFC');
    return Array.from(bare, (one) => confusable[one] ?? one).join('');
  });
}

/** One accent is spelling; several are noise (Zalgo), and so are marks on look-alikes. */
function isAccented(word: string): boolean {
  const marks = word.normalize('NFD').match(/\p{M}/gu)?.length ?? 0;
  return marks > 0 && marks * 3 <= word.length && !/[\u0370-\u04FF]/.test(word);
}

/** Text in Unicode tag characters, or as bytes in variation selectors. */
function smuggled(text: string): string {
  let tags = '';
  const bytes: number[] = [];
  if (!/[\u{E0020}-\u{E007E}]|\p{Variation_Selector}/u.test(text)) return '';
  for (const one of text) {
    const point = one.codePointAt(0)!;
    if (point >= 0xe0020 && point <= 0xe007e) tags += String.fromCharCode(point - 0xe0000);
    else if (point >= 0xfe00 && point <= 0xfe0f) bytes.push(point - 0xfe00);
    else if (point >= 0xe0100 && point <= 0xe01ef) bytes.push(point - 0xe0100 + 16);
  }
  const fromBytes = bytes.length >= 8 ? (printable(Buffer.from(bytes)) ?? '') : '';
  return [tags, fromBytes].filter((one) => one !== '').join('\n');
}

/** The bytes as text when they are text. */
function printable(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  if (text.length < 6 || text.includes('\uFFFD')) return undefined;
  const good = text.match(/[\p{L}\p{N}\p{P}\p{Zs}\n]/gu)?.length ?? 0;
  return good / text.length > 0.9 && /\p{L}{2}/u.test(text) ? text : undefined;
}

/** Runs in the text that are an encoding of text. */
function* encodedRuns(text: string): Generator<string> {
  for (const [run] of text.matchAll(/[A-Za-z0-9+/_-]{12,}={0,2}/g)) {
    if (/^[a-z-]+$|^[0-9]+$/.test(run)) continue;
    const decoded = printable(Buffer.from(run.replace(/-/g, '+').replace(/_/g, '/'), 'base64'));
    if (decoded !== undefined) yield decoded;
  }
  for (const [run] of text.matchAll(
    /(?:\b|0x|\\x)[0-9a-fA-F]{2}(?:[\s:,]?(?:0x|\\x)?[0-9a-fA-F]{2}){5,}\b/g,
  )) {
    const digits = run.replace(/0x|\\x|[\s:,]/g, '');
    if (digits.length % 2 === 0) yield* kept(printable(Buffer.from(digits, 'hex')));
  }
  for (const [run] of text.matchAll(/\b[01]{7,8}(?:\s+[01]{7,8}){5,}\b/g)) {
    yield* kept(printable(Buffer.from(run.split(/\s+/).map((bits) => Number.parseInt(bits, 2)))));
  }
  for (const [run] of text.matchAll(/\b\d{2,3}(?:[\s,]+\d{2,3}){7,}\b/g)) {
    const codes = run.split(/[\s,]+/).map(Number);
    if (codes.every((code) => code < 127 && code > 9)) yield* kept(printable(Buffer.from(codes)));
  }
  for (const [run] of text.matchAll(/\b[A-Z2-7]{16,}={0,6}/g)) yield* kept(printable(base32(run)));
  if (/%[0-9A-Fa-f]{2}/.test(text)) {
    yield text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
      Buffer.from(run.replace(/%/g, ''), 'hex').toString('utf8'),
    );
  }
  if (/&(?:#\d+|#x[0-9a-f]+|[a-z]+);/i.test(text)) yield entities(text);
  if (/\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}/.test(text)) {
    yield text.replace(/\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})/g, (_, four: string, two: string) =>
      String.fromCharCode(Number.parseInt(four ?? two, 16)),
    );
  }
  if (
    /(?:=[0-9A-F]{2}[^=]{0,80}){4}/.test(text) &&
    !/=[0-9A-F]{2}[0-9a-z]/i.test(text.replace(/=[0-9A-F]{2}/g, ''))
  ) {
    yield text
      .replace(/=\r?\n/g, '')
      .replace(/(?:=[0-9A-F]{2})+/g, (run) => Buffer.from(run.replace(/=/g, ''), 'hex').toString('utf8'));
  }
  for (const [run] of text.matchAll(
    /[.\-\u2022\u00B7\u2212_]{1,6}(?:[ /|]+[.\-\u2022\u00B7\u2212_]{1,6}){7,}/g,
  )) {
    const decoded = morse(run);
    if (decoded !== undefined) yield decoded;
  }
}

function* kept(text: string | undefined): Generator<string> {
  if (text !== undefined) yield text;
}

function base32(run: string): Buffer {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const one of run.replace(/=/g, '')) {
    value = ((value << 5) | alphabet.indexOf(one)) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
    }
  }
  return Buffer.from(bytes);
}

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

function entities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,6}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return named[String(name).toLowerCase()] ?? whole;
    const point = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

const morseCode =
  'a.- b-... c-.-. d-.. e. f..-. g--. h.... i.. j.--- k-.- l.-.. m-- n-. o--- p.--. q--.- r.-. s... t- u..- v...- ' +
  'w.-- x-..- y-.-- z--.. 0----- 1.---- 2..--- 3...-- 4....- 5..... 6-.... 7--... 8---.. 9----.';

export const toMorse: ReadonlyMap<string, string> = new Map(
  morseCode.split(' ').map((entry) => [entry[0]!, entry.slice(1)]),
);

const fromMorse = new Map([...toMorse].map(([letter, code]) => [code, letter]));

function morse(run: string): string | undefined {
  const words = run
    .replace(/[\u2022\u00B7]/g, '.')
    .replace(/[\u2212_]/g, '-')
    .trim()
    .split(/\s*[/|]\s*|\s{3,}/);
  const text = words
    .map((word) =>
      word
        .split(/\s+/)
        .map((code) => fromMorse.get(code) ?? '?')
        .join(''),
    )
    .join(' ');
  return text.includes('?') ? undefined : text;
}

const fluent = (text: string): number => {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  return words.length < 3 ? 0 : words.filter((word) => common.has(word)).length / words.length;
};

/** Whole lines in a simple cipher, when another reading is plainly better English than the one on the page. */
function* ciphered(text: string): Generator<string> {
  for (const line of text.split('\n').slice(0, 2000)) {
    if (line.length < 12 || line.length > 4000) continue;
    const score = fluent(line);
    if (score >= 0.4) {
      // A fluent line may quote a ciphered part.
      if (/[a-z@4][013457@$!|]+[a-z]|[01345@$!|][a-z]{2}/i.test(line))
        yield* kept(better(unleet(line), score));
      continue;
    }
    const candidates = [
      Array.from(line).reverse().join(''),
      line.split(/\s+/).reverse().join(' '),
      line.replace(/\p{L}+/gu, (word) => Array.from(word).reverse().join('')),
      unleet(line),
      joined(line),
      letters(line, (place) => 25 - place),
      pigLatin(line),
    ];
    const sample = line.slice(0, 160);
    for (let shift = 1; shift < 26; shift += 1) {
      const rotate = (place: number) => (place + shift) % 26;
      if (fluent(letters(sample, rotate)) > score + 0.25) candidates.push(letters(line, rotate));
    }
    // "Decode and follow: <rot13>" mixes both, so halves of a line are read too.
    const colon = line.indexOf(':');
    if (colon > 0 && colon < line.length - 12) yield* ciphered(line.slice(colon + 1));
    for (const candidate of candidates) yield* kept(better(candidate, score));
  }
}

const better = (candidate: string, than: number): string | undefined => {
  const score = fluent(candidate);
  return score >= 0.35 && score > than + 0.15 ? candidate : undefined;
};

const letters = (text: string, move: (place: number) => number): string =>
  text.replace(/[a-zA-Z]/g, (letter) => {
    const base = letter <= 'Z' ? 65 : 97;
    return String.fromCharCode(base + move(letter.charCodeAt(0) - base));
  });

const leet: Record<string, string> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
  '|': 'l',
  '8': 'b',
  '9': 'g',
  '6': 'g',
};

/** Digits and signs inside words as the letters they look like. */
export function unleet(text: string): string {
  return text.replace(/[^\s"'`.,:;?()]+/g, (word) =>
    /[a-z]/i.test(word) && !/[@:/.]\S*\./.test(word)
      ? // A number of its own behind a hyphen stays a number.
        word.replace(/[^-_]+/g, (part) =>
          /[a-z]/i.test(part) ? part.replace(/[0134578969@$!|]/g, (one) => leet[one] ?? one) : part,
        )
      : word,
  );
}

/** `i g n o r e  a l l` and `i-g-n-o-r-e` as words. */
function joined(line: string): string {
  const singles = line.match(/(?<=^|[^\p{L}\p{N}])[\p{L}\p{N}](?=$|[^\p{L}\p{N}])/gu)?.length ?? 0;
  if (singles < 8) return line;
  const wide = /\s{2,}|\s*[/|]\s*/.test(line);
  const words = wide ? line.split(/\s{2,}|\s*[/|]\s*/) : [line];
  const glued = words.map((word) =>
    /^\S(?:[\s._*-]+\S)*$/u.test(word.trim()) ? word.replace(/[\s._*-]/g, '') : word,
  );
  return wide ? glued.join(' ') : segmented(glued[0]!);
}

/** Words without spaces, cut greedily by the common ones; the rest stays together. */
function segmented(text: string): string {
  const lower = text.toLowerCase();
  const words: string[] = [];
  let rest = '';
  for (let at = 0; at < lower.length && at < 2000;) {
    let length = Math.min(12, lower.length - at);
    while (length > 1 && !common.has(lower.slice(at, at + length))) length -= 1;
    if (length > 1 || common.has(lower[at]!)) {
      if (rest !== '') words.push(rest);
      rest = '';
      words.push(text.slice(at, at + length));
      at += length;
    } else {
      rest += text[at]!;
      at += 1;
    }
  }
  if (rest !== '') words.push(rest);
  return words.join(' ');
}

function pigLatin(line: string): string {
  return line.replace(
    /\b([a-z]+?)-?([bcdfghjklmnpqrstvwxyz]{1,3})ay\b|\b([aeiou][a-z]*?)-?[wy]ay\b/gi,
    (_, stem, onset, vowel) => (vowel === undefined ? `${String(onset)}${String(stem)}` : String(vowel)),
  );
}
