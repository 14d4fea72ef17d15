/**
 * A uniform sample of the distinct keys of a stream, with everything that was said of each (adaptive sampling, Wegman;
 * Flajolet 1990). Keys are hashes: a key is kept while its remainder by 2^level is 0, and the level rises when the room is
 * used up. What is kept is exact, so shares of keys are unbiased; two samples of one rule merge.
 */
export class DistinctSample<T> {
  readonly #room: number;
  readonly #merge: (left: T, right: T) => T;
  #level = 0;
  readonly entries = new Map<number, T>();

  constructor(room: number, merge: (left: T, right: T) => T) {
    this.#room = room;
    this.#merge = merge;
  }

  get level(): number {
    return this.#level;
  }

  /** One key in so many is kept. */
  get oneIn(): number {
    return 2 ** this.#level;
  }

  add(key: number, value: T): void {
    if (key % 2 ** this.#level !== 0) return;
    const known = this.entries.get(key);
    this.entries.set(key, known === undefined ? value : this.#merge(known, value));
    while (this.entries.size > this.#room) this.raise(this.#level + 1);
  }

  raise(level: number): void {
    this.#level = Math.max(this.#level, level);
    const divisor = 2 ** this.#level;
    for (const key of this.entries.keys()) if (key % divisor !== 0) this.entries.delete(key);
  }
}
