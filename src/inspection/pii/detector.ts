import type { Finding } from '../../kernel/finding.ts';
import { compileTriggers, type Trigger, type Window } from '../scan/windows.ts';
import { furtherRecognizers } from './further-recognizers.ts';
import { nationalRecognizers } from './national-ids.ts';
import { ownRecognizers, type Recognizer } from './recognizers.ts';

export const recognizers: readonly Recognizer[] = [
  ...ownRecognizers,
  ...furtherRecognizers,
  ...nationalRecognizers,
];

/** Findings from this score on are reported. */
export const piiThreshold = 0.5;

/** How far before and after a word the value that it explains may begin and end. */
const beforeWord = 44;
const afterWord = 110;
/** Context that expressions need on both sides of digits: the letters of an IBAN, a street. */
const margin = 34;
/** A text so dense with telling words that it would be read more often than this is reported as a whole. */
const readings = 8;
const readingsFloor = 65_536;
/** Largest gap between the digits of one value, such as `GB82 WEST 12`. */
const digitGap = 7;

interface Compiled extends Recognizer {
  expression: RegExp;
  fewest: number;
}

const compiled: Compiled[] = recognizers.map((recognizer) => ({
  ...recognizer,
  expression: new RegExp(
    recognizer.pattern,
    `g${recognizer.flags ?? ''}${recognizer.pattern.includes('\\p{') ? 'u' : ''}`,
  ),
  fewest: recognizer.digits ?? 5,
}));
const alone = compiled.filter(({ score }) => score >= piiThreshold);
const byAt = alone.filter(({ anchor }) => anchor === 'at');
const byColons = alone.filter(({ anchor }) => anchor === 'colons');
const byDigits = alone
  .filter(({ anchor }) => anchor === undefined)
  .sort((left, right) => left.fewest - right.fewest);
const byWords = compiled.filter(({ score, words = [] }) => words.length > 0 && score < piiThreshold);
/** What brings the recognisers to look that need a word nearby, for a pass over the text that others share. */
export const piiTriggers: readonly Trigger[] = byWords.map(({ words = [] }) => ({
  keywords: words,
  before: beforeWord,
  after: afterWord,
  word: true,
}));
const wordsIn = compileTriggers(piiTriggers);

/** Finds personal data. Precision first: a number without a name or a check digit is not one. */
export function detectPii(text: string, windows: readonly Window[] = wordsIn(text)): Finding[] {
  const found: Finding[] = [];
  let budget = text.length * readings + readingsFloor;
  const checks: Checks = { left: 256 + (text.length >> 6), known: new Map() };
  for (const { rule, start, end } of windows) {
    const recognizer = byWords[rule]!;
    budget -= end - start;
    if (budget < 0) return [overload(text)];
    if (recognizer.anchor === undefined && !digitIn(text, start, end)) continue;
    search(recognizer, text, start, end, recognizer.near ?? 0.85, found, checks);
  }
  stretches(text, (start, end, digits, mixed) => {
    for (const recognizer of byDigits) {
      if (recognizer.fewest > digits) break;
      if (recognizer.mixed === true && !mixed) continue;
      search(recognizer, text, start, end, recognizer.score, found, checks);
    }
  });
  around(text, '@', 66, 66, 256, (start, end) => {
    for (const recognizer of byAt) search(recognizer, text, start, end, recognizer.score, found);
  });
  around(text, ':', 5, 6, 40, (start, end, marks) => {
    if (marks < 2) return;
    for (const recognizer of byColons) search(recognizer, text, start, end, recognizer.score, found);
  });
  return settled(found.filter(({ score }) => score >= piiThreshold));
}

function overload(text: string): Finding {
  return {
    type: 'personal_data',
    detector: 'pii',
    score: 1,
    start: 0,
    end: text.length,
    reason: 'too dense with the marks of personal data to be read to the end',
  };
}

/** Everything of one type that has its shape and passes its check, whatever stands around it. For conformance vectors. */
export function recognizePii(text: string, type: string): Finding[] {
  const found: Finding[] = [];
  for (const recognizer of compiled.filter((one) => one.type === type))
    search(recognizer, text, 0, text.length, recognizer.score, found);
  return settled(found);
}

function search(
  recognizer: Compiled,
  text: string,
  start: number,
  end: number,
  score: number,
  found: Finding[],
  checks: Checks = { left: Infinity, known: new Map() },
): void {
  const { expression, type } = recognizer;
  const stretch = start === 0 && end === text.length ? text : text.slice(start, end);
  expression.lastIndex = 0;
  for (let match = expression.exec(stretch); match !== null; match = expression.exec(stretch)) {
    const value = match[0];
    if (value === '') {
      expression.lastIndex += 1;
      continue;
    }
    // What touches the cut may go on behind it; another window holds it whole.
    if (
      (match.index === 0 && start > 0) ||
      (match.index + value.length === stretch.length && end < text.length)
    )
      continue;
    // Beyond the budget a number counts as right: so many wrong ones are there to hide one.
    if (checks.left > 0 && !isRight(recognizer, value, checks)) {
      checks.left -= recognizer.national === true ? 1 : 0;
      continue;
    }
    found.push({
      type,
      detector: 'pii',
      score,
      start: start + match.index,
      end: start + match.index + value.length,
    });
  }
}

/** National checks of one text: how many wrong numbers are still looked at, and what was found of each. */
interface Checks {
  left: number;
  known: Map<string, boolean>;
}

function isRight({ check, national, type }: Compiled, value: string, { known }: Checks): boolean {
  if (check === undefined) return true;
  if (national !== true) return check(value);
  const key = `${type} ${value}`;
  let right = known.get(key);
  if (right === undefined) known.set(key, (right = check(value)));
  return right;
}

const digit = /[0-9]/g;

/** Stretches of text around digits, with the number of digits in them and whether letters stand beside these. */
function stretches(
  text: string,
  visit: (start: number, end: number, digits: number, mixed: boolean) => void,
): void {
  const { length } = text;
  // The expression runs over text without digits several times faster than a loop.
  digit.lastIndex = 0;
  while (digit.test(text)) {
    const i = digit.lastIndex - 1;
    let lastDigit = i;
    let digits = 1;
    let mixed = beside(text, i, -1);
    for (let j = i + 1; j < length && j - lastDigit <= digitGap; j += 1) {
      const next = text.charCodeAt(j);
      if (next > 57 || next < 48) continue;
      if (!mixed && j > lastDigit + 1) mixed = beside(text, lastDigit, 1) || beside(text, j, -1);
      lastDigit = j;
      digits += 1;
    }
    mixed ||= beside(text, lastDigit, 1);
    if (digits >= 4) visit(Math.max(0, i - margin), Math.min(length, lastDigit + margin), digits, mixed);
    digit.lastIndex = lastDigit + 1;
  }
  digit.lastIndex = 0;
}

/** A letter next to a digit, or a capital one separator away. */
function beside(text: string, at: number, step: 1 | -1): boolean {
  const near = text.charCodeAt(at + step);
  const small = near | 32;
  if (small >= 97 && small <= 122) return true;
  const further = text.charCodeAt(at + 2 * step);
  return further >= 65 && further <= 90 && (near === 32 || near === 45 || near === 40 || near === 43);
}

function digitIn(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i += 1) {
    const code = text.charCodeAt(i);
    if (code >= 48 && code <= 57) return true;
  }
  return false;
}

/** Stretches of text around one mark: marks that are at most `gap` apart share a stretch. */
function around(
  text: string,
  mark: string,
  gap: number,
  before: number,
  after: number,
  visit: (start: number, end: number, marks: number) => void,
): void {
  for (let at = text.indexOf(mark); at >= 0;) {
    const first = at;
    let final = at;
    let marks = 0;
    for (; at >= 0 && at - final <= gap; at = text.indexOf(mark, at + 1)) {
      final = at;
      marks += 1;
    }
    visit(Math.max(0, first - before), Math.min(text.length, final + after), marks);
  }
}

/** Of findings that overlap, the surest stands; of equals the longer. */
function settled(found: readonly Finding[]): Finding[] {
  const kept: Finding[] = [];
  for (const finding of [...found].sort((left, right) => left.start - right.start || right.end - left.end)) {
    const top = kept.at(-1);
    if (top === undefined || finding.start >= top.end) kept.push(finding);
    else if (finding.score > top.score || (finding.score === top.score && length(finding) > length(top)))
      kept[kept.length - 1] = finding;
  }
  return kept;
}

function length({ start, end }: Finding): number {
  return end - start;
}
