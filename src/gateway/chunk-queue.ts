import type { FlowControl } from './upstream.ts';

/** Bytes that may wait before the sender is told to stop. */
const highWater = 256 * 1024;

/** Chunks of an answer between the socket that brings them and the code that decides them. */
export class ChunkQueue {
  /** Tells the sender to stop and go on; set once there is a sender. */
  flow: FlowControl | undefined;
  #chunks: Buffer[] = [];
  #size = 0;
  #ended = false;
  #error: unknown;
  #paused = false;
  #wake: (() => void) | undefined;

  /** Bytes that wait. */
  get size(): number {
    return this.#size;
  }

  push(chunk: Buffer): void {
    if (this.#ended) return;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size > highWater && !this.#paused) {
      this.#paused = true;
      this.flow?.pause();
    }
    this.#notify();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** Ends with an error at once; what still waits is dropped. */
  fail(error: unknown): void {
    if (this.#ended && this.#error !== undefined) return;
    this.#ended = true;
    this.#error = error;
    this.#chunks = [];
    this.#notify();
  }

  /** The next bytes (all that wait), undefined at the end. */
  async take(): Promise<Buffer | undefined> {
    for (;;) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#chunks.length > 0) {
        const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
        this.#chunks = [];
        this.#size = 0;
        if (this.#paused) {
          this.#paused = false;
          this.flow?.resume();
        }
        return bytes;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
