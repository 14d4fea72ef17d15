import { z } from 'zod';
import { Problem } from '../kernel/problem.ts';
import { defineRoute, Raw, type Route } from '../kernel/route.ts';
import type { Ledger } from './ledger.ts';

export interface LedgerDeps {
  ledger: Pick<
    Ledger,
    'size' | 'checkpoint' | 'publicKey' | 'inclusion' | 'consistency' | 'entry' | 'entries'
  >;
}

const Hash = z.string().describe('32 bytes, base64.');
const Entry = z.object({
  index: z.number(),
  id: z.string(),
  hash: Hash,
  event: z.unknown().describe('OCSF event.'),
  text: z.string().describe('The bytes that were hashed, as text.'),
});
const PublicKey = z.string().describe('PEM.');

export function routes({ ledger }: LedgerDeps): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/ledger',
      action: 'ledger:read',
      summary: 'Size, newest signed head and public key of the ledger',
      response: z.object({
        size: z.number().describe('Durable entries.'),
        signed: z.number().describe('Entries under the signed head.'),
        root: Hash,
        checkpoint: z.string().describe('Signed note of the head.'),
        publicKey: PublicKey,
      }),
      async handle() {
        const { size: signed, root, note } = ledger.checkpoint();
        return { size: ledger.size, signed, root, checkpoint: note, publicKey: ledger.publicKey };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/ledger/checkpoint',
      action: 'ledger:read',
      summary: 'The newest signed head as a signed note, to be kept elsewhere',
      handle: async () => new Raw(ledger.checkpoint().note, 'text/plain; charset=utf-8'),
    }),
    defineRoute({
      method: 'GET',
      path: '/ledger/proof/:index',
      action: 'ledger:read',
      summary: 'An entry with what proves that it is in the log',
      response: z.object({
        entry: Entry,
        proof: z.object({ index: z.number(), size: z.number(), hashes: z.array(Hash) }),
        checkpoint: z.string(),
        publicKey: PublicKey,
      }),
      async handle({ params }) {
        const index = indexOf((params as { index: string }).index);
        const { size, hashes, checkpoint } = await ledger.inclusion(index);
        const entry = (await ledger.entry(index))!;
        const proof = { index, size, hashes };
        return { entry, proof, checkpoint: checkpoint.note, publicKey: ledger.publicKey };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/ledger/consistency',
      action: 'ledger:read',
      summary: 'Hashes that prove an older head to be the beginning of a newer one',
      query: z.object({ first: z.coerce.number().int().min(0), second: z.coerce.number().int().min(0) }),
      response: z.object({ first: z.number(), second: z.number(), hashes: z.array(Hash) }),
      handle: async ({ query: { first, second } }) => ({
        first,
        second,
        hashes: await ledger.consistency(first, second),
      }),
    }),
    defineRoute({
      method: 'GET',
      path: '/ledger/entries',
      action: 'ledger:read',
      summary: 'Entries in their order',
      query: z.object({
        from: z.coerce.number().int().min(0).default(0),
        limit: z.coerce.number().int().min(1).max(1000).default(100),
      }),
      response: z.object({ size: z.number(), entries: z.array(Entry) }),
      handle: async ({ query: { from, limit } }) => ({
        size: ledger.size,
        entries: await ledger.entries(from, limit),
      }),
    }),
  ];
}

function indexOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Problem('INPUT_INVALID', { detail: `\`${text}\` is not the index of an entry` });
}
