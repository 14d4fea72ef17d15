import { gammaTail } from './exact-tails.ts';
import { createKeystream, unit } from './keystream.ts';
import type { Watermark } from './scheme.ts';

export interface GumbelOptions {
  /** Tokens that choose the random numbers. Default 4. */
  context?: number;
}

/** Standard deviations above the mean: each token adds Exp(1), whose mean and variance are 1. */
export function gumbelZ(scored: number, score: number): number {
  return scored === 0 ? 0 : (score - scored) / Math.sqrt(scored);
}

/**
 * Exponential-minimum watermark (Aaronson 2022): takes the token with the largest r^(1/p), which is a fair draw from p to
 * all who lack the key. A context that comes again is left to ordinary sampling, for the same draw twice would not be fair.
 */
export function gumbelWatermark(key: Buffer, { context = 4 }: GumbelOptions = {}): Watermark {
  const stream = createKeystream(key, `merlon-watermark/1 gumbel ${context}`);
  return {
    name: 'gumbel',
    mark(tokens, logits, seen) {
      if (tokens.length < context) return;
      const before = tokens.slice(-context);
      const name = before.join();
      if (seen.has(name)) return;
      seen.add(name);
      const words = stream.words(before, logits.length);
      // argmax of ln(r)/p, with p taken relative to the largest logit: a common factor does not move the maximum.
      const largest = logits.reduce((left, right) => Math.max(left, right), -Infinity);
      let best = 0;
      let bestScore = -Infinity;
      for (let token = 0; token < logits.length; token++) {
        const score = Math.log(unit(words[token]!)) * Math.exp(largest - logits[token]!);
        if (score > bestScore) {
          best = token;
          bestScore = score;
        }
      }
      logits.fill(-Infinity);
      logits[best] = 0;
    },
    detect(tokens) {
      const seen = new Set<string>();
      let score = 0;
      for (let place = context; place < tokens.length; place++) {
        const before = tokens.slice(place - context, place);
        const name = before.join();
        if (seen.has(name)) continue;
        seen.add(name);
        score -= Math.log1p(-unit(stream.word(before, tokens[place]!)));
      }
      const scored = seen.size;
      return {
        scheme: 'gumbel',
        tokens: tokens.length,
        scored,
        score,
        expected: scored,
        z: gumbelZ(scored, score),
        tail: scored === 0 ? { p: 1, log10: 0 } : gammaTail(scored, score),
      };
    },
  };
}
