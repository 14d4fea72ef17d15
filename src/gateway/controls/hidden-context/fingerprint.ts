import { atbash, fold, reverse, roll, shift, type Folded } from './fold.ts';

/** Units of a window of the prompt; shorter repetitions are everyday language. */
const gram = 16;
/** Shortest literal that is guarded, in folded units, and the window by which it is found. */
export const literalUnits = 8;

export interface Match {
  kind: 'literal' | 'canary' | 'quote';
  start: number;
  end: number;
}

/** What a text must not repeat: the wording of system prompts, and single values that they hold. */
export interface Fingerprint {
  /** Places in a text that repeat more than `quote` folded units of the wording, or a value. */
  find(text: string, quote: number): Match[];
  /** How many units at the end of the text may be the beginning of such a place. */
  hold(text: string): number;
}

/**
 * Prepares system prompts. Wording is kept as rolling hashes of 16 letters and digits, values as whole strings; both also
 * backwards and under the usual letter ciphers, so that an answer is read once, whatever it was dressed as.
 */
export function fingerprint(prompts: readonly string[], values: readonly string[]): Fingerprint {
  const grams = new Set<number>();
  for (const prompt of prompts)
    for (const dressed of [prompt, shift(prompt, 13), shift(prompt, 3), shift(prompt, -3), atbash(prompt)])
      for (const text of [dressed, reverse(dressed)]) roll(fold(text), gram, (hash) => void grams.add(hash));

  const literals = new Map<number, string[]>();
  const beginnings = new Set<string>();
  for (const value of values) {
    const dressings = [value, atbash(value)];
    for (let by = 1; by < 26; by++) dressings.push(shift(value, by));
    for (const dressed of dressings)
      for (const text of [dressed, reverse(dressed)]) {
        const key = keyOf(fold(text));
        if (key.length < literalUnits) continue;
        roll(fold(text), literalUnits, (hash) => {
          const known = literals.get(hash);
          if (!known) literals.set(hash, [key]);
          else if (!known.includes(key)) known.push(key);
          return true;
        });
        for (let length = 4; length < key.length; length++) beginnings.add(key.slice(0, length));
      }
  }
  const longest = Math.max(0, ...[...literals.values()].flat().map((one) => one.length));

  return {
    find(text, quote) {
      const folded = fold(text);
      const found: Match[] = [];
      if (folded.length < literalUnits) return found;
      if (literals.size > 0) {
        roll(folded, literalUnits, (hash, last) => {
          const from = last - literalUnits + 1;
          for (const literal of literals.get(hash) ?? [])
            if (keyOf(folded, from, from + literal.length) === literal)
              found.push({
                kind: 'literal',
                start: folded.places[from]!,
                end: folded.places[from + literal.length - 1]! + 1,
              });
        });
      }
      let run = 0;
      const note = (last: number): void => {
        const units = run + gram - 1;
        if (run > 0 && units >= quote)
          found.push({
            kind: 'quote',
            start: folded.places[last - units + 1]!,
            end: folded.places[last]! + 1,
          });
        run = 0;
      };
      roll(folded, gram, (hash, last) => {
        if (grams.has(hash)) run++;
        else note(last - 1);
      });
      note(folded.length - 1);
      return found.sort((a, b) => a.start - b.start);
    },

    hold(text) {
      // Only the end counts; a run of the wording that is longer than this has been found before.
      const tail = text.slice(-tailUnits);
      const folded = fold(tail);
      let held = 0;
      for (let length = Math.min(longest - 1, folded.length); length >= 4; length--) {
        if (!beginnings.has(keyOf(folded, folded.length - length, folded.length))) continue;
        held = tail.length - folded.places[folded.length - length]!;
        break;
      }
      let run = 0;
      roll(folded, gram, (hash) => {
        run = grams.has(hash) ? run + 1 : 0;
      });
      if (run > 0) held = Math.max(held, tail.length - folded.places[folded.length - run - gram + 1]!);
      return held;
    },
  };
}

/** How far back a running repetition is looked for, in units of the text as written. */
const tailUnits = 1024;

function keyOf(folded: Folded, from = 0, to = folded.length): string {
  return String.fromCharCode(...folded.codes.subarray(from, Math.min(to, folded.length)));
}
