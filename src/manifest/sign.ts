import type { KeyObject, X509Certificate } from 'node:crypto';
import { basename, resolve } from 'node:path';
import { bundleText } from './bundle.ts';
import { digestRanges, type Algorithm } from './digest.ts';
import { hintOf, publicPem, signPayload } from './keys.ts';
import { byName, defaultIgnored, rootOf, statementOf, type Manifest, type Resource } from './statement.ts';
import { Refusal } from './strict-json.ts';
import { openFile, readTree } from './tree.ts';

export interface DescribeOptions {
  algorithm?: Algorithm;
  /** Bytes per shard; without it, whole files are hashed. */
  shardSize?: number;
  /** Relative paths that are left out, beside those that always are. */
  ignored?: readonly string[];
  onProgress?(done: number, total: number): void;
}

/** Hashes a folder or a file into a manifest. @throws Refusal when it holds what cannot be signed */
export async function describe(path: string, options: DescribeOptions = {}): Promise<Manifest> {
  const { algorithm = 'sha256', shardSize, onProgress } = options;
  const ignored = [...new Set([...defaultIgnored, ...(options.ignored ?? [])])].sort();
  const tree = await readTree(path, { ignored, allowSymlinks: false });
  if (tree.files.length === 0) throw new Refusal('there is no file to sign');
  const total = tree.files.reduce((sum, { size }) => sum + size, 0);
  const resources: Resource[] = [];
  let done = 0;
  for (const { path: name, size } of tree.files) {
    const file = await openFile(tree, name, false);
    try {
      const ranges = shardSize === undefined ? [{ start: 0, end: size }] : shardsOf(size, shardSize);
      const digests = await digestRanges(file, ranges, algorithm);
      ranges.forEach((range, index) => {
        const digest = digests[index];
        if (digest === undefined) throw new Refusal(`\`${name}\` changed while it was read`);
        resources.push({ path: name, ...(shardSize === undefined ? {} : { range }), digest });
      });
    } finally {
      await file.close();
    }
    onProgress?.((done += size), total);
  }
  if (resources.length === 0) throw new Refusal('shards of empty files sign nothing');
  resources.sort(byName);
  return {
    name: basename(resolve(path)),
    method: shardSize === undefined ? 'files' : 'shards',
    algorithm,
    ...(shardSize === undefined ? {} : { shardSize }),
    allowSymlinks: false,
    ignored,
    resources,
    root: rootOf(resources),
    old: false,
  };
}

/** Ranges of `size` bytes that cover a file; an empty file has none, as the reference implementation has it. */
export function shardsOf(bytes: number, size: number): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  for (let start = 0; start < bytes; start += size) {
    ranges.push({ start, end: Math.min(start + size, bytes) });
  }
  return ranges;
}

/** Who signs: a key, and the certificates that vouch for it (leaf first) when there are any. */
export interface SigningKey {
  key: KeyObject;
  certificates?: readonly X509Certificate[];
}

/** Signs a manifest; the answer is the text of a Sigstore bundle. @throws Refusal when key and certificate differ */
export function signManifest(manifest: Manifest, signer: SigningKey): string {
  return signStatement(statementOf(manifest), signer);
}

/** Signs any in-toto statement in the same envelope. */
export function signStatement(statement: string, { key, certificates }: SigningKey): string {
  const payload = Buffer.from(statement);
  if (certificates === undefined || certificates.length === 0) {
    return bundleText(payload, signPayload(payload, key), { hint: hintOf(key) });
  }
  if (publicPem(certificates[0]!.publicKey) !== publicPem(key)) {
    throw new Refusal('the certificate is not one of the key');
  }
  return bundleText(payload, signPayload(payload, key), { certificates: certificates.map(({ raw }) => raw) });
}
