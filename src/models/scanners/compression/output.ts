import { LimitExceeded, Malformed } from '../contract.ts';

/** Bytes that grow up to a bound, and can repeat what is already there. */
export class Output {
  readonly #most: number;
  #buffer: Buffer = Buffer.allocUnsafe(65_536);
  length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  #room(count: number): void {
    const wanted = this.length + count;
    if (wanted > this.#most) throw new LimitExceeded(`unpacks to more than ${this.#most} bytes`);
    if (wanted <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.min(this.#most, Math.max(wanted, this.#buffer.length * 2)));
    this.#buffer.copy(larger, 0, 0, this.length);
    this.#buffer = larger;
  }

  byte(value: number): void {
    this.#room(1);
    this.#buffer[this.length++] = value;
  }

  /** The byte `distance` back; 0 before the start. */
  back(distance: number): number {
    return distance <= this.length ? this.#buffer[this.length - distance]! : 0;
  }

  copy(bytes: Buffer): void {
    this.#room(bytes.length);
    bytes.copy(this.#buffer, this.length);
    this.length += bytes.length;
  }

  repeat(distance: number, count: number): void {
    if (distance === 0 || distance > this.length) throw new Malformed(0, 'a match begins before the data');
    this.#room(count);
    for (let index = 0; index < count; index++) {
      this.#buffer[this.length] = this.#buffer[this.length - distance]!;
      this.length += 1;
    }
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }
}
