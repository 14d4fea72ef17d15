/** Somewhere in a text. Lines and columns count from 1, in UTF-16 code units. */
export interface Place {
  line: number;
  column: number;
}

/** Offsets of the line starts; finds places by binary search. */
export class Lines {
  readonly #text: string;
  readonly #starts: number[];

  constructor(text: string) {
    this.#text = text;
    this.#starts = [0];
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  place(offset: number): Place {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - this.#starts[low]! + 1 };
  }

  /** The line with a caret under `start` to `end`, cut to what fits beside it. */
  excerpt(start: number, end: number): string {
    const { line, column } = this.place(start);
    const from = this.#starts[line - 1]!;
    const stop = this.#text.indexOf('\n', from);
    const whole = this.#text.slice(from, stop === -1 ? undefined : stop).replace(/\r$/, '');
    const width = 96;
    const cut = column > width - 20 ? column - 40 : 0;
    // Control characters of a hostile file must not reach a terminal.
    const shown = whole.slice(cut, cut + width).replace(/[\p{Cc}\p{Cf}]/gu, ' ');
    const marked = Math.max(1, Math.min(end - start, shown.length - (column - 1 - cut)));
    const label = String(line);
    return `${label} | ${cut > 0 ? '…' : ''}${shown}\n${' '.repeat(label.length)} | ${' '.repeat(column - 1 - cut + (cut > 0 ? 1 : 0))}${'^'.repeat(marked)}`;
  }
}

/** The nearest of `candidates`, when it is near enough to have been meant. Optimal string alignment distance. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > 64) return undefined;
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= least) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1];
      let cost = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1])
        cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[right.length]!;
}
