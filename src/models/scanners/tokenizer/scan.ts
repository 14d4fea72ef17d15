import { defineScanner } from '../contract.ts';
import { fieldsOf } from '../protobuf-wire.ts';
import type { Source } from '../source.ts';

/** Pieces whose shape is compared; the rest follows the same grammar. */
const piecesLookedAt = 8;

export const scanner = defineScanner({
  id: 'tokenizer',
  title: 'SentencePiece vocabulary',

  recognise: (source) => (isSentencePiece(source) ? 'magic' : undefined),

  scan() {
    // Pieces of text with scores: nothing that a loader runs.
  },
});

/** sentencepiece_model.proto: field 1 repeats {1: piece, 2: score, 3: kind}. */
function isSentencePiece(source: Source): boolean {
  if (source.read(0, 1)[0] !== 0x0a) return false;
  try {
    let pieces = 0;
    for (const field of fieldsOf(source, 0, source.size)) {
      if (field.number !== 1 || field.wire !== 2) return false;
      const [text, score] = [...fieldsOf(source, field.start, field.end)];
      if (text?.number !== 1 || text.wire !== 2 || score?.number !== 2 || score.wire !== 5) return false;
      pieces += 1;
      if (pieces >= piecesLookedAt) return true;
    }
  } catch {
    return false;
  }
  return false;
}
