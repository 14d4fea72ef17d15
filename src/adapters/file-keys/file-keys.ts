import {
  createCipheriv,
  createDecipheriv,
  hkdfSync,
  randomBytes,
  scrypt,
  type BinaryLike,
  type ScryptOptions,
} from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';
import { Secret } from '../../kernel/secret.ts';
import type { KeyCustody } from '../../ports/key-custody.ts';

/** Key custody in a local file. */
export type FileKeys = KeyCustody & Required<Pick<KeyCustody, 'rotate' | 'versions'>>;

const RootFile = z.strictObject({
  schema: z.literal('merlon-root-keys/v1'),
  protection: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({
      kind: z.literal('scrypt'),
      N: z
        .number()
        .int()
        .max(2 ** 20),
      r: z.number().int().max(32),
      p: z.number().int().max(16),
      salt: z.base64(),
    }),
  ]),
  /** Oldest first; the last one is current. `key` is the root key itself or, under scrypt, iv ‖ ciphertext ‖ tag. */
  versions: z.array(z.strictObject({ id: z.string(), created: z.number(), key: z.base64() })).min(1),
});
type RootFile = z.infer<typeof RootFile>;

interface Version {
  id: string;
  created: number;
  key: Secret<Buffer>;
}

/** OWASP's minimum for scrypt at N = 2^16: 64 MiB, about a quarter of a second. */
const cost = { N: 2 ** 16, r: 8, p: 2 };
const ivBytes = 12;
const tagBytes = 16;

/**
 * Opens the root key in `dir`, or makes one. With a passphrase the file is encrypted under it; a file that was not yet
 * encrypted is encrypted now.
 * @throws Problem CONFIG_INVALID when the file is readable by others, damaged, or the passphrase does not open it
 */
export async function openFileKeys(dir: string, passphrase?: Secret): Promise<FileKeys> {
  const path = join(dir, 'root.json');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  if (!(await exists(path))) {
    await write(path, await sealed([newVersion()], passphrase), { exclusive: true });
  }
  const opened = await read(path);
  let versions = await unsealed(opened, path, passphrase);
  if (passphrase && opened.protection.kind === 'none') await write(path, await sealed(versions, passphrase));
  let writing = await writingOf(path);

  /** The versions as they are now: another process may have made one. Each write makes another file of that name. */
  const fresh = async (): Promise<Version[]> => {
    const now = await writingOf(path);
    if (now !== writing) {
      versions = await unsealed(await read(path), path, passphrase);
      writing = now;
    }
    return versions;
  };

  const versionOf = async (id: string): Promise<Version> => {
    const found = (await fresh()).find((version) => version.id === id);
    if (found) return found;
    throw new Problem('NOT_FOUND', {
      detail: `no root key \`${id}\` is here`,
      fix: 'Restore the key folder that was in use when this was encrypted.',
    });
  };

  return {
    currentKey: async () => (await fresh()).at(-1)!.id,

    async wrap(key, context) {
      const plain = key.reveal();
      if (plain.length === 0 || plain.length > 64) {
        throw new Problem('INPUT_INVALID', { detail: `a data key has 1 to 64 bytes, not ${plain.length}` });
      }
      const { id, key: root } = (await fresh()).at(-1)!;
      return { keyId: id, wrapped: seal(wrappingKey(root), plain, context) };
    },

    async unwrap(keyId, wrapped, context) {
      const { key: root } = await versionOf(keyId);
      const plain = unseal(wrappingKey(root), wrapped, context);
      if (plain) return new Secret(plain);
      throw new Problem('FORBIDDEN', {
        detail: 'a wrapped key is damaged, or it belongs to another context',
      });
    },

    // Under the first version for good: what is derived must outlive a rotation.
    derive: async (purpose) => new Secret(hkdf(versions[0]!.key, `merlon derive/v1 ${purpose}`)),

    versions: async () => (await fresh()).map(({ id, created }) => ({ id, created })),

    rotate: () =>
      alone(path, async () => {
        const version = newVersion();
        const next = [...(await fresh()), version];
        await write(path, await sealed(next, passphrase));
        versions = next;
        writing = await writingOf(path);
        return version.id;
      }),
  };
}

function newVersion(): Version {
  return {
    id: `root-${randomBytes(6).toString('hex')}`,
    created: Date.now(),
    key: new Secret(randomBytes(32)),
  };
}

function hkdf(root: Secret<Buffer>, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', root.reveal(), Buffer.alloc(0), info, 32));
}

function wrappingKey(root: Secret<Buffer>): Buffer {
  return hkdf(root, 'merlon wrap/v1');
}

/** AES-256-GCM: iv ‖ ciphertext ‖ tag. */
function seal(key: Buffer, plain: Buffer, context: string): Buffer {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function unseal(key: Buffer, sealed: Buffer, context: string): Buffer | undefined {
  if (sealed.length < ivBytes + tagBytes) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(context)).setAuthTag(sealed.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(ivBytes, -tagBytes)), decipher.final()]);
  } catch {
    return undefined;
  }
}

const scryptKey = promisify<BinaryLike, BinaryLike, number, ScryptOptions, Buffer>(scrypt);

async function stretched(passphrase: Secret, salt: Buffer, { N, r, p }: typeof cost): Promise<Buffer> {
  return scryptKey(passphrase.reveal().normalize('NFKC'), salt, 32, { N, r, p, maxmem: 256 * N * r });
}

async function sealed(versions: readonly Version[], passphrase: Secret | undefined): Promise<RootFile> {
  const salt = randomBytes(16);
  const key = passphrase && (await stretched(passphrase, salt, cost));
  return {
    schema: 'merlon-root-keys/v1',
    protection: key ? { kind: 'scrypt', ...cost, salt: salt.toString('base64') } : { kind: 'none' },
    versions: versions.map(({ id, created, key: root }) => ({
      id,
      created,
      key: (key ? seal(key, root.reveal(), id) : root.reveal()).toString('base64'),
    })),
  };
}

async function unsealed(file: RootFile, path: string, passphrase: Secret | undefined): Promise<Version[]> {
  const { protection, versions } = file;
  let key: Buffer | undefined;
  if (protection.kind === 'scrypt') {
    if (!passphrase) {
      throw new Problem('CONFIG_INVALID', {
        detail: `\`${path}\` is protected by a passphrase`,
        fix: 'Set MERLON_KEY_PASSPHRASE.',
      });
    }
    key = await stretched(passphrase, Buffer.from(protection.salt, 'base64'), protection);
  }
  return versions.map(({ id, created, key: text }) => {
    const stored = Buffer.from(text, 'base64');
    const root = key ? unseal(key, stored, id) : stored;
    if (root?.length === 32) return { id, created, key: new Secret(root) };
    throw new Problem('CONFIG_INVALID', {
      detail: key ? `the passphrase does not open \`${path}\`` : `\`${path}\` holds a damaged key`,
      fix: key ? 'Check MERLON_KEY_PASSPHRASE.' : 'Restore the key folder from a backup.',
    });
  });
}

async function read(path: string): Promise<RootFile> {
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new Problem('CONFIG_INVALID', {
      detail: `others may read \`${path}\``,
      fix: `Run \`chmod 600 ${path}\`, and think about who has read it.`,
    });
  }
  const text = await readFile(path, 'utf8');
  try {
    return RootFile.parse(JSON.parse(text));
  } catch {
    // Neither the text nor the parser's message may go on: both can hold key material.
    throw new Problem('CONFIG_INVALID', {
      detail: `\`${path}\` is not a file of root keys`,
      fix: 'Restore the key folder from a backup.',
    });
  }
}

/** Tells one writing of the file from the next; the number of an inode alone comes back. */
async function writingOf(path: string): Promise<string> {
  const { ino, mtimeNs } = await stat(path, { bigint: true });
  return `${ino}:${mtimeNs}`;
}

/** One process at a time: of two versions made at once, one would be lost with all that it wraps. */
async function alone<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  for (let attempt = 0; ; attempt += 1) {
    try {
      await writeFile(lock, String(process.pid), { flag: 'wx', mode: 0o600 });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = Number(await readFile(lock, 'utf8').catch(() => ''));
      if (holder > 0 && !alive(holder)) await rm(lock, { force: true });
      else if (attempt > 100) {
        throw new Problem('CONFLICT', {
          detail: 'another process makes a root key version',
          fix: `Try again; if none does, remove \`${lock}\`.`,
        });
      } else await sleep(50);
    }
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whole or not at all; `exclusive` leaves a file that another process made first as it is. */
async function write(path: string, file: RootFile, { exclusive = false } = {}): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  const handle = await open(aside, 'wx', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(file, undefined, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (exclusive) {
    await link(aside, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await rm(aside);
  } else {
    await rename(aside, path);
  }
  const folder = await open(dirname(path));
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
