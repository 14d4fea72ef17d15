import { beginsAsText } from './base64.ts';
import { mostlyLetters, readable } from './printable.ts';
import { Rewriter, type Rewrite } from './view.ts';

/**
 * Every encoded run that decodes to readable text, decoded in its place: base64 and base64url, hexadecimal and binary
 * digits, percent signs, HTML entities, `\u` and `\x` escapes, quoted-printable. One level; callers repeat it.
 */
export function decode(text: string): Rewrite | undefined {
  const rewriter = new Rewriter(text);
  encoded.lastIndex = 0;
  for (let found = encoded.exec(text); found; found = encoded.exec(text)) {
    const plain = decodeRun(found[0]);
    if (plain !== undefined && plain !== found[0]) {
      rewriter.replace(found.index, found.index + found[0].length, plain);
    }
  }
  return rewriter.finish();
}

/**
 * Candidates. Each alternative begins with characters that its repetition does not take back, so the scan is linear:
 * escapes first, then digits in groups, then long runs of the base64 alphabet (wrapped lines of ≥ 60 included).
 */
const encoded = new RegExp(
  [
    String.raw`(?:&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z]{2,6});)+`,
    String.raw`(?:\\u\{[\da-fA-F]{1,6}\}|\\u[\da-fA-F]{4}|\\x[\da-fA-F]{2})+`,
    String.raw`(?:%[\da-fA-F]{2}[\w.~!*'()+-]{0,64}){2,}`,
    String.raw`(?:=[\dA-F]{2}){2,}|=\r?\n`,
    String.raw`(?<![\da-zA-Z])(?:0x)?(?:[\da-fA-F]{2}[ ,:]{1,2}(?:0x)?){7,}[\da-fA-F]{2}(?![\da-zA-Z])`,
    String.raw`(?<![01])(?:[01]{8} ?){3,}(?![01])`,
    String.raw`(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{60,}(?:\r?\n[A-Za-z0-9+/_-]{4,}){0,64}={0,2}`,
    String.raw`(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{12,59}={0,2}`,
  ].join('|'),
  'g',
);

function decodeRun(run: string): string | undefined {
  switch (run[0]) {
    case '&':
      return run.replace(entity, decodeEntity);
    case '\\':
      return decodeEscapes(run);
    case '%':
      return decodePercent(run);
    case '=':
      return run.includes('\n') ? '' : readable(hexBytes(run));
    default:
      break;
  }
  if (/^[01 ]+$/.test(run)) return readable(binaryBytes(run));
  if (/^[\da-fA-F, :x]+$/.test(run)) {
    const plain = readable(hexBytes(run.replaceAll('0x', '')));
    if (plain !== undefined) return plain;
  }
  return /[ ,:]/.test(run) ? undefined : decodeBase64(run);
}

const entity = /&(?:#(\d+)|#[xX]([\da-fA-F]+)|(\w+));/g;

const named: Record<string, string> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  colon: ':',
  comma: ',',
  period: '.',
  excl: '!',
  lpar: '(',
  rpar: ')',
  lsqb: '[',
  rsqb: ']',
  sol: '/',
  bsol: '\\',
  Tab: '\t',
};

function decodeEntity(whole: string, decimal?: string, hex?: string, name?: string): string {
  if (name !== undefined) return named[name] ?? whole;
  return character(decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal)) ?? whole;
}

function character(point: number): string | undefined {
  if (point > 0x10ffff || (point < 32 && point !== 9 && point !== 10 && point !== 13)) return undefined;
  return String.fromCodePoint(point);
}

function decodeEscapes(run: string): string {
  return run.replace(
    /\\(?:u\{([^}]+)\}|u(.{4})|x(.{2}))/g,
    (whole, long?: string, four?: string, two?: string) => {
      const point = Number.parseInt((long ?? four ?? two)!, 16);
      // Surrogate halves come in pairs and join again in the result.
      return (point >= 0xd800 && point <= 0xdfff ? String.fromCharCode(point) : character(point)) ?? whole;
    },
  );
}

function decodePercent(run: string): string | undefined {
  try {
    return decodeURIComponent(run.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

function hexBytes(run: string): Uint8Array {
  return Buffer.from(run.replace(/[^\da-fA-F]/g, ''), 'hex');
}

function binaryBytes(run: string): Uint8Array {
  const digits = run.replaceAll(' ', '');
  return Uint8Array.from({ length: digits.length >> 3 }, (_, index) =>
    Number.parseInt(digits.slice(index * 8, index * 8 + 8), 2),
  );
}

/** A plain word is of the base64 alphabet too: only runs that no word looks like, or that decode to clean text, count. */
function decodeBase64(run: string): string | undefined {
  if (!beginsAsText(run, 0, run.length)) return undefined;
  const body = run.replace(/[\r\n=]/g, '');
  if (body.length % 4 === 1) return undefined;
  const plain = readable(Buffer.from(body, 'base64'));
  return plain !== undefined && mostlyLetters(plain) ? plain : undefined;
}
