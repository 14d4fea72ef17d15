import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../kernel/hash.ts';
import { algorithms, digestBytes, type Algorithm } from './digest.ts';
import { parseStrictJson, Refusal } from './strict-json.ts';

/** in-toto Statement v1 and the predicate types that this folder reads. */
export const statementType = 'https://in-toto.io/Statement/v1';
const predicateType = 'https://model_signing/signature/v1.0';
/** What releases before 0.3 wrote: one subject per file, SHA-256 only. */
const oldPredicateType = 'https://model_signing/Digests/v0.1';

/** Excluded from signing where nothing else is said, at the top level only. */
export const defaultIgnored: readonly string[] = ['.git', '.gitattributes', '.github', '.gitignore'];

/** A file, or a byte range of one, with its digest in hex. */
export interface Resource {
  path: string;
  range?: { start: number; end: number };
  digest: string;
}

/** What a signature says of a folder or a file. */
export interface Manifest {
  name: string;
  method: 'files' | 'shards';
  algorithm: Algorithm;
  shardSize?: number;
  allowSymlinks: boolean;
  /** As signed; undefined when the format had no such field. */
  ignored: string[] | undefined;
  resources: Resource[];
  /** SHA-256 over the raw digests in order: the identity of the content. Hex. */
  root: string;
  /** Written by a release before 0.3, whose signatures cover another encoding. */
  old: boolean;
}

const Hex = z.string().regex(/^[0-9a-f]+$/);
const Digests = z.record(z.string(), Hex);

const Statement = z.strictObject({
  _type: z.literal(statementType),
  subject: z.array(z.looseObject({ name: z.string().min(1), digest: Digests })).length(1),
  predicateType: z.literal(predicateType),
  predicate: z.strictObject({
    resources: z
      .array(z.looseObject({ name: z.string().min(1), digest: Hex, algorithm: z.enum(algorithms) }))
      .min(1),
    serialization: z.strictObject({
      method: z.enum(['files', 'shards']),
      hash_type: z.enum(algorithms),
      shard_size: z.int().positive().optional(),
      allow_symlinks: z.boolean(),
      ignore_paths: z.array(z.string().min(1)).optional(),
    }),
  }),
});

const OldStatement = z.looseObject({
  _type: z.literal(statementType),
  subject: z.array(z.looseObject({ name: z.string().min(1), digest: z.looseObject({ sha256: Hex }) })).min(1),
  predicateType: z.literal(oldPredicateType),
});

/** Reads the payload of a signature. @throws Refusal with the reason */
export function parseStatement(payload: Buffer): Manifest {
  const text = payload.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(payload)) throw new Refusal('the statement is not UTF-8');
  const value = parseStrictJson(text, 'the statement');
  const type = (value as { predicateType?: unknown } | null)?.predicateType;
  return type === oldPredicateType ? readOld(check(OldStatement, value)) : read(check(Statement, value));
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Refusal(`the statement is not valid: ${issue!.path.join('.') || 'it'}: ${issue!.message}`);
}

function read({ subject, predicate }: z.infer<typeof Statement>): Manifest {
  const { serialization } = predicate;
  const { method, hash_type: algorithm, shard_size: shardSize } = serialization;
  if (method === 'shards' && shardSize === undefined) throw new Refusal('shards without `shard_size`');
  if (method === 'files' && shardSize !== undefined) throw new Refusal('`shard_size` without shards');
  const resources = predicate.resources.map((resource): Resource => {
    if (resource.algorithm !== algorithm) {
      throw new Refusal(`\`${resource.name}\` has a digest of ${resource.algorithm}, not of ${algorithm}`);
    }
    if (resource.digest.length !== 2 * digestBytes[algorithm]) {
      throw new Refusal(`the digest of \`${resource.name}\` does not have the length of ${algorithm}`);
    }
    return { ...nameOf(resource.name, method), digest: resource.digest };
  });
  // One file: its name is `.` up to release 1.0, its base name after.
  const single = resources.length > 0 && resources.every(({ path }) => path === '.');
  if (!single) for (const { path } of resources) checkPath(path);
  if (method === 'files') checkUnique(resources);
  else checkShards(resources, shardSize!);
  const ignored = serialization.ignore_paths;
  for (const path of ignored ?? []) checkPath(path, 'ignored path');

  const { sha256 } = subject[0]!.digest;
  const sorted = [...resources].sort(byName);
  if (sha256 === undefined) throw new Refusal('the subject has no SHA-256 digest');
  if (rootOf(resources) !== sha256 && rootOf(sorted) !== sha256) {
    throw new Refusal('the digest of the subject is not that of the resources');
  }
  return {
    name: subject[0]!.name,
    method,
    algorithm,
    ...(shardSize === undefined ? {} : { shardSize }),
    allowSymlinks: serialization.allow_symlinks,
    ignored,
    resources: sorted,
    root: sha256,
    old: false,
  };
}

function readOld({ subject }: z.infer<typeof OldStatement>): Manifest {
  const resources = subject.map(({ name, digest }): Resource => {
    if (digest.sha256.length !== 64) throw new Refusal(`the digest of \`${name}\` is not one of sha256`);
    if (subject.length > 1 || name !== '.') checkPath(name);
    return { path: name, digest: digest.sha256 };
  });
  checkUnique(resources);
  const sorted = resources.sort(byName);
  return {
    name: 'model',
    method: 'files',
    algorithm: 'sha256',
    allowSymlinks: false,
    ignored: undefined,
    resources: sorted,
    root: rootOf(sorted),
    old: true,
  };
}

/** `path`, or `path:start:end`; the path itself may hold colons. */
function nameOf(name: string, method: Manifest['method']): Pick<Resource, 'path' | 'range'> {
  if (method === 'files') return { path: name };
  const match = /^(.+):(0|[1-9]\d{0,15}):(0|[1-9]\d{0,15})$/s.exec(name);
  if (!match) throw new Refusal(`\`${name}\` is not the name of a shard`);
  const range = { start: Number(match[2]), end: Number(match[3]) };
  if (!Number.isSafeInteger(range.end)) throw new Refusal(`\`${name}\` is not the name of a shard`);
  return { path: match[1]!, range };
}

/** A path has one spelling: relative, no empty, `.` or `..` segments, no backslash, no control characters. */
function checkPath(path: string, what = 'path'): void {
  const wrong =
    path.split('/').some((segment) => segment === '' || segment === '.' || segment === '..') ||
    // oxlint-disable-next-line no-control-regex -- control characters are what is refused
    /[\\\u0000-\u001f\u007f]|^[A-Za-z]:\//.test(path) ||
    Buffer.from(path, 'utf8').toString('utf8') !== path;
  if (wrong) throw new Refusal(`the ${what} \`${path}\` is not canonical`);
}

function checkUnique(resources: readonly Resource[]): void {
  const seen = new Set<string>();
  for (const { path } of resources) {
    // File systems that normalise names would read one file for both.
    const name = path.normalize('NFC');
    if (seen.has(name)) throw new Refusal(`\`${path}\` is listed twice`);
    seen.add(name);
  }
}

/** The shards of each file follow each other from 0 without a gap, all but the last of full size. */
function checkShards(resources: readonly Resource[], size: number): void {
  for (const [path, shards] of groupByPath(resources)) {
    let at = 0;
    const ordered = [...shards].sort((a, b) => a.range!.start - b.range!.start);
    ordered.forEach(({ range }, index) => {
      const { start, end } = range!;
      const last = index === ordered.length - 1;
      const whole =
        end - start === size || (last && end - start < size && (end > start || ordered.length === 1));
      if (start !== at || end < start || !whole) {
        throw new Refusal(`the shards of \`${path}\` do not cover it: \`${path}:${start}:${end}\``);
      }
      at = end;
    });
  }
}

function groupByPath(resources: readonly Resource[]): Map<string, Resource[]> {
  const groups = new Map<string, Resource[]>();
  for (const resource of resources) {
    const path = resource.path.normalize('NFC');
    const group = groups.get(path);
    if (group) group.push(resource);
    else groups.set(path, [resource]);
  }
  return groups;
}

/** Order of names: by path segments, then by place. */
export function byName(a: Resource, b: Resource): number {
  const [left, right] = [a.path.split('/'), b.path.split('/')];
  for (let i = 0; i < Math.min(left.length, right.length); i += 1) {
    if (left[i] !== right[i]) return left[i]! < right[i]! ? -1 : 1;
  }
  return left.length - right.length || (a.range?.start ?? 0) - (b.range?.start ?? 0);
}

/** SHA-256 over the concatenated raw digests, hex. */
export function rootOf(resources: readonly Resource[]): string {
  const hash = createHash('sha256');
  for (const { digest } of resources) hash.update(digest, 'hex');
  return hash.digest('hex');
}

/**
 * Identity of a content: SHA-256 over names, ranges and digests, hex. The root digest of a signature knows no names, so
 * that two files whose names are exchanged may have the same one.
 */
export function contentIdOf(resources: readonly Resource[]): string {
  const listed = [...resources].sort(byName).map(({ path, range, digest }) => [path, range ?? null, digest]);
  return createHash('sha256').update(canonicalJson(listed)).digest('hex');
}

/** The statement that a signature is made over. */
export function statementOf(manifest: Manifest): string {
  const { name, method, algorithm, shardSize, allowSymlinks, ignored, resources, root } = manifest;
  return JSON.stringify({
    _type: statementType,
    subject: [{ name, digest: { sha256: root } }],
    predicateType,
    predicate: {
      serialization: {
        method,
        hash_type: algorithm,
        ...(shardSize === undefined ? {} : { shard_size: shardSize }),
        allow_symlinks: allowSymlinks,
        ignore_paths: ignored ?? [...defaultIgnored],
      },
      resources: resources.map(({ path, range, digest }) => ({
        name: range ? `${path}:${range.start}:${range.end}` : path,
        algorithm,
        digest,
      })),
    },
  });
}
