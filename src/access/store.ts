import type { Migration, Store } from '../ports/store.ts';

export const migrations: readonly Migration[] = [
  {
    name: 'access/0001-keys-and-sessions',
    sqlite: `
      CREATE TABLE access_key (
        tenant TEXT NOT NULL, id TEXT NOT NULL, client TEXT NOT NULL, env TEXT NOT NULL, mac BLOB NOT NULL,
        created BIGINT NOT NULL, used BIGINT, revoked BIGINT, PRIMARY KEY (tenant, id));
      CREATE TABLE access_session (
        tenant TEXT NOT NULL, hash TEXT NOT NULL, person TEXT NOT NULL, created BIGINT NOT NULL, seen BIGINT NOT NULL,
        PRIMARY KEY (tenant, hash));
      CREATE TABLE access_link (
        tenant TEXT NOT NULL, hash TEXT NOT NULL, expires BIGINT NOT NULL, PRIMARY KEY (tenant, hash));`,
    postgres: `
      CREATE TABLE access_key (
        tenant TEXT NOT NULL, id TEXT NOT NULL, client TEXT NOT NULL, env TEXT NOT NULL, mac BYTEA NOT NULL,
        created BIGINT NOT NULL, used BIGINT, revoked BIGINT, PRIMARY KEY (tenant, id));
      CREATE TABLE access_session (
        tenant TEXT NOT NULL, hash TEXT NOT NULL, person TEXT NOT NULL, created BIGINT NOT NULL, seen BIGINT NOT NULL,
        PRIMARY KEY (tenant, hash));
      CREATE TABLE access_link (
        tenant TEXT NOT NULL, hash TEXT NOT NULL, expires BIGINT NOT NULL, PRIMARY KEY (tenant, hash));`,
  },
];

export interface KeyRow {
  id: string;
  client: string;
  env: string;
  mac: Uint8Array;
  created: number;
  used: number | null;
  revoked: number | null;
}

/** Rows of client keys of one tenant. */
export function keyStore(store: Store, tenant: string) {
  const all = store.prepare<KeyRow>(
    'SELECT id, client, env, mac, created, used, revoked FROM access_key WHERE tenant = @tenant ORDER BY created, id',
  );
  const insert = store.prepare(`
    INSERT INTO access_key (tenant, id, client, env, mac, created)
    VALUES (@tenant, @id, @client, @env, @mac, @created)`);
  const revoke = store.prepare(
    'UPDATE access_key SET revoked = @at WHERE tenant = @tenant AND id = @id AND revoked IS NULL',
  );
  return {
    all: () => all.all({ tenant }),
    insert: (row: Pick<KeyRow, 'id' | 'client' | 'env' | 'mac' | 'created'>) =>
      insert.run({ tenant, ...row }),
    revoke: async (id: string, at: number) => (await revoke.run({ tenant, id, at })).changes === 1,
    used: (uses: Iterable<[id: string, at: number]>) =>
      store.batch([
        {
          sql: 'UPDATE access_key SET used = @at WHERE tenant = @tenant AND id = @id',
          rows: Array.from(uses, ([id, at]) => ({ tenant, id, at })),
        },
      ]),
  };
}

export interface SessionRow {
  hash: string;
  person: string;
  created: number;
  seen: number;
}

/** Rows of console sessions and sign-in links of one tenant. */
export function sessionStore(store: Store, tenant: string) {
  const find = store.prepare<SessionRow>(
    'SELECT hash, person, created, seen FROM access_session WHERE tenant = @tenant AND hash = @hash',
  );
  const insert = store.prepare(`
    INSERT INTO access_session (tenant, hash, person, created, seen)
    VALUES (@tenant, @hash, @person, @now, @now)`);
  const touch = store.prepare(
    'UPDATE access_session SET seen = @now WHERE tenant = @tenant AND hash = @hash',
  );
  const remove = store.prepare('DELETE FROM access_session WHERE tenant = @tenant AND hash = @hash');
  const sweepSessions = store.prepare(
    'DELETE FROM access_session WHERE tenant = @tenant AND (created < @oldest OR seen < @idle)',
  );
  const insertLink = store.prepare(
    'INSERT INTO access_link (tenant, hash, expires) VALUES (@tenant, @hash, @expires)',
  );
  // Deleting is the proof of first use: of two at once, one finds no row.
  const spendLink = store.prepare<{ expires: number }>(
    'DELETE FROM access_link WHERE tenant = @tenant AND hash = @hash RETURNING expires',
  );
  const sweepLinks = store.prepare('DELETE FROM access_link WHERE tenant = @tenant AND expires < @now');
  return {
    find: (hash: string) => find.get({ tenant, hash }),
    insert: (hash: string, person: string, now: number) => insert.run({ tenant, hash, person, now }),
    touch: (hash: string, now: number) => touch.run({ tenant, hash, now }),
    remove: async (hash: string) => (await remove.run({ tenant, hash })).changes === 1,
    insertLink: (hash: string, expires: number) => insertLink.run({ tenant, hash, expires }),
    spendLink: (hash: string) => spendLink.get({ tenant, hash }),
    async sweep({ oldest, idle, now }: { oldest: number; idle: number; now: number }) {
      await sweepSessions.run({ tenant, oldest, idle });
      await sweepLinks.run({ tenant, now });
    },
  };
}
