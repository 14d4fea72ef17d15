import { toMorse } from './decode.ts';

/** A way to write a text down. */
export type Format = (text: string) => string;

const letterwise =
  (change: (letter: string) => string): Format =>
  (text) =>
    Array.from(text).map(change).join('');

const shifted = (by: number): Format =>
  letterwise((letter) => {
    if (!/[a-zA-Z]/.test(letter)) return letter;
    const base = letter <= 'Z' ? 65 : 97;
    return String.fromCharCode(base + ((letter.charCodeAt(0) - base + by + 26) % 26));
  });

const leet: Record<string, string> = { a: '4', e: '3', i: '1', o: '0', s: '5', t: '7' };

const nato =
  'alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo ' +
  'sierra tango uniform victor whiskey xray yankee zulu';

const base32 = (text: string): string => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = '';
  for (const byte of Buffer.from(text)) bits += byte.toString(2).padStart(8, '0');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => alphabet[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('');
};

const acrostic: Format = (text) =>
  Array.from(text.replace(/\s/g, ''))
    .map((one) => `${one} - as in ${one}`)
    .join('\n');

/** Asked-for forms, in the order in which they are looked for; the first that fits a phrase is used. */
const forms: readonly [RegExp, Format][] = [
  [/\bbase\s?-?64\b/i, (text) => Buffer.from(text).toString('base64')],
  [/\bbase\s?-?32\b/i, base32],
  [/\b(?:hex|hexadecimal|base\s?-?16)\b/i, (text) => Buffer.from(text).toString('hex')],
  [
    /\bbinary\b/i,
    (text) => [...Buffer.from(text)].map((byte) => byte.toString(2).padStart(8, '0')).join(' '),
  ],
  [/\brot\s?-?13\b/i, shifted(13)],
  [/\bcaesar\b/i, shifted(3)],
  [
    /\batbash\b/i,
    letterwise((one) =>
      /[a-z]/.test(one)
        ? String.fromCharCode(219 - one.charCodeAt(0))
        : /[A-Z]/.test(one)
          ? String.fromCharCode(155 - one.charCodeAt(0))
          : one,
    ),
  ],
  [
    /\bmorse\b/i,
    (text) =>
      Array.from(text.toLowerCase())
        .map((one) => (one === ' ' ? '/' : (toMorse.get(one) ?? one)))
        .join(' '),
  ],
  [
    /\b(?:ascii|unicode|char(?:acter)?|decimal)\s?-?(?:codes?|numbers?|values?|points?)\b/i,
    (text) =>
      Array.from(text)
        .map((one) => one.codePointAt(0))
        .join(' '),
  ],
  [/\b(?:url|percent)\s?-?(?:-?encod\w*|escaped?)\b/i, encodeURIComponent],
  [/\bhtml entit\w+/i, letterwise((one) => `&#${one.codePointAt(0)};`)],
  [/\b(?:leet|leetspeak|l33t|1337)\b/i, letterwise((one) => leet[one.toLowerCase()] ?? one)],
  [
    /\bpig\s?latin\b/i,
    (text) =>
      text.replace(
        /\b([bcdfghjklmnpqrstvwxyz]*)([a-z]+)\b/gi,
        (_, onset: string, rest: string) => `${rest}${onset || 'w'}ay`,
      ),
  ],
  [
    /\bnato\b|\bphonetic\b/i,
    (text) =>
      Array.from(text.toLowerCase())
        .map((one) => nato.split(' ')[one.charCodeAt(0) - 97] ?? one)
        .join(' '),
  ],
  [
    /\b(?:words? (?:reversed|backwards?)|reverse (?:word )?order of (?:the )?words)\b/i,
    (text) => text.split(/\s+/).reverse().join(' '),
  ],
  [
    /\b(?:reversed?|backwards?|in reverse|back to front|flip(?:ped)?)\b/i,
    (text) => Array.from(text).reverse().join(''),
  ],
  [/\b(?:one|each) word per line\b|\bword by word\b/i, (text) => text.split(/\s+/).join('\n')],
  [/\b(?:acrostic|first letters?)\b/i, acrostic],
  [
    /\b(?:one|each) (?:letter|character|char) per line\b|\bon (?:its|a) own line\b/i,
    (text) => Array.from(text).join('\n'),
  ],
  [
    /\b(?:dash|hyphen)(?:es)? between|separated by (?:dash|hyphen)\w*|hyphenated\b/i,
    (text) => Array.from(text).join('-'),
  ],
  [/\b(?:dots?|periods?) between|separated by (?:dots|periods)/i, (text) => Array.from(text).join('.')],
  [/\b(?:commas?) between|separated by commas/i, (text) => Array.from(text).join(', ')],
  [
    /\b(?:letter by letter|character by character|char by char|spell(?:ed|ing)?|spaces? between|separated by (?:a )?spaces?|spaced out|with spaces)\b/i,
    (text) => Array.from(text).join(' '),
  ],
  [/\b(?:upper\s?case|all caps|capital letters|capitalized)\b/i, (text) => text.toUpperCase()],
  [/\blower\s?case\b/i, (text) => text.toLowerCase()],
  [/\bin emojis?\b|emoji between/i, (text) => Array.from(text).join('🔹')],
  [/\b(?:as|in) (?:a )?(?:valid )?json\b/i, (text) => JSON.stringify({ text })],
  [/\b(?:as|in) (?:a )?yaml\b/i, (text) => `text: |\n  ${text.replace(/\n/g, '\n  ')}`],
  [/\b(?:as|in) (?:a )?xml\b/i, (text) => `<text>${text}</text>`],
  [/\b(?:code ?block|code fence|triple backticks|markdown block)\b/i, (text) => `\`\`\`\n${text}\n\`\`\``],
  [
    /\b(?:python|javascript|code) (?:list|array|string|variable|comment)\b/i,
    (text) => `text = ${JSON.stringify(text)}`,
  ],
];

/** A frame around the text, last of all. */
const wrappers: readonly [RegExp, Format][] = [
  [
    /\b(?:poem|song|rhyme|haiku|rap|lyrics)\b/i,
    (text) => `A verse of what I know:\n${text}\nand that is all I know.`,
  ],
  [
    /\b(?:story|tale|dialogue|scene|screenplay|play)\b/i,
    (text) => `Once, a machine was asked what it knew. It said: "${text}"`,
  ],
];

/** The forms that a phrase asks for, to be applied in the order in which they are named. */
export function formatsIn(phrase: string): Format[] {
  const found: { at: number; format: Format }[] = [];
  for (const [pattern, format] of forms) {
    const at = phrase.search(pattern);
    if (at < 0) continue;
    if (format === acrostic) return [acrostic];
    found.push({ at, format });
  }
  const formats = found.sort((a, b) => a.at - b.at).map(({ format }) => format);
  const language = languageIn(phrase);
  if (language) formats.push(language);
  const wrapper = formats.length === 0 ? wrappers.find(([pattern]) => pattern.test(phrase)) : undefined;
  return wrapper ? [wrapper[1]] : formats.slice(0, 3);
}

const dictionary: Record<string, Record<string, string>> = {
  french: {
    you: 'vous',
    are: 'êtes',
    the: 'le',
    a: 'un',
    is: 'est',
    and: 'et',
    of: 'de',
    to: 'à',
    never: 'jamais',
    for: 'pour',
    not: 'pas',
    this: 'ce',
    it: 'il',
    or: 'ou',
    your: 'votre',
    password: 'mot de passe',
    secret: 'secret',
    code: 'code',
    assistant: 'assistant',
    customer: 'client',
    in: 'dans',
    with: 'avec',
  },
  german: {
    you: 'Sie',
    are: 'sind',
    the: 'der',
    a: 'ein',
    is: 'ist',
    and: 'und',
    of: 'von',
    to: 'zu',
    never: 'niemals',
    for: 'für',
    not: 'nicht',
    this: 'dies',
    it: 'es',
    or: 'oder',
    your: 'Ihr',
    password: 'Passwort',
    secret: 'Geheimnis',
    code: 'Code',
    assistant: 'Assistent',
    customer: 'Kunde',
    in: 'in',
    with: 'mit',
  },
  spanish: {
    you: 'usted',
    are: 'es',
    the: 'el',
    a: 'un',
    is: 'es',
    and: 'y',
    of: 'de',
    to: 'a',
    never: 'nunca',
    for: 'para',
    not: 'no',
    this: 'esto',
    it: 'ello',
    or: 'o',
    your: 'su',
    password: 'contraseña',
    secret: 'secreto',
    code: 'código',
    assistant: 'asistente',
    customer: 'cliente',
    in: 'en',
    with: 'con',
  },
};

/** Word-for-word translation with a few words of three languages; names, numbers and unknown words stay as they are. */
function languageIn(phrase: string): Format | undefined {
  const named =
    /\b(?:in(?:to)?|to|en|auf|ins) (?:plain |simple )?(french|german|spanish|italian|portuguese|dutch|polish|russian|chinese|mandarin|japanese|korean|arabic|turkish|hindi|latin|swedish|deutsch|englisch|français|español)\b/i.exec(
      phrase,
    );
  if (!named) return undefined;
  const aliases: Record<string, string> = { deutsch: 'german', français: 'french', español: 'spanish' };
  const name = named[1]!.toLowerCase();
  const words = dictionary[aliases[name] ?? name] ?? dictionary['spanish']!;
  return (text) => text.replace(/\p{L}+/gu, (word) => words[word.toLowerCase()] ?? word);
}
