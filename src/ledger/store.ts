import { Problem } from '../kernel/problem.ts';
import type { Migration, Store, Write } from '../ports/store.ts';
import { hashBytes, leafHashOf, tileWidth } from './tiles.ts';
import { Edge, type FullTile } from './tree.ts';

/** The durable log. Entries and full tiles are written together; the head row is what two writers would collide on. */
export const migrations: readonly Migration[] = [
  {
    name: 'ledger/0001-log',
    sqlite: `
      CREATE TABLE ledger_head (tenant TEXT PRIMARY KEY, size INTEGER NOT NULL);
      CREATE TABLE ledger_entry (
        tenant TEXT NOT NULL, place INTEGER NOT NULL, uid TEXT NOT NULL, body BLOB NOT NULL);
      CREATE UNIQUE INDEX ledger_entry_place ON ledger_entry (tenant, place);
      CREATE INDEX ledger_entry_uid ON ledger_entry (tenant, uid);
      CREATE TABLE ledger_tile (
        tenant TEXT NOT NULL, level INTEGER NOT NULL, n INTEGER NOT NULL, hashes BLOB NOT NULL, root BLOB NOT NULL,
        PRIMARY KEY (tenant, level, n));`,
    postgres: `
      CREATE TABLE ledger_head (tenant TEXT PRIMARY KEY, size BIGINT NOT NULL);
      CREATE TABLE ledger_entry (
        tenant TEXT NOT NULL, place BIGINT NOT NULL, uid TEXT NOT NULL, body BYTEA NOT NULL,
        PRIMARY KEY (tenant, place));
      CREATE INDEX ledger_entry_uid ON ledger_entry (tenant, uid);
      CREATE TABLE ledger_tile (
        tenant TEXT NOT NULL, level INTEGER NOT NULL, n BIGINT NOT NULL, hashes BYTEA NOT NULL, root BYTEA NOT NULL,
        PRIMARY KEY (tenant, level, n));`,
  },
];

export interface StoredEntry {
  index: number;
  id: string;
  body: Buffer;
}

export interface LedgerStore {
  /** The edge as it is durable now. */
  load(): Promise<Edge>;
  /** All or nothing. @throws Problem CONFLICT when the log is not `before` entries long */
  append(
    before: number,
    entries: readonly { id: string; body: Buffer }[],
    full: readonly FullTile[],
  ): Promise<void>;
  entries(from: number, to: number): Promise<StoredEntry[]>;
  byId(id: string): Promise<StoredEntry | undefined>;
  tile(level: number, n: number): Promise<Buffer | undefined>;
}

interface EntryRow {
  place: number;
  uid: string;
  body: Uint8Array;
}

export function ledgerStore(store: Store, tenant: string): LedgerStore {
  const head = store.prepare<{ size: number }>('SELECT size FROM ledger_head WHERE tenant = @tenant');
  const begin = store.prepare(
    'INSERT INTO ledger_head (tenant, size) VALUES (@tenant, 0) ON CONFLICT (tenant) DO NOTHING',
  );
  const range = store.prepare<EntryRow>(`
    SELECT place, uid, body FROM ledger_entry
    WHERE tenant = @tenant AND place >= @from AND place < @to ORDER BY place`);
  const named = store.prepare<EntryRow>(
    'SELECT place, uid, body FROM ledger_entry WHERE tenant = @tenant AND uid = @id ORDER BY place LIMIT 1',
  );
  const tileOf = store.prepare<{ hashes: Uint8Array }>(
    'SELECT hashes FROM ledger_tile WHERE tenant = @tenant AND level = @level AND n = @n',
  );
  const rootsOf = store.prepare<{ root: Uint8Array }>(`
    SELECT root FROM ledger_tile WHERE tenant = @tenant AND level = @level AND n >= @from AND n < @to ORDER BY n`);
  const entries = async (from: number, to: number): Promise<StoredEntry[]> =>
    (await range.all({ tenant, from, to })).map(entryOf);

  return {
    entries,

    async load() {
      await begin.run({ tenant });
      const { size } = (await head.get({ tenant }))!;
      const hashes: Buffer[] = [];
      for (let [level, width] = [0, size]; width > 0; level += 1) {
        const from = width - (width % tileWidth);
        hashes.push(
          level === 0
            ? Buffer.concat((await entries(from, width)).map(({ body }) => leafHashOf(body)))
            : Buffer.concat(
                (await rootsOf.all({ tenant, level: level - 1, from, to: width })).map(({ root }) => root),
              ),
        );
        if (hashes[level]!.length !== (width % tileWidth) * hashBytes) return broken(size, level);
        width = Math.floor(width / tileWidth);
      }
      return Edge.restore(size, hashes);
    },

    async append(before, added, full) {
      const writes: Write[] = [
        {
          sql: 'UPDATE ledger_head SET size = @after WHERE tenant = @tenant AND size = @before',
          rows: [{ tenant, before, after: before + added.length }],
          expect: 1,
        },
        {
          sql: 'INSERT INTO ledger_entry (tenant, place, uid, body) VALUES (@tenant, @place, @uid, @body)',
          rows: added.map(({ id, body }, at) => ({ tenant, place: before + at, uid: id, body })),
        },
      ];
      if (full.length > 0) {
        writes.push({
          sql: 'INSERT INTO ledger_tile (tenant, level, n, hashes, root) VALUES (@tenant, @level, @n, @hashes, @root)',
          rows: full.map(({ level, n, hashes, root }) => ({ tenant, level, n, hashes, root })),
        });
      }
      await store.batch(writes);
    },

    async byId(id) {
      const row = await named.get({ tenant, id });
      return row && entryOf(row);
    },

    async tile(level, n) {
      const row = await tileOf.get({ tenant, level, n });
      return row && Buffer.from(row.hashes.buffer, row.hashes.byteOffset, row.hashes.byteLength);
    },
  };
}

function entryOf({ place, uid, body }: EntryRow): StoredEntry {
  return { index: place, id: uid, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) };
}

function broken(size: number, level: number): never {
  throw new Problem('LEDGER_BROKEN', {
    detail: `the stored log of ${size} entries has holes at level ${level}`,
    fix: 'Restore the store from a backup and compare it with a checkpoint kept elsewhere: `merlon ledger verify`.',
  });
}
