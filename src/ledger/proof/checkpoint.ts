import { fromBase64, toBase64 } from './base64.ts';
import { equal } from './proof.ts';
import { sha256 } from './sha256.ts';

/** A checkpoint (c2sp.org/tlog-checkpoint) as it stands in a signed note (c2sp.org/signed-note). */
export interface Checkpoint {
  /** Name of the log, which is also the name of its key. */
  origin: string;
  size: number;
  root: Uint8Array<ArrayBuffer>;
}

export interface Signature {
  name: string;
  /** First four bytes of SHA-256(name ‖ newline ‖ 0x01 ‖ public key). */
  keyId: Uint8Array;
  signature: Uint8Array<ArrayBuffer>;
}

/** The text that is signed. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

export function signedNote(text: string, { name, keyId, signature }: Signature): string {
  const blob = new Uint8Array(keyId.length + signature.length);
  blob.set(keyId);
  blob.set(signature, keyId.length);
  return `${text}\n— ${name} ${toBase64(blob)}\n`;
}

/** Identifies an Ed25519 key in a note (c2sp.org/signed-note, signature type 0x01). */
export function keyIdOf(name: string, publicKey: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`${name}\n\u0001`);
  const all = new Uint8Array(head.length + publicKey.length);
  all.set(head);
  all.set(publicKey, head.length);
  return sha256(all).slice(0, 4);
}

/** Undefined unless the note is exactly in canonical form. Extension lines are kept out: this log writes none. */
export function parseCheckpoint(
  note: string,
): (Checkpoint & { text: string; signatures: Signature[] }) | undefined {
  const found =
    /^(?<text>(?<origin>[^\s+\n][^\n+]*)\n(?<size>0|[1-9]\d{0,15})\n(?<root>[A-Za-z0-9+/=]+)\n)\n(?<lines>(?:— [^\n]+\n)+)$/u.exec(
      note,
    )?.groups;
  if (!found) return undefined;
  const root = fromBase64(found['root']!);
  const size = Number(found['size']);
  if (root?.length !== 32 || !Number.isSafeInteger(size)) return undefined;
  const signatures: Signature[] = [];
  for (const line of found['lines']!.trimEnd().split('\n')) {
    const [, name, encoded] = /^— (\S+) (\S+)$/u.exec(line) ?? [];
    const blob = encoded === undefined ? undefined : fromBase64(encoded);
    if (name === undefined || blob === undefined || blob.length < 5) return undefined;
    signatures.push({ name, keyId: blob.slice(0, 4), signature: blob.slice(4) });
  }
  return { origin: found['origin']!, size, root, text: found['text']!, signatures };
}

/** The checkpoint of a note, if the key signed it under the name of the log. */
export async function openCheckpoint(note: string, publicKey: Uint8Array): Promise<Checkpoint | undefined> {
  const parsed = parseCheckpoint(note);
  if (!parsed) return undefined;
  const { origin, size, root, text, signatures } = parsed;
  const keyId = keyIdOf(origin, publicKey);
  const ours = signatures.find((one) => one.name === origin && equal(one.keyId, keyId));
  if (!ours) return undefined;
  try {
    const key = await crypto.subtle.importKey('raw', publicKey.slice(), 'Ed25519', false, ['verify']);
    const good = await crypto.subtle.verify('Ed25519', key, ours.signature, new TextEncoder().encode(text));
    return good ? { origin, size, root } : undefined;
  } catch {
    // Not a point of the curve, or a platform without Ed25519: nothing is proven.
    return undefined;
  }
}

// SubjectPublicKeyInfo of an Ed25519 key up to the 32 bytes of the key itself (RFC 8410 §4).
const spkiHead = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);

export function publicKeyToPem(publicKey: Uint8Array): string {
  const spki = new Uint8Array(spkiHead.length + publicKey.length);
  spki.set(spkiHead);
  spki.set(publicKey, spkiHead.length);
  return `-----BEGIN PUBLIC KEY-----\n${toBase64(spki)}\n-----END PUBLIC KEY-----\n`;
}

/** The 32 bytes of an Ed25519 public key; undefined for any other text. */
export function publicKeyFromPem(pem: string): Uint8Array | undefined {
  const body = /^-----BEGIN PUBLIC KEY-----\n([^\n]+)\n-----END PUBLIC KEY-----\n?$/.exec(pem)?.[1];
  const spki = body === undefined ? undefined : fromBase64(body);
  if (spki?.length !== 44 || !equal(spki.slice(0, 12), spkiHead)) return undefined;
  return spki.slice(12);
}
