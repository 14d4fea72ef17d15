import type { Migration, Store } from '../../ports/store.ts';

const tables = `
  CREATE TABLE monitor_series (
    tenant TEXT NOT NULL, client TEXT NOT NULL, model TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (tenant, client, model));
  CREATE TABLE monitor_window (
    tenant TEXT NOT NULL, client TEXT NOT NULL, model TEXT NOT NULL, number BIGINT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (tenant, client, model, number));
  CREATE TABLE monitor_canary (
    tenant TEXT NOT NULL, target TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (tenant, target));`;

export const migrations: readonly Migration[] = [
  { name: 'monitoring/0001-series', sqlite: tables, postgres: tables },
];

interface SeriesRow {
  client: string;
  model: string;
  body: string;
}

/** Rows of the monitor of one tenant; bodies are JSON of the monitor's own. The migrations must have been applied. */
export function monitorStore(store: Store, tenant: string) {
  const series = store.prepare<SeriesRow>(
    'SELECT client, model, body FROM monitor_series WHERE tenant = @tenant ORDER BY client, model LIMIT @most',
  );
  const windows = store.prepare<{ number: number; body: string }>(
    `SELECT number, body FROM monitor_window WHERE tenant = @tenant AND client = @client AND model = @model
     ORDER BY number DESC LIMIT @most`,
  );
  const canary = store.prepare<{ body: string }>(
    'SELECT body FROM monitor_canary WHERE tenant = @tenant AND target = @target',
  );
  const canaries = store.prepare<{ target: string; body: string }>(
    'SELECT target, body FROM monitor_canary WHERE tenant = @tenant ORDER BY target LIMIT 100',
  );
  const putCanary = store.prepare(`
    INSERT INTO monitor_canary (tenant, target, body) VALUES (@tenant, @target, @body)
    ON CONFLICT (tenant, target) DO UPDATE SET body = excluded.body`);
  return {
    series: (most: number) => series.all({ tenant, most }),
    /** Newest first. */
    windows: (client: string, model: string, most: number) => windows.all({ tenant, client, model, most }),
    /** All in one transaction; of each series the last `keep` windows stay. */
    save: (
      changed: readonly SeriesRow[],
      closed: readonly (SeriesRow & { number: number })[],
      keep: number,
    ) =>
      store.batch([
        {
          sql: `INSERT INTO monitor_series (tenant, client, model, body) VALUES (@tenant, @client, @model, @body)
                ON CONFLICT (tenant, client, model) DO UPDATE SET body = excluded.body`,
          rows: changed.map(({ client, model, body }) => ({ tenant, client, model, body })),
        },
        {
          sql: `INSERT INTO monitor_window (tenant, client, model, number, body)
                VALUES (@tenant, @client, @model, @number, @body)
                ON CONFLICT (tenant, client, model, number) DO UPDATE SET body = excluded.body`,
          rows: closed.map(({ client, model, number, body }) => ({ tenant, client, model, number, body })),
        },
        {
          sql: `DELETE FROM monitor_window
                WHERE tenant = @tenant AND client = @client AND model = @model AND number <= @oldest`,
          rows: closed.map(({ client, model, number }) => ({ tenant, client, model, oldest: number - keep })),
        },
      ]),
    canary: (target: string) => canary.get({ tenant, target }),
    canaries: () => canaries.all({ tenant }),
    saveCanary: (target: string, body: string) => putCanary.run({ tenant, target, body }),
  };
}

export type MonitorStore = ReturnType<typeof monitorStore>;
