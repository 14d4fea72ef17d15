import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, type DescribeOptions } from './sign.ts';
import { contentIdOf, type Manifest } from './statement.ts';
import { Refusal } from './strict-json.ts';
import { readTree } from './tree.ts';

/**
 * Copies the files of a folder (or the one file, into a folder) to `target` as files that nobody writes: regular ones
 * with one link each, no links, no devices. The target appears whole or not at all. The manifest is that of the copy.
 */
export async function snapshot(
  source: string,
  target: string,
  options: DescribeOptions = {},
): Promise<Manifest> {
  const beside = `${target}.part-${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(beside, { recursive: true, mode: 0o700 });
    await copyTree(source, beside, options.ignored ?? []);
    const manifest = await describe(beside, options);
    await protect(beside);
    await rename(beside, target).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      // Another run was faster: its copy counts when it is the same.
      await discard(beside);
      if (contentIdOf((await describe(target, options)).resources) !== contentIdOf(manifest.resources)) {
        throw new Refusal(`\`${target}\` already holds something else`);
      }
    });
    return manifest;
  } catch (error) {
    await discard(beside);
    throw error;
  }
}

async function copyTree(source: string, target: string, ignored: readonly string[]): Promise<void> {
  const tree = await readTree(source, {
    ignored: [...ignored, '.git', '.gitattributes', '.github', '.gitignore'],
    allowSymlinks: false,
  });
  for (const { path } of tree.files) {
    const to = join(target, path);
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    // Where the file system can, the copy shares its blocks with the source until one of them is written.
    await copyFile(
      tree.single ? source : join(source, path),
      to,
      constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE,
    );
  }
}

/** Takes the right to write from a folder and all in it. */
export async function protect(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await protect(path);
    else await chmod(path, 0o444);
  }
  await chmod(folder, 0o555);
}

/** Removes a snapshot, whose folders are protected against that. */
export async function discard(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await discard(join(folder, entry.name));
  }
  await chmod(folder, 0o700).catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
}

/** Name of a folder for the time of one piece of work, after which `sweep` looks when the process was killed. */
export function workName(prefix: string): string {
  return `${prefix}${process.pid}-${randomBytes(6).toString('hex')}`;
}

/** Removes what processes that are gone left behind in `folder` under names of `workName`. */
export async function sweep(folder: string, prefix: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const pid = name.startsWith(prefix) ? /^(\d+)-/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (pid === undefined || isAlive(Number(pid))) continue;
    // Of another user, or in use by another sweep: it stays for the next one.
    await discard(join(folder, name)).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
