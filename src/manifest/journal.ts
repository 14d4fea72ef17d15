import type { SecurityEvent } from '../kernel/event.ts';
import { defaultTenant } from '../kernel/principal.ts';
import type { Migration, Store } from '../ports/store.ts';

const table =
  'CREATE TABLE manifest_event (tenant TEXT NOT NULL, id TEXT NOT NULL, event TEXT NOT NULL, PRIMARY KEY (tenant, id));';

export const migrations: readonly Migration[] = [
  { name: 'manifest/0001-events', sqlite: table, postgres: table },
];

/**
 * Changes of a registry and their ledger events as one: the event is written in the transaction of the change and goes
 * to the ledger after it. What a crash left behind goes there next time, so that no change is ever without its event.
 */
export interface Journal {
  /** Runs `work` in a transaction; what it notes is appended to the ledger before this resolves. */
  change<T>(work: (note: (event: SecurityEvent) => Promise<void>) => Promise<T>): Promise<T>;
  /** Appends what is still waiting. @throws when the ledger does not take it: then nothing may be relied on */
  flush(): Promise<void>;
}

export async function openJournal(
  store: Store,
  record: (event: SecurityEvent) => Promise<unknown>,
  tenant = defaultTenant,
): Promise<Journal> {
  await store.migrate(migrations);
  const insert = store.prepare(
    'INSERT INTO manifest_event (tenant, id, event) VALUES (@tenant, @id, @event)',
  );
  const waiting = store.prepare<{ id: string; event: string }>(
    'SELECT id, event FROM manifest_event WHERE tenant = @tenant ORDER BY id',
  );
  const remove = store.prepare('DELETE FROM manifest_event WHERE tenant = @tenant AND id = @id');

  const appendAll = async (): Promise<void> => {
    for (const { id, event } of await waiting.all({ tenant })) {
      await record(JSON.parse(event) as SecurityEvent);
      await remove.run({ tenant, id });
    }
  };
  let queue: Promise<void> = Promise.resolve();
  const flush = (): Promise<void> => {
    const next = queue.then(appendAll);
    queue = next.catch(() => undefined);
    return next;
  };

  await flush();
  return {
    async change(work) {
      const result = await store.transaction(() =>
        work(async (event) => {
          await insert.run({ tenant, id: event.metadata.uid, event: JSON.stringify(event) });
        }),
      );
      await flush();
      return result;
    },
    flush,
  };
}
