import type { Receipt } from '../api/types.ts';
import { checkReceipt } from '../../../src/ledger/proof/receipt.ts';

/**
 * Checks a receipt in this browser: the signature of the checkpoint under the key that the ledger page gave (not the one
 * inside the receipt), the way from the entry to the signed root, and that the entry says what the receipt says.
 */
export async function check(receipt: Receipt, knownKey: string): Promise<{ ok: boolean; reason: string }> {
  if (receipt.publicKey.trim() !== knownKey.trim()) {
    return { ok: false, reason: 'the receipt names another key than the ledger' };
  }
  // The log hashes JSON without white space; parsing and writing it again gives the same text or a failed proof.
  const text = receipt.entry.text ?? JSON.stringify(receipt.entry.event);
  const proven = await checkReceipt({ ...receipt, entry: { index: receipt.entry.index, text } }, knownKey);
  if (!proven.ok) return proven;
  const { disposition } = JSON.parse(text) as { disposition?: string };
  if (disposition !== receipt.decision) {
    return { ok: false, reason: `the log says \`${disposition}\`, the receipt says \`${receipt.decision}\`` };
  }
  return proven;
}
