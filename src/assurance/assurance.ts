import { systemClock, type Clock } from '../kernel/clock.ts';
import { securityEvent, type SecurityEvent } from '../kernel/event.ts';
import type { Evidence, Status } from '../kernel/evidence.ts';
import { contentHash } from '../kernel/hash.ts';
import type { Plan } from '../kernel/plan.ts';
import type { Principal } from '../kernel/principal.ts';
import type { Probe } from '../kernel/probe.ts';
import { Problem } from '../kernel/problem.ts';
import type { ShadowTarget } from './drive.ts';
import type { Surroundings } from './fingerprints.ts';
import { runProbes, type Progress } from './runner.ts';
import { assess, latestByProbe, type Decision, type Residual, type ThreatFacts } from './status.ts';
import type { EvidenceStore } from './store.ts';

/** What runs now: the plan that the gateway enforces, and the threats it was compiled from. */
export interface Running {
  plan: Plan;
  threats: readonly ThreatFacts[];
  decisions: readonly Decision[];
  surroundings: Surroundings;
}

export interface AssuranceDeps {
  store: EvidenceStore;
  current(): Running;
  probes: readonly Probe[];
  /** An isolated gateway for a plan, with a key of `client`; `live` puts the configured upstream behind it, else the victim. */
  shadow(plan: Plan, as: { client: string; live: boolean }): Promise<ShadowTarget>;
  /** Appends to the ledger; resolves when it is durable. */
  record(event: SecurityEvent): Promise<{ index: number; id: string }>;
  clock?: Clock;
  /** How long evidence counts, in milliseconds. */
  ttlMs?: number;
}

export type VerifyMessage = Progress | { kind: 'done'; summary: Summary };

export interface Summary {
  plan: string;
  probes: Evidence[];
  residual: Residual[];
  statuses: Partial<Record<Status, number>>;
}

export interface Assurance {
  /** Status and residual risk of every threat of the running plan. */
  assess(): Promise<Residual[]>;
  /** Newest evidence for the running plan's probes, and the ids of probes that have none. */
  evidence(): Promise<{
    plan: string;
    probes: (Evidence & { title: string })[];
    missing: string[];
    residual: Residual[];
  }>;
  /**
   * Attacks the running plan in isolation. Each probe's evidence is recorded as soon as it is there.
   * @throws Problem CONFLICT while another verification runs
   */
  verify(options: VerifyOptions): AsyncIterable<VerifyMessage>;
}

export interface VerifyOptions {
  only?: readonly string[] | undefined;
  live?: boolean | undefined;
  signal?: AbortSignal | undefined;
  principal?: Principal | undefined;
}

/** Question 4 of one running system. */
export function openAssurance(deps: AssuranceDeps): Assurance {
  const { store, probes, clock = systemClock, ttlMs } = deps;
  let busy = false;

  const assessNow = async (): Promise<Residual[]> => {
    const { plan, threats, decisions, surroundings } = deps.current();
    return assess({
      threats,
      plan,
      decisions,
      surroundings,
      probes,
      evidence: await store.latest(),
      now: clock.now(),
      ...(ttlMs === undefined ? {} : { ttlMs }),
    });
  };

  async function recorded(evidence: Evidence, principal: Principal | undefined): Promise<Evidence> {
    const { index } = await deps.record(eventOf(evidence, principal));
    const kept = { ...evidence, entry: index };
    await store.add(kept);
    return kept;
  }

  async function* verify({
    only,
    live = false,
    signal,
    principal,
  }: VerifyOptions): AsyncGenerator<VerifyMessage> {
    if (busy) {
      throw new Problem('CONFLICT', {
        detail: 'a verification is already running',
        fix: 'Wait until it is done, or stop it.',
      });
    }
    busy = true;
    const stop = new AbortController();
    const running = deps.current();
    const messages: Progress[] = [];
    let wake = () => {};
    const put = (message: Progress) => {
      messages.push(message);
      wake();
    };
    let saving = Promise.resolve();
    const results: Evidence[] = [];
    let outcome: { error?: unknown } | undefined;
    const work = runProbes({
      plan: running.plan,
      probes,
      shadow: (plan, { client }) => deps.shadow(plan, { client, live }),
      surroundings: running.surroundings,
      clock,
      signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
      ...(only && only.length > 0 ? { only } : {}),
      onProgress(message) {
        if (message.kind !== 'probe') return put(message);
        // In the ledger before anybody hears of it.
        saving = saving.then(async () => {
          const evidence = await recorded(message.evidence, principal);
          results.push(evidence);
          put({ kind: 'probe', evidence });
        });
        // A failure is thrown below; until then nobody may call it unhandled.
        saving.catch(() => stop.abort());
      },
    })
      .then(() => saving)
      .then(
        () => (outcome = {}),
        (error: unknown) => (outcome = { error }),
      )
      .finally(() => wake());
    try {
      for (;;) {
        while (messages.length > 0) yield messages.shift()!;
        if (outcome) break;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (messages.length > 0 || outcome) resolve();
        });
      }
      await saving;
      if (outcome.error !== undefined) throw outcome.error;
      const statuses: Summary['statuses'] = {};
      for (const { status } of results) statuses[status] = (statuses[status] ?? 0) + 1;
      const order = [...results].sort((a, b) => (a.probe < b.probe ? -1 : 1));
      yield {
        kind: 'done',
        summary: { plan: running.plan.hash, probes: order, residual: await assessNow(), statuses },
      };
    } finally {
      stop.abort();
      await work.catch(() => undefined);
      busy = false;
    }
  }

  return {
    assess: assessNow,
    async evidence() {
      const { plan } = deps.current();
      const titles = new Map(probes.map((probe) => [probe.id, probe.title]));
      const latest = latestByProbe(await store.latest());
      const asked = new Set(plan.probes.map((entry) => `${entry.id}\n${entry.flow}`));
      const known = [...latest].flatMap(([key, one]) => (asked.has(key) ? [one] : []));
      const have = new Set(known.map((one) => one.probe));
      return {
        plan: plan.hash,
        probes: known.map((one) => ({ ...one, title: titles.get(one.probe) ?? one.probe })),
        missing: [...new Set(plan.probes.map((entry) => entry.id).filter((id) => !have.has(id)))],
        residual: await assessNow(),
      };
    },
    verify,
  };
}

const severityOf: Partial<Record<Status, 1 | 3 | 4>> = { verified: 1, failing: 4 };

/** An OCSF compliance finding. Its `unmapped` holds the counts and the hash of the whole record. */
export function eventOf(evidence: Evidence, principal: Principal | undefined): SecurityEvent {
  const { id, probe, control, threats, flow, plan, off, on, harmless, reached, status, fingerprints } =
    evidence;
  return securityEvent({
    kind: 'compliance_finding',
    activity: 1,
    message: `probe ${probe}: ${status}`,
    time: evidence.at,
    severity: severityOf[status] ?? 3,
    ok: status === 'verified',
    ...(principal ? { principal } : {}),
    unmapped: {
      evidence: id,
      probe,
      control,
      threats,
      flow,
      plan,
      off,
      on,
      harmless,
      reached,
      status,
      fingerprints,
      record: contentHash(evidence),
    },
  });
}
