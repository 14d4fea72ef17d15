import { AsyncLocalStorage } from 'node:async_hooks';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Problem } from '../../kernel/problem.ts';
import type { Statement, Store } from '../../ports/store.ts';
import { kyselyOn } from '../kysely-dialect.ts';
import { applyMigrations, migrationTable } from '../migrations.ts';
import { ordered, parseParameters } from '../parameters.ts';
import { databaseThread, type Reply, type Request, type ThreadData } from './thread.ts';

type Answer = Exclude<Reply, { error: unknown }>;

/** SQLITE_CONSTRAINT and its PRIMARYKEY and UNIQUE variants. */
const conflicts = new Set([19, 1555, 2067]);

interface Transaction {
  open: boolean;
}

/**
 * Opens a SQLite file (`:memory:` for none) in WAL mode with `synchronous=FULL`. The connection lives in a thread of its
 * own, so that no fsync holds up the event loop. Only one connection: statements outside a transaction wait for its end.
 * @throws Problem STORE_FAILED when the file cannot be opened
 */
export async function openSqlite(file: string): Promise<Store> {
  if (file !== ':memory:') {
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      // SQLite gives its journal the mode of the database.
      closeSync(openSync(file, 'a', 0o600));
    } catch (cause) {
      throw cannotOpen(file, cause);
    }
  }
  const thread = await startThread(file);
  const transactions = new AsyncLocalStorage<Transaction>();
  const gate: { held?: Promise<void> } = {};

  /** Runs now inside the transaction of this context, else as soon as no transaction is open. */
  const send = async (request: Request): Promise<Answer> => {
    if (!transactions.getStore()?.open) {
      while (gate.held) await gate.held;
    }
    return thread.send(request);
  };

  const transaction = async <T>(work: (store: Store) => Promise<T>): Promise<T> => {
    if (transactions.getStore()?.open) return work(store);
    while (gate.held) await gate.held;
    let finish = (): void => {};
    gate.held = new Promise((resolve) => (finish = resolve));
    const scope: Transaction = { open: true };
    try {
      await thread.send({ do: 'exec', sql: 'BEGIN IMMEDIATE' });
      try {
        const result = await transactions.run(scope, () => work(store));
        scope.open = false;
        await thread.send({ do: 'exec', sql: 'COMMIT' });
        return result;
      } catch (error) {
        scope.open = false;
        await thread.send({ do: 'exec', sql: 'ROLLBACK' }).catch(() => undefined);
        throw error;
      }
    } finally {
      // Following contexts costs every promise of the process its share: it is off while no transaction is open.
      transactions.disable();
      gate.held = undefined;
      finish();
    }
  };

  const store: Store = {
    dialect: 'sqlite',
    query: <DB>() => kyselyOn<DB>('sqlite', (sql, parameters) => send({ do: 'query', sql, parameters })),

    prepare<Row>(sql: string): Statement<Row> {
      const { names } = parseParameters(sql);
      const all = async (parameters: Parameters<Statement<Row>['all']>[0] = {}): Promise<Row[]> => {
        ordered(names, parameters);
        return (await send({ do: 'all', sql, parameters })).rows as Row[];
      };
      return {
        all,
        get: async (parameters) => (await all(parameters))[0],
        run: async (parameters = {}) => {
          ordered(names, parameters);
          const { changes } = await send({ do: 'run', sql, parameters });
          return { changes };
        },
      };
    },

    transaction,

    async batch(writes) {
      for (const { sql, rows } of writes) {
        if (rows[0]) ordered(parseParameters(sql).names, rows[0]);
      }
      const begin = !transactions.getStore()?.open;
      await send({ do: 'batch', writes, begin });
    },

    async migrate(migrations) {
      await send({ do: 'exec', sql: migrationTable });
      await applyMigrations(store, migrations, async (sql) => {
        await send({ do: 'exec', sql });
      });
    },

    async close() {
      while (gate.held) await gate.held;
      await thread.close();
    },
  };
  return store;
}

interface Thread {
  send(request: Request): Promise<Answer>;
  close(): Promise<void>;
}

async function startThread(file: string): Promise<Thread> {
  const flags = new SharedArrayBuffer(8);
  const flag = new Int32Array(flags);
  const workerData: ThreadData = { file, base: import.meta.url, flags };
  const worker = new Worker(`(${databaseThread.toString()})()`, { eval: true, workerData });
  const waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: unknown) => void }>();
  let outbox: [id: number, request: Request][] = [];
  let lastId = 0;
  let ended: Problem | undefined;

  await new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', (cause) => reject(cannotOpen(file, cause)));
  });

  const fail = (problem: Problem): void => {
    ended ??= problem;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on('error', (cause) =>
    fail(new Problem('STORE_FAILED', { detail: 'the database thread broke', cause })),
  );
  worker.on('exit', () => fail(new Problem('STORE_FAILED', { detail: 'the store is closed' })));
  worker.on('message', (replies: [id: number, reply: Reply][]) => {
    for (const [id, reply] of replies) {
      const caller = waiting.get(id);
      waiting.delete(id);
      if (waiting.size === 0) worker.unref();
      if ('error' in reply) caller?.reject(failure(reply.error));
      else caller?.resolve(reply);
    }
  });
  // Nothing under way keeps the process alive; a statement under way does.
  worker.unref();

  // A process that exits while a statement runs would abort in the driver: let it finish, start no other.
  const beforeExit = (): void => {
    Atomics.store(flag, 1, 1);
    Atomics.wait(flag, 0, 1, 5000);
  };
  process.once('exit', beforeExit);

  const send = (request: Request): Promise<Answer> =>
    new Promise((resolve, reject) => {
      if (ended) return reject(ended);
      lastId += 1;
      waiting.set(lastId, { resolve, reject });
      outbox.push([lastId, request]);
      // One message for all that this turn of the event loop asks for.
      if (outbox.length === 1) {
        worker.ref();
        queueMicrotask(() => {
          // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
          worker.postMessage(outbox);
          outbox = [];
        });
      }
    });

  return {
    send,
    async close() {
      if (ended) return;
      const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      await send({ do: 'close' });
      // No answer is outstanding now, but the thread's end is: the process must live to see it.
      worker.ref();
      ended = new Problem('STORE_FAILED', { detail: 'the store is closed' });
      await gone;
      process.removeListener('exit', beforeExit);
    },
  };
}

function cannotOpen(file: string, cause: unknown): Problem {
  return new Problem('STORE_FAILED', {
    detail: `the database \`${file}\` cannot be opened: ${(cause as Error).message}`,
    fix: 'Check that it is a SQLite file in a folder that may be written, and on Node 20 that the optional dependency `@photostructure/sqlite` is installed.',
    cause,
  });
}

function failure({ message, code }: { message: string; code: number }): Problem {
  const cause = new Error(message);
  return conflicts.has(code)
    ? new Problem('CONFLICT', {
        detail: 'a row with this key is there already, or it changed in the meantime',
        cause,
      })
    : new Problem('STORE_FAILED', { detail: 'the store refused a statement', cause });
}
