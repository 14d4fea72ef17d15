import { createHash } from 'node:crypto';
import { Problem } from '../kernel/problem.ts';
import type { Migration, Store } from '../ports/store.ts';

export const migrationTable = `
  CREATE TABLE IF NOT EXISTS merlon_migration (
    name TEXT PRIMARY KEY,
    hash TEXT NOT NULL,
    applied_at BIGINT NOT NULL
  )`;

/** Applies what is missing. `exec` runs a script of several statements inside the transaction of the context. */
export async function applyMigrations(
  store: Store,
  migrations: readonly Migration[],
  exec: (script: string) => Promise<void>,
): Promise<void> {
  const known = store.prepare<{ hash: string }>('SELECT hash FROM merlon_migration WHERE name = @name');
  const note = store.prepare(
    'INSERT INTO merlon_migration (name, hash, applied_at) VALUES (@name, @hash, @at)',
  );
  for (const migration of migrations.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const script = migration[store.dialect];
    const hash = createHash('sha256').update(script).digest('hex');
    await store.transaction(async () => {
      const applied = await known.get({ name: migration.name });
      if (applied === undefined) {
        await exec(script);
        await note.run({ name: migration.name, hash, at: Date.now() });
      } else if (applied.hash !== hash) {
        throw new Problem('STORE_FAILED', {
          detail: `migration \`${migration.name}\` was applied with another text`,
          fix: 'Use the version of Merlon that wrote this store, or a newer one.',
        });
      }
    });
  }
}
