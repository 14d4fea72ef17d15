import type { Tail } from './exact-tails.ts';

/** What a detector says of a text. */
export interface Detection {
  scheme: SchemeName;
  tokens: number;
  /** Tokens that count: those with enough before them, each context (or n-gram) once. */
  scored: number;
  /** The statistic: green tokens, Σ −ln(1−r), or ones among the g-values. */
  score: number;
  /** What the statistic is on average in text that is not marked. */
  expected: number;
  /** In standard deviations; for reading, the test is `tail`. */
  z: number;
  /** Probability of such a score in text that is not marked. Exact. */
  tail: Tail;
}

export type SchemeName = 'gumbel' | 'kgw' | 'synthid';

/** A watermark: changes the logits of a next token, and finds that it did. */
export interface Watermark {
  name: SchemeName;
  /**
   * Marks the logits of the next token in place. `seen` holds contexts of this text that were used already and is added to.
   */
  mark(tokens: readonly number[], logits: Float32Array, seen: Set<string>): void;
  detect(tokens: readonly number[]): Detection;
}
