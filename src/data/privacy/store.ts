import type { Migration, Store } from '../../ports/store.ts';

const tables = `
      CREATE TABLE privacy_budget (
        tenant TEXT NOT NULL, dataset TEXT NOT NULL, epsilon DOUBLE PRECISION NOT NULL, delta DOUBLE PRECISION NOT NULL,
        revision BIGINT NOT NULL, created BIGINT NOT NULL, PRIMARY KEY (tenant, dataset));
      CREATE TABLE privacy_spend (
        tenant TEXT NOT NULL, id TEXT NOT NULL, dataset TEXT NOT NULL, at BIGINT NOT NULL, state TEXT NOT NULL,
        purpose TEXT NOT NULL, requester TEXT NOT NULL, cost TEXT NOT NULL, PRIMARY KEY (tenant, id));
      CREATE INDEX privacy_spend_dataset ON privacy_spend (tenant, dataset, at);`;

export const migrations: readonly Migration[] = [
  { name: 'privacy/0001-budgets', sqlite: tables, postgres: tables },
];

export interface BudgetRow {
  dataset: string;
  epsilon: number;
  delta: number;
  created: number;
}

export interface SpendRow {
  id: string;
  dataset: string;
  at: number;
  /** `reserved` from before the data is touched; `released` once the answer went out. Both are spent. */
  state: 'reserved' | 'released';
  purpose: string;
  requester: string;
  /** A PrivacyEvent as JSON. */
  cost: string;
}

/** Budgets and spends of one tenant. */
export function budgetStore(store: Store, tenant: string) {
  const budget = store.prepare<BudgetRow>(
    'SELECT dataset, epsilon, delta, created FROM privacy_budget WHERE tenant = @tenant AND dataset = @dataset',
  );
  const budgets = store.prepare<BudgetRow>(
    'SELECT dataset, epsilon, delta, created FROM privacy_budget WHERE tenant = @tenant ORDER BY created, dataset',
  );
  const create = store.prepare(`
    INSERT INTO privacy_budget (tenant, dataset, epsilon, delta, revision, created)
    VALUES (@tenant, @dataset, @epsilon, @delta, 0, @created) ON CONFLICT (tenant, dataset) DO NOTHING`);
  // Taking the row first makes transactions on one dataset queue, on both engines.
  const lock = store.prepare(
    'UPDATE privacy_budget SET revision = revision + 1 WHERE tenant = @tenant AND dataset = @dataset',
  );
  const change = store.prepare(`
    UPDATE privacy_budget SET epsilon = @epsilon, delta = @delta, revision = revision + 1
    WHERE tenant = @tenant AND dataset = @dataset`);
  const spends = store.prepare<SpendRow>(`
    SELECT id, dataset, at, state, purpose, requester, cost FROM privacy_spend
    WHERE tenant = @tenant AND dataset = @dataset ORDER BY at, id`);
  const insert = store.prepare(`
    INSERT INTO privacy_spend (tenant, id, dataset, at, state, purpose, requester, cost)
    VALUES (@tenant, @id, @dataset, @at, @state, @purpose, @requester, @cost)`);
  const release = store.prepare(
    `UPDATE privacy_spend SET state = 'released' WHERE tenant = @tenant AND id = @id AND state = 'reserved'`,
  );
  const cancel = store.prepare(
    `DELETE FROM privacy_spend WHERE tenant = @tenant AND id = @id AND state = 'reserved'`,
  );
  return {
    transaction: <T>(work: () => Promise<T>): Promise<T> => store.transaction(work),
    budget: (dataset: string) => budget.get({ tenant, dataset }),
    budgets: () => budgets.all({ tenant }),
    create: async (row: BudgetRow) => (await create.run({ tenant, ...row })).changes === 1,
    lock: (dataset: string) => lock.run({ tenant, dataset }),
    change: (dataset: string, epsilon: number, delta: number) =>
      change.run({ tenant, dataset, epsilon, delta }),
    spends: (dataset: string) => spends.all({ tenant, dataset }),
    insert: (row: SpendRow) => insert.run({ tenant, ...row }),
    cancel: (id: string) => cancel.run({ tenant, id }),
    release: async (id: string) => (await release.run({ tenant, id })).changes === 1,
  };
}
