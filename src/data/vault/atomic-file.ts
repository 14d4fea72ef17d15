import { randomBytes } from 'node:crypto';
import { link, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Problem } from '../../kernel/problem.ts';

/**
 * Writes a file whole or not at all: to a private file beside it, synced, then renamed, then the folder synced. What an
 * earlier process that was killed left beside it is removed first.
 * @throws Problem CONFLICT when the file is there and `replace` is not set
 */
export async function writeAtomically(
  path: string,
  { replace }: { replace: boolean },
  write: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const folder = dirname(path);
  await sweep(path);
  const aside = join(folder, `.${basename(path)}.${process.pid}.${randomBytes(6).toString('hex')}.part`);
  let handle: FileHandle;
  try {
    handle = await open(aside, 'wx', 0o600);
  } catch (cause) {
    throw new Problem('FILE_UNREADABLE', {
      detail: `nothing can be written to \`${folder}\`: ${(cause as NodeJS.ErrnoException).code ?? 'unknown'}`,
      cause,
    });
  }
  try {
    try {
      await write(handle);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (replace) await rename(aside, path);
    else {
      // A link fails when the name is taken; a look beforehand could be overtaken.
      await link(aside, path).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === 'EEXIST') throw taken(path);
        throw cause;
      });
    }
  } finally {
    await rm(aside, { force: true });
  }
  await syncFolder(folder);
}

/** The Problem for a name that is in use. */
export function taken(path: string): Problem {
  return new Problem('CONFLICT', {
    detail: `\`${path}\` is already there`,
    fix: 'Choose another name with `--out`, or give `--force` to replace it.',
  });
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Unfinished files of this name whose process is gone. */
async function sweep(path: string): Promise<void> {
  const folder = dirname(path);
  const start = `.${basename(path)}.`;
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(start)) continue;
    const pid = /^(\d+)\.[0-9a-f]{12}\.part$/.exec(name.slice(start.length))?.[1];
    if (pid !== undefined && !alive(Number(pid))) await rm(join(folder, name), { force: true });
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
