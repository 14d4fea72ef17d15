import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import type { Secret } from '../kernel/secret.ts';
import { checkpointText, keyIdOf, publicKeyToPem, signedNote } from './proof/checkpoint.ts';

export interface Signer {
  origin: string;
  /** 32 bytes. */
  publicKey: Uint8Array;
  publicKeyPem: string;
  /** A signed note (c2sp.org/signed-note) over the checkpoint. */
  sign(size: number, root: Uint8Array<ArrayBuffer>): string;
}

// PrivateKeyInfo of an Ed25519 key up to its 32-byte seed (RFC 8410 §7).
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Signs heads under the name `origin` with the Ed25519 key of a 32-byte seed. */
export function ed25519Signer(origin: string, seed: Secret<Buffer>): Signer {
  const key: KeyObject = createPrivateKey({
    key: Buffer.concat([pkcs8Head, seed.reveal()]),
    format: 'der',
    type: 'pkcs8',
  });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const publicKey = new Uint8Array(spki.subarray(-32));
  const keyId = keyIdOf(origin, publicKey);
  return {
    origin,
    publicKey,
    publicKeyPem: publicKeyToPem(publicKey),
    sign(size, root) {
      const text = checkpointText({ origin, size, root });
      const signature = new Uint8Array(sign(null, Buffer.from(text), key));
      return signedNote(text, { name: origin, keyId, signature });
    },
  };
}
