// BLAKE3, hash mode only, from its specification (O'Connor, Aumasson, Neves, Wilcox-O'Hearn, 2020). The slow way, used
// where the native package is absent: signatures of others stay verifiable.

const iv = Uint32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);
const permutation = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
const chunkStart = 1;
const chunkEnd = 2;
const parent = 4;
const root = 8;
const blockBytes = 64;
const chunkBytes = 1024;

/** Message word order of the seven rounds. */
const schedule = [Array.from({ length: 16 }, (_, i) => i)];
while (schedule.length < 7) schedule.push(permutation.map((at) => schedule.at(-1)![at]!));

function mix(v: Uint32Array, a: number, b: number, c: number, d: number, x: number, y: number): void {
  v[a] = v[a]! + v[b]! + x;
  let t = v[d]! ^ v[a];
  v[d] = (t >>> 16) | (t << 16);
  v[c] = v[c]! + v[d];
  t = v[b]! ^ v[c];
  v[b] = (t >>> 12) | (t << 20);
  v[a] = v[a] + v[b] + y;
  t = v[d] ^ v[a];
  v[d] = (t >>> 8) | (t << 24);
  v[c] = v[c] + v[d];
  t = v[b] ^ v[c];
  v[b] = (t >>> 7) | (t << 25);
}

/** The first half of the compression function's output: eight words. */
function compress(
  chaining: Uint32Array,
  block: Uint32Array,
  counter: number,
  length: number,
  flags: number,
): Uint32Array {
  const v = new Uint32Array(16);
  v.set(chaining);
  v.set(iv.subarray(0, 4), 8);
  v[12] = counter;
  v[13] = Math.floor(counter / 2 ** 32);
  v[14] = length;
  v[15] = flags;
  for (const m of schedule) {
    mix(v, 0, 4, 8, 12, block[m[0]!]!, block[m[1]!]!);
    mix(v, 1, 5, 9, 13, block[m[2]!]!, block[m[3]!]!);
    mix(v, 2, 6, 10, 14, block[m[4]!]!, block[m[5]!]!);
    mix(v, 3, 7, 11, 15, block[m[6]!]!, block[m[7]!]!);
    mix(v, 0, 5, 10, 15, block[m[8]!]!, block[m[9]!]!);
    mix(v, 1, 6, 11, 12, block[m[10]!]!, block[m[11]!]!);
    mix(v, 2, 7, 8, 13, block[m[12]!]!, block[m[13]!]!);
    mix(v, 3, 4, 9, 14, block[m[14]!]!, block[m[15]!]!);
  }
  const out = new Uint32Array(8);
  for (let i = 0; i < 8; i += 1) out[i] = v[i]! ^ v[i + 8]!;
  return out;
}

function words(bytes: Buffer): Uint32Array {
  const block = new Uint32Array(16);
  const padded =
    bytes.length === blockBytes ? bytes : Buffer.concat([bytes, Buffer.alloc(blockBytes - bytes.length)]);
  for (let i = 0; i < 16; i += 1) block[i] = padded.readUInt32LE(4 * i);
  return block;
}

function chunkValue(chunk: Buffer, counter: number, finalFlags: number): Uint32Array {
  let value: Uint32Array = iv;
  for (let at = 0; at === 0 || at < chunk.length; at += blockBytes) {
    const block = chunk.subarray(at, at + blockBytes);
    const last = at + blockBytes >= chunk.length;
    const flags = (at === 0 ? chunkStart : 0) | (last ? chunkEnd | finalFlags : 0);
    value = compress(value, words(block), counter, block.length, flags);
  }
  return value;
}

function parentValue(left: Uint32Array, right: Uint32Array, flags: number): Uint32Array {
  const block = new Uint32Array(16);
  block.set(left);
  block.set(right, 8);
  return compress(iv, block, 0, blockBytes, parent | flags);
}

/** Streaming BLAKE3 with a 32-byte output. */
export class Blake3 {
  /** Values of complete subtrees, largest first; their sizes are the bits of the number of chunks. */
  readonly #stack: Uint32Array[] = [];
  #chunks = 0;
  #pending = Buffer.alloc(0);

  update(bytes: Uint8Array): this {
    let rest = Buffer.concat([this.#pending, bytes]);
    // The last chunk stays: only the end tells whether it is the root.
    while (rest.length > chunkBytes) {
      this.#push(chunkValue(rest.subarray(0, chunkBytes), this.#chunks, 0));
      rest = rest.subarray(chunkBytes);
    }
    this.#pending = Buffer.from(rest);
    return this;
  }

  digest(): Buffer {
    let value = chunkValue(this.#pending, this.#chunks, this.#stack.length === 0 ? root : 0);
    for (let at = this.#stack.length - 1; at >= 0; at -= 1) {
      value = parentValue(this.#stack[at]!, value, at === 0 ? root : 0);
    }
    const out = Buffer.alloc(32);
    value.forEach((word, i) => out.writeUInt32LE(word, 4 * i));
    return out;
  }

  #push(chunk: Uint32Array): void {
    this.#chunks += 1;
    let value = chunk;
    for (let total = this.#chunks; total % 2 === 0; total /= 2) {
      value = parentValue(this.#stack.pop()!, value, 0);
    }
    this.#stack.push(value);
  }
}
