import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { encodeBundle, hashBytes, parseTilePath, tilePath, tileWidth } from './tiles.ts';
import type { Partial } from './tree.ts';

export const checkpointFile = 'checkpoint';
export const keyFile = 'key.pem';

/** What is published for one signed head. */
export interface Head {
  size: number;
  note: string;
  /** The tiles of the right edge that are not full at this size. */
  partials: readonly Partial[];
}

export interface Source {
  /** Entries `from` to `to`, not included. */
  entries(from: number, to: number): Promise<Buffer[]>;
  fullTile(level: number, n: number): Promise<Buffer>;
}

/**
 * Keeps a folder in the tlog-tiles layout. Files appear whole (written aside, then renamed), tiles before the checkpoint
 * that needs them, and the partial tiles of the checkpoint before stay until the next one.
 */
export class Publication {
  readonly #dir: string;
  readonly #source: Source;
  #size = 0;
  #partials: string[] = [];
  #stale: string[] = [];

  constructor(dir: string, source: Source) {
    this.#dir = dir;
    this.#source = source;
  }

  /** The checkpoint as it was published, if there is one. */
  async note(): Promise<string | undefined> {
    try {
      return await readFile(join(this.#dir, checkpointFile), 'utf8');
    } catch {
      return undefined;
    }
  }

  /** Compares the folder with the log and writes what is missing or empty. What a crash left over is removed. */
  async repair(head: Head, publicKeyPem: string): Promise<void> {
    await mkdir(join(this.#dir, '.tmp'), { recursive: true, mode: 0o700 });
    for (const name of await readdir(join(this.#dir, '.tmp'))) await rm(join(this.#dir, '.tmp', name));
    const there = await this.#published();
    const expected = new Set(fullPaths(head.size));
    for (const path of head.partials.flatMap(partialPaths)) expected.add(path);
    // The newest tiles are written again in any case: a power cut may have kept the name and lost the content.
    const settled = Math.max(0, Math.floor(head.size / tileWidth) - 16);
    for (const path of fullPaths(head.size)) {
      const { level, n } = parseTilePath(path)!;
      const recent = level === 'entries' || level === 0 ? n >= settled : true;
      if (recent || !there.has(path)) await this.#writeFull(level, n);
    }
    for (const path of there) {
      const tile = parseTilePath(path);
      if (tile && !expected.has(path)) await this.#remove(path);
    }
    await this.#write(keyFile, publicKeyPem);
    await this.#writePartials(head);
    await this.#write(checkpointFile, head.note);
    this.#size = head.size;
    this.#stale = [];
  }

  /** Publishes a head that is not older than the last one. */
  async publish(head: Head): Promise<void> {
    for (const path of fullPaths(head.size, this.#size)) {
      const { level, n } = parseTilePath(path)!;
      await this.#writeFull(level, n);
    }
    const before = this.#partials;
    await this.#writePartials(head);
    await this.#write(checkpointFile, head.note);
    this.#size = head.size;
    for (const path of this.#stale) if (!this.#partials.includes(path)) await this.#remove(path);
    this.#stale = before;
  }

  /** Removes the partial tiles of the checkpoint before the last. */
  async settle(): Promise<void> {
    for (const path of this.#stale) if (!this.#partials.includes(path)) await this.#remove(path);
    this.#stale = [];
  }

  async #writePartials({ partials }: Head): Promise<void> {
    const written: string[] = [];
    for (const { level, n, hashes } of partials) {
      const width = hashes.length / hashBytes;
      if (level === 0) {
        const entries = await this.#source.entries(n * tileWidth, n * tileWidth + width);
        const path = tilePath('entries', n, width);
        await this.#write(path, encodeBundle(entries));
        written.push(path);
      }
      const path = tilePath(level, n, width);
      await this.#write(path, hashes);
      written.push(path);
    }
    this.#partials = written;
  }

  async #writeFull(level: number | 'entries', n: number): Promise<void> {
    const content =
      level === 'entries'
        ? encodeBundle(await this.#source.entries(n * tileWidth, (n + 1) * tileWidth))
        : await this.#source.fullTile(level, n);
    await this.#write(tilePath(level, n), content);
  }

  async #write(path: string, content: string | Buffer): Promise<void> {
    const aside = join(this.#dir, '.tmp', path.replaceAll('/', '-'));
    const place = join(this.#dir, path);
    await writeFile(aside, content);
    try {
      await rename(aside, place);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await mkdir(dirname(place), { recursive: true });
      await rename(aside, place);
    }
  }

  async #remove(path: string): Promise<void> {
    await rm(join(this.#dir, path), { force: true });
    // The folder of partial tiles goes with the last of them.
    if (/\.p\/\d+$/.test(path)) {
      const folder = dirname(join(this.#dir, path));
      if ((await readdir(folder).catch(() => ['gone'])).length === 0)
        await rm(folder, { recursive: true, force: true });
    }
  }

  /** Paths of the tiles that are there and not empty. */
  async #published(): Promise<Set<string>> {
    const found = new Set<string>();
    const listed = await readdir(join(this.#dir, 'tile'), { withFileTypes: true, recursive: true }).catch(
      () => [],
    );
    for (const entry of listed) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      if ((await stat(path)).size > 0) found.add(relative(this.#dir, path).split(sep).join('/'));
    }
    return found;
  }
}

/** Full tiles and bundles of a log of `size` entries that one of `before` entries did not have. */
function* fullPaths(size: number, before = 0): Generator<string> {
  for (let [level, now, then] = [0, size, before]; now >= tileWidth; level += 1) {
    const [to, from] = [Math.floor(now / tileWidth), Math.floor(then / tileWidth)];
    for (let n = from; n < to; n += 1) {
      if (level === 0) yield tilePath('entries', n);
      yield tilePath(level, n);
    }
    [now, then] = [to, from];
  }
}

function partialPaths({ level, n, hashes }: Partial): string[] {
  const width = hashes.length / hashBytes;
  return [tilePath(level, n, width), ...(level === 0 ? [tilePath('entries', n, width)] : [])];
}
