import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leafHash, nodeHash, verifyConsistency, verifyInclusion } from './proof/proof.ts';
import { sha256 } from './proof/sha256.ts';
import { leafHashOf, nodeHashOf } from './tiles.ts';
import {
  consistencyPath,
  Edge,
  inclusionPath,
  rangeRoot,
  rootOf,
  type FullTile,
  type ReadTile,
} from './tree.ts';

const hashOf = (...parts: (Uint8Array | number[])[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(Uint8Array.from(part));
  return hash.digest();
};

/** RFC 6962 §2.1 word for word. */
function naiveRoot(entries: readonly Buffer[]): Buffer {
  if (entries.length === 0) return hashOf([]);
  if (entries.length === 1) return hashOf([0], entries[0]!);
  const k = 2 ** Math.floor(Math.log2(entries.length - 1));
  return hashOf([1], naiveRoot(entries.slice(0, k)), naiveRoot(entries.slice(k)));
}

/** RFC 6962 §2.1.1 word for word. */
function naivePath(m: number, entries: readonly Buffer[]): Buffer[] {
  if (entries.length === 1) return [];
  const k = 2 ** Math.floor(Math.log2(entries.length - 1));
  return m < k
    ? [...naivePath(m, entries.slice(0, k)), naiveRoot(entries.slice(k))]
    : [...naivePath(m - k, entries.slice(k)), naiveRoot(entries.slice(0, k))];
}

/** RFC 6962 §2.1.2 word for word. */
function naiveConsistency(m: number, entries: readonly Buffer[], known = true): Buffer[] {
  if (m === entries.length) return known ? [] : [naiveRoot(entries)];
  const k = 2 ** Math.floor(Math.log2(entries.length - 1));
  return m <= k
    ? [...naiveConsistency(m, entries.slice(0, k), known), naiveRoot(entries.slice(k))]
    : [...naiveConsistency(m - k, entries.slice(k), false), naiveRoot(entries.slice(0, k))];
}

const entriesOf = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => Buffer.from(`entry ${i}`));

function grow(entries: readonly Buffer[], batches: readonly number[] = [entries.length]) {
  const edge = new Edge();
  const full = new Map<string, FullTile>();
  let at = 0;
  for (const batch of [...batches, entries.length]) {
    const slice = entries.slice(at, at + batch);
    at += slice.length;
    for (const tile of edge.append(slice.map(leafHashOf))) full.set(`${tile.level}/${tile.n}`, tile);
  }
  const read: ReadTile = async (level, n, count) => {
    const tile =
      full.get(`${level}/${n}`)?.hashes ??
      edge.partials().find((one) => one.level === level && one.n === n)!.hashes;
    return tile.subarray(0, count * 32);
  };
  return { edge, read, full };
}

test('hashes in plain JavaScript as the platform does', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(Buffer.from(sha256(bytes))).toEqual(hashOf(bytes));
    }),
  );
  expect(Buffer.from(leafHash(Buffer.from('x')))).toEqual(leafHashOf(Buffer.from('x')));
  const [left, right] = [hashOf([1]), hashOf([2])];
  expect(Buffer.from(nodeHash(left, right))).toEqual(nodeHashOf(left, right));
});

describe('agrees with RFC 6962 as written', () => {
  test('on the root, whatever the batches', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.nat(600), fc.constantFrom(255, 256, 257, 511, 512, 513)),
        fc.array(fc.nat(300)),
        (size, batches) => {
          const entries = entriesOf(size);
          const { edge } = grow(entries, batches);
          expect(edge.size).toBe(size);
          expect(rootOf(edge.partials())).toEqual(naiveRoot(entries));
        },
      ),
      { numRuns: 40 },
    );
  });

  test('on inclusion paths, for every entry at every size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 700 }), fc.nat(), async (size, pick) => {
        const entries = entriesOf(size);
        const { read } = grow(entriesOf(700));
        const index = pick % size;
        const path = await inclusionPath(index, size, read);
        expect(path).toEqual(naivePath(index, entries));
        const leaf = leafHash(entries[index]!);
        const root = naiveRoot(entries);
        expect(verifyInclusion({ index, size, leaf, hashes: path, root })).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('on consistency paths, for every pair of sizes', async () => {
    const { read } = grow(entriesOf(700));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 700 }), fc.nat(), async (second, pick) => {
        const first = pick % (second + 1);
        const entries = entriesOf(second);
        const path = await consistencyPath(first, second, read);
        if (first > 0) expect(path).toEqual(naiveConsistency(first, entries));
        const [firstRoot, secondRoot] = [naiveRoot(entries.slice(0, first)), naiveRoot(entries)];
        expect(await rangeRoot(0, first, second, read)).toEqual(firstRoot);
        expect(verifyConsistency({ first, second, firstRoot, secondRoot, hashes: path })).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('over three levels of tiles', async () => {
    const size = 66_000;
    const { edge, read, full } = grow(entriesOf(size), [1000, 64_000]);
    expect([...full.keys()].filter((key) => key.startsWith('1/'))).toEqual(['1/0']);
    const root = rootOf(edge.partials());
    expect(await rangeRoot(0, size, size, read)).toEqual(root);
    for (const index of [0, 255, 256, 65_535, 65_536, size - 1]) {
      const hashes = await inclusionPath(index, size, read);
      const leaf = leafHash(Buffer.from(`entry ${index}`));
      expect(verifyInclusion({ index, size, leaf, hashes, root })).toBe(true);
    }
  });
});

test('refuses a proof of which any bit, index or size is another', async () => {
  const { edge, read } = grow(entriesOf(300));
  const root = rootOf(edge.partials());
  await fc.assert(
    fc.asyncProperty(fc.nat(299), fc.nat(), fc.nat(7), async (index, pick, bit) => {
      const hashes = await inclusionPath(index, 300, read);
      const leaf = leafHash(Buffer.from(`entry ${index}`));
      const proof = { index, size: 300, leaf, hashes, root };
      const flipped = hashes.map((hash) => Buffer.from(hash));
      flipped[pick % flipped.length]![pick % 32]! ^= 1 << bit;
      expect(verifyInclusion({ ...proof, hashes: flipped })).toBe(false);
      expect(verifyInclusion({ ...proof, index: (index + 1) % 300 })).toBe(false);
      expect(verifyInclusion({ ...proof, hashes: hashes.slice(1) })).toBe(false);
      expect(verifyInclusion({ ...proof, hashes: [...hashes, root] })).toBe(false);
      expect(verifyInclusion({ ...proof, index: -1 })).toBe(false);
      expect(verifyInclusion({ ...proof, index: index + 0.5 })).toBe(false);
    }),
  );
});

test('refuses a consistency proof between trees that differ', async () => {
  const { edge, read } = grow(entriesOf(300));
  const other = grow(entriesOf(299).concat(Buffer.from('another')));
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 299 }), async (first) => {
      const hashes = await consistencyPath(first, 300, read);
      const firstRoot = await rangeRoot(0, first, 300, read);
      const proof = { first, second: 300, firstRoot, secondRoot: rootOf(edge.partials()), hashes };
      expect(verifyConsistency(proof)).toBe(true);
      expect(verifyConsistency({ ...proof, secondRoot: rootOf(other.edge.partials()) })).toBe(false);
      expect(verifyConsistency({ ...proof, firstRoot: rootOf(edge.partials()) })).toBe(false);
      expect(verifyConsistency({ ...proof, hashes: hashes.slice(1) })).toBe(false);
    }),
    { numRuns: 50 },
  );
});
