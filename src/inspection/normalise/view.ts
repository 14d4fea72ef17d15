/** A range of UTF-16 code units, end exclusive. */
export interface Span {
  start: number;
  end: number;
}

/** What was done to the original to get a view. */
export type ViewName = 'raw' | 'clean' | 'decoded' | 'leet' | 'joined' | 'rot13' | 'reversed';

/** One reading of a text. `raw` is the text itself. */
export interface View {
  name: ViewName;
  text: string;
  /** How many encodings were undone to get here, 0 for the text as written. */
  depth: number;
  /** Characters of text that was hidden from people (tag characters, variation selectors, invisible bits), 0 as a rule. */
  hidden: number;
  /** A cleaned copy of this view follows; who looks for meaning rather than for exact bytes can skip this one. */
  superseded: boolean;
  /** The range of the original that a range of this view comes from. */
  locate(start: number, end: number): Span;
}

/** A changed copy and the way back to its source; undefined where nothing changed. */
export interface Rewrite {
  text: string;
  locate(start: number, end: number): Span;
}

/**
 * Builds a changed copy of a text, left to right, remembering where each piece came from. Pieces map proportionally, so
 * a decoded run of base64 maps each character to its own few characters of the source.
 */
export class Rewriter {
  readonly #source: string;
  readonly #viewStarts: number[] = [];
  readonly #sourceStarts: number[] = [];
  readonly #sourceEnds: number[] = [];
  #text = '';
  #read = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** Replaces `start..end` of the source; what lies between the last replacement and `start` is kept. */
  replace(start: number, end: number, text: string): void {
    this.#keep(start);
    if (text !== '') {
      this.#piece(start, end);
      this.#text += text;
    }
    this.#read = end;
  }

  finish(): Rewrite | undefined {
    if (this.#read === 0) return undefined;
    this.#keep(this.#source.length);
    const text = this.#text;
    const views = Uint32Array.from(this.#viewStarts);
    const starts = Uint32Array.from(this.#sourceStarts);
    const ends = Uint32Array.from(this.#sourceEnds);
    const edge = (index: number): Span => {
      const piece = lastAtOrBelow(views, index);
      const from = views[piece]!;
      const length = (views[piece + 1] ?? text.length) - from;
      const width = ends[piece]! - starts[piece]!;
      return {
        start: starts[piece]! + Math.floor(((index - from) * width) / length),
        end: starts[piece]! + Math.ceil(((index - from + 1) * width) / length),
      };
    };
    return {
      text,
      locate: (start, end) =>
        text === ''
          ? { start: 0, end: this.#source.length }
          : { start: edge(start).start, end: edge(Math.max(start, end - 1)).end },
    };
  }

  #keep(to: number): void {
    if (to <= this.#read) return;
    this.#piece(this.#read, to);
    this.#text += this.#source.slice(this.#read, to);
  }

  #piece(start: number, end: number): void {
    this.#viewStarts.push(this.#text.length);
    this.#sourceStarts.push(start);
    this.#sourceEnds.push(end);
  }
}

function lastAtOrBelow(sorted: Uint32Array, value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (sorted[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
