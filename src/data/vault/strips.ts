import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Problem } from '../../kernel/problem.ts';
import {
  aesGcm,
  chunkBytes,
  chunkCipher,
  sealedBytes,
  type ChunkCipher,
  type ChunkContext,
} from './chunks.ts';
import { headerBytes } from './container.ts';
import { damagedChunk } from './stream.ts';

/** A file, chunk by chunk, from one open descriptor to another. */
export interface Strips {
  mode: 'seal' | 'open';
  from: number;
  /** Without it, chunks are only verified. */
  to: number | undefined;
  chunks: number;
  /** Bytes of plaintext in all. */
  plain: number;
  context: ChunkContext;
}

/** Places in the array that threads share; `work` writes them as numbers. 0 is the next strip to be taken. */
const done = 1;
const stop = 2;

interface Job extends Strips {
  shared: SharedArrayBuffer;
  chunkBytes: number;
  sealedBytes: number;
  headerBytes: number;
}

type Outcome =
  | { kind: 'done' }
  | { kind: 'damaged'; index: number }
  | { kind: 'short' }
  | { kind: 'failed'; code: string };

/** Chunks that are read, sealed and written at once: 1 MiB. */
const chunksPerStrip = 16;
/** Below this a thread costs more than it brings. */
const bytesPerThread = 32 * 1024 * 1024;

/**
 * Takes strips until none is left. The place of a chunk in either file follows from its number, so threads need no order
 * among them and hold one strip each. Sent to worker threads as source text: it may use nothing from this module.
 */
function work(job: Job, cipherOf: (context: ChunkContext) => ChunkCipher, perStrip: number): Outcome {
  const fs = process.getBuiltinModule('node:fs');
  const { mode, from, to, chunks, plain, chunkBytes, sealedBytes, headerBytes } = job;
  const shared = new Int32Array(job.shared);
  const cipher = cipherOf(job.context);
  const sealing = mode === 'seal';
  const [inChunk, inBase] = sealing ? [chunkBytes, 0] : [sealedBytes, headerBytes];
  const [outChunk, outBase] = sealing ? [sealedBytes, headerBytes] : [chunkBytes, 0];
  const inTotal = sealing ? plain : plain + chunks * (sealedBytes - chunkBytes);
  const buffer = Buffer.allocUnsafeSlow(perStrip * inChunk);
  const strips = Math.ceil(chunks / perStrip);

  try {
    while (Atomics.load(shared, 2) === 0) {
      const strip = Atomics.add(shared, 0, 1);
      if (strip >= strips) break;
      const first = strip * perStrip;
      const count = Math.min(perStrip, chunks - first);
      const want = Math.min(count * inChunk, inTotal - first * inChunk);
      for (let got = 0; got < want;) {
        const n = fs.readSync(from, buffer, got, want - got, inBase + first * inChunk + got);
        if (n === 0) return { kind: 'short' };
        got += n;
      }
      const parts: Buffer[] = [];
      for (let n = 0; n < count; n += 1) {
        const chunk = buffer.subarray(n * inChunk, Math.min(want, (n + 1) * inChunk));
        const index = first + n;
        const last = index === chunks - 1;
        if (sealing) parts.push(...cipher.seal(chunk, index, last));
        else {
          const opened = cipher.open(chunk, index, last);
          if (!opened) return { kind: 'damaged', index };
          parts.push(opened);
        }
      }
      if (to !== undefined) {
        let at = outBase + first * outChunk;
        let rest = parts;
        while (rest.length > 0) {
          let written = fs.writevSync(to, rest, at);
          at += written;
          rest = rest.flatMap((part) => {
            const skip = Math.min(written, part.length);
            written -= skip;
            return skip === part.length ? [] : [part.subarray(skip)];
          });
        }
      }
      Atomics.add(shared, 1, count);
    }
    return { kind: 'done' };
  } catch (error) {
    return { kind: 'failed', code: (error as NodeJS.ErrnoException).code ?? String(error) };
  }
}

/** Threads for so many bytes, when nobody says. */
export function threadsFor(bytes: number): number {
  return Math.max(1, Math.min(availableParallelism(), 8, Math.floor(bytes / bytesPerThread)));
}

/**
 * Runs over all chunks: small objects here, larger ones in worker threads, so that the event loop stays free.
 * @throws Problem OBJECT_DAMAGED naming the chunk, CONFLICT when the file became shorter, STORE_FAILED when the disk refuses
 */
export async function runStrips(
  strips: Strips,
  { threads, onProgress }: { threads: number; onProgress?: (bytes: number) => void },
): Promise<void> {
  const shared = new SharedArrayBuffer(12);
  const view = new Int32Array(shared);
  const job: Job = { ...strips, shared, chunkBytes, sealedBytes, headerBytes };
  const bytesDone = (): number => Math.min(strips.plain, Atomics.load(view, done) * chunkBytes);
  if (strips.chunks <= chunksPerStrip) {
    settle(
      work(job, (context) => chunkCipher(context, aesGcm), chunksPerStrip),
      strips,
    );
    onProgress?.(bytesDone());
    return;
  }
  const source = `
    const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
    const cipherOf = (context) => (${chunkCipher.toString()})(context, ${aesGcm.toString()});
    parentPort.postMessage((${work.toString()})(workerData, cipherOf, ${chunksPerStrip}));`;
  const beat = onProgress && setInterval(() => onProgress(bytesDone()), 100);
  try {
    const outcomes = await Promise.all(
      Array.from({ length: threads }, async () => {
        const outcome = await inThread(source, job);
        if (outcome.kind !== 'done') Atomics.store(view, stop, 1);
        return outcome;
      }),
    );
    onProgress?.(bytesDone());
    // Of several, the earliest damage: what comes first in the file is what a person looks at.
    const bad = outcomes
      .filter(({ kind }) => kind !== 'done')
      .toSorted((a, b) => (a.kind === 'damaged' ? a.index : -1) - (b.kind === 'damaged' ? b.index : -1));
    settle(bad[0] ?? { kind: 'done' }, strips);
  } finally {
    clearInterval(beat);
  }
}

function inThread(source: string, job: Job): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(source, { eval: true, workerData: job });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a thread of the vault ended with ${code}`)));
  });
}

function settle(outcome: Outcome, { mode }: Strips): void {
  switch (outcome.kind) {
    case 'done':
      return;
    case 'damaged':
      throw damagedChunk(outcome.index);
    case 'short':
      throw new Problem('CONFLICT', {
        detail: `the file became shorter while it was ${mode === 'seal' ? 'encrypted' : 'decrypted'}`,
        fix: 'Try again when nothing else writes to it.',
      });
    case 'failed':
      throw new Problem('STORE_FAILED', {
        detail: `reading or writing failed: ${outcome.code}`,
        fix: outcome.code === 'ENOSPC' ? 'Make room on the disk.' : 'Check the disk and the file.',
      });
  }
}
