import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { storeConformance } from '../../ports/store.conformance.ts';
import { openSqlite } from './sqlite.ts';

storeConformance('the SQLite store', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'merlon-store-'));
  const reopen = () => openSqlite(join(dir, 'state', 'merlon.db'));
  return { store: await reopen(), reopen, drop: () => rm(dir, { recursive: true }) };
});

test('keeps others from reading the file, and is durable at each commit', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'merlon-store-'));
  const store = await openSqlite(join(dir, 'merlon.db'));
  expect((await stat(join(dir, 'merlon.db'))).mode & 0o777).toBe(0o600);
  expect(await store.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  expect(await store.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
  await store.close();
  await store.close();
  await rm(dir, { recursive: true });
});

test('says which database cannot be opened', async () => {
  await expect(openSqlite(tmpdir())).rejects.toMatchObject({ code: 'STORE_FAILED' });
});
