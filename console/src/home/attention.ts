import type { Approval, EvidenceAnswer, ModelAnswer, Status, ThreatsAnswer } from '../api/types.ts';
import { byResidual } from '../threat-model/risk.ts';
import { plural } from '../ui/words.ts';

export interface Concern {
  text: string;
  /** What it is about, one line. */
  why: string;
  to: '/model' | '/threats' | '/controls' | '/evidence';
  search: Record<string, string>;
  status?: Status;
}

/** What a person should look at next, most urgent first. Nothing here is news without a place to go. */
export function concerns({
  model,
  threats,
  evidence,
  approvals,
}: {
  model?: ModelAnswer | undefined;
  threats?: ThreatsAnswer | undefined;
  evidence?: EvidenceAnswer | undefined;
  approvals?: readonly Approval[] | undefined;
}): Concern[] {
  const list: Concern[] = [];
  for (const { tool, agent, reason, state } of approvals ?? []) {
    if (state !== 'pending') continue;
    list.push({
      text: `${agent} waits to call ${tool}`,
      why: reason,
      to: '/controls',
      search: { tab: 'approvals' },
    });
  }
  for (const probe of evidence?.probes ?? []) {
    if (probe.status !== 'failing' && probe.status !== 'utility_failure') continue;
    list.push({
      text: probe.title,
      why: probe.reason,
      to: '/evidence',
      search: { probe: probe.probe },
      status: probe.status,
    });
  }
  const seen = model?.observed ?? [];
  if (seen.length > 0) {
    const names = seen.map(({ name }) => name).join(', ');
    list.push({
      text: `${plural(seen.length, 'thing')} observed, not modelled`,
      why: names,
      to: '/model',
      search: {},
    });
  }
  const open = byResidual(threats?.threats ?? []).filter(
    ({ status, residualLevel }) =>
      (status === 'open' || status === 'stale' || status === 'no_probe') &&
      (residualLevel === 'high' || residualLevel === 'critical'),
  );
  for (const { title, key, status, statusReason } of open) {
    list.push({ text: title, why: statusReason || key, to: '/threats', search: { key }, status });
  }
  return list;
}
