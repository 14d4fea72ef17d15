import { clean } from './clean.ts';
import { reverse, undoRot13 } from './ciphers.ts';
import { decode } from './decode.ts';
import { foldLeet, joinLetters } from './spelling.ts';
import { suspect, suspicion } from './suspicion.ts';
import type { Rewrite, View, ViewName } from './view.ts';

export interface ViewLimits {
  /** How many encodings inside one another are undone. */
  depth?: number;
  /** Total length of all views but `raw`, as a multiple of the text. */
  expansion?: number;
  /** Total length of all views but `raw`, in UTF-16 units. */
  units?: number;
}

const undo: readonly [number, ViewName, (text: string) => Rewrite | undefined][] = [
  [suspect.encoded, 'decoded', decode],
  [suspect.spaced, 'joined', joinLetters],
  [suspect.leet, 'leet', foldLeet],
  [suspect.rotated, 'rot13', undoRot13],
  [suspect.backwards, 'reversed', reverse],
];

/**
 * Every reading of a text that a model may understand: as written, cleaned of hidden and look-alike characters, decoded
 * (research on encodings: garak, PyRIT converters). Linear in the text; ordinary ASCII prose has the one view `raw`.
 * Readings whose text was seen already are left out, and so is what would exceed the limits.
 */
export function views(text: string, limits: ViewLimits = {}): View[] {
  const { depth = 3, expansion = 4, units = 4_000_000 } = limits;
  let budget = Math.min(units, text.length * expansion + 256);
  const raw: View = {
    name: 'raw',
    text,
    depth: 0,
    hidden: 0,
    superseded: false,
    locate: (start, end) => ({ start, end }),
  };
  const found: View[] = [raw];
  const add = (
    from: View,
    name: ViewName,
    rewrite: Rewrite,
    deeper: number,
    hidden: number,
  ): View | undefined => {
    if (rewrite.text === '' || rewrite.text.length > budget) return undefined;
    if (found.some((view) => view.text === rewrite.text)) return undefined;
    budget -= rewrite.text.length;
    const view: View = {
      name,
      text: rewrite.text,
      depth: from.depth + deeper,
      hidden: from.hidden + hidden,
      superseded: false,
      locate(start, end) {
        const inner = rewrite.locate(start, end);
        return from.locate(inner.start, inner.end);
      },
    };
    found.push(view);
    return view;
  };

  const queue: View[] = [raw];
  for (let next = queue.shift(); next; next = queue.shift()) {
    const cleaned = clean(next.text);
    const better = cleaned && add(next, 'clean', cleaned, 0, cleaned.hidden);
    if (better) next.superseded = true;
    const base = better ?? next;
    if (base.depth >= depth) continue;
    const signs = suspicion(base.text);
    for (const [kind, name, transform] of undo) {
      const rewrite = (signs & kind) === 0 ? undefined : transform(base.text);
      const view = rewrite && add(base, name, rewrite, 1, 0);
      if (view) queue.push(view);
    }
  }
  return found;
}
