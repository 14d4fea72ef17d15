import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { Problem } from '../../kernel/problem.ts';

/** A fresh AES-256 key. */
export function newKey(): KeyObject {
  const bytes = randomBytes(32);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

/** HKDF-SHA-256 (RFC 5869). @throws Problem INPUT_INVALID when more than 8,160 bytes are asked for */
export function hkdf(secret: KeyObject, salt: Uint8Array, info: Uint8Array | string, bytes: number): Buffer {
  if (bytes > 255 * 32) {
    throw new Problem('INPUT_INVALID', { detail: `HKDF-SHA-256 gives at most 8160 bytes, not ${bytes}` });
  }
  return Buffer.from(hkdfSync('sha256', secret, salt, info, bytes));
}

/** The constant of AES key wrap with padding (RFC 5649 §3). */
const alternativeIv = Buffer.from('a65959a6', 'hex');
const wrapping = (key: KeyObject): string => `id-aes${(key.symmetricKeySize ?? 0) * 8}-wrap-pad`;

/** AES key wrap with padding (RFC 5649): deterministic, and whole or not at all when it is unwrapped. */
export function wrapKey(wrapper: KeyObject, key: Uint8Array): Buffer {
  const cipher = createCipheriv(wrapping(wrapper), wrapper, alternativeIv);
  return Buffer.concat([cipher.update(key), cipher.final()]);
}

/** The wrapped key, or undefined when a bit of it was changed or the wrapper is another. */
export function unwrapKey(wrapper: KeyObject, wrapped: Uint8Array): Buffer | undefined {
  // Below this the standard defines nothing (RFC 5649 §4.2), and the library must not be asked.
  if (wrapped.length < 16 || wrapped.length % 8 !== 0) return undefined;
  try {
    const decipher = createDecipheriv(wrapping(wrapper), wrapper, alternativeIv);
    return Buffer.concat([decipher.update(wrapped), decipher.final()]);
  } catch {
    return undefined;
  }
}
