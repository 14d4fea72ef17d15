import {
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import type { Secret } from '../kernel/secret.ts';
import { oldPreAuthEncoding, preAuthEncoding } from './bundle.ts';
import { Refusal } from './strict-json.ts';

/** Digest of an ECDSA signature by its curve; other keys do not sign models. */
const digestOfCurve: Record<string, string> = {
  prime256v1: 'sha256',
  secp384r1: 'sha384',
  secp521r1: 'sha512',
};

function digestFor(key: KeyObject): string {
  const digest = digestOfCurve[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (key.asymmetricKeyType !== 'ec' || digest === undefined) {
    throw new Refusal('the key is not one of the curves P-256, P-384 and P-521');
  }
  return digest;
}

/** Reads a public key from PEM; text around it is skipped, a private key gives its public half. @throws Refusal */
export function readPublicKey(pem: string): KeyObject {
  const block = /-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----/.exec(pem)?.[0];
  try {
    const key = createPublicKey(block ?? pem);
    digestFor(key);
    return key;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal('the key is not a public key in PEM');
  }
}

/** @throws Refusal when it is no private key of a curve that signs models */
export function readPrivateKey(pem: string, passphrase?: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    throw new Refusal('the key is not a private key in PEM, or its passphrase is wrong');
  }
  digestFor(key);
  return key;
}

/** The P-256 key of a 32-byte seed, the same each time. */
export function keyFromSeed(seed: Secret<Buffer>): KeyObject {
  // One seed in 2³² is no scalar of the curve; the hash of it is.
  for (let scalar = seed.reveal(); ; scalar = createHash('sha256').update(scalar).digest()) {
    const curve = createECDH('prime256v1');
    try {
      curve.setPrivateKey(scalar);
    } catch {
      continue;
    }
    const point = curve.getPublicKey();
    const part = (from: number, to: number): string => point.subarray(from, to).toString('base64url');
    const d = scalar.toString('base64url');
    return createPrivateKey({
      key: { kty: 'EC', crv: 'P-256', d, x: part(1, 33), y: part(33, 65) },
      format: 'jwk',
    });
  }
}

/** How a bundle names a key: SHA-256 of its PEM text, hex. */
export function hintOf(key: KeyObject): string {
  return createHash('sha256').update(publicPem(key)).digest('hex');
}

export function publicPem(key: KeyObject): string {
  const half = key.type === 'private' ? createPublicKey(key) : key;
  return half.export({ type: 'spki', format: 'pem' }).toString();
}

/** Signs a DSSE payload; the signature is DER. */
export function signPayload(payload: Buffer, key: KeyObject): Buffer {
  return sign(digestFor(key), preAuthEncoding(payload), key);
}

/** Whether the signature over a DSSE payload is that of the key; `old` also takes the encoding of releases before 1.0. */
export function verifyPayload(payload: Buffer, signature: Buffer, key: KeyObject, old: boolean): boolean {
  const digest = digestFor(key);
  if (verify(digest, preAuthEncoding(payload), key, signature)) return true;
  if (!old) return false;
  const encoded = oldPreAuthEncoding(payload);
  return verify('sha256', encoded, key, signature) || verify(digest, encoded, key, signature);
}
