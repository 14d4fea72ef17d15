import { atbash, fold, hashOf, reverse, roll, shift, type Folded } from './fold.ts';

/** Units of a window of the prompt; shorter repetitions are everyday language. */
const gram = 16;
/** Shortest literal that is guarded, in folded units, and the window by which it is found. */
const literalUnits = 8;

export interface Match {
  kind: 'literal' | 'canary' | 'quote';
  start: number;
  end: number;
}

/** What a text must not repeat: the wording of system prompts, and single values that they hold. */
export interface Fingerprint {
  /** Places in a folded text that repeat more than `quote` units of the wording, or a value; as units of the text. */
  find(folded: Folded, quote: number): Match[];
  /** Where in a text of this length such a place may begin that is not yet complete; the length when there is none. */
  opens(folded: Folded, length: number): number;
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
  const openings = new Set<number>();
  for (const value of values) {
    const dressings = [value, atbash(value), ...everyShift.map((by) => shift(value, by))];
    for (const dressed of dressings)
      for (const text of [dressed, reverse(dressed)]) {
        const folded = fold(text);
        if (folded.length < literalUnits) continue;
        const key = keyOf(folded);
        const hash = hashOf(folded, 0, literalUnits);
        const known = literals.get(hash);
        if (!known) literals.set(hash, [key]);
        else if (!known.includes(key)) known.push(key);
        for (let length = opening; length < key.length; length++) beginnings.add(key.slice(0, length));
        openings.add(hashOf(folded, 0, opening));
      }
  }
  const longest = Math.max(0, ...[...literals.values()].flat().map((one) => one.length));

  return {
    find(folded, quote) {
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
      if (grams.size === 0) return found;
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

    opens(folded, length) {
      let first = length;
      const from = Math.max(0, folded.length - longest + 1);
      for (let at = from; at + opening <= folded.length && openings.size > 0; at++) {
        if (!openings.has(hashOf(folded, at, opening))) continue;
        if (!beginnings.has(keyOf(folded, at, folded.length))) continue;
        first = folded.places[at]!;
        break;
      }
      if (grams.size === 0) return first;
      // A run of the wording that has reached the end.
      let run = 0;
      roll(folded, gram, (hash) => {
        run = grams.has(hash) ? run + 1 : 0;
      });
      return run > 0 ? Math.min(first, folded.places[folded.length - run - gram + 1]!) : first;
    },
  };
}

/**
 * One value that is new in every conversation: what `fingerprint` does with values, without tables, since nobody asks it twice.
 * It may come backwards, mirrored, or by 13 letters on.
 */
export function fingerprintOfMark(mark: string): Fingerprint {
  const spelled = [mark, atbash(mark), shift(mark, 13)].flatMap((one) => [
    keyOf(fold(one)),
    keyOf(fold(reverse(one))),
  ]);
  return {
    find(folded) {
      const text = keyOf(folded);
      const found: Match[] = [];
      for (const key of spelled)
        for (let from = text.indexOf(key); from >= 0; from = text.indexOf(key, from + 1))
          found.push({
            kind: 'canary',
            start: folded.places[from]!,
            end: folded.places[from + key.length - 1]! + 1,
          });
      return found;
    },
    opens(folded, length) {
      const from = Math.max(0, folded.length - mark.length + 1);
      const text = keyOf(folded, from);
      for (let at = 0; at + opening <= text.length; at++) {
        const end = text.slice(at);
        if (spelled.some((key) => key.startsWith(end))) return folded.places[from + at]!;
      }
      return length;
    },
  };
}

/** Units from which on the beginning of a value waits. */
const opening = 4;

const everyShift = Array.from({ length: 25 }, (_, index) => index + 1);

function keyOf(folded: Folded, from = 0, to = folded.length): string {
  const units = folded.codes.subarray(from, Math.min(to, folded.length));
  return Buffer.from(units.buffer, units.byteOffset, units.byteLength).toString('utf16le');
}
