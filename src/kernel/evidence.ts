import { z } from 'zod';

/** Status of a threat or a probe. Computed, never typed (DESIGN §1). */
export const Status = z.enum([
  'open',
  'controlled',
  'verified',
  'failing',
  'inconclusive',
  'stale',
  'accepted',
  'utility_failure',
  'no_probe',
]);
export type Status = z.infer<typeof Status>;

/** One execution of a probe with the control off and on. */
export const Evidence = z.object({
  /** Identifies this record; its hash stands in the ledger. */
  id: z.string(),
  probe: z.string(),
  control: z.string(),
  threats: z.array(z.string()),
  flow: z.string(),
  plan: z.string(),
  at: z.number().describe('Milliseconds since the epoch.'),
  off: z.object({ n: z.number(), successes: z.number() }),
  on: z.object({
    n: z.number(),
    successes: z.number(),
    upper: z.number().describe('Upper 95 % Wilson bound.'),
  }),
  harmless: z.object({ n: z.number(), broken: z.number() }),
  reached: z.boolean(),
  status: Status,
  /** Why the status is what it is, for people. */
  reason: z.string(),
  /** Hashes of what the result depends on; a change makes it stale. */
  fingerprints: z.record(z.string(), z.string()),
  cases: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['attack', 'harmless']),
      off: z.string().optional(),
      on: z.string(),
    }),
  ),
  /** Index in the ledger once it is there. */
  entry: z.number().optional(),
});
export type Evidence = z.infer<typeof Evidence>;

/** Upper bound of the two-sided Wilson score interval (Wilson 1927) at 95 %; 1 when nothing was tried. */
export function wilsonUpper(successes: number, n: number, z = 1.959963984540054): number {
  if (n === 0) return 1;
  const p = successes / n;
  const centre = p + (z * z) / (2 * n);
  const margin = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return Math.min(1, (centre + margin) / (1 + (z * z) / n));
}
