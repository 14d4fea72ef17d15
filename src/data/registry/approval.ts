import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { parseBundle } from '../../manifest/bundle.ts';
import { signStatement } from '../../manifest/sign.ts';
import { statementType } from '../../manifest/statement.ts';
import { parseStrictJson, Refusal } from '../../manifest/strict-json.ts';
import { verifySignature } from '../../manifest/verify.ts';

const predicateType = 'https://merlon.dev/dataset-approval/v1';

/** What a person approved. The signed statement counts, not the row beside it. */
export const Approval = z.strictObject({
  dataset: z.string(),
  /** Content identity, hex. */
  root: z.string(),
  purpose: z.string(),
  /** Ids of the models that may be trained on it; empty: any. */
  models: z.array(z.string()),
  /** Milliseconds since the epoch. */
  expires: z.number(),
  author: z.string(),
  reviewer: z.string(),
  approver: z.string(),
  at: z.number(),
  /** Hash of the scan that was looked at. */
  scan: z.string(),
});
export type Approval = z.infer<typeof Approval>;

const Statement = z.strictObject({
  _type: z.literal(statementType),
  subject: z
    .array(z.strictObject({ name: z.string(), digest: z.strictObject({ sha256: z.string() }) }))
    .length(1),
  predicateType: z.literal(predicateType),
  predicate: Approval.omit({ dataset: true, root: true }),
});

/** Signs an approval as an in-toto statement; the answer is the text of a bundle. */
export function signApproval({ dataset, root, ...predicate }: Approval, key: KeyObject): string {
  const subject = [{ name: dataset, digest: { sha256: root } }];
  return signStatement(JSON.stringify({ _type: statementType, subject, predicateType, predicate }), { key });
}

/** The approval that a bundle holds, if the key signed it. @throws Refusal */
export async function readApproval(bundle: string, key: KeyObject): Promise<Approval> {
  const parsed = parseBundle(bundle);
  await verifySignature(parsed, { trust: { key }, now: 0 });
  const statement = Statement.safeParse(parseStrictJson(parsed.payload.toString('utf8'), 'the approval'));
  if (!statement.success) throw new Refusal('the statement is not an approval');
  const { subject, predicate } = statement.data;
  return { dataset: subject[0]!.name, root: subject[0]!.digest.sha256, ...predicate };
}
