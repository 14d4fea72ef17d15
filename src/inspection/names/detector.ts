import type { Finding } from '../../kernel/finding.ts';
import {
  featureCount,
  featuresOf,
  follows,
  outside,
  parseNames,
  passes,
  tagCount,
  tags,
  tokensOf,
} from './features.ts';

/** Finds people, places and organisations in sentences. */
export interface NameDetector {
  detect(text: string): Finding[];
}

/** Longest name in tokens; what is longer is an error of the tagger. */
const longest = 8;
/** A token whose tag wins by less is not reported. */
const leastMargin = 0;

/**
 * A linear tagger over hashed features of words and their neighbours (averaged perceptron, Collins 2002), read from left to
 * right. `asset` is `names.bin`, written by tools/train-names.mjs.
 */
export function createNameDetector(asset: Uint8Array): NameDetector {
  const { scale, lexicon, weights } = parseNames(asset);
  const features = new Uint32Array(featureCount);
  const scores = new Float64Array(tagCount);

  return {
    detect(text) {
      const tokens = tokensOf(text, lexicon);
      const findings: Finding[] = [];
      let before = outside;
      let beforeThat = outside;
      let open: { kind: number; first: number; margin: number } | undefined;
      const close = (last: number): void => {
        if (open === undefined) return;
        const { kind, first, margin } = open;
        open = undefined;
        if (last - first >= longest || margin < leastMargin) return;
        findings.push({
          type: tags[kind]!.slice(2),
          detector: 'names',
          score: Math.round((0.5 + 0.45 * (1 - Math.exp(-margin / 6))) * 100) / 100,
          start: tokens[first]!.start,
          end: tokens[last]!.end,
        });
      };
      for (let at = 0; at < tokens.length; at += 1) {
        let tag = outside;
        if (!passes(tokens[at]!, before)) {
          featuresOf(tokens, at, before, beforeThat, features);
          scores.fill(0);
          for (let f = 0; f < featureCount; f += 1) {
            const row = features[f]!;
            for (let one = 0; one < tagCount; one += 1) scores[one]! += weights[row + one]!;
          }
          for (let one = 1; one < tagCount; one += 1)
            if (scores[one]! > scores[tag]! && follows(before, one)) tag = one;
        }
        if (tag === outside || tag % 2 === 1) close(at - 1);
        const margin = (scores[tag]! - scores[outside]!) * scale;
        if (tag !== outside && tag % 2 === 1) open = { kind: tag, first: at, margin };
        else if (open !== undefined) open.margin = Math.max(open.margin, margin);
        beforeThat = before;
        before = tag;
      }
      close(tokens.length - 1);
      return findings;
    },
  };
}
