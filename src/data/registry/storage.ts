import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe } from '../../manifest/sign.ts';
import { discard, protect, snapshot } from '../../manifest/snapshot.ts';
import type { Resource } from '../../manifest/statement.ts';
import { Refusal } from '../../manifest/strict-json.ts';
import { readTree } from '../../manifest/tree.ts';

/** Encrypts files at rest; the vault is one. */
export interface Cipher {
  encryptFile(from: string, to: string): Promise<unknown>;
  /** @throws when a byte of the file changed */
  decryptFile(from: string, to: string): Promise<unknown>;
}

const ending = '.mrlv';

/** Moves a snapshot to where the registry keeps it, encrypted when there is a cipher. It appears whole or not at all. */
export async function keep(folder: string, target: string, cipher: Cipher | undefined): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  if (await stat(target).catch(() => undefined)) return;
  if (!cipher) {
    // A folder that nobody may write cannot be moved either.
    await chmod(folder, 0o700);
    await rename(folder, target);
    await chmod(target, 0o555);
    return;
  }
  const beside = `${target}.part-${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(beside, { mode: 0o700 });
    await eachFile(folder, beside, (from, to) => cipher.encryptFile(from, to + ending));
    await protect(beside);
    await rename(beside, target);
  } finally {
    await discard(beside);
  }
}

/**
 * Puts a fresh read-only copy of what the registry keeps at `target`: regular files with one link each. The answer is
 * what the copy holds. @throws Refusal when a file has another link, through which somebody could write
 */
export async function materialise(
  kept: string,
  target: string,
  cipher: Cipher | undefined,
): Promise<Resource[]> {
  await mkdir(dirname(target), { recursive: true });
  for (const { path } of (await readTree(kept, { ignored: [], allowSymlinks: false })).files) {
    if ((await stat(join(kept, path))).nlink !== 1) throw new Refusal(`there is another link to \`${path}\``);
  }
  if (!cipher) return (await snapshot(kept, target)).resources;
  await mkdir(target, { mode: 0o700 });
  await eachFile(kept, target, async (from, to) => {
    if (!from.endsWith(ending)) throw new Refusal(`\`${from}\` is not of the registry`);
    await cipher.decryptFile(from, to.slice(0, -ending.length));
  });
  const { resources } = await describe(target);
  await protect(target);
  return resources;
}

async function eachFile(
  folder: string,
  target: string,
  work: (from: string, to: string) => Promise<unknown>,
): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const [from, to] = [join(folder, entry.name), join(target, entry.name)];
    if (entry.isDirectory()) {
      await mkdir(to, { mode: 0o700 });
      await eachFile(from, to, work);
    } else await work(from, to);
  }
}
