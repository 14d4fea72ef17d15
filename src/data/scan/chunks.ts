import { CsvSplitter } from './formats/csv.ts';
import type { Format } from './formats/format.ts';
import { JsonSplitter } from './formats/json.ts';
import { LineSplitter } from './formats/text.ts';

/** Whole records of a stream, ready to be handed to a thread. */
export interface Chunk {
  bytes: Uint8Array<ArrayBuffer>;
  /** The stream begins here. */
  first: boolean;
  /** A record was longer than the limit and was cut. */
  cut: boolean;
}

export const chunkLimits = {
  /** Bytes from which a chunk is handed on. */
  size: 512 * 1024,
  /** Longest record in bytes; a longer one is cut, so that memory stays bounded. */
  record: 8 * 1024 ** 2,
};

interface Splitter {
  feed(block: Uint8Array): number;
  restart(): void;
}

function splitterFor(format: Format): Splitter {
  switch (format.kind) {
    case 'csv':
      return new CsvSplitter(format.dialect);
    case 'json':
      return new JsonSplitter();
    default:
      return new LineSplitter();
  }
}

/** Cuts a stream between records, in pieces of about `size` bytes. */
export async function* chunksOf(
  stream: AsyncIterable<Uint8Array>,
  format: Format,
  { size, record } = chunkLimits,
): AsyncGenerator<Chunk> {
  const splitter = splitterFor(format);
  let parts: Uint8Array[] = [];
  let held = 0;
  /** Units of what is held that are whole records. */
  let whole = 0;
  let first = true;

  const take = (length: number, cut: boolean): Chunk => {
    const bytes = joined(parts, held);
    const rest = bytes.slice(length);
    parts = rest.length > 0 ? [rest] : [];
    held = rest.length;
    whole = 0;
    const chunk = { bytes: bytes.slice(0, length), first, cut };
    first = false;
    return chunk;
  };

  for await (const block of stream) {
    for (let at = 0; at < block.length; at += size) {
      const piece = block.subarray(at, at + size);
      const end = splitter.feed(piece);
      if (end > 0) whole = held + end;
      parts.push(piece);
      held += piece.length;
      if (whole >= size || (whole > 0 && held >= record)) yield take(whole, false);
      else if (held >= record) {
        splitter.restart();
        yield take(characterEnd(parts, held), true);
      }
    }
  }
  if (held > 0) yield take(held, false);
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Length without the beginning of a UTF-8 character that the last bytes may be. */
function characterEnd(parts: readonly Uint8Array[], held: number): number {
  const last = parts.at(-1)!;
  let back = 0;
  while (back < 3 && back < last.length - 1 && (last[last.length - 1 - back]! & 0xc0) === 0x80) back += 1;
  return (last[last.length - 1 - back]! & 0xc0) === 0xc0 ? held - back - 1 : held;
}
