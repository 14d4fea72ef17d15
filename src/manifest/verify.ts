import type { KeyObject, X509Certificate } from 'node:crypto';
import { basename } from 'node:path';
import { parseBundle, type Method, type SignatureBundle } from './bundle.ts';
import { verifyChain } from './certificates.ts';
import { digestRanges } from './digest.ts';
import { hintOf, readPublicKey, verifyPayload } from './keys.ts';
import { verifyKeyless, type Identity } from './keyless.ts';
import { defaultIgnored, parseStatement, type Manifest, type Resource } from './statement.ts';
import { Refusal } from './strict-json.ts';
import { openFile, pathBelow, readTree, type Tree } from './tree.ts';

/** Whom to believe. The method of a signature must be the one that is given here. */
export interface Trust {
  key?: KeyObject;
  roots?: readonly X509Certificate[];
  identity?: Identity;
  /** JSON of a Sigstore trusted root; without it, that of the public Sigstore. */
  sigstoreRoot?: string;
}

export interface VerifyOptions {
  trust: Trust;
  /** Milliseconds since the epoch: when certificates must be valid. */
  now: number;
  /** Where the signature lies: inside the folder, it signs itself not. */
  signatureFile?: string;
  /** Paths that the verifier leaves out, beside those that were signed as left out. */
  ignored?: readonly string[];
  onProgress?(done: number, total: number): void;
}

/** The answer about a folder. Lists are paths (shards as `path:start:end`), sorted. */
export interface Verification {
  verified: boolean;
  method: Method | null;
  signer: string | null;
  changed: string[];
  missing: string[];
  unsigned: string[];
  /** Why not, or `null`. */
  reason: string | null;
  /** What a reader should know although the signature holds. */
  warnings: string[];
  /** Identity of the content: the signed root digest. */
  root: string | null;
}

/** Below ignored paths, these would run or be loaded without a signature. */
const loadable =
  /\.(?:py|pyc|pyd|pth|pkl|pickle|joblib|dill|npy|npz|pt|bin|ckpt|h5|keras|so|dll|dylib|jar|sh|js|ipynb|jinja)$/i;

/**
 * Verifies a signature against a folder or file: signature, then every digest, then that nothing unsigned lies beside.
 * Whatever does not fit gives `verified: false` and a reason; nothing of the bundle is believed before its signature.
 */
export async function verifyModel(
  path: string,
  bundle: string,
  options: VerifyOptions,
): Promise<Verification> {
  const answer: Verification = {
    verified: false,
    method: null,
    signer: null,
    changed: [],
    missing: [],
    unsigned: [],
    reason: null,
    warnings: [],
    root: null,
  };
  try {
    const parsed = parseBundle(bundle);
    answer.method = parsed.method;
    const { manifest, signer } = await verifyBundle(parsed, options);
    answer.signer = signer;
    answer.root = manifest.root;
    await compare(path, manifest, options, answer);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    answer.reason = error.message;
  }
  answer.verified = answer.reason === null;
  return answer;
}

/** Reads and verifies a bundle around a manifest. @throws Refusal */
export async function verifyBundle(
  bundle: SignatureBundle,
  { trust, now }: Pick<VerifyOptions, 'trust' | 'now'>,
): Promise<{ manifest: Manifest; signer: string }> {
  // The predicate type decides which encoding is tried; a forged type only makes the signature fail.
  const manifest = parseStatement(bundle.payload);
  const signer = await verifySignature(bundle, { trust, now }, true);
  return { manifest, signer };
}

/** Verifies the signature of a bundle, whatever its statement; the answer names the signer. @throws Refusal */
export async function verifySignature(
  bundle: SignatureBundle,
  { trust, now }: Pick<VerifyOptions, 'trust' | 'now'>,
  old = false,
): Promise<string> {
  const { method, payload, signature } = bundle;
  if (method === 'sigstore') {
    if (!trust.identity) throw new Refusal('it is signed without a key, and no identity was given to expect');
    await verifyKeyless(bundle, trust.identity, trust.sigstoreRoot);
    return trust.identity.subject;
  }
  if (method === 'certificate') {
    if (!trust.roots)
      throw new Refusal('it is signed with a certificate, and no trusted certificate was given');
    const leaf = verifyChain(bundle.certificates!, trust.roots, now);
    if (!verifyPayload(payload, signature, leaf.publicKey, old)) {
      throw new Refusal('the signature is not that of the certificate');
    }
    return leaf.subject.replaceAll('\n', ', ');
  }
  const { key } = trust;
  if (!key) throw new Refusal('it is signed with a key, and no public key was given');
  const { hint, pem } = bundle.key!;
  const named = hint ?? (pem === undefined ? undefined : hintOf(readPublicKey(pem)));
  if (named !== undefined && named !== hintOf(key))
    throw new Refusal('it names another key than the one given');
  if (!verifyPayload(payload, signature, key, old)) throw new Refusal('the signature is not that of the key');
  return `key ${hintOf(key)}`;
}

/** Compares what lies there with what was signed, into `answer`. @throws Refusal */
async function compare(
  path: string,
  manifest: Manifest,
  options: VerifyOptions,
  answer: Verification,
): Promise<void> {
  const own = options.signatureFile === undefined ? undefined : pathBelow(path, options.signatureFile);
  const ignored = [
    ...defaultIgnored,
    ...(manifest.ignored ?? []),
    ...(options.ignored ?? []),
    ...(own ? [own] : []),
  ];
  const tree = await readTree(path, { ignored, allowSymlinks: manifest.allowSymlinks });
  const signed = resourcesOf(manifest, tree);
  const total = tree.files.reduce((sum, { size }) => sum + size, 0);
  const empty: string[] = [];
  let done = 0;
  for (const { path: name, size } of tree.files) {
    const resources = signed.get(name);
    if (resources) await compareFile(tree, name, size, resources, manifest, answer);
    // Shards say nothing of files without a byte: the format has no way to sign them.
    else if (size === 0 && manifest.method === 'shards') empty.push(name);
    else answer.unsigned.push(name);
    options.onProgress?.((done += size), total);
  }
  const present = new Set(tree.files.map(({ path: name }) => name));
  for (const name of signed.keys()) if (!present.has(name)) answer.missing.push(name);
  for (const list of [answer.changed, answer.missing, answer.unsigned]) list.sort();

  const beside = tree.ignored.filter((name) => name !== own && !isDefault(name));
  if (beside.length > 0) answer.warnings.push(`not signed, below ignored paths: ${some(beside)}`);
  if (empty.length > 0)
    answer.warnings.push(`not signed, because shards leave empty files out: ${some(empty)}`);
  // What the verifier left out is its own choice; what the signer left out is not.
  const theirs = manifest.ignored ?? [];
  const risky = beside.filter(
    (name) => loadable.test(name) && theirs.some((one) => name === one || name.startsWith(`${one}/`)),
  );
  const reasons = [
    answer.changed.length > 0 && `changed: ${some(answer.changed)}`,
    answer.missing.length > 0 && `missing: ${some(answer.missing)}`,
    answer.unsigned.length > 0 && `not signed: ${some(answer.unsigned)}`,
    risky.length > 0 && `could be loaded without a signature: ${some(risky)}`,
  ].filter((one) => one !== false);
  if (reasons.length > 0) answer.reason = reasons.join('; ');
}

function isDefault(name: string): boolean {
  return defaultIgnored.some((one) => name === one || name.startsWith(`${one}/`));
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => `\`${name}\``);
  return shown.join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
}

/** Signed path → its resources. The one file of a single-file model is found by either of its names. */
function resourcesOf(manifest: Manifest, tree: Tree): Map<string, Resource[]> {
  const signed = new Map<string, Resource[]>();
  for (const resource of manifest.resources) {
    const name = tree.single && resource.path === '.' ? basename(tree.root) : resource.path;
    const list = signed.get(name);
    if (list) list.push(resource);
    else signed.set(name, [resource]);
  }
  return signed;
}

async function compareFile(
  tree: Tree,
  name: string,
  size: number,
  resources: readonly Resource[],
  { algorithm, allowSymlinks }: Manifest,
  answer: Verification,
): Promise<void> {
  const file = await openFile(tree, name, allowSymlinks);
  try {
    const ranges = resources.map(({ range }) => range ?? { start: 0, end: size });
    // Shards are contiguous by now: the end of the last must be that of the file.
    if (Math.max(...ranges.map(({ end }) => end)) !== (await file.stat()).size) {
      answer.changed.push(name);
      return;
    }
    const digests = await digestRanges(file, ranges, algorithm);
    resources.forEach(({ range, digest }, index) => {
      if (digests[index] === digest) return;
      answer.changed.push(range ? `${name}:${range.start}:${range.end}` : name);
    });
  } finally {
    await file.close();
  }
}
