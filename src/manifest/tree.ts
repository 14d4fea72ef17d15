import { constants } from 'node:fs';
import { lstat, open, readdir, realpath, stat, type FileHandle } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { Refusal } from './strict-json.ts';

/** A regular file of a folder. */
export interface TreeFile {
  /** Relative, with `/`. */
  path: string;
  size: number;
}

export interface Tree {
  /** The folder, or the one file. */
  root: string;
  single: boolean;
  files: TreeFile[];
  /** Files below an ignored path that are there all the same. */
  ignored: string[];
}

const maxFiles = 1_000_000;

/**
 * Walks a folder (or one file). `ignored` are paths relative to it, each for itself and all below. Links are followed
 * only when allowed, and only while they stay inside. @throws Refusal for links, devices and unreadable names
 */
export async function readTree(
  root: string,
  { ignored, allowSymlinks }: { ignored: readonly string[]; allowSymlinks: boolean },
): Promise<Tree> {
  const about = await lstat(root);
  if (about.isFile()) {
    return { root, single: true, files: [{ path: basename(root), size: about.size }], ignored: [] };
  }
  if (!about.isDirectory()) throw new Refusal(`\`${basename(root)}\` is neither a folder nor a file`);
  const tree: Tree = { root, single: false, files: [], ignored: [] };
  const base = await realpath(root);
  const isIgnored = (path: string): boolean =>
    ignored.some((one) => path === one || path.startsWith(`${one}/`));

  const visit = async (folder: string, above: readonly string[]): Promise<void> => {
    const real = await realpath(join(root, folder));
    if (above.includes(real)) throw new Refusal(`\`${folder}\` is a link to a folder above it`);
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (path.includes('\ufffd')) throw new Refusal(`the name of \`${path}\` is not UTF-8`);
      const skipped = isIgnored(path);
      let about: { isFile(): boolean; isDirectory(): boolean; size?: number } = entry;
      if (entry.isSymbolicLink()) {
        if (skipped) {
          tree.ignored.push(path);
          continue;
        }
        if (!allowSymlinks) throw new Refusal(`\`${path}\` is a symbolic link`);
        const target = await realpath(join(root, path)).catch(() => '');
        if (!target.startsWith(base + sep)) throw new Refusal(`\`${path}\` is a link to a place outside`);
        about = await stat(target);
      }
      if (about.isDirectory()) await visit(path, [...above, real]);
      else if (!about.isFile()) {
        if (!skipped) throw new Refusal(`\`${path}\` is not a regular file`);
      } else if (skipped) tree.ignored.push(path);
      else tree.files.push({ path, size: (await stat(join(root, path))).size });
      if (tree.files.length > maxFiles) throw new Refusal(`there are more than ${maxFiles} files`);
    }
  };
  await visit('', []);
  tree.files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return tree;
}

/** Opens a file of a tree for reading; a link that was put there since fails. */
export async function openFile(tree: Tree, path: string, allowSymlinks: boolean): Promise<FileHandle> {
  const place = tree.single ? tree.root : join(tree.root, path);
  const noFollow = allowSymlinks ? 0 : constants.O_NOFOLLOW;
  return open(place, constants.O_RDONLY | constants.O_NONBLOCK | noFollow).catch(() => {
    throw new Refusal(`\`${path}\` cannot be read`);
  });
}

/** The path of `file` below `root` with `/`, or undefined when it is elsewhere. */
export function pathBelow(root: string, file: string): string | undefined {
  const path = relative(resolve(root), resolve(file)).split(sep).join('/');
  return path === '' || path === '..' || path.startsWith('../') ? undefined : path;
}
