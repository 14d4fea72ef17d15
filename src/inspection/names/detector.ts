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
  createTokenizer,
} from './features.ts';

/** Finds people, places and organisations in sentences. */
export interface NameDetector {
  detect(text: string): Finding[];
}

/** Longest name in tokens; what is longer is an error of the tagger. */
const longest = 8;
/** A token whose tag wins by less is not reported. */
const leastMargin = 3.5;

/**
 * A linear tagger over hashed features of words and their neighbours (averaged perceptron, Collins 2002), read from left to
 * right. `asset` is `names.bin`, written by tools/train-names.mjs.
 */
export function createNameDetector(asset: Uint8Array): NameDetector {
  const { scale, lexicon, weights } = parseNames(asset);
  const tokensOf = createTokenizer(lexicon);
  const features = new Uint32Array(featureCount);
  const scores = new Int32Array(tagCount);

  return {
    detect(text) {
      const tokens = tokensOf(text);
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
          sumRows(features, weights, scores);
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

/** Sums the rows, tag by tag; written out, because this is where the time goes. */
function sumRows(rows: Uint32Array, weights: Int8Array, sums: Int32Array): void {
  let [a, b, c, d, e, f, g] = [0, 0, 0, 0, 0, 0, 0];
  for (let at = 0; at < featureCount; at += 1) {
    const row = rows[at]!;
    a += weights[row]!;
    b += weights[row + 1]!;
    c += weights[row + 2]!;
    d += weights[row + 3]!;
    e += weights[row + 4]!;
    f += weights[row + 5]!;
    g += weights[row + 6]!;
  }
  sums[0] = a;
  sums[1] = b;
  sums[2] = c;
  sums[3] = d;
  sums[4] = e;
  sums[5] = f;
  sums[6] = g;
}
