/** The part of Markdown that our READMEs use, as a tree. Everything else stays the text it is; no HTML passes. */
export type Block =
  | { kind: 'heading'; level: number; spans: Span[] }
  | { kind: 'paragraph'; spans: Span[] }
  | { kind: 'list'; items: Span[][] }
  | { kind: 'code'; text: string }
  | { kind: 'table'; head: Span[][]; rows: Span[][][] };

export type Span =
  | { kind: 'text' | 'code' | 'strong' | 'emphasis'; text: string }
  | { kind: 'link'; text: string; href: string };

export function parseMarkdown(source: string): Block[] {
  const lines = source.replaceAll('\r\n', '\n').split('\n');
  const blocks: Block[] = [];
  let at = 0;
  const take = (fits: (line: string) => boolean): string[] => {
    const taken: string[] = [];
    while (at < lines.length && fits(lines[at]!)) taken.push(lines[at++]!);
    return taken;
  };
  while (at < lines.length) {
    const line = lines[at]!;
    if (line.trim() === '') {
      at += 1;
    } else if (line.startsWith('```')) {
      at += 1;
      blocks.push({ kind: 'code', text: take((one) => !one.startsWith('```')).join('\n') });
      at += 1;
    } else if (/^#{1,6} /.test(line)) {
      at += 1;
      const level = line.indexOf(' ');
      blocks.push({ kind: 'heading', level, spans: parseSpans(line.slice(level + 1).trim()) });
    } else if (isItem(line)) {
      const items: string[] = [];
      for (const one of take((next) => isItem(next) || /^\s+\S/.test(next))) {
        if (isItem(one)) items.push(one.replace(/^\s*(?:[-*]|\d+\.)\s+/, ''));
        else items[items.length - 1] += ` ${one.trim()}`;
      }
      blocks.push({ kind: 'list', items: items.map(parseSpans) });
    } else if (line.startsWith('|')) {
      const [head, , ...rows] = take((one) => one.startsWith('|')).map(cells);
      blocks.push({
        kind: 'table',
        head: head!.map(parseSpans),
        rows: rows.map((row) => row.map(parseSpans)),
      });
    } else {
      const text = take((one) => one.trim() !== '' && !/^(?:#{1,6} |```|\|)/.test(one) && !isItem(one));
      blocks.push({ kind: 'paragraph', spans: parseSpans(text.map((one) => one.trim()).join(' ')) });
    }
  }
  return blocks;
}

function isItem(line: string): boolean {
  return /^\s*(?:[-*]|\d+\.)\s+\S/.test(line);
}

function cells(row: string): string[] {
  return row
    .replace(/^\|/, '')
    .replace(/\|\s*$/, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

const marks = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\][]+)\]\(([^()\s]+)\)/g;

/** Only `https:` links stay links: a README cannot carry a script into the console. */
export function parseSpans(text: string): Span[] {
  const spans: Span[] = [];
  let end = 0;
  for (const match of text.matchAll(marks)) {
    if (match.index > end) spans.push({ kind: 'text', text: text.slice(end, match.index) });
    const [whole, code, strong, emphasis, label, href] = match;
    if (code !== undefined) spans.push({ kind: 'code', text: code });
    else if (strong !== undefined) spans.push({ kind: 'strong', text: strong });
    else if (emphasis !== undefined) spans.push({ kind: 'emphasis', text: emphasis });
    else if (href!.startsWith('https://')) spans.push({ kind: 'link', text: label!, href: href! });
    else spans.push({ kind: 'text', text: label! });
    end = match.index + whole.length;
  }
  if (end < text.length) spans.push({ kind: 'text', text: text.slice(end) });
  return spans;
}
