import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { parseBundle } from './bundle.ts';
import { readCertificates } from './certificates.ts';
import { readPublicKey } from './keys.ts';
import { parseStatement } from './statement.ts';
import { Refusal } from './strict-json.ts';
import { verifyModel, type Trust, type Verification } from './verify.ts';

/** A row of the OpenSSF Model Signing vectors: a model with its signature, or only a bundle. */
export interface SigningVector {
  id: string;
  expected: 'verified' | 'rejected' | 'schema-valid' | 'schema-invalid' | 'statement-invalid';
  bundle_json?: string;
  bundle?: unknown;
  files?: { path: string; b64: string }[];
  single_file?: string | null;
  public_key_pem?: string;
  root_ca_pem?: string;
  identity?: string;
  issuer?: string;
  options?: { ignore_paths?: string[] };
  expect_warning?: string;
}

/** Runs one row; undefined when the answer is the expected one, else why not. */
export async function judgeSigningVector(row: SigningVector, now: number): Promise<string | undefined> {
  if (row.bundle_json !== undefined) {
    const found = shapeOf(row.bundle_json);
    return found.verdict === row.expected ? undefined : `${found.verdict}: ${found.reason}`;
  }
  const answer = await verifyRow(row, now);
  const verdict = answer.verified ? 'verified' : 'rejected';
  if (verdict !== row.expected) return `${verdict}: ${answer.reason ?? 'no reason'}`;
  if (row.expect_warning !== undefined && answer.warnings.length === 0) {
    return `no warning: ${row.expect_warning}`;
  }
  return undefined;
}

function shapeOf(text: string): { verdict: SigningVector['expected']; reason: string } {
  let verdict: SigningVector['expected'] = 'schema-invalid';
  try {
    const { payload } = parseBundle(text);
    verdict = 'statement-invalid';
    parseStatement(payload);
    return { verdict: 'schema-valid', reason: '' };
  } catch (error) {
    if (error instanceof Refusal) return { verdict, reason: error.message };
    throw error;
  }
}

async function verifyRow(row: SigningVector, now: number): Promise<Verification> {
  const folder = await mkdtemp(join(tmpdir(), 'merlon-vector-'));
  try {
    for (const { path, b64 } of row.files ?? []) {
      const file = join(folder, path);
      if (!file.startsWith(folder + sep)) throw new Error(`\`${path}\` leads out of the model`);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, Buffer.from(b64, 'base64'));
    }
    return await verifyModel(row.single_file ? join(folder, row.single_file) : folder, bundleOf(row), {
      trust: trustOf(row),
      now,
      ...(row.options?.ignore_paths ? { ignored: row.options.ignore_paths } : {}),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function bundleOf({ bundle }: SigningVector): string {
  return typeof bundle === 'string' ? bundle : JSON.stringify(bundle);
}

function trustOf({ public_key_pem: key, root_ca_pem: roots, identity, issuer }: SigningVector): Trust {
  return {
    ...(key ? { key: readPublicKey(key) } : {}),
    ...(roots ? { roots: readCertificates(roots) } : {}),
    ...(identity && issuer ? { identity: { subject: identity, issuer } } : {}),
  };
}
