import { Rewriter, type Rewrite } from './view.ts';

const digits: Record<string, string> = {
  '0': 'o',
  '1': 'i',
  '2': 'z',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '6': 'g',
  '7': 't',
  '8': 'b',
  '9': 'g',
  '@': 'a',
  $: 's',
  '!': 'i',
  '|': 'l',
  '+': 't',
  '€': 'e',
};

const token = /[a-zA-Z0-9@$!|+€]+/g;
const leety =
  /[a-zA-Z][0134578@$!|+€]{1,3}[a-zA-Z]|(?:^|[^a-zA-Z0-9])[0134578@$|]{1,2}[a-zA-Z]{2}|^[0134578@$|]{1,2}[a-zA-Z]/;

/** Leet spelling undone, where several words are spelt so; numbers and single identifiers stay as they are. */
export function foldLeet(text: string): Rewrite | undefined {
  if (!/[a-zA-Z][0134578@$!|+€]{1,3}[a-zA-Z]/.test(text)) return undefined;
  let spelt = 0;
  let words = 0;
  for (const [found] of text.matchAll(token)) {
    words++;
    if (isLeet(found)) spelt++;
  }
  if (spelt < 2) return undefined;
  // In a text written throughout in leet, short words may have no letter left ("15" for "is").
  const throughout = spelt * 4 >= words;
  const rewriter = new Rewriter(text);
  for (const { 0: found, index } of text.matchAll(token)) {
    if (!isLeet(found) && !(throughout && /[0-9@$]/.test(found) && found.length <= 12)) continue;
    const last = /[!|+]+$/.exec(found)?.index ?? found.length;
    const plain = found.slice(0, last).replace(/[^a-zA-Z]/g, (sign) => digits[sign] ?? sign);
    if (plain !== found.slice(0, last)) rewriter.replace(index, index + last, plain);
  }
  return rewriter.finish();
}

/** Letters with digits between them, not a code: a product number has its digits in one place, a hash has many. */
function isLeet(word: string): boolean {
  if (word.length < 2 || word.length > 24 || !leety.test(word)) return false;
  const letters = word.replace(/[^a-zA-Z]/g, '').length;
  return letters * 3 >= word.length;
}

/**
 * Single letters with one and the same separator between them, at least four: `i g n o r e`, `i-g-n-o-r-e`. A wider gap
 * ends the word, so word boundaries survive where the writer kept them.
 */
const spaced = /(?<![\p{L}\p{N}])\p{L}([ \t._*|~,/\\-])(?:\p{L}\1){2,}\p{L}(?![\p{L}\p{N}])/gu;

export function joinLetters(text: string): Rewrite | undefined {
  const rewriter = new Rewriter(text);
  let last = -1;
  for (const { 0: found, index, 1: separator } of text.matchAll(shortSpaced(text))) {
    const gap = last >= 0 ? text.slice(last, index) : '';
    // The gap between two joined words shrinks to one blank; other text around stays as it is.
    if (gap !== '' && gap.length <= 4 && gap.split('').every((one) => one === separator || one === ' ')) {
      rewriter.replace(last, index, ' ');
    }
    rewriter.replace(index, index + found.length, found.replaceAll(separator!, ''));
    last = index + found.length;
  }
  return rewriter.finish();
}

/** Once a text is letter-spaced, its short words are too: then shorter runs with the same kind of separator join as well. */
function shortSpaced(text: string): RegExp {
  const run = text.match(new RegExp(spaced.source, 'u'));
  if (!run) return spaced;
  if (run[1] !== ' ') return separated;
  return text.includes('   ') ? widelySpaced : spaced;
}

const separated =
  /(?<![\p{L}\p{N}])[\p{L}\p{N}]([._*|~,/\\-])(?:[\p{L}\p{N}]\1)*[\p{L}\p{N}](?![\p{L}\p{N}])/gu;
const widelySpaced =
  /(?<![\p{L}\p{N}] ?)[\p{L}\p{N}]( )(?:[\p{L}\p{N}]\1)*[\p{L}\p{N}](?! ?[\p{L}\p{N}])|(?<= {3})[\p{L}\p{N}](?= {3})()/gu;
