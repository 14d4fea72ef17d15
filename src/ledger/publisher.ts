import { Problem } from '../kernel/problem.ts';
import { openCheckpoint, parseCheckpoint } from './proof/checkpoint.ts';
import { Publication, type Head, type Source } from './publish.ts';
import type { Signer } from './signer.ts';
import { rangeRoot, type ReadTile } from './tree.ts';

/** Files follow the signed heads at this distance: each publication rewrites the tiles of the right edge. */
const publishEveryMs = 1000;
const publishEveryEntries = 4096;

export interface Publisher {
  publish(head: Head): void;
  settled(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Publishes heads one after the other, skipping those that were overtaken. The first is written with all it needs, after
 * what is there was compared with the log.
 * @throws Problem LEDGER_BROKEN when the published head is not one of this log
 */
export async function startPublisher(
  dir: string,
  source: Source,
  first: Head,
  signer: Signer,
  read: ReadTile,
  report: (error: unknown) => void,
): Promise<Publisher> {
  const publication = new Publication(dir, source);
  await compare(await publication.note(), first.size, signer, read);
  let next: Head | undefined = first;
  let whole = false;
  let last = first;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let publishedAt = 0;

  const run = async (head: Head): Promise<void> => {
    next = undefined;
    last = head;
    publishedAt = performance.now();
    try {
      if (whole) await publication.publish(head);
      else await publication.repair(head, signer.publicKeyPem);
      whole = true;
    } catch (error) {
      // Nothing is lost: the log is durable, and the next try brings the folder up to date.
      whole = false;
      next ??= head;
      report(error);
    }
    running = undefined;
    if (next) later();
  };
  const start = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (next) running ??= run(next);
  };
  const later = (): void => {
    const wait = publishedAt + publishEveryMs - performance.now();
    const much = whole && next !== undefined && next.size - last.size >= publishEveryEntries;
    if (wait <= 0 || much) start();
    else timer ??= setTimeout(start, wait).unref();
  };
  const unpublished = (): boolean => running !== undefined || (next !== undefined && whole);
  /** Until the newest head is out, or could not be written. */
  const settle = async (): Promise<void> => {
    do {
      start();
      await running;
    } while (unpublished());
  };
  start();

  return {
    publish(head) {
      next = head;
      if (!running) later();
    },
    settled: settle,
    async close() {
      await settle();
      clearTimeout(timer);
      if (whole) await publication.settle();
    },
  };
}

/** A published head that is not in the durable log means that the log was cut or replaced: nothing may go on as before. */
async function compare(
  note: string | undefined,
  size: number,
  signer: Signer,
  read: ReadTile,
): Promise<void> {
  // A file cut short by a power failure is written again; one that was signed is held against the log.
  if (note === undefined || parseCheckpoint(note) === undefined) return;
  const fix =
    'Restore the store and the keys from a backup. To begin a new log on purpose, move the published folder away and keep it.';
  const signed = await openCheckpoint(note, signer.publicKey);
  if (!signed) {
    throw new Problem('LEDGER_BROKEN', { detail: 'the published checkpoint is not signed by our key', fix });
  }
  if (signed.size > size) {
    throw new Problem('LEDGER_BROKEN', {
      detail: `the stored log has ${size} entries, the published checkpoint ${signed.size}`,
      fix,
    });
  }
  const root = await rangeRoot(0, signed.size, size, read);
  if (!root.equals(signed.root)) {
    throw new Problem('LEDGER_BROKEN', {
      detail: `the stored log is not the one that was published at ${signed.size} entries`,
      fix,
    });
  }
}
