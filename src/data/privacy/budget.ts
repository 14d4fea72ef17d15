import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { systemClock, type Clock } from '../../kernel/clock.ts';
import { securityEvent, type SecurityEvent } from '../../kernel/event.ts';
import { defaultTenant } from '../../kernel/principal.ts';
import { Problem } from '../../kernel/problem.ts';
import type { Store } from '../../ports/store.ts';
import { mechanisms, PrivacyEvent, pureEpsilon } from './events.ts';
import { defaultOrders, epsilonOfRdp, rdp } from './rdp.ts';
import { budgetStore, migrations, type BudgetRow, type SpendRow } from './store.ts';

/** What a dataset may lose in all when nobody decided otherwise. */
export const defaultBudget = { epsilon: 3, delta: 1e-5 } as const;

export const Spend = z.object({
  id: z.string(),
  at: z.number().describe('Milliseconds since the epoch.'),
  state: z.enum(['reserved', 'released']).describe('Both are spent; reserved ones never answered.'),
  purpose: z.string(),
  requester: z.string(),
});
export type Spend = z.infer<typeof Spend>;

export const Budget = z.object({
  dataset: z.string().describe('Name or content hash of the dataset.'),
  epsilon: z.number().describe('ε that may be lost in all.'),
  delta: z.number().describe('δ at which ε is counted.'),
  spent: z.number().describe('ε lost so far at that δ.'),
  left: z.number(),
  spends: z.array(Spend),
});
export type Budget = z.infer<typeof Budget>;

export interface BudgetDeps {
  store: Store;
  /** Appends to the ledger. A spend that cannot be recorded is not granted. */
  record(event: SecurityEvent): Promise<unknown>;
  clock?: Clock;
  tenant?: string;
}

export interface SpendRequest {
  dataset: string;
  cost: PrivacyEvent;
  purpose: string;
  requester: string;
}

export interface Budgets {
  list(): Promise<Budget[]>;
  /** The budget of a dataset; the default one for a dataset that was never asked. */
  get(dataset: string): Promise<Budget>;
  /** Sets what may be lost in all. @throws Problem CONFLICT when more is spent already */
  set(dataset: string, limit: { epsilon: number; delta: number }, by: string): Promise<Budget>;
  /**
   * Takes the cost before the data is touched: whoever crashes after this has spent. @throws Problem BUDGET_SPENT when it does not fit
   */
  reserve(request: SpendRequest): Promise<{ id: string; spent: number; left: number }>;
  /** Marks a reservation as answered. */
  release(id: string): Promise<void>;
}

/** The ledger of privacy loss: one budget per dataset, shared by every release, on every process of the store. */
export async function openBudgets({
  store,
  record,
  clock = systemClock,
  tenant = defaultTenant,
}: BudgetDeps): Promise<Budgets> {
  await store.migrate(migrations);
  const rows = budgetStore(store, tenant);

  const described = async (row: BudgetRow): Promise<Budget> => {
    const spends = await rows.spends(row.dataset);
    const spent = lossOf(costsOf(spends), row.delta);
    return {
      dataset: row.dataset,
      epsilon: row.epsilon,
      delta: row.delta,
      spent,
      left: Math.max(0, row.epsilon - spent),
      spends: spends.map(({ id, at, state, purpose, requester }) => ({
        id,
        at,
        state,
        purpose,
        requester,
      })),
    };
  };
  const defaultRow = (dataset: string): BudgetRow => ({ dataset, ...defaultBudget, created: clock.now() });

  return {
    list: async () => Promise.all((await rows.budgets()).map(described)),

    get: async (dataset) => described((await rows.budget(dataset)) ?? defaultRow(dataset)),

    async set(dataset, { epsilon, delta }, by) {
      if (!(epsilon >= 0 && Number.isFinite(epsilon) && delta >= 0 && delta < 1))
        throw new Problem('INPUT_INVALID', {
          detail: `ε ${epsilon} and δ ${delta} are no budget`,
          fix: 'ε is a number from 0, δ is from 0 to below 1 and should be below one over the number of people.',
        });
      const covered = async (): Promise<void> => {
        await rows.create(defaultRow(dataset));
        await rows.lock(dataset);
        const spent = lossOf(costsOf(await rows.spends(dataset)), delta);
        if (spent > epsilon)
          throw new Problem('CONFLICT', {
            detail: `${dataset} has lost ε ${spent} at δ ${delta} already`,
            fix: 'What was released cannot be taken back: set a budget of at least that.',
            facts: { spent },
          });
      };
      await rows.transaction(covered);
      // Outside any transaction: the ledger writes to the same store and would wait for its end.
      await record(
        securityEvent({
          kind: 'entity_management',
          activity: 3,
          message: `privacy budget of ${dataset} set to ε ${epsilon} at δ ${delta}`,
          time: clock.now(),
          unmapped: { privacy: { dataset, epsilon, delta, by } },
        }),
      );
      return rows.transaction(async () => {
        await covered();
        await rows.change(dataset, epsilon, delta);
        return described((await rows.budget(dataset))!);
      });
    },

    async reserve({ dataset, cost, purpose, requester }) {
      const id = randomUUID();
      const granted = await rows.transaction(async () => {
        await rows.create(defaultRow(dataset));
        await rows.lock(dataset);
        const { epsilon, delta } = (await rows.budget(dataset))!;
        const before = costsOf(await rows.spends(dataset));
        const spent = lossOf([...before, cost], delta);
        // The conversion from Rényi loss rounds in its last digits; a query for exactly what is left must fit.
        if (!(spent <= epsilon * (1 + 1e-9))) {
          const already = lossOf(before, delta);
          throw new Problem('BUDGET_SPENT', {
            detail: `the privacy budget of ${dataset} does not cover this: ε ${epsilon} in all, ${rounded(already)} spent, ${rounded(spent)} with it`,
            fix: 'Ask for a smaller --epsilon, or let the owner decide on a larger budget: `merlon dataset budget`.',
            facts: { dataset, epsilon, delta, spent: already, left: Math.max(0, epsilon - already) },
          });
        }
        await rows.insert({
          id,
          dataset,
          at: clock.now(),
          state: 'reserved',
          purpose,
          requester,
          cost: JSON.stringify(cost),
        });
        return { epsilon, delta, spent };
      });
      const { epsilon, delta, spent } = granted;
      try {
        await record(
          securityEvent({
            kind: 'api_activity',
            activity: 2,
            message: `privacy loss of ${dataset}: ε ${rounded(spent)} of ${epsilon} at δ ${delta}`,
            time: clock.now(),
            api: { operation: 'dataset.release' },
            unmapped: { privacy: { id, dataset, purpose, requester, cost, spent, epsilon, delta } },
          }),
        );
      } catch (error) {
        // Nothing has read the data yet, so nothing is lost.
        await rows.cancel(id);
        throw error;
      }
      return { id, spent, left: Math.max(0, epsilon - spent) };
    },

    async release(id) {
      if (!(await rows.release(id)))
        throw new Problem('CONFLICT', { detail: `the reservation \`${id}\` is not open` });
    },
  };
}

/**
 * ε at δ of everything together, also when later queries depend on earlier answers: the least of a Rényi filter over fixed
 * orders (Lécuyer 2021) and the plain sum of pure losses. What events may fail by (their own δ) is taken from δ first.
 */
export function lossOf(costs: readonly PrivacyEvent[], delta: number): number {
  const parts = mechanisms({ type: 'composed', events: [...costs] });
  if (parts.length === 0) return 0;
  let left = delta;
  const kept = parts.map(({ event, count }): PrivacyEvent => {
    if (event.type !== 'epsDelta') return { type: 'self', count, event };
    left -= count * event.delta;
    return { type: 'self', count, event: { ...event, delta: 0 } };
  });
  if (left < 0) return Infinity;
  const all: PrivacyEvent = { type: 'composed', events: kept };
  const pure = mechanisms(all).reduce((sum, one) => sum + pureEpsilon(one), 0);
  return Math.min(pure, epsilonOfRdp(rdp(all, defaultOrders), left).epsilon);
}

const costsOf = (spends: readonly SpendRow[]): PrivacyEvent[] =>
  spends.map(({ cost }) => PrivacyEvent.parse(JSON.parse(cost)));

const rounded = (epsilon: number): string => Number(epsilon.toPrecision(6)).toString();
