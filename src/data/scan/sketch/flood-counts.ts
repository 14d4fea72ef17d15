import { bands } from './minhash.ts';

export interface Place {
  line: number;
  seq: number;
}

/** Texts that are nearly the same, counted by one key that they share. */
export interface Flood extends Place {
  key: number;
  count: number;
}

/** Keys held at once; a key that is dropped was seen on fewer than one record in so many. */
const room = 60_000;

/** Counts keys of near-duplicates in bounded memory (lossy counting, Manku and Motwani 2002): the frequent ones stay. */
export class FloodCounts {
  readonly #counts = new Map<number, { count: number; missed: number; line: number; seq: number }>();
  #floor = 0;

  add(keys: Float64Array, { line, seq }: Place): void {
    for (let band = 0; band < bands; band += 1) {
      const key = keys[band]!;
      const known = this.#counts.get(key);
      if (known !== undefined) known.count += 1;
      else this.#counts.set(key, { count: 1, missed: this.#floor, line, seq });
    }
    if (this.#counts.size <= room) return;
    while (this.#counts.size > room / 2) {
      this.#floor += 1;
      for (const [key, { count, missed }] of this.#counts)
        if (count + missed <= this.#floor) this.#counts.delete(key);
    }
  }

  /** Keys seen more than once, most frequent first. */
  list(): Flood[] {
    return [...this.#counts]
      .filter(([, { count }]) => count > 1)
      .map(([key, { count, line, seq }]) => ({ key, count, line, seq }))
      .sort((left, right) => right.count - left.count)
      .slice(0, room / 4);
  }
}
