import type { Rewrite } from './view.ts';

/** Frequent English words and the words of attacks; two different ones in disguise make a candidate. */
const telling =
  'the and you your all ignore previous instruction instructions system prompt password reveal secret now with this for from send please can will have that about write tell give show answer words rules new want would should which output print only into must'.split(
    ' ',
  );

/** Disguised words that are words themselves. */
const ordinary = new Set(['dna', 'won']);

export const rotatedWords: readonly string[] = telling.map(rotate).filter((word) => !ordinary.has(word));
export const backwardsWords: readonly string[] = telling.map(backwards).filter((word) => !ordinary.has(word));

const rotated = new RegExp(`\\b(?:${rotatedWords.join('|')})\\b`, 'gi');
const reversed = new RegExp(`\\b(?:${backwardsWords.join('|')})\\b`, 'gi');

export function undoRot13(text: string): Rewrite | undefined {
  if (!hasTwo(text, rotated)) return undefined;
  return { text: rotate(text), locate: (start, end) => ({ start, end }) };
}

/** The whole text backwards, by code unit: surrogate pairs swap, which only emoji notice. */
export function reverse(text: string): Rewrite | undefined {
  if (!hasTwo(text, reversed)) return undefined;
  const { length } = text;
  return {
    text: backwards(text),
    locate: (start, end) => ({ start: length - end, end: length - start }),
  };
}

function hasTwo(text: string, words: RegExp): boolean {
  let first: string | undefined;
  for (const [found] of text.matchAll(words)) {
    const lower = found.toLowerCase();
    first ??= lower;
    if (first !== lower) return true;
  }
  return false;
}

function rotate(text: string): string {
  return text.replace(/[a-zA-Z]/g, (letter) => {
    const unit = letter.charCodeAt(0);
    return String.fromCharCode((unit | 32) < 110 ? unit + 13 : unit - 13);
  });
}

function backwards(text: string): string {
  let result = '';
  for (let index = text.length - 1; index >= 0; index--) result += text[index]!;
  return result;
}
