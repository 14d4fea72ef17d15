// Kind `crypto`, Wycheproof: AES-GCM, AES key wrap with padding and HKDF-SHA-256 as the vault uses them. A row passes when what is
// valid comes out byte for byte and what is invalid is refused.
import { join } from 'node:path';

/** @param {string} dist folder of the built product */
export async function crypto(dist) {
  const { judgeCryptoVector } = await import(join(dist, 'data/vault/vectors.js'));
  return (row) => judgeCryptoVector(row);
}
