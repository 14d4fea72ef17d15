import { expect, test } from 'vitest';
import { bytes, field, scanBytes } from '../testing.ts';

test('recognises a SentencePiece vocabulary', () => {
  const piece = (text: string): Buffer => field(1, bytes(field(1, text), 0x15, Buffer.alloc(4), field(3, 1)));
  const pieces = Array.from({ length: 12 }, (_, index) => piece(`▁word${index}`));
  expect(scanBytes(bytes(...pieces, field(2, 'trainer')), 'tokenizer.model')).toMatchObject({
    verdict: 'clean',
    format: 'tokenizer',
  });
});

test('does not take other messages for one', () => {
  expect(scanBytes(bytes(field(1, 'x'), field(9, 'y')), 'tokenizer.model').verdict).toBe('suspicious');
});
