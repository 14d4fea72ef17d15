import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Problem } from '../kernel/problem.ts';
import { Secret } from '../kernel/secret.ts';

/**
 * The token with which commands of the same user talk to the control plane: 256 bits in a file only the owner can read.
 * Made when it is missing.
 * @throws Problem CONFIG_INVALID when the file holds something else
 */
export async function loadControlToken(path: string): Promise<Secret> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await writeFile(path, `${randomBytes(32).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await chmod(path, 0o600);
  }
  const token = (await readFile(path, 'utf8')).trim();
  if (/^[A-Za-z0-9_-]{43}$/.test(token)) return new Secret(token);
  throw new Problem('CONFIG_INVALID', {
    detail: `\`${path}\` does not hold a control token`,
    fix: 'Remove the file; the next start makes a new one.',
  });
}
