/** Messages that wait for one slow reader before its oldest are dropped. */
const queueLimit = 1000;

/** Sends messages to whoever listens at the moment. */
export class Broadcast<T> {
  readonly #readers = new Set<{ queue: T[]; wake(): void; ended: boolean }>();

  send(message: T): void {
    for (const reader of this.#readers) {
      reader.queue.push(message);
      if (reader.queue.length > queueLimit) reader.queue.shift();
      reader.wake();
    }
  }

  end(): void {
    for (const reader of this.#readers) {
      reader.ended = true;
      reader.wake();
    }
  }

  async *follow(signal: AbortSignal): AsyncGenerator<T> {
    const reader = { queue: [] as T[], wake: (): void => {}, ended: signal.aborted };
    const stop = (): void => {
      reader.ended = true;
      reader.wake();
    };
    signal.addEventListener('abort', stop);
    this.#readers.add(reader);
    try {
      for (;;) {
        const next = reader.queue.shift();
        if (next !== undefined) yield next;
        else if (reader.ended) return;
        else
          await new Promise<void>((resolve) => {
            reader.wake = resolve;
          });
      }
    } finally {
      this.#readers.delete(reader);
      signal.removeEventListener('abort', stop);
    }
  }
}
