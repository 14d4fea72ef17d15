import { fromBase64 } from './base64.ts';
import { openCheckpoint, publicKeyFromPem } from './checkpoint.ts';
import { leafHash, verifyInclusion } from './proof.ts';

/** What proves that an entry is in the log. Hashes are base64, `checkpoint` a signed note, `publicKey` PEM. */
export interface ReceiptProof {
  entry: { index: number; text: string };
  proof: { size: number; index: number; hashes: readonly string[] };
  checkpoint: string;
  publicKey: string;
}

/**
 * Checks a receipt with nothing but what is in it and the key: `ok`, or why not. The key should be one that the reader
 * already knows; with the key of the receipt itself only its wholeness is shown.
 */
export async function checkReceipt(
  { entry, proof, checkpoint, publicKey }: ReceiptProof,
  knownKey: string = publicKey,
): Promise<{ ok: boolean; reason: string }> {
  const key = publicKeyFromPem(knownKey);
  if (!key) return { ok: false, reason: 'the public key is not an Ed25519 key in PEM form' };
  const signed = await openCheckpoint(checkpoint, key);
  if (!signed) return { ok: false, reason: 'the checkpoint is not signed by this key' };
  if (proof.size !== signed.size || proof.index !== entry.index) {
    return { ok: false, reason: 'the proof is for another entry or another checkpoint' };
  }
  const hashes = proof.hashes.map(fromBase64);
  if (!hashes.every((hash) => hash?.length === 32)) return { ok: false, reason: 'the proof is damaged' };
  const included = verifyInclusion({
    index: proof.index,
    size: proof.size,
    leaf: leafHash(new TextEncoder().encode(entry.text)),
    hashes: hashes as Uint8Array[],
    root: signed.root,
  });
  return included
    ? { ok: true, reason: `entry ${entry.index} is in the signed log of ${signed.size} entries` }
    : { ok: false, reason: 'the entry is not the one in the log' };
}
