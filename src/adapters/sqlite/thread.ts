import type { SqlValue } from '../../ports/store.ts';

/** What the main thread asks of the connection. Parameters are named (`@name`), or in order for `query`. */
export type Request =
  | { do: 'all' | 'run'; sql: string; parameters: Record<string, SqlValue> }
  | { do: 'query'; sql: string; parameters: readonly SqlValue[] }
  | {
      do: 'batch';
      writes: readonly { sql: string; rows: readonly Record<string, SqlValue>[]; expect?: number }[];
      begin: boolean;
    }
  | { do: 'exec'; sql: string }
  | { do: 'close' };

export type Reply =
  | { rows: Record<string, unknown>[]; changes: number }
  | { error: { message: string; code: number } };

export interface ThreadData {
  file: string;
  /** Module URL that packages are resolved from. */
  base: string;
  /** [0] 1 while a statement runs, [1] 1 when no further statement may start. */
  flags: SharedArrayBuffer;
}

interface PreparedStatement {
  all(...parameters: unknown[]): Record<string, unknown>[];
  run(...parameters: unknown[]): { changes: number | bigint };
}

interface Connection {
  prepare(sql: string): PreparedStatement;
  exec(sql: string): void;
  close(): void;
}

/**
 * The program of the database thread. It is sent there as source text, so it may use nothing from this module: that way
 * one file serves the sources, the compiled package and a bundle alike.
 */
export function databaseThread(): void {
  const { createRequire } = process.getBuiltinModule('node:module');
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
  const port = parentPort!;
  const { file, base, flags } = workerData as ThreadData;
  const flag = new Int32Array(flags);

  // Node 22 still calls its own module experimental. Nobody can act on that line.
  const emitWarning = process.emitWarning.bind(process) as (...all: unknown[]) => void;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    if (!String(warning).includes('SQLite is an experimental feature')) emitWarning(warning, ...rest);
  };

  const require = createRequire(base);
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const builtIn = major > 22 || (major === 22 && minor >= 13);
  const { DatabaseSync } = require(builtIn ? 'node:sqlite' : '@photostructure/sqlite') as {
    DatabaseSync: new (file: string) => Connection;
  };
  const connection = new DatabaseSync(file);
  connection.exec(
    'PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; PRAGMA wal_autocheckpoint=4000;',
  );

  const prepared = new Map<string, PreparedStatement>();
  const statement = (sql: string): PreparedStatement => {
    let known = prepared.get(sql);
    if (!known) {
      known = connection.prepare(sql);
      if (prepared.size >= 500) prepared.delete(prepared.keys().next().value!);
      prepared.set(sql, known);
    }
    return known;
  };

  const none = (changes: number | bigint = 0): Reply => ({ rows: [], changes: Number(changes) });

  const batch = (writes: Extract<Request, { do: 'batch' }>['writes']): void => {
    for (const { sql, rows, expect } of writes) {
      const one = statement(sql);
      let changes = 0;
      for (const row of rows) changes += Number(one.run(row).changes);
      if (expect !== undefined && changes !== expect) {
        // Told apart like a constraint: SQLITE_CONSTRAINT is 19.
        throw Object.assign(new Error(`${changes} rows changed, not ${expect}`), { errcode: 19 });
      }
    }
  };

  const atomically = (work: () => void): void => {
    statement('BEGIN IMMEDIATE').run();
    try {
      work();
      statement('COMMIT').run();
    } catch (error) {
      try {
        connection.exec('ROLLBACK');
      } catch {
        // SQLite has already undone it (disk full, for one).
      }
      throw error;
    }
  };

  const handle = (request: Request): Reply => {
    if (request.do === 'all') return { rows: statement(request.sql).all(request.parameters), changes: 0 };
    if (request.do === 'run') return none(statement(request.sql).run(request.parameters).changes);
    if (request.do === 'query') {
      const { sql, parameters } = request;
      const writes = /^\s*(insert|update|delete|replace)\b/i.test(sql) && !/\breturning\b/i.test(sql);
      if (writes) return none(statement(sql).run(...parameters).changes);
      return { rows: statement(sql).all(...parameters), changes: 0 };
    }
    if (request.do === 'batch') {
      if (request.begin) atomically(() => batch(request.writes));
      else batch(request.writes);
    } else if (request.do === 'exec') {
      connection.exec(request.sql);
    } else {
      prepared.clear();
      connection.close();
    }
    return none();
  };

  port.on('message', (requests: [id: number, request: Request][]) => {
    const replies: [id: number, reply: Reply][] = [];
    for (const [id, request] of requests) {
      // First busy, then the look at the other flag: whichever side comes second sees the first.
      Atomics.store(flag, 0, 1);
      if (Atomics.load(flag, 1) === 1) {
        Atomics.store(flag, 0, 0);
        Atomics.notify(flag, 0);
        return;
      }
      try {
        replies.push([id, handle(request)]);
      } catch (error) {
        const { message, errcode } = error as Error & { errcode?: number };
        replies.push([id, { error: { message, code: errcode ?? 0 } }]);
      }
      Atomics.store(flag, 0, 0);
      Atomics.notify(flag, 0);
    }
    port.postMessage(replies);
    if (requests.some(([, request]) => request.do === 'close')) port.close();
  });
  port.postMessage('ready');
}
