import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { Pool, types, type ClientBase, type QueryConfig } from 'pg';
import { Problem } from '../../kernel/problem.ts';
import type { SqlValue, Statement, Store, Write } from '../../ports/store.ts';
import { kyselyOn } from '../kysely-dialect.ts';
import { applyMigrations, migrationTable } from '../migrations.ts';
import { ordered, parseParameters } from '../parameters.ts';

interface Transaction {
  open: boolean;
  client: ClientBase;
}

interface Answer {
  rows: Record<string, unknown>[];
  changes: number;
}

/** Bound parameters of one statement (protocol 3.0: a 16-bit count). */
const maxParameters = 65_535;

/** One number for the advisory lock that keeps two starting processes from migrating at once. */
const migrationLock = 0x6d65726c;

/**
 * Opens PostgreSQL 15 or later. `?schema=name` puts everything into that schema, which is made when it is missing.
 * @throws Problem STORE_FAILED when the server cannot be reached
 */
export async function openPostgres(url: string): Promise<Store> {
  const { connectionString, schema } = target(url);
  const pool = new Pool({
    connectionString,
    max: 10,
    options: schema === undefined ? '' : `-c search_path=${schema}`,
    connectionTimeoutMillis: 5000,
    // 64-bit integers as numbers, as SQLite gives them; what does not fit is refused rather than rounded.
    types: {
      getTypeParser: (oid, format) =>
        oid === types.builtins.INT8 ? integer : types.getTypeParser(oid, format),
    },
  });
  // An idle connection that breaks is replaced at the next use; without a listener it would end the process.
  pool.on('error', () => undefined);
  const transactions = new AsyncLocalStorage<Transaction>();
  let closed: Promise<void> | undefined;

  const runOn = async (client: ClientBase | Pool, query: QueryConfig): Promise<Answer> => {
    try {
      const { rows, rowCount } = await client.query<Record<string, unknown>>(query);
      return { rows, changes: rowCount ?? 0 };
    } catch (cause) {
      throw failure(cause);
    }
  };

  const execute = async (query: QueryConfig): Promise<Answer> => {
    if (closed) throw new Problem('STORE_FAILED', { detail: 'the store is closed' });
    const scope = transactions.getStore();
    return runOn(scope?.open ? scope.client : pool, query);
  };

  const transaction = async <T>(work: (store: Store) => Promise<T>): Promise<T> => {
    if (transactions.getStore()?.open) return work(store);
    if (closed) throw new Problem('STORE_FAILED', { detail: 'the store is closed' });
    const client = await pool.connect().catch((cause: unknown) => {
      throw failure(cause);
    });
    const scope: Transaction = { open: true, client };
    let broken: Error | undefined;
    // A connection that breaks between two statements says so here; the next statement fails on it.
    const onBreak = (error: Error): void => {
      broken = error;
    };
    client.on('error', onBreak);
    try {
      await runOn(client, { text: 'BEGIN' });
      try {
        const result = await transactions.run(scope, () => work(store));
        scope.open = false;
        await runOn(client, { text: 'COMMIT' });
        return result;
      } catch (error) {
        scope.open = false;
        await client.query('ROLLBACK').catch((cause: Error) => {
          broken = cause;
        });
        throw error;
      }
    } finally {
      client.removeListener('error', onBreak);
      client.release(broken);
    }
  };

  const store: Store = {
    dialect: 'postgres',
    query: <DB>() =>
      kyselyOn<DB>('postgres', (text, values) => execute({ text, values: values as SqlValue[] })),

    prepare<Row>(sql: string): Statement<Row> {
      const { names, numbered } = parseParameters(sql);
      const name = statementName(numbered);
      const run = async (parameters: Record<string, SqlValue> = {}): Promise<Answer> =>
        execute({ name, text: numbered, values: ordered(names, parameters) });
      return {
        all: async (parameters) => (await run(parameters)).rows as Row[],
        get: async (parameters) => (await run(parameters)).rows[0] as Row | undefined,
        run: async (parameters) => ({ changes: (await run(parameters)).changes }),
      };
    },

    transaction,

    batch: (writes) =>
      transaction(async () => {
        for (const write of writes) {
          let changes = 0;
          for (const query of statements(write)) changes += (await execute(query)).changes;
          if (write.expect !== undefined && changes !== write.expect) {
            throw new Problem('CONFLICT', { detail: `${changes} rows changed, not ${write.expect}` });
          }
        }
      }),

    migrate: (migrations) =>
      transaction(async () => {
        await execute({ text: 'SELECT pg_advisory_xact_lock($1)', values: [migrationLock] });
        await execute({ text: migrationTable });
        await applyMigrations(store, migrations, async (text) => {
          await execute({ text });
        });
      }),

    close: () => (closed ??= pool.end()),
  };

  try {
    if (schema !== undefined) await execute({ text: `CREATE SCHEMA IF NOT EXISTS "${schema}"` });
    await execute({ text: 'SELECT 1' });
  } catch (cause) {
    await store.close();
    throw new Problem('STORE_FAILED', {
      detail: 'the PostgreSQL server cannot be used',
      fix: 'Check host, database, user and password of the store URL, and that the user may create tables.',
      cause,
    });
  }
  return store;
}

function target(url: string): { connectionString: string; schema: string | undefined } {
  const parsed = new URL(url);
  const schema = parsed.searchParams.get('schema') ?? undefined;
  parsed.searchParams.delete('schema');
  if (schema !== undefined && !/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw new Problem('CONFIG_INVALID', {
      detail: `\`${schema}\` is not the name of a schema`,
      fix: 'Use lower-case letters, digits and underscores.',
    });
  }
  return { connectionString: parsed.toString(), schema };
}

const insertion = /^(\s*INSERT\b[\s\S]*?\bVALUES\s*)(\([^()]*\))([\s\S]*)$/i;

/** An INSERT of many rows becomes few statements with many tuples; anything else one statement per row. */
function* statements({ sql, rows }: Write): Generator<QueryConfig> {
  const [, head = '', tuple, tail = ''] = insertion.exec(sql) ?? [];
  const { names, numbered } = parseParameters(sql);
  if (tuple === undefined || parseParameters(head + tail).names.length > 0 || rows.length === 1) {
    for (const row of rows)
      yield { name: statementName(numbered), text: numbered, values: ordered(names, row) };
    return;
  }
  // Chunks of a few fixed sizes, so that the server prepares few texts.
  let at = 0;
  while (at < rows.length) {
    let size = 512;
    while (size > 1 && (size > rows.length - at || size * names.length > maxParameters)) size /= 2;
    const tuples = Array.from({ length: size }, (_, row) =>
      parseParameters(tuple).numbered.replace(
        /\$(\d+)/g,
        (_, n: string) => `$${row * names.length + Number(n)}`,
      ),
    );
    const text = `${head}${tuples.join(', ')}${tail}`;
    yield {
      name: statementName(text),
      text,
      values: rows.slice(at, at + size).flatMap((row) => ordered(names, row)),
    };
    at += size;
  }
}

/** The server keeps a prepared statement per connection under this name (at most 63 bytes). */
function statementName(text: string): string {
  return `merlon_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}

function integer(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`integer out of range: ${text}`);
  return value;
}

function failure(cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  const code = (cause as { code?: string }).code;
  return code === '23505'
    ? new Problem('CONFLICT', { detail: 'a row with this key is there already', cause })
    : new Problem('STORE_FAILED', { detail: 'the store refused a statement', cause });
}
