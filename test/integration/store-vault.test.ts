import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../src/adapters/open-store.ts';
import { routes } from '../../src/data/vault/routes.ts';
import { keyStore } from '../../src/data/vault/store.ts';
import { memoryCustody } from '../../src/data/vault/testing.ts';
import { openVault, type Vault } from '../../src/data/vault/vault.ts';
import type { SecurityEvent } from '../../src/kernel/event.ts';
import type { Store } from '../../src/ports/store.ts';
import { postgresExpected, postgresTestStore, sqliteTestStore, type TestStore } from './stores.ts';

const withPostgres = await postgresExpected();
const shreddedProblem = { code: 'OBJECT_SHREDDED' };

for (const [label, make, here] of [
  ['SQLite', sqliteTestStore, true],
  ['PostgreSQL', postgresTestStore, withPostgres],
] as const) {
  describe.skipIf(!here)(`the vault on ${label}`, () => {
    let place: TestStore;
    let store: Store;
    let vault: Vault;
    const custody = memoryCustody();
    const events: SecurityEvent[] = [];
    const deps = () => ({
      custody,
      store,
      clock: { now: () => 1_700_000_000_000 },
      record: async (event: SecurityEvent) => {
        events.push(event);
        return { id: event.metadata.uid };
      },
    });

    beforeAll(async () => {
      place = await make();
      store = await place.open();
      vault = await openVault(deps());
    });
    afterAll(async () => {
      await store.close();
      await place.drop();
    });

    test('keeps the key of an object, and destroys it with every copy of the object', async () => {
      const container = await vault.seal(Buffer.from('one'));
      const other = await vault.seal(Buffer.from('two'));
      const backup = Buffer.from(container);
      expect((await vault.open(container)).reveal().toString()).toBe('one');
      const object = container
        .subarray(16, 32)
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
      const done = await vault.shredObject(object);
      expect(done).toMatchObject({ kind: 'object', id: object, objects: 1, before: false });
      await expect(vault.open(backup)).rejects.toMatchObject(shreddedProblem);
      expect((await vault.open(other)).reveal().toString()).toBe('two');
      expect(await vault.shredObject(object)).toEqual({ ...done, before: true });
      expect(events.filter(({ metadata }) => metadata.uid === done.event)).toHaveLength(1);
    });

    test('destroys everything of one person and nothing of another, also from a restored backup', async () => {
      const ada = await Promise.all(
        ['a', 'b', 'c'].map((text) => vault.seal(Buffer.from(text), { person: 'Ada' })),
      );
      const bob = await vault.seal(Buffer.from('bob'), { person: 'Bob' });
      const done = await vault.shredPerson('Ada');
      expect(done).toMatchObject({ kind: 'person', objects: 3, before: false });
      for (const container of ada) {
        await expect(vault.open(container)).rejects.toMatchObject(shreddedProblem);
      }
      expect((await vault.open(bob)).reveal().toString()).toBe('bob');
      const event = events.find(({ metadata }) => metadata.uid === done.event)!;
      expect(event).toMatchObject({ activity_id: 4, unmapped: { vault: { kind: 'person', objects: 3 } } });
      expect(JSON.stringify(event)).not.toContain('Ada');
      // A person may come back: with a key of their own again, and the old objects stay lost.
      const again = await vault.seal(Buffer.from('new'), { person: 'Ada' });
      expect((await vault.open(again)).reveal().toString()).toBe('new');
      await expect(vault.open(ada[0]!)).rejects.toMatchObject(shreddedProblem);
      await vault.shredPerson('Ada');
      await expect(vault.open(again)).rejects.toMatchObject(shreddedProblem);
    });

    test('gives two that begin at once the same key of a person', async () => {
      const second = await place.open();
      const other = await openVault({ ...deps(), store: second });
      const made = await Promise.all([
        vault.seal(Buffer.from('1'), { person: 'Eve' }),
        other.seal(Buffer.from('2'), { person: 'Eve' }),
      ]);
      await vault.shredPerson('Eve');
      for (const container of made)
        await expect(other.open(container)).rejects.toMatchObject(shreddedProblem);
      await second.close();
    });

    test('knows nothing of a person or object that was never here', async () => {
      await expect(vault.shredPerson('Nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(vault.shredObject('00000000-0000-4000-8000-000000000000')).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      const elsewhere = await openVault({ ...deps(), tenant: 'elsewhere' });
      const container = await elsewhere.seal(Buffer.from('x'));
      await expect(vault.open(container)).rejects.toMatchObject({ name: 'Problem' });
    });

    test('moves every kept key to a new root key, and then needs no other', async () => {
      const bound = await vault.seal(Buffer.from('bound'), { person: 'Cleo' });
      const free = await vault.seal(Buffer.from('free'));
      const dir = await mkdtemp(join(tmpdir(), 'merlon-vault-'));
      const files = [join(dir, 'bound'), join(dir, 'free')];
      await writeFile(files[0]!, bound);
      await writeFile(files[1]!, free);
      const old = await custody.currentKey();
      const { keyId, keys } = await vault.rotate({ newVersion: true });
      expect(keys).toBeGreaterThanOrEqual(2);
      for (const file of files) expect(await vault.rewrap(file)).toBe('rewrapped');
      const { versions, current } = await vault.keys();
      expect(current).toBe(keyId);
      expect(versions.find(({ id }) => id === old)).toMatchObject({ persons: 0, objects: 0 });
      custody.forget(old);
      const texts = await Promise.all(
        files.map(async (file) => (await vault.open(await readFile(file))).reveal().toString()),
      );
      expect(texts).toEqual(['bound', 'free']);
      await expect(vault.open(bound)).rejects.toMatchObject({ name: 'Problem' });
      await rm(dir, { recursive: true });
    });

    test('tells the ledger later what a killed process destroyed but could not tell', async () => {
      const rows = keyStore(store, 'default');
      const known = new Set((await rows.persons(1000)).map(({ id }) => id));
      await vault.seal(Buffer.from('x'), { person: 'Dora' });
      const dora = (await rows.persons(1000)).find(({ id }) => !known.has(id))!;
      await rows.shred('person', dora.id, 5, (size) => new Uint8Array(size));
      const before = events.length;
      await openVault(deps());
      expect(events.slice(before)).toMatchObject([{ activity_id: 4, unmapped: { vault: { key: dora.id } } }]);
      await openVault(deps());
      expect(events).toHaveLength(before + 1);
    });

    test('shows keys, persons while they have one, and what was destroyed', async () => {
      const [keysRoute] = routes({ vault });
      const answer = await keysRoute!.handle({} as never);
      const { persons, shreddedObjects } = keysRoute!.response!.parse(answer) as Awaited<
        ReturnType<Vault['keys']>
      >;
      expect(new Set(persons.flatMap(({ name }) => name ?? []))).toEqual(new Set(['Bob', 'Cleo']));
      expect(persons.filter(({ shredded }) => shredded !== undefined).every(({ event }) => event)).toBe(true);
      expect(shreddedObjects).toHaveLength(1);
    });
  });
}

test('leaves no bytes of a destroyed key in the files of SQLite', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'merlon-vault-'));
  const store = await openStore(`sqlite:${join(dir, 'merlon.db')}`);
  const vault = await openVault({
    custody: memoryCustody(),
    store,
    clock: { now: () => 1 },
    record: async () => ({ id: 'e' }),
  });
  await vault.seal(Buffer.from('x'), { person: 'Ada' });
  const [ada] = await keyStore(store, 'default').persons(10);
  await vault.seal(Buffer.from('x'), { person: 'Bob' });
  const everything = async (): Promise<Buffer> =>
    Buffer.concat(await Promise.all(['merlon.db', 'merlon.db-wal'].map((name) => readFile(join(dir, name)))));
  expect((await everything()).includes(Buffer.from(ada!.wrapped!))).toBe(true);
  await vault.shredPerson('Ada');
  const after = await everything();
  expect(after.includes(Buffer.from(ada!.wrapped!))).toBe(false);
  expect(after.includes(Buffer.from(ada!.name!))).toBe(false);
  await store.close();
  await rm(dir, { recursive: true });
});
