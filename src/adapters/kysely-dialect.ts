import {
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
} from 'kysely';
import { Problem } from '../kernel/problem.ts';
import type { SqlValue } from '../ports/store.ts';

type Execute = (
  sql: string,
  parameters: readonly SqlValue[],
) => Promise<{ rows: Record<string, unknown>[]; changes: number }>;

/** Kysely on top of one function of a store. Transactions belong to the store, which knows who joins them. */
export function kyselyOn<DB>(dialect: 'sqlite' | 'postgres', execute: Execute): Kysely<DB> {
  const connection: DatabaseConnection = {
    // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the signature of the interface
    async executeQuery<R>({ sql, parameters }: { sql: string; parameters: readonly unknown[] }) {
      const { rows, changes } = await execute(sql, parameters as readonly SqlValue[]);
      return { rows: rows as R[], numAffectedRows: BigInt(changes) };
    },
    // oxlint-disable-next-line require-yield -- the interface asks for a generator; nothing here streams
    async *streamQuery() {
      throw new Problem('STORE_FAILED', { detail: 'the store does not stream rows' });
    },
  };
  const ours = async (): Promise<void> => {
    throw new Problem('STORE_FAILED', { detail: 'transactions are begun with `store.transaction`' });
  };
  const parts: Dialect =
    dialect === 'sqlite'
      ? {
          createAdapter: () => new SqliteAdapter(),
          createDriver: () => driver,
          createIntrospector: (db) => new SqliteIntrospector(db),
          createQueryCompiler: () => new SqliteQueryCompiler(),
        }
      : {
          createAdapter: () => new PostgresAdapter(),
          createDriver: () => driver,
          createIntrospector: (db) => new PostgresIntrospector(db),
          createQueryCompiler: () => new PostgresQueryCompiler(),
        };
  const driver = {
    init: async () => {},
    acquireConnection: async () => connection,
    beginTransaction: ours,
    commitTransaction: ours,
    rollbackTransaction: ours,
    releaseConnection: async () => {},
    destroy: async () => {},
  };
  return new Kysely<DB>({ dialect: parts });
}
