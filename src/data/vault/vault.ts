import { createSecretKey, randomUUID } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import type { Clock } from '../../kernel/clock.ts';
import { securityEvent, type SecurityEvent } from '../../kernel/event.ts';
import { defaultTenant, type Principal } from '../../kernel/principal.ts';
import { Problem } from '../../kernel/problem.ts';
import { Secret } from '../../kernel/secret.ts';
import type { KeyCustody } from '../../ports/key-custody.ts';
import type { Store } from '../../ports/store.ts';
import { writeAtomically } from './atomic-file.ts';
import { chunkBytes, maxChunks } from './chunks.ts';
import {
  containerSize,
  damaged,
  emptySlot,
  headerBytes,
  layoutOf,
  newObject,
  openHeader,
  readHeader,
  slotOffset,
  writeHeader,
  writeSlot,
  type Header,
  type Keeping,
  type ObjectKeys,
  type Recipient,
} from './container.ts';
import { openKeeper, type KeyOverview, type Shredded } from './keeper.ts';
import { newKey, unwrapKey, wrapKey } from './primitives.ts';
import { openBytes, openStream, sealBytes, sealStream, takeHeader } from './stream.ts';
import { runStrips, threadsFor } from './strips.ts';

export interface VaultDeps {
  custody: KeyCustody;
  /** Where the keys of objects and persons are kept, so that they can be destroyed. Without it only portable objects work. */
  store?: Store;
  clock: Clock;
  /** Appends to the ledger and resolves when that is durable. Without it no key is destroyed and no root key made. */
  record?: ((event: SecurityEvent) => Promise<{ id: string }>) | undefined;
  tenant?: string;
}

export interface EncryptOptions {
  /** The person whom the content is about: destroying the person's key destroys it. */
  person?: string;
  /** Opens with the custodian alone, whatever the store holds; its key cannot be destroyed. */
  portable?: boolean;
}

export interface FileOptions {
  /** Replaces a file of that name. */
  replace?: boolean;
  /** Worker threads; by size when nobody says. */
  threads?: number;
  /** Bytes of plaintext done so far. */
  onProgress?: (bytes: number) => void;
}

export interface Encrypted {
  object: string;
  keeping: Keeping;
  /** Root key version that wraps the data key. */
  keyId: string;
}

/** What a container says of itself. */
export interface Inspection {
  format: 'MRLV1';
  object: string;
  keeping: Keeping;
  /** Milliseconds since the epoch. */
  created: number;
  /** Bytes of the container. */
  size: number;
  /** Bytes of its content and its chunks; undefined when no whole container has this size. */
  bytes?: number;
  chunks?: number;
  recipients: { keyId: string; context: string; current: boolean }[];
  /** `open`: the key is there, `shredded`: it was destroyed, `unknown`: this store never had it. */
  key: 'open' | 'shredded' | 'unknown';
  /** Id of the key of the person it is bound to. */
  person?: string;
}

/** Encrypts and decrypts; destroys keys; moves to new root keys. Every problem is a Problem, and nothing is half-written. */
export interface Vault {
  encryptFile(
    from: string,
    to: string,
    options?: EncryptOptions & FileOptions,
  ): Promise<Encrypted & { bytes: number; size: number }>;
  /** The plaintext gets its name only after every chunk was verified. @throws Problem OBJECT_DAMAGED, OBJECT_SHREDDED */
  decryptFile(from: string, to: string, options?: FileOptions): Promise<{ object: string; bytes: number }>;
  /** Verifies every chunk and writes nothing. */
  verifyFile(
    from: string,
    options?: Omit<FileOptions, 'replace'>,
  ): Promise<{ object: string; bytes: number }>;
  encryptStream(
    source: AsyncIterable<Uint8Array>,
    options?: EncryptOptions,
  ): Promise<Encrypted & { chunks: AsyncIterable<Buffer> }>;
  /** Gives verified chunks as they come; only the end of the iteration says that the object was complete. */
  decryptStream(
    source: AsyncIterable<Uint8Array>,
  ): Promise<{ object: string; chunks: AsyncIterable<Buffer> }>;
  /** For small things, in memory. */
  seal(plain: Uint8Array, options?: EncryptOptions): Promise<Buffer>;
  open(container: Uint8Array): Promise<Secret<Buffer>>;
  /** Wraps the data key of a file again under the current root key, in place; its chunks stay as they are. */
  rewrap(path: string): Promise<'rewrapped' | 'current'>;
  inspect(path: string): Promise<Inspection>;
  /** Destroys the key of one object: no copy of it opens any more. @throws Problem NOT_FOUND */
  shredObject(object: string, by?: Principal): Promise<Shredded>;
  /** Destroys a person's key: nothing bound to the person opens any more. @throws Problem NOT_FOUND */
  shredPerson(person: string, by?: Principal): Promise<Shredded>;
  /** Takes the recipients out of a file, so that it says itself that it was shredded. Copies need `shredObject`. */
  wipeHeader(path: string): Promise<void>;
  /** Every key of the store under the current root key; `newVersion` makes one first, where the custodian can. */
  rotate(options?: { newVersion?: boolean; by?: Principal }): Promise<{ keyId: string; keys: number }>;
  keys(limit?: number): Promise<KeyOverview>;
}

/** Opens the vault. Keys that were destroyed by a process that was killed then are told to the ledger now. */
export async function openVault(deps: VaultDeps): Promise<Vault> {
  const { custody, store, clock, record, tenant = defaultTenant } = deps;
  const kept = store && (await openKeeper({ custody, store, clock, record, tenant }));
  const context = (object: string): string => `vault/object/${tenant}/${object}`;

  const keeper = (): NonNullable<typeof kept> => {
    if (kept) return kept;
    throw new Problem('NOT_FOUND', {
      detail: 'the key of this object is kept in a store, and none is open here',
      fix: 'Run this where the state folder of Merlon is, or encrypt with `--portable`.',
    });
  };

  /** A new object and its header. Its key is in the store before the object is anywhere. */
  const create = async ({
    person,
    portable = false,
  }: EncryptOptions): Promise<{ made: Encrypted; header: Buffer; keys: ObjectKeys }> => {
    if (person !== undefined && portable) {
      throw new Problem('USAGE', {
        detail: 'a portable object cannot be bound to a person',
        fix: 'Leave one of the two out.',
      });
    }
    const object = randomUUID();
    const dataKey = newKey();
    const keeping: Keeping = portable ? 'portable' : 'kept';
    const bare = dataKey.export();
    const inner = portable ? bare : wrapKey(await keeper().keyFor(object, person), bare);
    const recipient = await recipientOf(inner, object);
    const { fixed, keys } = newObject({ dataKey, keeping, now: clock.now(), object });
    return {
      made: { object, keeping, keyId: recipient.keyId },
      header: writeHeader(fixed, keys, [recipient]),
      keys,
    };
  };

  const recipientOf = async (inner: Buffer, object: string): Promise<Recipient> => {
    const bound = context(object);
    const { keyId, wrapped } = await custody.wrap(new Secret(inner), bound);
    return { keyId, context: bound, wrapped };
  };

  /** The keys of an object, and what the custodian wraps: the data key, under the object's key when that one is kept. */
  const unwrap = async (header: Header): Promise<{ keys: ObjectKeys; inner: Buffer }> => {
    const bound = context(header.object);
    const ours = header.current.recipients.filter((recipient) => recipient.context === bound);
    if (ours.length === 0) throw damaged('its keys were wrapped for another object or another tenant');
    // First, so that a destroyed key says so, whatever the custodian has to say.
    const objectKey = header.keeping === 'kept' ? await keeper().keyOf(header.object) : undefined;
    let problem: unknown;
    for (const { keyId, wrapped } of ours) {
      try {
        const inner = (await custody.unwrap(keyId, wrapped, bound)).reveal();
        const bare = objectKey ? unwrapKey(objectKey, inner) : inner;
        if (bare?.length !== 32)
          throw damaged('its data key was wrapped under another key than the kept one');
        return { keys: openHeader(header, createSecretKey(bare)), inner };
      } catch (error) {
        problem ??= error;
      }
    }
    throw problem;
  };

  const opened = async (bytes: Buffer): Promise<{ object: string; keys: ObjectKeys }> => {
    const header = readHeader(bytes);
    return { object: header.object, keys: (await unwrap(header)).keys };
  };

  const read = async (
    path: string,
    source: FileHandle,
    to: FileHandle | undefined,
    { threads, onProgress }: FileOptions,
  ): Promise<{ object: string; bytes: number }> => {
    const { size } = await regular(source, path);
    const { object, keys } = await opened(await headerOf(source));
    const { chunks, plain } = layoutOf(size);
    await runStrips(
      { mode: 'open', from: source.fd, to: to?.fd, chunks, plain, context: chunkContext(keys) },
      { threads: threads ?? threadsFor(plain), ...(onProgress ? { onProgress } : {}) },
    );
    return { object, bytes: plain };
  };

  return {
    encryptFile: (from, to, options = {}) =>
      withFile(from, 'r', async (source) => {
        const before = await regular(source, from);
        const plain = before.size;
        const chunks = Math.max(1, Math.ceil(plain / chunkBytes));
        if (chunks > maxChunks)
          throw new Problem('TOO_LARGE', { detail: 'a container holds at most 256 TiB' });
        const { threads = threadsFor(plain), onProgress, replace = false } = options;
        let encrypted: Encrypted | undefined;
        await writeAtomically(to, { replace }, async (target) => {
          const { made, header, keys } = await create(options);
          encrypted = made;
          await target.write(header, 0, header.length, 0);
          await runStrips(
            { mode: 'seal', from: source.fd, to: target.fd, chunks, plain, context: chunkContext(keys) },
            { threads, ...(onProgress ? { onProgress } : {}) },
          );
          const after = await source.stat();
          if (after.size !== before.size || after.mtimeMs !== before.mtimeMs) {
            throw new Problem('CONFLICT', {
              detail: `\`${from}\` changed while it was encrypted`,
              fix: 'Try again when nothing else writes to it.',
            });
          }
        });
        return { ...encrypted!, bytes: plain, size: containerSize(plain) };
      }),

    decryptFile: (from, to, options = {}) =>
      withFile(from, 'r', async (source) => {
        let result = { object: '', bytes: 0 };
        await writeAtomically(to, { replace: options.replace ?? false }, async (target) => {
          result = await read(from, source, target, options);
        });
        return result;
      }),

    verifyFile: (from, options = {}) =>
      withFile(from, 'r', (source) => read(from, source, undefined, options)),

    async encryptStream(source, options = {}) {
      const { made, header, keys } = await create(options);
      async function* chunks(): AsyncGenerator<Buffer> {
        yield header;
        yield* sealStream(source, keys);
      }
      return { ...made, chunks: chunks() };
    },

    async decryptStream(source) {
      const { header, rest } = await takeHeader(source);
      const { object, keys } = await opened(header);
      return { object, chunks: openStream(rest, keys) };
    },

    async seal(plain, options = {}) {
      const { header, keys } = await create(options);
      return Buffer.concat([header, ...sealBytes(plain, keys)]);
    },

    async open(container) {
      const bytes = Buffer.from(container);
      const { keys } = await opened(bytes.subarray(0, headerBytes));
      layoutOf(bytes.length);
      return new Secret(Buffer.concat(openBytes(bytes.subarray(headerBytes), keys)));
    },

    rewrap: (path) =>
      withFile(path, 'r+', async (file) => {
        await regular(file, path);
        const bytes = await headerOf(file);
        const header = readHeader(bytes, { lenient: true });
        const place = header.slots[0] === header.current ? 0 : 1;
        const other = place === 0 ? 1 : 0;
        const slotAt = (at: 0 | 1): Buffer =>
          bytes.subarray(slotOffset(at), slotOffset(at) + emptySlot.length);
        const empty = async (at: 0 | 1): Promise<void> => {
          // Not when another process has put newer recipients there meanwhile.
          const now = Buffer.alloc(emptySlot.length);
          await file.read(now, 0, now.length, slotOffset(at));
          if (now.equals(slotAt(at))) await file.write(emptySlot, 0, emptySlot.length, slotOffset(at));
        };
        const { keys, inner } = await unwrap(header);
        const current = await custody.currentKey();
        if (header.current.recipients.every(({ keyId }) => keyId === current)) {
          if (!slotAt(other).equals(emptySlot)) await empty(other);
          return 'current';
        }
        // Both lists are whole until the new one is on the disk: a kill or a loss of power in between loses nothing.
        const slot = writeSlot(header, keys, {
          generation: header.current.generation + 1,
          recipients: [await recipientOf(inner, header.object)],
        });
        await file.write(slot, 0, slot.length, slotOffset(other));
        await file.datasync();
        await empty(place);
        return 'rewrapped';
      }),

    inspect: (path) =>
      withFile(path, 'r', async (file) => {
        const { size } = await regular(file, path);
        const header = readHeader(await headerOf(file), { lenient: true });
        const current = await custody.currentKey();
        const { object, keeping, created } = header;
        return {
          format: 'MRLV1',
          object,
          keeping,
          created,
          size,
          ...wholeLayout(size),
          recipients: header.current.recipients.map(({ keyId, context }) => ({
            keyId,
            context,
            current: keyId === current,
          })),
          ...(keeping === 'portable' ? { key: 'open' } : ((await kept?.state(object)) ?? { key: 'unknown' })),
        };
      }),

    shredObject: (object, by) => keeper().shredObject(object, by),
    shredPerson: (person, by) => keeper().shredPerson(person, by),

    wipeHeader: (path) =>
      withFile(path, 'r+', async (file) => {
        readHeader(await headerOf(file), { lenient: true });
        for (const place of [0, 1] as const) {
          await file.write(emptySlot, 0, emptySlot.length, slotOffset(place));
        }
        await file.sync();
      }),

    async rotate({ newVersion = false, by } = {}) {
      if (newVersion) {
        if (!record) {
          throw new Problem('CONFLICT', {
            detail: 'the ledger belongs to another process, and no root key is made without a record',
            fix: 'Ask the control plane that runs here.',
          });
        }
        if (!custody.rotate) {
          throw new Problem('USAGE', {
            detail: 'this custodian makes no key versions for us',
            fix: 'Add a version where the key is held, then run this without `--new-key`.',
          });
        }
        const keyId = await custody.rotate();
        await record(
          securityEvent({
            kind: 'entity_management',
            activity: 1,
            message: 'a root key version was made',
            time: clock.now(),
            ...(by ? { principal: by } : {}),
            unmapped: { vault: { root: keyId } },
          }),
        );
      }
      const keys = (await kept?.rewrap()) ?? 0;
      return { keyId: await custody.currentKey(), keys };
    },

    keys: (limit = 1000) => keeper().overview(limit),
  };
}

function chunkContext({ key, prefix, aad }: ObjectKeys): Pick<ObjectKeys, 'key' | 'prefix' | 'aad'> {
  return { key, prefix, aad };
}

function wholeLayout(size: number): { bytes?: number; chunks?: number } {
  try {
    const { plain, chunks } = layoutOf(size);
    return { bytes: plain, chunks };
  } catch {
    return {};
  }
}

async function headerOf(file: FileHandle): Promise<Buffer> {
  const bytes = Buffer.alloc(headerBytes);
  const { bytesRead } = await file.read(bytes, 0, headerBytes, 0);
  return bytes.subarray(0, bytesRead);
}

async function regular(file: FileHandle, path: string): Promise<{ size: number; mtimeMs: number }> {
  const stat = await file.stat();
  if (stat.isFile()) return stat;
  throw new Problem('INPUT_INVALID', {
    detail: `\`${path}\` is not a regular file`,
    fix: 'Pipe it through standard input instead: `merlon vault … -`.',
  });
}

async function withFile<T>(
  path: string,
  flags: 'r' | 'r+',
  use: (file: FileHandle) => Promise<T>,
): Promise<T> {
  let file: FileHandle;
  try {
    file = await open(path, flags);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'it is not there' : code === 'EACCES' ? 'it may not be read' : code;
    throw new Problem('FILE_UNREADABLE', { detail: `\`${path}\` cannot be opened: ${why}`, cause });
  }
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
