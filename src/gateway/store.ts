import { createHash } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import type { Approvals, ControlServices, Counters } from '../kernel/control.ts';
import type { Finding } from '../kernel/finding.ts';
import { canonicalJson } from '../kernel/hash.ts';
import type { Drift } from '../kernel/plan.ts';
import { defaultTenant } from '../kernel/principal.ts';
import { Problem } from '../kernel/problem.ts';
import { stricter, type Action } from '../kernel/verdict.ts';
import type { Migration, SqlValue, Store, Write } from '../ports/store.ts';
import { Broadcast } from './broadcast.ts';
import { masked, type ShownSegment } from './preview.ts';
import type { Exchange } from './record.ts';

export const migrations: readonly Migration[] = [
  {
    name: 'gateway/0001-state',
    sqlite: `
      CREATE TABLE gateway_exchange (
        tenant TEXT NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL, action TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (tenant, place));
      CREATE INDEX gateway_exchange_id ON gateway_exchange (tenant, id);
      CREATE TABLE gateway_counter (
        tenant TEXT NOT NULL, name TEXT NOT NULL, ends INTEGER NOT NULL, total REAL NOT NULL,
        PRIMARY KEY (tenant, name, ends));
      CREATE TABLE gateway_decision (
        tenant TEXT NOT NULL, control TEXT NOT NULL, action TEXT NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (tenant, control, action));
      CREATE TABLE gateway_approval (
        tenant TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (tenant, id));
      CREATE TABLE gateway_drift (
        tenant TEXT NOT NULL, kind TEXT NOT NULL, client TEXT NOT NULL, name TEXT NOT NULL, action TEXT NOT NULL,
        first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (tenant, kind, client, name));`,
    postgres: `
      CREATE TABLE gateway_exchange (
        tenant TEXT NOT NULL, place BIGINT NOT NULL, id TEXT NOT NULL, action TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (tenant, place));
      CREATE INDEX gateway_exchange_id ON gateway_exchange (tenant, id);
      CREATE TABLE gateway_counter (
        tenant TEXT NOT NULL, name TEXT NOT NULL, ends BIGINT NOT NULL, total DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (tenant, name, ends));
      CREATE TABLE gateway_decision (
        tenant TEXT NOT NULL, control TEXT NOT NULL, action TEXT NOT NULL, count BIGINT NOT NULL,
        PRIMARY KEY (tenant, control, action));
      CREATE TABLE gateway_approval (
        tenant TEXT NOT NULL, id TEXT NOT NULL, at BIGINT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (tenant, id));
      CREATE TABLE gateway_drift (
        tenant TEXT NOT NULL, kind TEXT NOT NULL, client TEXT NOT NULL, name TEXT NOT NULL, action TEXT NOT NULL,
        first_seen BIGINT NOT NULL, last_seen BIGINT NOT NULL, count BIGINT NOT NULL,
        PRIMARY KEY (tenant, kind, client, name));`,
  },
];

/** An exchange as the console sees it: texts are masked. */
export interface ShownExchange extends Omit<Exchange, 'texts' | 'tenant'> {
  segments: ShownSegment[];
}

export interface Approval {
  id: string;
  /** When it was first asked, milliseconds since the epoch. */
  at: number;
  agent: string;
  tool: string;
  /** Exactly what the tool would get. A person approves this and nothing else. */
  arguments: string;
  reason: string;
  threats: readonly string[];
  state: 'pending' | 'approved' | 'denied' | 'used';
  /** When it was decided. */
  decided?: number;
}

export type DecisionCounts = Record<Action, number>;

/**
 * What the gateway remembers. Reads and counting are in memory; what changed is written behind, at most a second later and
 * on `close`. A process that is killed loses at most that second of counts and previews, never an event of the ledger.
 */
export interface GatewayStore {
  record(exchange: Exchange): void;
  /** Newest first; `before` is the id of the last one seen. */
  recent(query: { before?: string; limit: number; action?: Action }): Promise<ShownExchange[]>;
  /** Exchanges as they are decided, until the signal. */
  follow(signal: AbortSignal): AsyncIterable<ShownExchange>;
  decisions(): Readonly<Record<string, DecisionCounts>>;
  counters: Counters;
  approvals: Approvals & {
    list(): Approval[];
    /** @throws Problem NOT_FOUND, CONFLICT when it is no longer pending */
    decide(id: string, decision: 'approved' | 'denied'): Approval;
  };
  drift: {
    record(seen: Pick<Drift, 'kind' | 'client' | 'name' | 'action'>): void;
    list(): Drift[];
  };
  /** Writes what is not yet written. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface GatewayStoreOptions {
  store: Store;
  clock: Clock;
  /** Detectors whose findings are masked in previews, whatever controls a plan has. */
  inspect: ControlServices['inspect'];
  tenant?: string;
  /** Exchanges kept for the console. */
  keep?: number;
  onError?(error: unknown): void;
}

const flushMs = 250;
/** Exchanges stored per flush: those that were not simply let through, and a sample of the rest. The ledger has them all. */
const notablePerFlush = 200;
const plainPerFlush = 25;
const driftKept = 1000;
const approvalsKept = 1000;
/** How long a decision of a person holds, and how long a question stays open. */
const approvedMs = 3_600_000;
const pendingMs = 86_400_000;

interface Counter {
  name: string;
  ends: number;
  total: number;
  /** Not yet written. */
  unwritten: number;
}

/** Opens the store. Its migrations must have been applied. */
export async function openGatewayStore(options: GatewayStoreOptions): Promise<GatewayStore> {
  const { store, clock, inspect, tenant = defaultTenant, keep = 5000 } = options;
  const counters = new Map<string, Counter>();
  const counts = new Map<string, DecisionCounts>();
  const unwrittenCounts = new Map<string, { control: string; action: Action; count: number }>();
  const approvals = new Map<string, Approval>();
  const changedApprovals = new Set<string>();
  const drift = new Map<string, Drift>();
  const changedDrift = new Set<string>();
  const live = new Broadcast<ShownExchange>();
  let waiting: Exchange[] = [];
  let lastPlace = 0;
  let pruneAt = 0;
  let flushing: Promise<void> = Promise.resolve();

  await load();
  const timer = setInterval(() => {
    flush().catch((error: unknown) => options.onError?.(error));
  }, flushMs);
  timer.unref();

  async function load(): Promise<void> {
    const now = clock.now();
    const counterRows = await store
      .prepare<{ name: string; ends: number; total: number }>(
        'SELECT name, ends, total FROM gateway_counter WHERE tenant = @tenant AND ends > @now',
      )
      .all({ tenant, now });
    for (const { name, ends, total } of counterRows)
      counters.set(name, { name, ends: ends, total: total, unwritten: 0 });
    const decisionRows = await store
      .prepare<{ control: string; action: Action; count: number }>(
        'SELECT control, action, count FROM gateway_decision WHERE tenant = @tenant',
      )
      .all({ tenant });
    for (const { control, action, count } of decisionRows) countsOf(control)[action] += count;
    const approvalRows = await store
      .prepare<{ body: string }>(
        'SELECT body FROM gateway_approval WHERE tenant = @tenant ORDER BY at DESC LIMIT 1000',
      )
      .all({ tenant });
    for (const { body } of approvalRows.reverse()) {
      const approval = JSON.parse(body) as Approval;
      approvals.set(approval.id, approval);
    }
    const driftRows = await store
      .prepare<{
        kind: Drift['kind'];
        client: string;
        name: string;
        action: Action;
        first_seen: number;
        last_seen: number;
        count: number;
      }>(
        'SELECT kind, client, name, action, first_seen, last_seen, count FROM gateway_drift WHERE tenant = @tenant LIMIT 1000',
      )
      .all({ tenant });
    for (const { first_seen, last_seen, count, ...row } of driftRows)
      drift.set(driftKey(row), {
        ...row,
        firstSeen: first_seen,
        lastSeen: last_seen,
        count: count,
      });
    const last = await store
      .prepare<{ place: number }>(
        'SELECT place FROM gateway_exchange WHERE tenant = @tenant ORDER BY place DESC LIMIT 1',
      )
      .get({ tenant });
    lastPlace = last?.place ?? 0;
  }

  function countsOf(control: string): DecisionCounts {
    let found = counts.get(control);
    if (!found) {
      found = { allow: 0, alert: 0, mask: 0, pseudonymise: 0, ask: 0, block: 0 };
      counts.set(control, found);
    }
    return found;
  }

  function count(control: string, action: Action): void {
    countsOf(control)[action]++;
    const key = `${control}\0${action}`;
    const row = unwrittenCounts.get(key);
    if (row) row.count++;
    else unwrittenCounts.set(key, { control, action, count: 1 });
  }

  function show({ texts, tenant: _tenant, ...exchange }: Exchange): ShownExchange {
    const findings = (place: { surface: string; pointer: string }): Finding[] =>
      exchange.findings.filter((one) => one.pointer === place.pointer && one.surface === place.surface);
    return {
      ...exchange,
      segments: texts.map(({ surface, pointer, text }) =>
        masked(surface, text, [
          ...findings({ surface, pointer }),
          ...inspect(text, surface, ['secret', 'pii']),
        ]),
      ),
    };
  }

  /** One flush at a time. What cannot be written is kept and tried again with the next. */
  function flush(): Promise<void> {
    flushing = flushing.then(write, write);
    return flushing;
  }

  async function write(): Promise<void> {
    const taken = waiting;
    waiting = [];
    const notable = taken.filter((one) => one.action !== 'allow');
    const plain = taken.filter((one) => one.action === 'allow');
    const stored = [...notable.slice(-notablePerFlush), ...plain.slice(-plainPerFlush)].sort(
      (a, b) => a.at - b.at,
    );
    const shown = stored.map(show);
    for (const one of shown) live.send(one);

    const deltas = [...counters.values()].filter((one) => one.unwritten !== 0);
    const written = deltas.map((one) => ({ counter: one, amount: one.unwritten }));
    const decisions = [...unwrittenCounts.values()];
    unwrittenCounts.clear();
    const asked = [...changedApprovals];
    changedApprovals.clear();
    const seen = [...changedDrift];
    changedDrift.clear();

    const writes: Write[] = [];
    const add = (sql: string, rows: Record<string, SqlValue>[]): void => {
      if (rows.length > 0) writes.push({ sql, rows });
    };
    add(
      'INSERT INTO gateway_exchange (tenant, place, id, action, body) VALUES (@tenant, @place, @id, @action, @body)',
      shown.map((one) => {
        lastPlace = Math.max(lastPlace + 1, one.at * 1000);
        return { tenant, place: lastPlace, id: one.id, action: one.action, body: JSON.stringify(one) };
      }),
    );
    add(
      `INSERT INTO gateway_counter (tenant, name, ends, total) VALUES (@tenant, @name, @ends, @amount)
       ON CONFLICT (tenant, name, ends) DO UPDATE SET total = gateway_counter.total + excluded.total`,
      written.map(({ counter, amount }) => ({ tenant, name: counter.name, ends: counter.ends, amount })),
    );
    add(
      `INSERT INTO gateway_decision (tenant, control, action, count) VALUES (@tenant, @control, @action, @count)
       ON CONFLICT (tenant, control, action) DO UPDATE SET count = gateway_decision.count + excluded.count`,
      decisions.map((one) => ({ tenant, ...one })),
    );
    add(
      `INSERT INTO gateway_approval (tenant, id, at, state, body) VALUES (@tenant, @id, @at, @state, @body)
       ON CONFLICT (tenant, id) DO UPDATE SET state = excluded.state, body = excluded.body`,
      asked.flatMap((id) => {
        const one = approvals.get(id);
        return one ? [{ tenant, id, at: one.at, state: one.state, body: JSON.stringify(one) }] : [];
      }),
    );
    add(
      `INSERT INTO gateway_drift (tenant, kind, client, name, action, first_seen, last_seen, count)
       VALUES (@tenant, @kind, @client, @name, @action, @firstSeen, @lastSeen, @count)
       ON CONFLICT (tenant, kind, client, name) DO UPDATE
       SET action = excluded.action, last_seen = excluded.last_seen, count = excluded.count`,
      seen.flatMap((key) => {
        const one = drift.get(key);
        return one ? [{ tenant, ...one }] : [];
      }),
    );
    const now = clock.now();
    if (now >= pruneAt) {
      pruneAt = now + 60_000;
      add('DELETE FROM gateway_counter WHERE tenant = @tenant AND ends <= @now', [{ tenant, now }]);
      add(
        `DELETE FROM gateway_exchange WHERE tenant = @tenant AND place <= (
           SELECT place FROM gateway_exchange WHERE tenant = @tenant ORDER BY place DESC LIMIT 1 OFFSET @keep)`,
        [{ tenant, keep }],
      );
      for (const [name, counter] of counters)
        if (counter.ends <= now && counter.unwritten === 0) counters.delete(name);
    }
    if (writes.length === 0) return;
    try {
      await store.batch(writes);
      for (const { counter, amount } of written) counter.unwritten -= amount;
    } catch (error) {
      for (const { control, action, count: n } of decisions) {
        const key = `${control}\0${action}`;
        const row = unwrittenCounts.get(key);
        unwrittenCounts.set(key, { control, action, count: n + (row?.count ?? 0) });
      }
      for (const id of asked) changedApprovals.add(id);
      for (const key of seen) changedDrift.add(key);
      throw error;
    }
    if (store.dialect === 'postgres') await share(written.map(({ counter }) => counter));
  }

  /** Other processes count too: what the store knows is what all of them have spent. */
  async function share(changed: readonly Counter[]): Promise<void> {
    const total = store.prepare<{ total: number }>(
      'SELECT total FROM gateway_counter WHERE tenant = @tenant AND name = @name AND ends = @ends',
    );
    for (const counter of changed) {
      const row = await total.get({ tenant, name: counter.name, ends: counter.ends });
      if (row) counter.total = row.total + counter.unwritten;
    }
  }

  function counterOf(name: string, windowMs: number): Counter {
    const ends = (Math.floor(clock.now() / windowMs) + 1) * windowMs;
    let counter = counters.get(name);
    if (counter?.ends !== ends) {
      counter = { name, ends, total: 0, unwritten: 0 };
      counters.set(name, counter);
    }
    return counter;
  }

  function approvalFor(key: string, now: number): Approval | undefined {
    const found = approvals.get(key);
    if (!found || found.state === 'used') return undefined;
    const age = now - (found.decided ?? found.at);
    return age > (found.state === 'pending' ? pendingMs : approvedMs) ? undefined : found;
  }

  return {
    record(exchange) {
      for (const { id, action } of exchange.controls) count(id, action);
      waiting.push(exchange);
      // Far more than can be shown came within one flush: the oldest of those let through are not needed.
      if (waiting.length > notablePerFlush * 20) waiting = waiting.slice(-notablePerFlush * 10);
    },

    async recent({ before, limit, action }) {
      await flush();
      const from =
        before === undefined
          ? undefined
          : await store
              .prepare<{ place: number }>(
                'SELECT place FROM gateway_exchange WHERE tenant = @tenant AND id = @before',
              )
              .get({ tenant, before });
      const rows = await store
        .prepare<{ body: string }>(
          `SELECT body FROM gateway_exchange WHERE tenant = @tenant AND place < @place
           ${action ? 'AND action = @action' : ''} ORDER BY place DESC LIMIT @limit`,
        )
        .all({
          tenant,
          place: from?.place ?? Number.MAX_SAFE_INTEGER,
          limit,
          ...(action ? { action } : {}),
        });
      return rows.map(({ body }) => JSON.parse(body) as ShownExchange);
    },

    follow: (signal) => live.follow(signal),
    decisions: () => Object.fromEntries(counts),

    counters: {
      add(name, windowMs, amount) {
        const counter = counterOf(name, windowMs);
        counter.total += amount;
        counter.unwritten += amount;
        return counter.total;
      },
      total: (name, windowMs) => counterOf(name, windowMs).total,
    },

    approvals: {
      ask({ agent, tool, arguments: args, reason, threats }) {
        const now = clock.now();
        const id = approvalId(agent, tool, args);
        const found = approvalFor(id, now);
        if (found) {
          if (found.state === 'approved') {
            // One approval is for one call.
            approvals.set(id, { ...found, state: 'used' });
            changedApprovals.add(id);
            return 'approved';
          }
          return found.state === 'denied' ? 'denied' : 'pending';
        }
        approvals.delete(id);
        approvals.set(id, { id, at: now, agent, tool, arguments: args, reason, threats, state: 'pending' });
        changedApprovals.add(id);
        if (approvals.size > approvalsKept) approvals.delete(approvals.keys().next().value!);
        return 'pending';
      },
      list: () => [...approvals.values()].reverse(),
      decide(id, decision) {
        const found = approvals.get(id);
        if (!found)
          throw new Problem('NOT_FOUND', {
            detail: `there is no approval \`${id}\``,
            fix: 'List the approvals again.',
          });
        if (found.state !== 'pending')
          throw new Problem('CONFLICT', {
            detail: `this approval is already ${found.state}`,
            fix: 'List the approvals again.',
          });
        const decided: Approval = { ...found, state: decision, decided: clock.now() };
        approvals.set(id, decided);
        changedApprovals.add(id);
        return decided;
      },
    },

    drift: {
      record(seen) {
        const now = clock.now();
        const key = driftKey(seen);
        const found = drift.get(key);
        if (!found && drift.size >= driftKept) return;
        drift.set(key, {
          ...seen,
          action: found ? stricter(found.action, seen.action) : seen.action,
          firstSeen: found?.firstSeen ?? now,
          lastSeen: now,
          count: (found?.count ?? 0) + 1,
        });
        changedDrift.add(key);
      },
      list: () => [...drift.values()].sort((a, b) => b.lastSeen - a.lastSeen),
    },

    flush,
    async close() {
      clearInterval(timer);
      live.end();
      await flush();
    },
  };
}

const driftKey = ({ kind, client, name }: Pick<Drift, 'kind' | 'client' | 'name'>): string =>
  `${kind}\0${client}\0${name}`;

/** The same call by the same agent is the same question, however its JSON is spaced or ordered. */
function approvalId(agent: string, tool: string, args: string): string {
  let canonical = args;
  try {
    canonical = canonicalJson(JSON.parse(args));
  } catch {
    // Text that is not JSON is compared as it is.
  }
  return createHash('sha256').update(`${agent}\0${tool}\0${canonical}`).digest('base64url').slice(0, 22);
}

/** Counters and approvals of a shadow: nothing lives on, nothing touches the running system. */
export function passingServices(now: () => number): Pick<ControlServices, 'counters' | 'approvals'> {
  const totals = new Map<string, number>();
  const key = (name: string, windowMs: number): string => `${name}\0${Math.floor(now() / windowMs)}`;
  return {
    counters: {
      add(name, windowMs, amount) {
        const at = key(name, windowMs);
        const total = (totals.get(at) ?? 0) + amount;
        totals.set(at, total);
        return total;
      },
      total: (name, windowMs) => totals.get(key(name, windowMs)) ?? 0,
    },
    approvals: { ask: () => 'pending' },
  };
}
