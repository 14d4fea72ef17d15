import { lookAlike } from './confusables.ts';
import { readable } from './printable.ts';
import { Rewriter, type Rewrite } from './view.ts';

const asciiOnly = /^[\0-\x7f]*$/;

/** Combining marks that any of these scripts puts on one letter; a longer run is decoration ("zalgo") and is dropped. */
const marksKept = 2;

/** RGI tag sequences after U+1F3F4: the flags of England, Scotland and Wales. */
const flags = ['gbeng', 'gbsct', 'gbwls'].map((name) => `${tagged(name)}\u{e007f}`);

function tagged(text: string): string {
  return Array.from(text, (letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0))).join('');
}

/**
 * The text as a model reads it: hidden characters decoded or dropped, compatibility forms folded (NFKC), look-alike
 * letters of mixed-script words folded. Case stays, because secrets are case-sensitive. `hidden` counts smuggled characters.
 */
export function clean(text: string): (Rewrite & { hidden: number }) | undefined {
  if (asciiOnly.test(text)) return undefined;
  const folded = foldCharacters(text);
  const skeleton = foldMixedWords(folded?.text ?? text);
  if (!skeleton) return folded;
  if (!folded) return { ...skeleton, hidden: 0 };
  return {
    text: skeleton.text,
    hidden: folded.hidden,
    locate(start, end) {
      const inner = skeleton.locate(start, end);
      return folded.locate(inner.start, inner.end);
    },
  };
}

function foldCharacters(text: string): (Rewrite & { hidden: number }) | undefined {
  const rewriter = new Rewriter(text);
  let hidden = 0;
  // End of the last replacement: what lies before it cannot be touched again.
  let folded = 0;
  for (let index = 0; index < text.length;) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) {
      index++;
      continue;
    }
    if (isInvisible(unit) || (unit === 0xdb40 && isTagOrSelector(text.charCodeAt(index + 1)))) {
      const end = endOfInvisible(text, index);
      const flag = flagAt(text, index);
      if (flag > 0) {
        index = flag;
        continue;
      }
      if (!belongs(text, index, end)) {
        const said = smuggled(text, index, end);
        hidden += said.length;
        rewriter.replace(index, (folded = end), said);
      }
      index = end;
      continue;
    }
    if (unit === 0xd835 || unit === 0xd83c) {
      const point = text.codePointAt(index)!;
      const plain = foldAstral(point);
      const end = index + (point > 0xffff ? 2 : 1);
      if (plain !== undefined) rewriter.replace(index, (folded = end), plain);
      index = end;
      continue;
    }
    if (isMark(unit)) {
      const end = endOfMarks(text, index);
      const letter = index > folded ? text[index - 1]! : '';
      const whole = letter + (end - index > marksKept ? '' : text.slice(index, end));
      rewriter.replace(index - letter.length, end, whole.normalize('NFKC'));
      index = folded = end;
      continue;
    }
    const plain = foldUnit(unit);
    if (plain !== undefined) rewriter.replace(index, (folded = index + 1), plain);
    index++;
  }
  const rewrite = rewriter.finish();
  return rewrite && { ...rewrite, hidden };
}

/** Default-ignorable and direction-changing characters that carry no text of their own. */
function isInvisible(unit: number): boolean {
  return (
    unit === 0x00ad ||
    unit === 0x034f ||
    unit === 0x061c ||
    unit === 0x115f ||
    unit === 0x1160 ||
    unit === 0x17b4 ||
    unit === 0x17b5 ||
    (unit >= 0x180b && unit <= 0x180e) ||
    (unit >= 0x200b && unit <= 0x200f) ||
    (unit >= 0x202a && unit <= 0x202e) ||
    (unit >= 0x2060 && unit <= 0x206f) ||
    unit === 0x3164 ||
    (unit >= 0xfe00 && unit <= 0xfe0f) ||
    unit === 0xfeff ||
    unit === 0xffa0 ||
    (unit >= 0xfff9 && unit <= 0xfffb)
  );
}

/** Second half of U+E0000..E007F (tags) or U+E0100..E01EF (variation selectors 17–256). */
function isTagOrSelector(low: number): boolean {
  return (low >= 0xdc00 && low <= 0xdc7f) || (low >= 0xdd00 && low <= 0xddef);
}

function endOfInvisible(text: string, start: number): number {
  let index = start;
  while (index < text.length) {
    const unit = text.charCodeAt(index);
    if (isInvisible(unit)) index++;
    else if (unit === 0xdb40 && isTagOrSelector(text.charCodeAt(index + 1))) index += 2;
    else break;
  }
  return index;
}

/** End of a flag of tag characters that starts here, 0 when there is none. */
function flagAt(text: string, index: number): number {
  if (text.charCodeAt(index - 1) !== 0xdff4 || text.charCodeAt(index - 2) !== 0xd83c) return 0;
  const flag = flags.find((one) => text.startsWith(one, index));
  return flag === undefined ? 0 : index + flag.length;
}

/** True for the joiners and selectors that scripts and emoji need: one joiner or one variation selector after such a character. */
function belongs(text: string, start: number, end: number): boolean {
  const before = text.charCodeAt(start - 1);
  const unit = text.charCodeAt(start);
  const isEmoji = (before >= 0xdc00 && before <= 0xdfff) || (before >= 0x203c && before <= 0x3299);
  const isKeycap = text.charCodeAt(end) === 0x20e3;
  const joins = /[\u0600-\u0fff\u1780-\u17ff]/.test(text[start - 1] ?? '');
  if (end - start === 1) {
    if (unit === 0x200c) return joins;
    if (unit === 0x200d) return joins || isEmoji;
    return (
      unit >= 0xfe00 && unit <= 0xfe0f && (isEmoji || isKeycap || (before >= 0x1800 && before <= 0xd7ff))
    );
  }
  // A CJK ideograph with its registered variant, or an emoji with presentation selector and joiner.
  if (end - start === 2 && unit === 0xdb40) return before >= 0x3400 && before <= 0x9fff;
  return end - start === 2 && unit === 0xfe0f && text.charCodeAt(start + 1) === 0x200d && isEmoji;
}

/** What a run of invisible characters says when it is read as tags, selector bytes or bits; empty when it says nothing. */
function smuggled(text: string, start: number, end: number): string {
  let tags = '';
  const bytes: number[] = [];
  const bits = new Map<number, number>();
  for (let index = start; index < end; index++) {
    const unit = text.charCodeAt(index);
    if (unit === 0xdb40) {
      const low = text.charCodeAt(++index);
      if (low >= 0xdc20 && low <= 0xdc7e) tags += String.fromCharCode(low - 0xdc00);
      else if (low >= 0xdd00) bytes.push(low - 0xdd00 + 16);
    } else if (unit >= 0xfe00 && unit <= 0xfe0f) bytes.push(unit - 0xfe00);
    else bits.set(unit, (bits.get(unit) ?? 0) + 1);
  }
  if (tags !== '') return tags;
  if (bytes.length > 1) return readable(Uint8Array.from(bytes)) ?? '';
  if (bits.size !== 2 || end - start < 16) return '';
  const [one, other] = [...bits.keys()].sort((left, right) => left - right);
  return readBits(text, start, end, other!) ?? readBits(text, start, end, one!) ?? '';
}

function readBits(text: string, start: number, end: number, set: number): string | undefined {
  const bytes = new Uint8Array((end - start) >> 3);
  for (let index = 0; index < bytes.length * 8; index++) {
    if (text.charCodeAt(start + index) === set) bytes[index >> 3]! |= 128 >> (index & 7);
  }
  return readable(bytes);
}

function endOfMarks(text: string, start: number): number {
  let index = start;
  while (isMark(text.charCodeAt(index))) index++;
  return index;
}

function isMark(unit: number): boolean {
  return (
    (unit >= 0x0300 && unit <= 0x036f) ||
    (unit >= 0x1ab0 && unit <= 0x1aff) ||
    (unit >= 0x20d0 && unit <= 0x20ef)
  );
}

/** NFKC of single units, by pages of 256, filled when first met. `''` stands for "as it is". */
const pages: (string[] | undefined)[] = [];

function foldUnit(unit: number): string | undefined {
  const page = (pages[unit >> 8] ??= foldPage(unit >> 8));
  return page[unit & 255] === '' ? undefined : page[unit & 255];
}

function foldPage(page: number): string[] {
  return Array.from({ length: 256 }, (_, low) => {
    const unit = (page << 8) | low;
    if (unit >= 0xd800 && unit <= 0xdfff) return '';
    if (unit === 0x2028 || unit === 0x2029 || unit === 0x85) return '\n';
    const letter = String.fromCharCode(unit);
    const plain = letter.normalize('NFKC');
    return plain === letter ? '' : plain;
  });
}

/** Mathematical letters by NFKC; white-on-black letters, which Unicode leaves alone, by their place in the block. */
function foldAstral(point: number): string | undefined {
  if (point >= 0x1f150 && point <= 0x1f169) return String.fromCharCode(65 + point - 0x1f150);
  if (point >= 0x1f170 && point <= 0x1f189) return String.fromCharCode(65 + point - 0x1f170);
  if ((point < 0x1d400 || point > 0x1d7ff) && (point < 0x1f100 || point > 0x1f14f)) return undefined;
  const letter = String.fromCodePoint(point);
  const plain = letter.normalize('NFKC');
  return plain === letter ? undefined : plain;
}

const foreignLetter = /[\u0131\u0180-\u02af\u0370-\u058f\u13a0-\u13ff\u1d00-\u1dbf\ua700-\ua7ff]/;
const word = /[\p{L}\p{M}]+/gu;
const latin = /[A-Za-z]/;

/**
 * Words that mix Latin with look-alikes of other scripts, and words made only of look-alikes where the words around are
 * Latin. A Russian or Greek word in its own sentence stays as it is.
 */
function foldMixedWords(text: string): Rewrite | undefined {
  if (!foreignLetter.test(text) || !latin.test(text)) return undefined;
  const rewriter = new Rewriter(text);
  const mostlyLatin = isMostlyLatin(text);
  let around = mostlyLatin;
  for (const { 0: found, index } of text.matchAll(word)) {
    const isLatin = latin.test(found);
    if (!foreignLetter.test(found)) {
      around = isLatin;
      continue;
    }
    const skeleton = skeletonOf(found);
    const mixed = isLatin && /[A-Za-z]{2}/.test(skeleton);
    const lookalike = !isLatin && mostlyLatin && around && /^[A-Za-z]+$/.test(skeleton);
    if (mixed || lookalike) rewriter.replace(index, index + found.length, skeleton);
    else if (!isLatin) around = false;
  }
  return rewriter.finish();
}

/** Same length as the word: one unit for one unit. */
function skeletonOf(text: string): string {
  let skeleton = '';
  for (let index = 0; index < text.length; index++) {
    skeleton += lookAlike(text.charCodeAt(index)) ?? text[index]!;
  }
  return skeleton;
}

function isMostlyLatin(text: string): boolean {
  let balance = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if ((unit | 32) >= 97 && (unit | 32) <= 122) balance++;
    else if (unit >= 0x0370 && unit <= 0x058f) balance--;
  }
  return balance > 0;
}
