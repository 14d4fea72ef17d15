import type { Kysely } from 'kysely';

/**
 * The SQL store. SQLite and PostgreSQL 15 behind one subset: `bigint` milliseconds, blobs for bodies, ON CONFLICT,
 * RETURNING, CTEs, window functions. Every row has a `tenant`, every WHERE names it.
 */
export interface Store {
  dialect: 'sqlite' | 'postgres';
  /** Typed queries for everything that is not hot. `DB` is the tables of the calling capability. */
  query<DB>(): Kysely<DB>;
  /** SQL prepared once, for hot paths. Parameters are written `@name`. */
  prepare<Row = Record<string, unknown>>(sql: string): Statement<Row>;
  /**
   * All or nothing; on SQLite the writers queue. Whatever runs in the asynchronous context of `work` belongs to the
   * transaction, also through statements prepared outside it; nested calls join.
   */
  transaction<T>(work: (store: Store) => Promise<T>): Promise<T>;
  /** Many rows through few statements as one transaction in one round trip, for hot writes. Joins a running transaction. */
  batch(writes: readonly Write[]): Promise<void>;
  /** Applies what is not yet applied, in order of name, each in its own transaction. */
  migrate(migrations: readonly Migration[]): Promise<void>;
  close(): Promise<void>;
}

export interface Statement<Row> {
  all(parameters?: Record<string, SqlValue>): Promise<Row[]>;
  get(parameters?: Record<string, SqlValue>): Promise<Row | undefined>;
  /** @throws Problem CONFLICT when a unique key is taken, STORE_FAILED for the rest */
  run(parameters?: Record<string, SqlValue>): Promise<{ changes: number }>;
}

/** One statement for many rows. */
export interface Write {
  sql: string;
  rows: readonly Record<string, SqlValue>[];
  /** How many rows must change in all; any other number undoes the whole batch with Problem CONFLICT. */
  expect?: number;
}

export type SqlValue = string | number | bigint | Uint8Array | null;

export interface Migration {
  /** `<capability>/<number>-<name>`, such as `ledger/0001-entries`. Applied once, never edited. */
  name: string;
  /** Statements per dialect where they differ; `blob`/`bytea` and integer keys are the usual difference. */
  sqlite: string;
  postgres: string;
}
