import type { Finding } from '../../kernel/finding.ts';

// Alternatives instead of one class: a class of combining characters says nothing of what they combine with.
const candidates =
  /(?:[\u00ad\u061c\u115f\u1160\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0]|\p{Variation_Selector}|[\u{e0000}-\u{e007f}])+/gu;
const foreign = /[^\0-\u00ac\u00ae-\u02ff]|\u00ad/;
/** Invisible characters inside Latin words from which nobody can say that they are the mark of an editor. */
const scattered = 6;

/** Text that people do not see: tag characters, runs of selectors and zero-width bits, direction overrides. */
export function findHidden(text: string): { findings: Finding[]; zeroWidth: number } {
  if (!foreign.test(text)) return { findings: [], zeroWidth: 0 };
  const findings: Finding[] = [];
  let zeroWidth = 0;
  let inWords = 0;
  let firstInWord = -1;
  let lastInWord = 0;
  for (const { 0: run, index } of text.matchAll(candidates)) {
    const end = index + run.length;
    const points = Array.from(run, (char) => char.codePointAt(0)!);
    const tags = points.filter((point) => point >= 0xe0020 && point <= 0xe007e).length;
    const selectors = points.filter(
      (point) => (point >= 0xfe00 && point <= 0xfe0f) || point >= 0xe0100,
    ).length;
    const flag = text.slice(Math.max(0, index - 2), index) === '\u{1f3f4}' && tags <= 6;
    const override = points.some((point) => point === 0x202d || point === 0x202e);
    if ((tags >= 2 && !flag) || selectors >= 4 || points.length - tags - selectors >= 8)
      findings.push({
        type: 'hidden_text',
        detector: 'hidden',
        score: 0.95,
        start: index,
        end,
        reason: 'characters that carry text which people do not see',
      });
    else if (override)
      findings.push({
        type: 'direction_override',
        detector: 'hidden',
        score: 0.8,
        start: index,
        end,
        reason: 'a character that shows the text in another order than it is read',
      });
    else if (
      points.some((point) => point === 0x200b || point === 0x2060 || point === 0xfeff || point === 0xad)
    ) {
      if (index > 0) zeroWidth += points.length;
      if (/[A-Za-z]/.test(text[index - 1] ?? '') && /[A-Za-z]/.test(text[end] ?? '') && points[0] !== 0xad) {
        inWords += 1;
        if (firstInWord < 0) firstInWord = index;
        lastInWord = end;
      }
    }
  }
  if (inWords >= scattered)
    findings.push({
      type: 'hidden_text',
      detector: 'hidden',
      score: 0.8,
      start: firstInWord,
      end: lastInWord,
      reason: 'words cut by characters that people do not see',
    });
  return { findings, zeroWidth };
}
