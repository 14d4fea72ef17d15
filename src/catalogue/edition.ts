import { z } from 'zod';
import { Problem } from '../kernel/problem.ts';

/** What an entry of a catalogue is. */
export const EntryKind = z.enum([
  'tactic',
  'technique',
  'mitigation',
  'case_study',
  'risk',
  'threat',
  'control',
  'action',
  'clause',
  'weakness',
  'category',
  'chapter',
  'layer',
  'topic',
]);
export type EntryKind = z.infer<typeof EntryKind>;

/** Whether a defended system can be the target of a technique. Attackers' own preparation touches nothing we run. */
export const Applicability = z.enum(['targetable', 'attacker-preparation', 'physical-or-predictive']);
export type Applicability = z.infer<typeof Applicability>;

export const Entry = z.strictObject({
  id: z.string(),
  title: z.string(),
  kind: EntryKind,
  /** The entry this one specialises: technique of a sub-technique, category of a weakness. */
  parent: z.string().optional(),
  text: z.string().optional(),
  url: z.string().optional(),
  /** ATLAS: seen in an incident, shown by researchers, or thought possible. */
  maturity: z.enum(['realized', 'demonstrated', 'feasible']).optional(),
  applicability: Applicability.optional(),
  /** Tactics that a technique serves. */
  tactics: z.array(z.string()).optional(),
  /** Techniques that a mitigation answers or a case study used, in order. */
  techniques: z.array(z.string()).optional(),
  platforms: z.array(z.string()).optional(),
  /** Day of an incident (or of the exercise), as precise as its source. */
  date: z.string().optional(),
  exercise: z.boolean().optional(),
  /** Entries of the same edition that belong with this one: risks of an action, controls of a risk. */
  related: z.array(z.string()).optional(),
});
export type Entry = z.infer<typeof Entry>;

/** One edition of one catalogue, as it lies in assets/catalogues. */
export const EditionData = z.strictObject({
  schema: z.literal('merlon-catalogue/v1'),
  catalogue: z.string().regex(/^[a-z][a-z0-9-]*$/),
  edition: z.string().regex(/^[A-Za-z0-9._-]+$/),
  title: z.string(),
  publisher: z.string(),
  licence: z.string(),
  /** What of the original is in the file: `ids and titles` where the licence forbids more. */
  holds: z.string(),
  url: z.string(),
  source: z.string().describe('Where the entries were read.'),
  published: z.string().optional(),
  entries: z.array(Entry).min(1),
  /** Where ids went in a later edition. Ids that are not named keep their id. */
  migrations: z
    .array(
      z.strictObject({
        to: z.string(),
        map: z.record(z.string(), z.string()),
        complete: z.boolean().describe('False when the list comes from reports, not from the publisher.'),
      }),
    )
    .default([]),
});
export type EditionData = z.infer<typeof EditionData>;

/** @throws Problem REFERENCE_INVALID when the file is not an edition or names an id twice */
export function parseEdition(data: unknown, file: string): EditionData {
  const parsed = EditionData.safeParse(data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Problem('REFERENCE_INVALID', {
      detail: `\`${file}\` is not a catalogue: ${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'invalid'}`,
      fix: 'Write the file again with `node tools/build-catalogues.mjs`.',
      facts: { file, pointer: `/${issue?.path.join('/') ?? ''}` },
    });
  }
  const seen = new Set<string>();
  for (const { id } of parsed.data.entries) {
    if (seen.has(id)) {
      throw new Problem('REFERENCE_INVALID', {
        detail: `\`${file}\` has the id \`${id}\` twice`,
        fix: 'Keep one of the two entries.',
        facts: { file },
      });
    }
    seen.add(id);
  }
  return parsed.data;
}
