import { aesGcm, chunkBytes, chunkCipher, maxChunks, sealedBytes } from './chunks.ts';
import { damaged, headerBytes, type ObjectKeys } from './container.ts';
import { Problem } from '../../kernel/problem.ts';

/** Chunks of `size` bytes, the last one marked. An empty source has one empty chunk. */
async function* chunked(
  source: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<{ chunk: Buffer; last: boolean }> {
  let waiting: Buffer[] = [];
  let held = 0;
  for await (const piece of source) {
    waiting.push(asBuffer(piece));
    held += piece.length;
    // One byte more than a chunk must be there: only then is it known not to be the last.
    if (held <= size) continue;
    const all = waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting);
    let at = 0;
    for (; all.length - at > size; at += size) yield { chunk: all.subarray(at, at + size), last: false };
    waiting = [all.subarray(at)];
    held = all.length - at;
  }
  yield { chunk: waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting), last: true };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The chunks of a container, without its header. Holds one chunk and one piece of the source at a time. */
export async function* sealStream(
  source: AsyncIterable<Uint8Array>,
  keys: ObjectKeys,
): AsyncGenerator<Buffer> {
  const cipher = chunkCipher(keys, aesGcm);
  let index = 0;
  for await (const { chunk, last } of chunked(source, chunkBytes)) {
    if (index === maxChunks) throw new Problem('TOO_LARGE', { detail: 'a container holds at most 256 TiB' });
    yield* cipher.seal(chunk, index, last);
    index += 1;
  }
}

/**
 * The plaintext of the chunks of a container. Every chunk is verified before a byte of it is given; that the object is
 * complete is known when the generator ends without a throw.
 * @throws Problem OBJECT_DAMAGED at the first chunk that is not as it was sealed
 */
export async function* openStream(
  source: AsyncIterable<Uint8Array>,
  keys: ObjectKeys,
): AsyncGenerator<Buffer> {
  const cipher = chunkCipher(keys, aesGcm);
  let index = 0;
  for await (const { chunk, last } of chunked(source, sealedBytes)) {
    const plain = cipher.open(chunk, index, last);
    if (!plain || (plain.length === 0 && index > 0)) throw damagedChunk(index);
    yield plain;
    index += 1;
  }
}

/** Names the chunk and where its plaintext would begin. */
export function damagedChunk(index: number): Problem {
  return damaged(
    `chunk ${index}, which holds the bytes from ${index * chunkBytes} on, was changed, moved or cut off`,
    'Restore it from a copy.',
  );
}

/** Takes the header off a stream: its bytes, and a stream of the rest. Fewer bytes come back when the stream ends early. */
export async function takeHeader(
  source: AsyncIterable<Uint8Array>,
): Promise<{ header: Buffer; rest: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const pieces: Buffer[] = [];
  let held = 0;
  while (held < headerBytes) {
    const step = await iterator.next();
    if (step.done) break;
    pieces.push(asBuffer(step.value));
    held += step.value.length;
  }
  const all = Buffer.concat(pieces);
  async function* rest(): AsyncGenerator<Uint8Array> {
    try {
      if (all.length > headerBytes) yield all.subarray(headerBytes);
      for (let step = await iterator.next(); !step.done; step = await iterator.next()) yield step.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { header: all.subarray(0, headerBytes), rest: rest() };
}

/** Seals what is in memory; for small things and for measurements. */
export function sealBytes(plain: Uint8Array, keys: ObjectKeys): Buffer[] {
  const cipher = chunkCipher(keys, aesGcm);
  const sealed: Buffer[] = [];
  const count = Math.max(1, Math.ceil(plain.length / chunkBytes));
  for (let index = 0; index < count; index += 1) {
    const chunk = plain.subarray(index * chunkBytes, (index + 1) * chunkBytes);
    sealed.push(...cipher.seal(chunk, index, index === count - 1));
  }
  return sealed;
}

/** Opens what is in memory. @throws Problem OBJECT_DAMAGED as `openStream` does */
export function openBytes(chunks: Uint8Array, keys: ObjectKeys): Buffer[] {
  const cipher = chunkCipher(keys, aesGcm);
  const opened: Buffer[] = [];
  const count = Math.max(1, Math.ceil(chunks.length / sealedBytes));
  for (let index = 0; index < count; index += 1) {
    const chunk = chunks.subarray(index * sealedBytes, (index + 1) * sealedBytes);
    const plain = cipher.open(chunk, index, index === count - 1);
    if (!plain || (plain.length === 0 && index > 0)) throw damagedChunk(index);
    opened.push(plain);
  }
  return opened;
}
