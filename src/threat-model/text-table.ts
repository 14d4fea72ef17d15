/** Colours of the terminal, or nothing. */
export interface Paint {
  (style: 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan' | 'magenta', text: string): string;
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, magenta: 35, cyan: 36 } as const;

export function painter(color: boolean): Paint {
  return (style, text) => (color ? `\u001b[${codes[style]}m${text}\u001b[0m` : text);
}

const escapes = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');
/** Columns that a text takes on a terminal, without its colours. */
const width = (text: string) => Array.from(text.replace(escapes, '')).length;

/** Cuts to a width with an ellipsis. For text without colours. */
export function cut(text: string, columns: number): string {
  const units = Array.from(text);
  return units.length <= columns ? text : `${units.slice(0, Math.max(0, columns - 1)).join('')}…`;
}

/** Breaks into lines of at most `columns` at blanks. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line && width(line) + 1 + width(word) > columns) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  if (line) lines.push(line);
  return lines;
}

/** Aligned columns with a dim head. The widest columns give way until all fit. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  paint: Paint,
  columns = 100,
): string[] {
  const widths = head.map((title, index) =>
    Math.max(width(title), ...rows.map((row) => width(row[index] ?? ''))),
  );
  const gap = 2;
  for (;;) {
    const excess = widths.reduce((sum, one) => sum + one + gap, -gap) - columns;
    if (excess <= 0) break;
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= 8) break;
    widths[widest] = Math.max(8, widths[widest]! - excess);
  }
  const print = (row: readonly string[], style: (text: string) => string) =>
    row
      .map((cell, index) => {
        const shown = width(cell) > widths[index]! ? cut(cell.replace(escapes, ''), widths[index]!) : cell;
        return style(shown) + ' '.repeat(Math.max(0, widths[index]! - width(shown)));
      })
      .join(' '.repeat(gap))
      .trimEnd();
  return [print(head, (text) => paint('dim', text)), ...rows.map((row) => print(row, (text) => text))];
}
