import { emptyRoot, hashBytes, nodeHashOf, subtreeRoot, tileWidth } from './tiles.ts';

export interface FullTile {
  level: number;
  n: number;
  hashes: Buffer;
  /** Root of the tile, which is hash `n` of the level above. */
  root: Buffer;
}

/** A copy of a tile of the right edge that is not full. */
export interface Partial {
  level: number;
  n: number;
  hashes: Buffer;
}

interface GrowingTile {
  n: number;
  count: number;
  hashes: Buffer;
}

/** More than two batches fill. */
const filledKept = 16;

/** The right edge of the tree in memory: its size and one partial tile per level. */
export class Edge {
  size = 0;
  readonly #levels: GrowingTile[] = [];
  /** The tiles that became full last, by `level/n`. */
  readonly #filled = new Map<string, Buffer>();

  /** Puts back an edge as the store has it; `hashes` are those of the partial tile of each level. */
  static restore(size: number, hashes: readonly Buffer[]): Edge {
    const edge = new Edge();
    edge.size = size;
    let n = size;
    for (const [level, partial] of hashes.entries()) {
      n = Math.floor(n / tileWidth);
      const tile = edge.#level(level);
      tile.n = n;
      tile.count = partial.length / hashBytes;
      tile.hashes.set(partial);
    }
    return edge;
  }

  /** Adds leaves and returns the tiles that became full. */
  append(leaves: readonly Buffer[]): FullTile[] {
    const full: FullTile[] = [];
    for (const leaf of leaves) this.#push(0, leaf, full);
    this.size += leaves.length;
    return full;
  }

  /**
   * The partial tiles of this size, lowest level first: all that a later proof needs beside full tiles. An earlier size
   * may be asked for as long as not many entries came after it.
   */
  partials(size = this.size): Partial[] {
    const partials: Partial[] = [];
    for (let [level, width] = [0, size]; width > 0; level += 1) {
      const n = Math.floor(width / tileWidth);
      const count = width % tileWidth;
      width = n;
      if (count === 0) continue;
      const now = this.#levels[level]!;
      const hashes = now.n === n ? now.hashes : this.#filled.get(`${level}/${n}`)!;
      partials.push({ level, n, hashes: Buffer.from(hashes.subarray(0, count * hashBytes)) });
    }
    return partials;
  }

  #push(level: number, hash: Buffer, full: FullTile[]): void {
    const tile = this.#level(level);
    tile.hashes.set(hash, tile.count * hashBytes);
    tile.count += 1;
    if (tile.count < tileWidth) return;
    const root = subtreeRoot(tile.hashes, 0, tileWidth);
    full.push({ level, n: tile.n, hashes: tile.hashes, root });
    this.#filled.set(`${level}/${tile.n}`, tile.hashes);
    if (this.#filled.size > filledKept) this.#filled.delete(this.#filled.keys().next().value!);
    this.#levels[level] = emptyTile(tile.n + 1);
    this.#push(level + 1, root, full);
  }

  #level(level: number): GrowingTile {
    return (this.#levels[level] ??= emptyTile(0));
  }
}

function emptyTile(n: number): GrowingTile {
  return { n, count: 0, hashes: Buffer.alloc(tileWidth * hashBytes) };
}

/** Root of the tree with this right edge (RFC 6962 §2.1). */
export function rootOf(partials: readonly Partial[]): Buffer {
  let root: Buffer | undefined;
  // The partial tile of a level is followed on the right by what is not yet a node of that level.
  for (const { hashes } of partials) root = rootOver(hashes, root);
  return root ?? emptyRoot;
}

function rootOver(hashes: Buffer, right: Buffer | undefined): Buffer | undefined {
  const count = hashes.length / hashBytes;
  let root = right;
  let end = count;
  for (let width = 1; width <= count; width *= 2) {
    // Perfect subtrees stand from wide to narrow, one per bit of `count`.
    if ((count & width) === 0) continue;
    const left = subtreeRoot(hashes, end - width, width);
    root = root ? nodeHashOf(left, root) : left;
    end -= width;
  }
  return root;
}

/** Reads the first `count` hashes of a tile. */
export type ReadTile = (level: number, n: number, count: number) => Promise<Buffer>;

/** Hashes that prove entry `index` in the tree of `size` entries (RFC 9162 §2.1.3.1). */
export async function inclusionPath(index: number, size: number, read: ReadTile): Promise<Buffer[]> {
  const path: Buffer[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + split(end - start);
    if (index < middle) {
      path.push(await rangeRoot(middle, end, size, read));
      end = middle;
    } else {
      path.push(await rangeRoot(start, middle, size, read));
      start = middle;
    }
  }
  return path.reverse();
}

/** Hashes that prove the tree of `first` entries to be the beginning of that of `second` (RFC 9162 §2.1.4.1). */
export async function consistencyPath(first: number, second: number, read: ReadTile): Promise<Buffer[]> {
  if (first === 0 || first === second) return [];
  const path: Buffer[] = [];
  let start = 0;
  let end = second;
  // Whether the subtree at hand begins where the old tree begins: then the verifier knows its hash.
  let known = true;
  while (first !== end) {
    const middle = start + split(end - start);
    if (first <= middle) {
      path.push(await rangeRoot(middle, end, second, read));
      end = middle;
    } else {
      path.push(await rangeRoot(start, middle, second, read));
      start = middle;
      known = false;
    }
  }
  if (!known) path.push(await rangeRoot(start, end, second, read));
  return path.reverse();
}

/** Root of the entries `start` to `end` (not included), where `start` is a multiple of the range's largest power of two. */
export async function rangeRoot(start: number, end: number, size: number, read: ReadTile): Promise<Buffer> {
  let root: Buffer | undefined;
  let to = end;
  // From the narrow subtree at the right to the wide ones at the left.
  while (to > start) {
    const width = lowestBit(to - start);
    const left = await perfectRoot(to - width, width, size, read);
    root = root ? nodeHashOf(left, root) : left;
    to -= width;
  }
  return root ?? emptyRoot;
}

async function perfectRoot(start: number, width: number, size: number, read: ReadTile): Promise<Buffer> {
  let level = 0;
  let unit = 1;
  while (unit * tileWidth <= width) {
    unit *= tileWidth;
    level += 1;
  }
  const first = start / unit;
  const n = Math.floor(first / tileWidth);
  const inTile = Math.min(tileWidth, Math.floor(size / unit) - n * tileWidth);
  return subtreeRoot(await read(level, n, inTile), first % tileWidth, width / unit);
}

/** Largest power of two smaller than `n` (n > 1). Sizes may pass 2^32, so no bit operators. */
function split(n: number): number {
  let power = 1;
  while (power * 2 < n) power *= 2;
  return power;
}

function lowestBit(n: number): number {
  let bit = 1;
  while (n % (bit * 2) === 0) bit *= 2;
  return bit;
}
