import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';
import { dimensionsAllowed } from './features.ts';

/** Parameters of all we write: 128-bit security by the homomorphic encryption standard, one multiplication deep. */
export const parameters = { scheme: 'ckks', degree: 8192, moduli: [60, 40, 60], scaleBits: 40 } as const;

const common = {
  parameters: z.object({
    scheme: z.literal('ckks'),
    degree: z.literal(8192),
    moduli: z.tuple([z.literal(60), z.literal(40), z.literal(60)]),
    scaleBits: z.literal(40),
  }),
  /** Names the pair of keys that belong together. */
  key: z.string().regex(/^[0-9a-f]{32}$/),
};
const Header = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('secret-key'),
    ...common,
    /** Present when the key is sealed with a passphrase: scrypt and AES-256-GCM. */
    seal: z.object({ salt: z.string(), nonce: z.string(), tag: z.string() }).optional(),
  }),
  z.object({ kind: z.literal('evaluation-key'), ...common }),
  z.object({ kind: z.literal('features'), ...common, dimensions: z.literal(dimensionsAllowed) }),
  z.object({
    kind: z.literal('score'),
    ...common,
    finds: z.string().max(100),
    threshold: z.number().min(0).max(1),
  }),
]);
export type Header = z.infer<typeof Header>;
export type Kind = Header['kind'];

const magic = Buffer.from('MRLCKKS1');
const headerBytes = 4096;
/** Most bytes of each kind, so that nobody makes us load more. */
const mostBytes: Record<Kind, number> = {
  'secret-key': 2 << 20,
  'evaluation-key': 16 << 20,
  features: 1 << 20,
  score: 1 << 20,
};

/** Magic, length of the header (32-bit little-endian), header as JSON with the digest of the rest, then what SEAL wrote. */
export function seal(header: Header, payload: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify({ ...header, sha256: digest(payload) }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([magic, length, json, payload]);
}

/** @throws Problem INPUT_INVALID when it is not of that kind, or larger than that kind can be */
export function open<K extends Kind>(
  bytes: Buffer,
  kind: K,
  file: string,
): { header: Extract<Header, { kind: K }>; payload: Buffer } {
  const invalid = (why: string): Problem =>
    new Problem('INPUT_INVALID', { detail: `\`${file}\` ${why}`, facts: { file } });
  if (bytes.length > mostBytes[kind] + headerBytes) throw invalid(`is too large to be a ${kind}`);
  if (bytes.length < 12 || !bytes.subarray(0, 8).equals(magic))
    throw invalid('is none of our encrypted files');
  const length = bytes.readUInt32LE(8);
  if (length > headerBytes || 12 + length > bytes.length) throw invalid('is cut off');
  let value: unknown;
  try {
    value = JSON.parse(bytes.subarray(12, 12 + length).toString('utf8'));
  } catch {
    throw invalid('has a damaged header');
  }
  const header = Header.safeParse(value);
  if (!header.success) throw invalid('has a header that we do not know, or other parameters');
  if (header.data.kind !== kind) throw invalid(`is a ${header.data.kind}, not a ${kind}`);
  const payload = bytes.subarray(12 + length);
  // Against accidents only: who forges a file can compute it too.
  if ((value as { sha256?: unknown }).sha256 !== digest(payload)) throw invalid('is damaged');
  return { header: header.data as Extract<Header, { kind: K }>, payload };
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
