/** One short line of printable ASCII, so that evidence can go to terminals and logs. */
export function printable(text: string, longest = 120): string {
  let out = '';
  for (const character of text.slice(0, longest * 4)) {
    const code = character.codePointAt(0)!;
    const piece = code >= 0x20 && code < 0x7f ? character : escaped(code);
    if (out.length + piece.length > longest) return `${out}...`;
    out += piece;
  }
  return out;
}

function escaped(code: number): string {
  if (code === 10) return '\\n';
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}
