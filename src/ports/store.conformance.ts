import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Migration, Store } from './store.ts';

const migration: Migration = {
  name: 'conformance/0001-thing',
  sqlite: `
    CREATE TABLE thing (tenant TEXT NOT NULL, name TEXT NOT NULL, amount BIGINT NOT NULL, body BLOB, PRIMARY KEY (tenant, name));
    CREATE INDEX thing_amount ON thing (tenant, amount);`,
  postgres: `
    CREATE TABLE thing (tenant TEXT NOT NULL, name TEXT NOT NULL, amount BIGINT NOT NULL, body BYTEA, PRIMARY KEY (tenant, name));
    CREATE INDEX thing_amount ON thing (tenant, amount);`,
};

interface Tables {
  thing: { tenant: string; name: string; amount: number; body: Uint8Array | null };
}

/** What every store must do. `open` gives an empty store, the same one for the same `reopen`. */
export function storeConformance(
  label: string,
  open: () => Promise<{ store: Store; reopen: () => Promise<Store>; drop: () => Promise<void> }>,
): void {
  describe(label, () => {
    let store: Store;
    let reopen: () => Promise<Store>;
    let drop: () => Promise<void>;
    const insert = (): ReturnType<Store['prepare']> =>
      store.prepare('INSERT INTO thing (tenant, name, amount, body) VALUES (@tenant, @name, @amount, @body)');
    const put = async (name: string, amount = 1): Promise<void> => {
      await insert().run({ tenant: 'default', name, amount, body: null });
    };
    const names = async (prefix: string): Promise<string[]> =>
      (
        await store
          .prepare<{ name: string }>(
            "SELECT name FROM thing WHERE tenant = 'default' AND name LIKE @like ORDER BY name",
          )
          .all({ like: `${prefix}%` })
      ).map((row) => row.name);

    beforeAll(async () => {
      ({ store, reopen, drop } = await open());
      await store.migrate([migration]);
    });

    afterAll(async () => {
      await store.close();
      await drop();
    });

    test('applies a migration once and refuses one whose text changed', async () => {
      await store.migrate([migration]);
      const edited = { ...migration, sqlite: 'SELECT 1', postgres: 'SELECT 1' };
      await expect(store.migrate([edited])).rejects.toMatchObject({ code: 'STORE_FAILED' });
    });

    test('undoes a migration that fails halfway', async () => {
      const script = 'CREATE TABLE half (a BIGINT); CREATE TABLE half (a BIGINT);';
      const broken = { name: 'conformance/0002-broken', sqlite: script, postgres: script };
      await expect(store.migrate([broken])).rejects.toMatchObject({ code: 'STORE_FAILED' });
      const mended = script.split(';')[0]!;
      await store.migrate([{ ...broken, sqlite: mended, postgres: mended }]);
      expect(await store.prepare('SELECT a FROM half').all()).toEqual([]);
    });

    test('gives numbers, texts, bytes and nulls back as they were', async () => {
      const body = Buffer.from([0, 255, 0, 10, 13]);
      const row = { tenant: 'default', name: "o'näme @x 🏰\u2028", amount: Number.MAX_SAFE_INTEGER, body };
      expect(await insert().run(row)).toEqual({ changes: 1 });
      const found = await store
        .prepare<typeof row>(
          'SELECT tenant, name, amount, body FROM thing WHERE tenant = @tenant AND name = @name',
        )
        .get({ tenant: 'default', name: row.name });
      expect(found).toMatchObject({ name: row.name, amount: row.amount });
      expect(Buffer.from(found!.body)).toEqual(body);
    });

    test('takes a parameter twice and leaves an at sign in texts alone', async () => {
      const row = await store
        .prepare('SELECT CAST(@x AS TEXT) AS a, \'@x\' AS b, CAST(@x AS TEXT) AS "@x" -- @y\n')
        .get({ x: 'one' });
      expect(row).toEqual({ a: 'one', b: '@x', '@x': 'one' });
    });

    test('refuses parameters that are missing or unknown', async () => {
      const select = store.prepare('SELECT CAST(@x AS TEXT) AS a');
      await expect(select.get({})).rejects.toMatchObject({ code: 'STORE_FAILED' });
      await expect(select.get({ x: 1, y: 2 })).rejects.toMatchObject({ code: 'STORE_FAILED' });
    });

    test('answers undefined for no row', async () => {
      expect(await store.prepare("SELECT name FROM thing WHERE tenant = 'nobody'").get()).toBeUndefined();
    });

    test('names a taken key a conflict, and goes on working', async () => {
      await put('taken');
      await expect(put('taken')).rejects.toMatchObject({ code: 'CONFLICT' });
      await expect(store.prepare('SELECT nothing FROM nowhere').all()).rejects.toMatchObject({
        code: 'STORE_FAILED',
      });
      await put('taken-not');
    });

    test('knows upsert, returning, common table expressions and window functions', async () => {
      const upsert = store.prepare<{ amount: number }>(`
        INSERT INTO thing (tenant, name, amount) VALUES ('default', @name, @amount)
        ON CONFLICT (tenant, name) DO UPDATE SET amount = thing.amount + excluded.amount RETURNING amount`);
      expect(await upsert.get({ name: 'sum', amount: 2 })).toEqual({ amount: 2 });
      expect(await upsert.get({ name: 'sum', amount: 3 })).toEqual({ amount: 5 });
      const numbered = await store
        .prepare(
          `WITH picked AS (SELECT amount FROM thing WHERE tenant = 'default' AND name = 'sum')
           SELECT amount, row_number() OVER (ORDER BY amount) AS place FROM picked`,
        )
        .all();
      expect(numbered).toEqual([{ amount: 5, place: 1 }]);
    });

    test('builds queries through Kysely', async () => {
      const db = store.query<Tables>();
      const inserted = await db
        .insertInto('thing')
        .values({ tenant: 'k', name: 'a', amount: 7, body: null })
        .executeTakeFirst();
      expect(inserted.numInsertedOrUpdatedRows).toBe(1n);
      const updated = await db
        .updateTable('thing')
        .set({ amount: 8 })
        .where('tenant', '=', 'k')
        .returning('amount')
        .execute();
      expect(updated).toEqual([{ amount: 8 }]);
      const read = await db
        .selectFrom('thing')
        .select(['name', 'amount'])
        .where('tenant', '=', 'k')
        .execute();
      expect(read).toEqual([{ name: 'a', amount: 8 }]);
      const deleted = await db.deleteFrom('thing').where('tenant', '=', 'k').executeTakeFirst();
      expect(deleted.numDeletedRows).toBe(1n);
    });

    test('commits all of a transaction or nothing', async () => {
      await store.transaction(async (inner) => {
        await put('tx-1');
        await inner
          .query<Tables>()
          .insertInto('thing')
          .values({ tenant: 'default', name: 'tx-2', amount: 1, body: null })
          .execute();
      });
      await expect(
        store.transaction(async () => {
          await put('tx-3');
          throw new Error('no');
        }),
      ).rejects.toThrow('no');
      expect(await names('tx-')).toEqual(['tx-1', 'tx-2']);
    });

    test('joins a nested transaction to the outer one', async () => {
      await expect(
        store.transaction(async () => {
          await store.transaction(async (inner) => {
            await inner.transaction(() => put('nested'));
          });
          throw new Error('outer');
        }),
      ).rejects.toThrow('outer');
      expect(await names('nested')).toEqual([]);
    });

    test('does not let a statement from outside into a transaction', async () => {
      let release = (): void => {};
      const held = new Promise<void>((resolve) => (release = resolve));
      const inside = store.transaction(async () => {
        await put('outside-a');
        await held;
        throw new Error('undo');
      });
      const beside = put('outside-b');
      release();
      await expect(inside).rejects.toThrow('undo');
      await beside;
      expect(await names('outside-')).toEqual(['outside-b']);
    });

    test('queues transactions that come at once', async () => {
      await put('counter', 0);
      const read = store.prepare<{ amount: number }>(
        `SELECT amount FROM thing WHERE tenant = 'default' AND name = 'counter'${store.dialect === 'postgres' ? ' FOR UPDATE' : ''}`,
      );
      const write = store.prepare(
        "UPDATE thing SET amount = @amount WHERE tenant = 'default' AND name = 'counter'",
      );
      await Promise.all(
        Array.from({ length: 20 }, () =>
          store.transaction(async () => {
            const { amount } = (await read.get())!;
            await write.run({ amount: amount + 1 });
          }),
        ),
      );
      expect((await read.get())!.amount).toBe(20);
    });

    test('writes a batch whole or not at all', async () => {
      const sql = 'INSERT INTO thing (tenant, name, amount, body) VALUES (@tenant, @name, @amount, @body)';
      const row = (name: string) => ({ tenant: 'default', name, amount: 1, body: Buffer.from(name) });
      const many = Array.from({ length: 700 }, (_, i) => row(`batch-${String(i).padStart(3, '0')}`));
      await store.batch([{ sql, rows: many }]);
      expect(await names('batch-')).toHaveLength(700);

      await expect(store.batch([{ sql, rows: [row('batch-new'), row('batch-000')] }])).rejects.toMatchObject({
        code: 'CONFLICT',
      });
      const update =
        "UPDATE thing SET amount = @to WHERE tenant = 'default' AND name = 'batch-001' AND amount = @from";
      await expect(
        store.batch([
          { sql, rows: [row('batch-new')] },
          { sql: update, rows: [{ from: 5, to: 6 }], expect: 1 },
        ]),
      ).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(await names('batch-')).toHaveLength(700);
      await store.batch([{ sql: update, rows: [{ from: 1, to: 2 }], expect: 1 }]);
    });

    test('undoes a batch with the transaction it is part of', async () => {
      const sql = "INSERT INTO thing (tenant, name, amount) VALUES ('default', @name, 1)";
      await expect(
        store.transaction(async () => {
          await store.batch([{ sql, rows: [{ name: 'joined-1' }, { name: 'joined-2' }] }]);
          throw new Error('undo');
        }),
      ).rejects.toThrow('undo');
      expect(await names('joined-')).toEqual([]);
    });

    test('keeps what it has over a close, and refuses work after it', async () => {
      await put('kept');
      await store.close();
      await expect(put('late')).rejects.toMatchObject({ code: 'STORE_FAILED' });
      store = await reopen();
      await store.migrate([migration]);
      expect(await names('kept')).toEqual(['kept']);
    });
  });
}
