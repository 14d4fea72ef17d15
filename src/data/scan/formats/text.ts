/** Lines end at LF: for JSON Lines and text. */
export class LineSplitter {
  /** Offset behind the last line that ends in this block, 0 when none does. */
  feed(block: Uint8Array): number {
    return block.lastIndexOf(10) + 1;
  }

  restart(): void {
    // A line has no state.
  }
}

/** A passage of a text: lines up to an empty one, or up to the limit. */
export interface Passage {
  text: string;
  /** Offset in the text, UTF-16 units. */
  start: number;
  /** From 1. */
  line: number;
}

/** Longest passage in UTF-16 units. Keys and certificates have no empty line within and are far shorter. */
const longest = 6_000;

/** Cuts a text into passages at empty lines. Together they hold every line that says something. */
export function* passages(text: string, firstLine = 1): Generator<Passage> {
  let line = firstLine;
  let start = -1;
  let startLine = line;
  let at = 0;
  while (at < text.length) {
    const lf = text.indexOf('\n', at);
    let end = lf < 0 ? text.length : lf;
    const blank = isBlank(text, at, end);
    if (blank && start >= 0) {
      yield { text: text.slice(start, at), start, line: startLine };
      start = -1;
    } else if (!blank && start < 0) {
      start = at;
      startLine = line;
    }
    if (start >= 0 && end - start > longest) {
      if (at > start && at - start > longest / 2) {
        yield { text: text.slice(start, at), start, line: startLine };
        start = at;
        startLine = line;
      }
      // One line longer than a passage is cut at a space, with nothing of it left out.
      while (end - start > longest) {
        const space = text.lastIndexOf(' ', start + longest);
        let cut = space > start + longest / 2 ? space + 1 : start + longest;
        if (cut < end && text.charCodeAt(cut) >= 0xdc00 && text.charCodeAt(cut) <= 0xdfff) cut += 1;
        yield { text: text.slice(start, cut), start, line: startLine };
        start = cut;
        startLine = line;
      }
    }
    at = end + 1;
    line += 1;
  }
  if (start >= 0 && start < text.length) yield { text: text.slice(start), start, line: startLine };
}

function isBlank(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (text.charCodeAt(at) > 32) return false;
  return true;
}
