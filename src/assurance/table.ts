export type Tint = 'red' | 'green' | 'yellow' | 'cyan';

const codes: Record<Tint, number> = { red: 31, green: 32, yellow: 33, cyan: 36 };

/** A word in colour where colour is allowed. */
export function tinted(word: string, tint: Tint | undefined, color: boolean): string {
  return color && tint ? `\u001b[${codes[tint]}m${word}\u001b[39m` : word;
}

// oxlint-disable-next-line no-control-regex -- the escapes that `tinted` writes
const escapes = /\u001b\[\d+m/g;

const width = (cell: string): number => Array.from(cell.replace(escapes, '')).length;

/** Lines of a table: columns as wide as their widest cell, the last one as long as it is. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((cell, column) =>
    Math.max(width(cell), ...rows.map((row) => width(row[column] ?? ''))),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column === cells.length - 1 ? cell : cell + ' '.repeat(widths[column]! - width(cell)),
      )
      .join('  ')
      .trimEnd();
  return [
    line(head),
    line(widths.map((one, column) => '─'.repeat(column === head.length - 1 ? Math.min(one, 40) : one))),
    ...rows.map(line),
  ];
}
