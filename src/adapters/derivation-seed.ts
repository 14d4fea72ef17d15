import { hkdfSync, randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { Problem } from '../kernel/problem.ts';
import { Secret } from '../kernel/secret.ts';
import type { KeyCustody } from '../ports/key-custody.ts';

const Seed = z.strictObject({
  schema: z.literal('merlon-derivation-seed/v1'),
  keyId: z.string(),
  wrapped: z.base64(),
});

const context = 'merlon derivation seed/v1';

/**
 * Derivation for custodians that only wrap: a random seed lies wrapped in a file, and purposes are derived from it with
 * HKDF-SHA-256. The file is worth nothing without the custodian; it belongs into the backup. It is wrapped again when the
 * custodian has a newer key version: at the first use, and by `renew`.
 * @throws Problem CONFIG_INVALID when the file is damaged
 */
export function derivation(
  path: string,
  custody: Pick<KeyCustody, 'currentKey' | 'wrap' | 'unwrap'>,
): { derive: KeyCustody['derive']; renew(): Promise<void> } {
  let seed: Promise<Secret<Buffer>> | undefined;

  const write = async (bytes: Secret<Buffer>, replace: boolean): Promise<void> => {
    const { keyId, wrapped } = await custody.wrap(bytes, context);
    const file = { schema: 'merlon-derivation-seed/v1', keyId, wrapped: wrapped.toString('base64') };
    await writeFile(path, `${JSON.stringify(file)}\n`, replace);
  };

  const load = async (): Promise<Secret<Buffer>> => {
    const known = await read(path);
    if (known) {
      const bytes = await custody.unwrap(known.keyId, Buffer.from(known.wrapped, 'base64'), context);
      if (known.keyId !== (await custody.currentKey())) await write(bytes, true);
      return bytes;
    }
    await write(new Secret(randomBytes(32)), false);
    // What is there now, ours or that of a process that was first.
    return load();
  };

  const loaded = async (): Promise<Secret<Buffer>> => {
    seed ??= load().catch((error: unknown) => {
      seed = undefined;
      throw error;
    });
    return seed;
  };

  return {
    async derive(purpose) {
      const bytes = (await loaded()).reveal();
      const derived = hkdfSync('sha256', bytes, Buffer.alloc(0), `merlon derive/v1 ${purpose}`, 32);
      return new Secret(Buffer.from(derived));
    },
    async renew() {
      seed = undefined;
      await loaded();
    },
  };
}

async function read(path: string): Promise<z.infer<typeof Seed> | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return Seed.parse(JSON.parse(text));
  } catch (cause) {
    throw new Problem('CONFIG_INVALID', {
      detail: `\`${path}\` is damaged`,
      fix: 'Restore it from a backup: what was derived from it depends on it.',
      cause,
    });
  }
}

async function writeFile(path: string, text: string, replace: boolean): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  const handle = await open(aside, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (replace) {
    await rename(aside, path);
    return;
  }
  await link(aside, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await rm(aside);
}
