import { Problem } from '../../kernel/problem.ts';
import { clean } from '../../inspection/normalise/clean.ts';
import { gumbelWatermark } from './gumbel.ts';
import type { WatermarkKey } from './key.ts';
import { kgwWatermark } from './kgw.ts';
import type { Detection, SchemeName, Watermark } from './scheme.ts';
import { synthIdKeys, synthIdWatermark } from './synthid.ts';

export type Tokenizer = 'bytes' | 'ids';

export interface SchemeSettings {
  /** Tokens that choose the random numbers (SynthID: n-gram length less one). */
  context: number;
  /** KGW: share of green tokens. */
  gamma: number;
  /** KGW: what green logits gain; detection does not need it. */
  delta: number;
}

export const defaultSettings: SchemeSettings = { context: 4, gamma: 0.25, delta: 2 };

export function watermarkOf(
  scheme: SchemeName,
  { secret, layers }: WatermarkKey,
  { context, gamma, delta }: SchemeSettings = defaultSettings,
): Watermark {
  const makers: Record<SchemeName, () => Watermark> = {
    gumbel: () => gumbelWatermark(secret.reveal(), { context }),
    kgw: () => kgwWatermark(secret.reveal(), { context, gamma, delta }),
    synthid: () => synthIdWatermark(layers ?? synthIdKeys(secret.reveal()), { ngram: context + 1 }),
  };
  return makers[scheme]();
}

/** A detection, and which reading of the text it is of. */
export interface TextDetection extends Detection {
  reading: 'written' | 'cleaned';
}

/**
 * Looks for the watermark in a text as it is written and, when that differs, as it reads without hidden and look-alike
 * characters. Two looks are two chances: the p-value of the better one is then doubled.
 */
export function detectIn(content: Buffer, tokenizer: Tokenizer, watermark: Watermark): TextDetection {
  if (tokenizer === 'ids') return { ...watermark.detect(tokenIds(content)), reading: 'written' };
  const written: TextDetection = { ...watermark.detect([...content]), reading: 'written' };
  const plain = clean(content.toString('utf8'));
  if (!plain) return written;
  const cleaned: TextDetection = { ...watermark.detect([...Buffer.from(plain.text)]), reading: 'cleaned' };
  const best = cleaned.tail.log10 < written.tail.log10 ? cleaned : written;
  const { p, log10 } = best.tail;
  return { ...best, tail: { p: Math.min(1, 2 * p), log10: Math.min(0, log10 + Math.log10(2)) } };
}

/** Token ids as a JSON array or as numbers with white space between them. */
function tokenIds(content: Buffer): number[] {
  const text = content.toString('utf8').trim();
  const ids = text
    .replace(/^\[|\]$/g, '')
    .split(/[\s,]+/)
    .filter((one) => one !== '')
    .map(Number);
  if (ids.some((id) => !Number.isInteger(id) || id < 0 || id > 0x7fffffff))
    throw new Problem('INPUT_INVALID', {
      detail: 'the file does not hold token ids',
      fix: 'Give whole numbers from 0, with white space between them or as a JSON array; for text leave `--tokenizer bytes`.',
    });
  return ids;
}
