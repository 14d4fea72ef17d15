import type { Evidence, Status } from '../kernel/evidence.ts';
import type { Plan, PlanProbe } from '../kernel/plan.ts';
import type { Probe } from '../kernel/probe.ts';
import { levelOf, type Level } from '../kernel/severity.ts';
import { changesFor, fingerprints, type Surroundings } from './fingerprints.ts';

/** What the assessment reads of a threat. */
export interface ThreatFacts {
  key: string;
  likelihood: number;
  impact: number;
  /** What the model alone says: a threat that is `open` there lacks a control, whatever the bound ones prove. */
  status?: string;
  statusReason?: string;
}

/** A person's decision on a threat, as the threat model holds it. */
export interface Decision {
  threat: string;
  do: string;
  by: string;
  why: string;
  /** ISO date; the decision holds to the end of that day (UTC). */
  until: string;
}

export interface Residual {
  key: string;
  status: Status;
  /** Likelihood × impact before any control. */
  inherent: number;
  /** Likelihood × upper bound of the attack success rate × impact; inherent when nothing is proven. */
  residual: number;
  level: Level;
  /** Why, for people. */
  reason: string;
  /** Ids of the evidence that the status rests on. */
  evidence?: string[];
}

export const defaultTtlMs = 14 * 24 * 60 * 60 * 1000;

export interface AssessInput {
  threats: readonly ThreatFacts[];
  plan: Plan;
  evidence: readonly Evidence[];
  decisions: readonly Decision[];
  /** Milliseconds since the epoch. */
  now: number;
  /** The probes as they are now: another text makes old evidence stale. */
  probes?: readonly Probe[];
  surroundings?: Surroundings;
  /** How long evidence counts, in milliseconds. */
  ttlMs?: number;
}

/**
 * Status and residual risk of each threat, computed from what is bound, what was executed and what has changed since.
 * Where several probes speak of one threat, the worst of them decides.
 */
export function assess(input: AssessInput): Residual[] {
  const latest = latestByProbe(input.evidence);
  return input.threats.map((threat) => assessOne(threat, input, latest));
}

const probeKey = (probe: string, flow: string): string => `${probe}\n${flow}`;

/** The newest record for each probe and flow. */
export function latestByProbe(evidence: readonly Evidence[]): Map<string, Evidence> {
  const latest = new Map<string, Evidence>();
  for (const one of evidence) {
    const key = probeKey(one.probe, one.flow);
    const known = latest.get(key);
    if (!known || known.at <= one.at) latest.set(key, one);
  }
  return latest;
}

function assessOne(threat: ThreatFacts, input: AssessInput, latest: ReadonlyMap<string, Evidence>): Residual {
  const { plan, now } = input;
  const inherent = threat.likelihood * threat.impact;
  const open = { key: threat.key, inherent, residual: inherent, level: levelOf(inherent) };

  const proven = proofOf(threat, input, latest);
  const decision = input.decisions.find((one) => one.threat === threat.key && one.do === 'accept');
  if (decision && now <= endOf(decision.until)) {
    const said = `accepted by ${decision.by} until ${decision.until}: ${decision.why}`;
    return { ...open, ...proven.risk, status: 'accepted', reason: said, ...cite(proven.evidence) };
  }
  const lapsed = decision ? `; the acceptance by ${decision.by} ended on ${decision.until}` : '';
  const controls = controlsOf(plan, threat.key);
  if (controls.length === 0 && proven.evidence.length === 0) {
    return { ...open, status: 'open', reason: `no control is bound to this threat${lapsed}` };
  }
  if (threat.status === 'open' && proven.status !== 'failing') {
    return {
      ...open,
      status: 'open',
      reason: `${threat.statusReason ?? 'a control is missing'}${lapsed}`,
      ...cite(proven.evidence),
    };
  }
  return {
    ...open,
    ...proven.risk,
    status: proven.status,
    reason: proven.reason + lapsed,
    ...cite(proven.evidence),
  };
}

const cite = (evidence: readonly Evidence[]) =>
  evidence.length === 0 ? {} : { evidence: evidence.map((one) => one.id) };

function endOf(day: string): number {
  const at = Date.parse(day.length === 10 ? `${day}T23:59:59.999Z` : day);
  return Number.isNaN(at) ? -Infinity : at;
}

/** Controls that answer a threat, by id: inspectors, clamps, tool and flow rules. */
export function controlsOf(plan: Plan, key: string): string[] {
  const has = (entry: { threats: readonly string[] }) => entry.threats.includes(key);
  return [
    ...new Set([
      ...plan.inspectors.filter(has).map((one) => one.control),
      ...(plan.clamps.some(has) ? ['parameter-clamp'] : []),
      ...(plan.tools.some(has) ? ['tool-policy'] : []),
      ...(plan.flows.some(has) ? ['information-flow'] : []),
    ]),
  ];
}

interface Proof {
  status: Status;
  reason: string;
  evidence: Evidence[];
  risk: { residual?: number; level?: Level };
}

// Worst first: what decides when probes disagree.
const order: readonly Status[] = [
  'failing',
  'utility_failure',
  'stale',
  'inconclusive',
  'controlled',
  'verified',
];

function proofOf(threat: ThreatFacts, input: AssessInput, latest: ReadonlyMap<string, Evidence>): Proof {
  const entries = input.plan.probes.filter((one) => one.threats.includes(threat.key));
  if (entries.length === 0) {
    return {
      status: 'no_probe',
      reason: 'a control is bound, and no probe can attack it for this threat',
      evidence: [],
      risk: {},
    };
  }
  const results = entries.map((entry) => {
    const evidence = latest.get(probeKey(entry.id, entry.flow));
    return { evidence, ...currency(threat.key, entry, evidence, input) };
  });
  const worst = results.sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status))[0]!;
  const current = results.flatMap((one) => (one.evidence && one.current ? [one.evidence] : []));
  // Only proof counts: a bound is taken from executed attacks that reached their target, the worst of them.
  const measured = worst.status === 'verified' || worst.status === 'failing';
  const upper = measured ? Math.max(...current.filter((one) => one.reached).map((one) => one.on.upper)) : 1;
  const residual = threat.impact * threat.likelihood * (Number.isFinite(upper) ? upper : 1);
  return {
    status: worst.status,
    reason: results.length > 1 && worst.evidence ? `${worst.evidence.probe}: ${worst.reason}` : worst.reason,
    evidence: results.flatMap((one) => (one.evidence ? [one.evidence] : [])),
    risk: { residual: Math.round(residual * 100) / 100, level: levelOf(residual) },
  };
}

/** The status of one record today: what it said when it was taken, unless something has changed since. */
function currency(
  threat: string,
  entry: PlanProbe,
  evidence: Evidence | undefined,
  { plan, probes, surroundings, now, ttlMs = defaultTtlMs }: AssessInput,
): { status: Status; reason: string; current: boolean } {
  if (!evidence || !evidence.threats.includes(threat)) {
    return {
      status: 'controlled',
      reason: 'a control is bound, and its probe has not been run',
      current: false,
    };
  }
  const probe = probes?.find((one) => one.id === entry.id);
  const today = fingerprints(plan, entry, probe, surroundings);
  const then = comparable(evidence.fingerprints, today, { probes, surroundings });
  const changed = changesFor(threat, then, today, entry);
  if (changed.length > 0) {
    return {
      status: 'stale',
      reason: `changed since the evidence was taken: ${changed.join(', ')}`,
      current: false,
    };
  }
  if (now - evidence.at > ttlMs) {
    const days = Math.floor((now - evidence.at) / 86_400_000);
    return { status: 'stale', reason: `the evidence is ${days} days old`, current: false };
  }
  return { status: evidence.status, reason: evidence.reason, current: true };
}

/** Leaves out kinds of fingerprints that the caller did not give today: nothing can be said of them. */
function comparable(
  then: Readonly<Record<string, string>>,
  today: Readonly<Record<string, string>>,
  given: Pick<AssessInput, 'probes' | 'surroundings'>,
): Record<string, string> {
  const known = (name: string): boolean => {
    if (name.startsWith('probe:')) return given.probes !== undefined;
    if (name.startsWith('rule:')) return given.surroundings?.rules !== undefined;
    if (name.startsWith('catalogue:')) return given.surroundings?.catalogues !== undefined;
    // A threat that left the plan takes its element's entry with it.
    return !name.startsWith('element:') || name in today;
  };
  return Object.fromEntries(Object.entries(then).filter(([name]) => known(name)));
}
