import type { Clock } from '../kernel/clock.ts';
import type { SecurityEvent } from '../kernel/event.ts';
import { defaultTenant } from '../kernel/principal.ts';
import { Problem } from '../kernel/problem.ts';
import type { Secret } from '../kernel/secret.ts';
import type { Store } from '../ports/store.ts';
import type { Head } from './publish.ts';
import { startPublisher } from './publisher.ts';
import { ed25519Signer, type Signer } from './signer.ts';
import { ledgerStore, migrations, type StoredEntry } from './store.ts';
import { hashBytes, leafHashOf, maxEntryBytes, tileWidth } from './tiles.ts';
import { consistencyPath, inclusionPath, rootOf, type Edge, type ReadTile } from './tree.ts';

/** A head of the log that was signed. Hashes are base64. */
export interface SignedCheckpoint {
  origin: string;
  size: number;
  root: string;
  /** The signed note. */
  note: string;
}

export interface LedgerEntry {
  index: number;
  /** `metadata.uid` of the event. */
  id: string;
  /** Leaf hash, base64. */
  hash: string;
  event: SecurityEvent;
  /** The bytes that were hashed, as text. */
  text: string;
}

/** Proves entry `index` in the tree of a signed checkpoint. */
export interface InclusionProof {
  index: number;
  size: number;
  hashes: string[];
  checkpoint: SignedCheckpoint;
}

export interface Ledger {
  /**
   * Resolves when the event is durable.
   * @throws Problem TOO_LARGE above 65,535 bytes of JSON, OVERLOADED when too many wait, STORE_FAILED when it cannot be kept
   */
  append(event: SecurityEvent): Promise<{ index: number; id: string }>;
  /** Durable entries. */
  readonly size: number;
  /** The newest signed head; at most 100 ms or 1,000 entries behind. */
  checkpoint(): SignedCheckpoint;
  /** PEM. */
  readonly publicKey: string;
  /** @throws Problem NOT_FOUND */
  inclusion(index: number): Promise<InclusionProof>;
  /** Proves the tree of `first` entries to be the beginning of that of `second`. */
  consistency(first: number, second: number): Promise<string[]>;
  entry(index: number): Promise<LedgerEntry | undefined>;
  /** At most 1,000. */
  entries(from: number, limit: number): Promise<LedgerEntry[]>;
  byId(id: string): Promise<LedgerEntry | undefined>;
  /** Called with each event once it is durable; returns how to stop. */
  onAppend(listener: (index: number, event: SecurityEvent) => void): () => void;
  /** Resolves when all that was acknowledged is signed and published. */
  published(): Promise<void>;
  /** Commits what waits, signs and publishes the last head. The store stays open: it is the caller's. */
  close(): Promise<void>;
}

export interface LedgerOptions {
  store: Store;
  /** Seed of the signing key: 32 bytes, from key custody. */
  key: Secret<Buffer>;
  clock: Clock;
  /** Folder of the published files; without it nothing is published. */
  dir?: string;
  /** Name of the log and of its key: no spaces, no `+`. */
  origin?: string;
  tenant?: string;
  /** Told when files cannot be published. The log goes on, and publishing is tried again. */
  onPublishError?: (error: unknown) => void;
}

/** One fsync for so many entries at most. */
const batchSize = 512;
/** Batches on their way to the store at once: one is written while the next is hashed. */
const batchesInFlight = 2;
/** Entries that may wait before `append` refuses. */
const queueLimit = 65_536;
const headEveryEntries = 1000;
const headEveryMs = 100;
/** How often a batch is tried again when another process was faster. */
const conflictLimit = 50;
/** Bodies kept in memory for publishing. */
const recentEntries = 16_384;
const recentBytes = 16 * 1024 * 1024;

interface Waiting {
  event: SecurityEvent;
  body: Buffer;
  /** How often another process was faster. */
  conflicts: number;
  resolve: (place: { index: number; id: string }) => void;
  reject: (error: unknown) => void;
}

type SignedHead = Head & SignedCheckpoint;

/**
 * Opens the log. What was published is compared with what is durable, and completed after a crash.
 * @throws Problem LEDGER_BROKEN when the published head is not one of this log
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { store, key, clock, dir, origin = 'merlon', tenant = defaultTenant } = options;
  const report = options.onPublishError ?? (() => undefined);
  await store.migrate(migrations);
  const log = ledgerStore(store, tenant);
  const signer = ed25519Signer(origin, key);
  const listeners = new Set<(index: number, event: SecurityEvent) => void>();

  let waiting: Waiting[] = [];
  let edge = await log.load();
  let inFlight = 0;
  let stopped = false;
  /** Set when a batch failed: the edge in memory is ahead of the store and must be read again. */
  let derailed = false;
  let again: Waiting[] = [];
  let idle: (() => void)[] = [];

  /** Durable entries; the edge is ahead of it while batches are under way. */
  let committed = edge.size;
  let recent: { from: number; bodies: Buffer[]; bytes: number } = { from: edge.size, bodies: [], bytes: 0 };
  let head = signedHead(edge, committed, signer);
  let headAt = clock.now();
  let headTimer: NodeJS.Timeout | undefined;

  const readTile: ReadTile = async (level, n, count) => {
    const partial = head.partials.find((one) => one.level === level && one.n === n);
    const hashes = partial?.hashes ?? (await fullTile(level, n));
    if (hashes.length >= count * hashBytes) return hashes;
    throw new Problem('LEDGER_BROKEN', { detail: `tile ${n} of level ${level} is cut short` });
  };
  const fullTile = async (level: number, n: number): Promise<Buffer> => {
    const hashes = await log.tile(level, n);
    if (hashes) return hashes;
    throw new Problem('LEDGER_BROKEN', { detail: `tile ${n} of level ${level} is missing` });
  };
  const bodies = async (from: number, to: number): Promise<Buffer[]> => {
    const { from: first, bodies } = recent;
    if (from >= first && to <= first + bodies.length) return bodies.slice(from - first, to - first);
    return (await log.entries(from, to)).map(({ body }) => body);
  };

  const publisher =
    dir === undefined
      ? undefined
      : await startPublisher(dir, { entries: bodies, fullTile }, head, signer, readTile, report);

  const takeHead = (): void => {
    clearTimeout(headTimer);
    headTimer = undefined;
    if (head.size === committed) return;
    head = signedHead(edge, committed, signer);
    headAt = clock.now();
    publisher?.publish(head);
  };

  const headDue = (): void => {
    const age = clock.now() - headAt;
    if (committed - head.size >= headEveryEntries || age >= headEveryMs || age < 0) takeHead();
    else headTimer ??= setTimeout(takeHead, headEveryMs - age);
  };

  const acknowledge = (batch: readonly Waiting[], before: number): void => {
    committed = before + batch.length;
    for (const [at, { event, body, resolve }] of batch.entries()) {
      recent.bodies.push(body);
      recent.bytes += body.length;
      resolve({ index: before + at, id: event.metadata.uid });
    }
    while (recent.bytes > recentBytes || recent.bodies.length > recentEntries) {
      const dropped = recent.bodies.splice(0, tileWidth);
      recent.from += dropped.length;
      for (const { length } of dropped) recent.bytes -= length;
    }
    headDue();
    for (const [at, { event }] of batch.entries()) {
      for (const listener of listeners) listener(before + at, event);
    }
  };

  const commit = async (batch: Waiting[]): Promise<void> => {
    inFlight += 1;
    const before = edge.size;
    const full = edge.append(batch.map(({ body }) => leafHashOf(body)));
    try {
      await log.append(
        before,
        batch.map(({ event, body }) => ({ id: event.metadata.uid, body })),
        full,
      );
      acknowledge(batch, before);
    } catch (error) {
      derailed = true;
      const retry = error instanceof Problem && error.code === 'CONFLICT';
      for (const one of batch) {
        one.conflicts += 1;
        if (retry && one.conflicts <= conflictLimit) again.push(one);
        else one.reject(error);
      }
    } finally {
      inFlight -= 1;
    }
    if (derailed && inFlight === 0) await reload();
    pump();
  };

  /** Reads the edge from the store again: after a failed batch, or when another process has appended. */
  const reload = async (): Promise<void> => {
    // Counts as in flight, so that nothing is appended to an edge that is about to be replaced.
    inFlight += 1;
    try {
      edge = await log.load();
      derailed = false;
      committed = edge.size;
      recent = { from: edge.size, bodies: [], bytes: 0 };
      waiting = [...again, ...waiting];
      again = [];
      headDue();
    } catch (error) {
      // The next append tries to read it again.
      for (const one of [...again, ...waiting]) one.reject(error);
      [again, waiting] = [[], []];
    } finally {
      inFlight -= 1;
    }
  };

  const pump = (): void => {
    if (inFlight === 0 && waiting.length === 0) {
      for (const wake of idle) wake();
      idle = [];
    } else if (derailed) {
      if (inFlight === 0) void reload().then(pump);
      return;
    }
    for (let free = batchesInFlight - inFlight; free > 0 && waiting.length > 0; free -= 1) {
      // The second batch starts only when it is full: few large commits beat many small ones.
      if (inFlight > 0 && waiting.length < batchSize) return;
      void commit(waiting.splice(0, batchSize));
    }
  };

  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      idle.push(resolve);
      pump();
    });

  /** Another process on the same store may have appended since. */
  const catchUp = async (index: number): Promise<void> => {
    if (index < committed || inFlight > 0) return;
    await reload();
    pump();
  };

  const entryOf = ({ index, id, body }: StoredEntry): LedgerEntry => {
    const text = body.toString();
    const hash = leafHashOf(body).toString('base64');
    return { index, id, hash, event: JSON.parse(text) as SecurityEvent, text };
  };

  return {
    append: (event) =>
      new Promise((resolve, reject) => {
        const body = Buffer.from(JSON.stringify(event));
        if (stopped) return reject(new Problem('STORE_FAILED', { detail: 'the ledger is closed' }));
        if (body.length > maxEntryBytes) {
          return reject(
            new Problem('TOO_LARGE', {
              detail: `an event of ${body.length} bytes does not fit into a ledger entry`,
              fix: `Keep events below ${maxEntryBytes + 1} bytes of JSON: refer to large content by its hash.`,
            }),
          );
        }
        if (waiting.length >= queueLimit) {
          return reject(new Problem('OVERLOADED', { detail: `${queueLimit} events wait for the disk` }));
        }
        waiting.push({ event, body, conflicts: 0, resolve, reject });
        // One turn of the event loop, so that all requests of this turn share a commit.
        if (waiting.length === 1) setImmediate(pump);
        else if (waiting.length === batchSize) pump();
      }),

    get size() {
      return committed;
    },

    checkpoint: () => ({ origin: head.origin, size: head.size, root: head.root, note: head.note }),

    publicKey: signer.publicKeyPem,

    async inclusion(index) {
      await catchUp(index);
      if (!Number.isSafeInteger(index) || index < 0 || index >= committed) {
        throw new Problem('NOT_FOUND', { detail: `the ledger has no entry ${index}` });
      }
      if (index >= head.size) takeHead();
      const { origin, size, root, note } = head;
      const hashes = await inclusionPath(index, size, readTile);
      return {
        index,
        size,
        hashes: hashes.map((hash) => hash.toString('base64')),
        checkpoint: { origin, size, root, note },
      };
    },

    async consistency(first, second) {
      if (second > head.size) takeHead();
      if (!(first >= 0 && first <= second && second <= head.size)) {
        throw new Problem('NOT_FOUND', { detail: `the ledger has no sizes ${first} and ${second}` });
      }
      const hashes = await consistencyPath(first, second, readTile);
      return hashes.map((hash) => hash.toString('base64'));
    },

    entry: async (index) => (await log.entries(index, index + 1)).map(entryOf)[0],
    entries: async (from, limit) =>
      (await log.entries(from, from + Math.min(Math.max(limit, 0), 1000))).map(entryOf),

    async byId(id) {
      const stored = await log.byId(id);
      return stored && entryOf(stored);
    },

    onAppend(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },

    async published() {
      await drained();
      takeHead();
      await publisher?.settled();
    },

    async close() {
      stopped = true;
      await drained();
      takeHead();
      await publisher?.close();
    },
  };
}

function signedHead(edge: Edge, size: number, signer: Signer): SignedHead {
  const partials = edge.partials(size);
  const root = new Uint8Array(rootOf(partials));
  return {
    origin: signer.origin,
    size,
    root: Buffer.from(root).toString('base64'),
    note: signer.sign(size, root),
    partials,
  };
}
