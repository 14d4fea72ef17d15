import { readSync } from 'node:fs';

/** Bytes by position, in memory or in a file. Reads are clamped to the end: a short answer means the end was reached. */
export interface Source {
  readonly size: number;
  read(start: number, length: number): Buffer;
  slice(start: number, end: number): Source;
}

export function bytesSource(bytes: Uint8Array): Source {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    size: buffer.length,
    read: (start, length) => buffer.subarray(Math.max(0, start), Math.max(0, start) + Math.max(0, length)),
    slice: (start, end) => bytesSource(buffer.subarray(Math.max(0, start), Math.max(0, end))),
  };
}

const window = 256 * 1024;

/** An open file. Small reads come from a window, so that headers cost one system call. */
export function fileSource(descriptor: number, size: number): Source {
  let held: Buffer = Buffer.alloc(0);
  let heldAt = 0;
  const load = (start: number, length: number): Buffer => {
    const buffer = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const got = readSync(descriptor, buffer, filled, length - filled, start + filled);
      if (got === 0) break;
      filled += got;
    }
    return buffer.subarray(0, filled);
  };
  const read = (start: number, length: number): Buffer => {
    const from = Math.min(Math.max(0, start), size);
    const wanted = Math.max(0, Math.min(length, size - from));
    if (wanted > window) return load(from, wanted);
    if (from < heldAt || from + wanted > heldAt + held.length) {
      held = load(from, Math.min(window, size - from));
      heldAt = from;
    }
    return held.subarray(from - heldAt, from - heldAt + wanted);
  };
  return { size, read, slice: (start, end) => sliceOf({ size, read }, start, end) };
}

function sliceOf(parent: Pick<Source, 'size' | 'read'>, start: number, end: number): Source {
  const from = Math.min(Math.max(0, start), parent.size);
  const size = Math.max(0, Math.min(end, parent.size) - from);
  const own = {
    size,
    read: (at: number, length: number) =>
      parent.read(from + Math.max(0, at), Math.max(0, Math.min(length, size - Math.max(0, at)))),
  };
  return { ...own, slice: (at, to) => sliceOf(own, at, to) };
}

/** Reads forward and throws nothing: `undefined` or a short buffer at the end. */
export class Cursor {
  position: number;
  readonly source: Source;
  #window: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(source: Source, position = 0) {
    this.source = source;
    this.position = position;
  }

  byte(): number | undefined {
    const at = this.position - this.#at;
    if (at >= 0 && at < this.#window.length) {
      this.position += 1;
      return this.#window[at];
    }
    if (this.position >= this.source.size) return undefined;
    this.#at = this.position;
    this.#window = this.source.read(this.position, window);
    if (this.#window.length === 0) return undefined;
    this.position += 1;
    return this.#window[0];
  }

  take(length: number): Buffer {
    const at = this.position - this.#at;
    const taken =
      at >= 0 && at + length <= this.#window.length
        ? this.#window.subarray(at, at + length)
        : this.source.read(this.position, length);
    this.position += taken.length;
    return taken;
  }

  /** Up to the next line feed, without it; undefined when none comes within `longest` bytes. */
  line(longest = 1024 * 1024): Buffer | undefined {
    const from = this.position - this.#at;
    if (from >= 0 && from < this.#window.length) {
      const found = this.#window.indexOf(10, from);
      if (found >= 0 && found - from <= longest) {
        this.position += found - from + 1;
        return this.#window.subarray(from, found);
      }
    }
    for (let size = 256; ; size *= 8) {
      const piece = this.source.read(this.position, Math.min(size, longest));
      const end = piece.indexOf(10);
      if (end >= 0) {
        this.position += end + 1;
        return piece.subarray(0, end);
      }
      if (piece.length < size) return undefined;
    }
  }
}
