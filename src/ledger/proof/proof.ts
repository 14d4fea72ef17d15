import { sha256 } from './sha256.ts';

/** Hash of a leaf: SHA-256(0x00 ‖ entry) (RFC 6962 §2.1). */
export function leafHash(entry: Uint8Array): Uint8Array {
  return sha256(joined([0x00], entry));
}

/** Hash of an inner node: SHA-256(0x01 ‖ left ‖ right) (RFC 6962 §2.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(joined([0x01], left, right));
}

/** Whether `leaf` is entry `index` of the tree of `size` entries with this root (RFC 9162 §2.1.3.2). */
export function verifyInclusion({
  index,
  size,
  leaf,
  hashes,
  root,
}: {
  index: number;
  size: number;
  leaf: Uint8Array;
  hashes: readonly Uint8Array[];
  root: Uint8Array;
}): boolean {
  if (!isIndex(index) || !isIndex(size) || index >= size) return false;
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of hashes) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      hash = nodeHash(sibling, hash);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equal(hash, root);
}

/** Whether the tree of `first` entries is the beginning of the tree of `second` entries (RFC 9162 §2.1.4.2). */
export function verifyConsistency({
  first,
  second,
  firstRoot,
  secondRoot,
  hashes,
}: {
  first: number;
  second: number;
  firstRoot: Uint8Array;
  secondRoot: Uint8Array;
  hashes: readonly Uint8Array[];
}): boolean {
  if (!isIndex(first) || !isIndex(second) || first > second) return false;
  if (first === second) return hashes.length === 0 && equal(firstRoot, secondRoot);
  if (first === 0) return hashes.length === 0 && equal(firstRoot, sha256(new Uint8Array()));
  let node = first - 1;
  let last = second - 1;
  while (isOdd(node)) [node, last] = [half(node), half(last)];
  // A perfect first tree is a node of the second, so its hash is not repeated in the proof.
  const [start, ...rest] = node === 0 ? [firstRoot, ...hashes] : hashes;
  if (start === undefined) return false;
  let oldHash = start;
  let newHash = start;
  for (const hash of rest) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      oldHash = nodeHash(hash, oldHash);
      newHash = nodeHash(hash, newHash);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      newHash = nodeHash(newHash, hash);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equal(oldHash, firstRoot) && equal(newHash, secondRoot);
}

export function equal(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

function joined(...parts: (Uint8Array | number[])[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

// Sizes may pass 2^32, so no bit operators.
const isIndex = (n: number): boolean => Number.isSafeInteger(n) && n >= 0;
const isOdd = (n: number): boolean => n % 2 === 1;
const half = (n: number): number => Math.floor(n / 2);
