import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { storeConformance } from '../../ports/store.conformance.ts';
import { openPostgres } from './postgres.ts';

const server = process.env['MERLON_TEST_POSTGRES'] ?? 'postgres://postgres@127.0.0.1:5432/test';

async function reachable(): Promise<boolean> {
  const client = new Client({ connectionString: server, connectionTimeoutMillis: 2000 });
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

if ((await reachable()) || process.env['CI'] === 'true') {
  storeConformance('the PostgreSQL store', async () => {
    const schema = `merlon_test_${randomBytes(6).toString('hex')}`;
    const reopen = () => openPostgres(`${server}?schema=${schema}`);
    return {
      store: await reopen(),
      reopen,
      drop: async () => {
        const client = new Client({ connectionString: server });
        await client.connect();
        await client.query(`DROP SCHEMA "${schema}" CASCADE`);
        await client.end();
      },
    };
  });
} else {
  test.skip('the PostgreSQL store: no server at 127.0.0.1:5432 (MERLON_TEST_POSTGRES names another)', () => {});
}

test('says that the server cannot be used', async () => {
  await expect(openPostgres('postgres://nobody@127.0.0.1:1/test')).rejects.toMatchObject({
    code: 'STORE_FAILED',
  });
});

test('refuses a schema name that would have to be quoted', async () => {
  await expect(openPostgres(`${server}?schema=a";drop`)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});
