import type { Evidence, Level, Status, Threat } from '../api/types.ts';

/** Threats per level, before any control and after what evidence allows to subtract. */
export function beforeAndAfter(
  threats: readonly Threat[],
): Record<'before' | 'after', Record<Level, number>> & { inherent: number; residual: number } {
  const before: Record<Level, number> = { low: 0, medium: 0, high: 0, critical: 0 };
  const after = { ...before };
  let inherent = 0;
  let residual = 0;
  for (const threat of threats) {
    before[threat.level] += 1;
    after[threat.residualLevel] += 1;
    inherent += threat.risk;
    residual += threat.residual;
  }
  return { before, after, inherent, residual };
}

export function countByStatus(things: readonly { status: Status }[]): Partial<Record<Status, number>> {
  const counts: Partial<Record<Status, number>> = {};
  for (const { status } of things) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** Oldest evidence, since a chain of proof is as fresh as its oldest part; undefined without evidence. */
export function oldest(evidence: readonly Evidence[]): number | undefined {
  return evidence.length === 0 ? undefined : Math.min(...evidence.map((one) => one.at));
}

/** What the two bars of a probe say, as one sentence for those who do not see them. */
export function barsText({ off, on }: Pick<Evidence, 'off' | 'on'>): string {
  const bound = `${Math.round(on.upper * 100)} %`;
  return `Control off: ${off.successes} of ${off.n} attacks succeed. Control on: ${on.successes} of ${on.n}, at most ${bound} with 95 % confidence.`;
}
