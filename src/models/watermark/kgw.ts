import { binomialTail } from './exact-tails.ts';
import { createKeystream } from './keystream.ts';
import type { Watermark } from './scheme.ts';

export interface KgwOptions {
  /** Tokens that choose the green list. Default 4. */
  context?: number;
  /** Share of the vocabulary that is green. Default 0.25. */
  gamma?: number;
  /** What green logits gain. Default 2. */
  delta?: number;
}

/** Standard deviations above the expected number of green tokens. */
export function kgwZ(n: number, green: number, gamma: number): number {
  return n === 0 ? 0 : (green - gamma * n) / Math.sqrt(n * gamma * (1 - gamma));
}

/** Green-list watermark (Kirchenbauer et al. 2023), with a portable keyed green list. */
export function kgwWatermark(key: Buffer, options: KgwOptions = {}): Watermark {
  const { context = 4, gamma = 0.25, delta = 2 } = options;
  const stream = createKeystream(key, `merlon-watermark/1 kgw ${context}`);
  const limit = gamma * 4294967296;
  return {
    name: 'kgw',
    mark(tokens, logits) {
      if (tokens.length < context) return;
      const words = stream.words(tokens.slice(-context), logits.length);
      for (let token = 0; token < logits.length; token++)
        if (words[token]! < limit) logits[token] = logits[token]! + delta;
    },
    detect(tokens) {
      const seen = new Set<string>();
      let green = 0;
      for (let place = context; place < tokens.length; place++) {
        // A repeated n-gram is the same throw of the same coin: it counts once.
        const name = tokens.slice(place - context, place + 1).join();
        if (seen.has(name)) continue;
        seen.add(name);
        if (stream.word(tokens.slice(place - context, place), tokens[place]!) < limit) green += 1;
      }
      const scored = seen.size;
      return {
        scheme: 'kgw',
        tokens: tokens.length,
        scored,
        score: green,
        expected: gamma * scored,
        z: kgwZ(scored, green, gamma),
        tail: binomialTail(scored, green, gamma),
      };
    },
  };
}
