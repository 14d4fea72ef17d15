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
  const proven = await checkReceipt(receipt, knownKey);
  if (!proven.ok) return proven;
  const entry = parsed(receipt.entry.text);
  if (entry?.disposition !== undefined && entry.disposition !== receipt.decision) {
    return {
      ok: false,
      reason: `the log says \`${entry.disposition}\`, the receipt says \`${receipt.decision}\``,
    };
  }
  return proven;
}

function parsed(text: string): { disposition?: string } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
