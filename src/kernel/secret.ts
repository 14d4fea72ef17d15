import { inspect } from 'node:util';

const hidden = '[secret]';

/** A value that prints as `[secret]` in logs, JSON and errors. `reveal()` is the one word to grep for. */
export class Secret<T = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [inspect.custom](): string {
    return hidden;
  }
}
