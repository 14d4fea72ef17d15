/** Longest sample in units. */
const longest = 64;

/** The shape of a value without the value: first character, then `x` for letters and `#` for digits. */
export function masked(value: string): string {
  const shown = value.length > longest ? `${value.slice(0, longest)}…` : value;
  const [first = ''] = shown;
  return (
    first + shown.slice(first.length).replace(/\p{L}/gu, 'x').replace(/\p{N}/gu, '#').replace(/\s+/g, ' ')
  );
}

/** Of a secret only the kind of its beginning and the length. */
export function maskedSecret(value: string): string {
  return `${value.slice(0, Math.min(4, value.length >> 3))}…(${value.length})`;
}

/** An instruction as it stands, with everything personal in it masked and what is invisible written out. */
export function excerpt(
  text: string,
  start: number,
  end: number,
  hide: readonly { start: number; end: number }[],
): string {
  let shown = '';
  const stop = Math.min(end, start + 160);
  for (let at = start; at < stop;) {
    const inside = hide.find((span) => span.start <= at && at < span.end);
    const to = inside
      ? Math.min(stop, inside.end)
      : Math.min(stop, ...hide.filter((span) => span.start > at).map((span) => span.start));
    shown += inside ? masked(text.slice(at, to)) : text.slice(at, to);
    at = to;
  }
  return visible(shown).replace(/\d{4,}/g, (digits) => '#'.repeat(digits.length)) + (stop < end ? '…' : '');
}

const hidden = /[\p{Cf}\p{Cc}\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu;

/** Control and format characters by their numbers: what is printed to a terminal must not act on it. */
export function visible(text: string): string {
  return text.replace(/\s+/g, ' ').replace(hidden, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
}
