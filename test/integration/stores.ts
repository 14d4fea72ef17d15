import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { openStore } from '../../src/adapters/open-store.ts';
import type { Store } from '../../src/ports/store.ts';

/** PostgreSQL of the tests; `MERLON_TEST_POSTGRES` names another. */
export const postgresServer =
  process.env['MERLON_TEST_POSTGRES'] ?? 'postgres://postgres@127.0.0.1:5432/test';

export interface TestStore {
  /** Opens the same store again, or a second time. */
  open(): Promise<Store>;
  drop(): Promise<void>;
}

export async function sqliteTestStore(): Promise<TestStore> {
  const dir = await mkdtemp(join(tmpdir(), 'merlon-store-'));
  return {
    open: () => openStore(`sqlite:${join(dir, 'merlon.db')}`),
    drop: () => rm(dir, { recursive: true }),
  };
}

export async function postgresTestStore(): Promise<TestStore> {
  const schema = `merlon_test_${randomBytes(6).toString('hex')}`;
  return {
    open: () => openStore(`${postgresServer}?schema=${schema}`),
    async drop() {
      const client = new Client({ connectionString: postgresServer });
      await client.connect();
      await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
      await client.end();
    },
  };
}

/** True when PostgreSQL answers, and under CI, where its absence must fail the tests rather than skip them. */
export async function postgresExpected(): Promise<boolean> {
  if (process.env['CI'] === 'true') return true;
  const client = new Client({ connectionString: postgresServer, connectionTimeoutMillis: 2000 });
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}
