import type { Verdict } from '../kernel/verdict.ts';

/** Verdicts on texts that clients send again with every turn. Bounded; the least recently used goes first. */
export class VerdictCache {
  readonly size: number;
  readonly #kept = new Map<string, Verdict>();

  /** @param size verdicts kept; 0 keeps none */
  constructor(size: number) {
    this.size = size;
  }

  get(key: string): Verdict | undefined {
    const verdict = this.#kept.get(key);
    if (verdict) {
      this.#kept.delete(key);
      this.#kept.set(key, verdict);
    }
    return verdict;
  }

  set(key: string, verdict: Verdict): void {
    this.#kept.set(key, verdict);
    if (this.#kept.size > this.size) this.#kept.delete(this.#kept.keys().next().value!);
  }
}
