import type { BatchLogits, LogitsProcessor } from '../language-model/generate.ts';
import type { Watermark } from './scheme.ts';

/**
 * A watermark as the `LogitsProcessor` of transformers.js: `generate({ logits_processor: [processor] })`. It must come
 * after temperature, top-k and top-p, for it marks the distribution that is sampled from. One processor per generation:
 * it remembers which contexts of each row were used.
 */
export function watermarkProcessor(watermark: Watermark): LogitsProcessor {
  const seen = new Map<number, Set<string>>();
  const call = <T extends BatchLogits>(inputIds: readonly (readonly bigint[])[], logits: T): T => {
    inputIds.forEach((ids, row) => {
      let contexts = seen.get(row);
      if (!contexts) {
        contexts = new Set();
        seen.set(row, contexts);
      }
      // No scheme looks back further than this, and a long prompt is not converted for every token.
      watermark.mark(ids.slice(-contextLimit).map(Number), logits[row]!.data, contexts);
    });
    return logits;
  };
  return Object.assign(
    <T extends BatchLogits>(ids: readonly (readonly bigint[])[], logits: T): T => call(ids, logits),
    {
      _call: call,
    },
  );
}

/** Most tokens of context that any scheme may use. */
export const contextLimit = 64;
