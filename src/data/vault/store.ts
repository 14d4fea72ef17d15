import type { Migration, Store } from '../../ports/store.ts';

const tables = (blob: string): string => `
  CREATE TABLE vault_person (
    tenant TEXT NOT NULL, id TEXT NOT NULL, subject TEXT NOT NULL, name ${blob}, key_id TEXT, wrapped ${blob},
    created BIGINT NOT NULL, shredded BIGINT, recorded TEXT, PRIMARY KEY (tenant, id));
  CREATE UNIQUE INDEX vault_person_subject ON vault_person (tenant, subject) WHERE shredded IS NULL;
  CREATE TABLE vault_object (
    tenant TEXT NOT NULL, id TEXT NOT NULL, person TEXT, key_id TEXT, wrapped ${blob},
    created BIGINT NOT NULL, shredded BIGINT, recorded TEXT, PRIMARY KEY (tenant, id));
  CREATE INDEX vault_object_person ON vault_object (tenant, person);`;

export const migrations: readonly Migration[] = [
  { name: 'vault/0001-keys', sqlite: tables('BLOB'), postgres: tables('BYTEA') },
];

interface KeyRow {
  id: string;
  /** Root key version that wraps; null when another key of the store does, or when the key was destroyed. */
  key_id: string | null;
  wrapped: Uint8Array | null;
  created: number;
  shredded: number | null;
  /** Id of the ledger event that says so. */
  recorded: string | null;
}

export interface PersonRow extends KeyRow {
  /** Keyed hash of the name: the same person is found again, and a destroyed one is not named. */
  subject: string;
  /** The name, sealed with the person's own key: unreadable with it. */
  name: Uint8Array | null;
}

export interface ObjectRow extends KeyRow {
  /** The person whose key wraps this one. */
  person: string | null;
}

export type Kind = 'person' | 'object';

/** Rows of the keys of one tenant. */
export function keyStore(store: Store, tenant: string) {
  const personOf = store.prepare<PersonRow>(`
    SELECT * FROM vault_person WHERE tenant = @tenant AND subject = @subject
    ORDER BY CASE WHEN shredded IS NULL THEN 0 ELSE 1 END, shredded DESC, id`);
  const personById = store.prepare<PersonRow>(
    'SELECT * FROM vault_person WHERE tenant = @tenant AND id = @id',
  );
  const objectById = store.prepare<ObjectRow>(
    'SELECT * FROM vault_object WHERE tenant = @tenant AND id = @id',
  );
  const insertPerson = store.prepare(`
    INSERT INTO vault_person (tenant, id, subject, name, key_id, wrapped, created)
    VALUES (@tenant, @id, @subject, @name, @key_id, @wrapped, @created)`);
  const insertObject = store.prepare(`
    INSERT INTO vault_object (tenant, id, person, key_id, wrapped, created)
    VALUES (@tenant, @id, @person, @key_id, @wrapped, @created)`);
  const persons = store.prepare<PersonRow & { objects: number }>(`
    SELECT p.*, (SELECT count(*) FROM vault_object o WHERE o.tenant = p.tenant AND o.person = p.id) AS objects
    FROM vault_person p WHERE p.tenant = @tenant ORDER BY p.created, p.id LIMIT @limit`);
  const shreddedObjects = store.prepare<ObjectRow>(`
    SELECT * FROM vault_object
    WHERE tenant = @tenant AND shredded IS NOT NULL AND person IS NULL ORDER BY shredded, id LIMIT @limit`);
  const byKey = store.prepare<{ kind: Kind; key_id: string; keys: number }>(`
    SELECT 'person' AS kind, key_id, count(*) AS keys FROM vault_person
    WHERE tenant = @tenant AND key_id IS NOT NULL GROUP BY key_id
    UNION ALL SELECT 'object' AS kind, key_id, count(*) AS keys FROM vault_object
    WHERE tenant = @tenant AND key_id IS NOT NULL GROUP BY key_id`);
  const countObjects = store.prepare<{ kept: number; shredded: number }>(`
    SELECT count(*) AS kept, count(shredded) AS shredded FROM vault_object WHERE tenant = @tenant`);
  const ofPerson = store.prepare<{ objects: number }>(
    'SELECT count(*) AS objects FROM vault_object WHERE tenant = @tenant AND person = @id',
  );
  const table = (kind: Kind): string => `vault_${kind}`;

  return {
    /** The living key first, if there is one, then destroyed ones, newest first. */
    personOf: (subject: string) => personOf.all({ tenant, subject }),
    person: (id: string) => personById.get({ tenant, id }),
    object: (id: string) => objectById.get({ tenant, id }),
    insertPerson: (row: Pick<PersonRow, 'id' | 'subject' | 'name' | 'key_id' | 'wrapped' | 'created'>) =>
      insertPerson.run({ tenant, ...row }),
    insertObject: (row: Pick<ObjectRow, 'id' | 'person' | 'key_id' | 'wrapped' | 'created'>) =>
      insertObject.run({ tenant, ...row }),
    persons: (limit: number) => persons.all({ tenant, limit }),
    shreddedObjects: (limit: number) => shreddedObjects.all({ tenant, limit }),
    byKey: () => byKey.all({ tenant }),
    countObjects: () => countObjects.get({ tenant }),
    objectsOf: async (id: string) => (await ofPerson.get({ tenant, id }))?.objects ?? 0,

    /** Rows whose wrap is by another root key than this one, a page at a time. */
    wrappedByOthers: (kind: Kind, keyId: string, limit: number) =>
      store
        .prepare<{ id: string; key_id: string; wrapped: Uint8Array }>(
          `SELECT id, key_id, wrapped FROM ${table(kind)}
           WHERE tenant = @tenant AND key_id IS NOT NULL AND key_id <> @keyId AND wrapped IS NOT NULL
           ORDER BY id LIMIT @limit`,
        )
        .all({ tenant, keyId, limit }),

    /** Only where the wrap is still the one that was read: a shredded key does not come back. */
    rewrap: (
      kind: Kind,
      rows: readonly { id: string; from: string; key_id: string; wrapped: Uint8Array }[],
    ) =>
      store.batch([
        {
          sql: `UPDATE ${table(kind)} SET key_id = @key_id, wrapped = @wrapped
                WHERE tenant = @tenant AND id = @id AND key_id = @from AND wrapped IS NOT NULL`,
          rows: rows.map((row) => ({ tenant, ...row })),
        },
      ]),

    /**
     * Destroys one key. The wrap is written over with noise of its size before it is let go: SQLite would keep the old bytes
     * on a free page. Returns false when it was destroyed before.
     */
    async shred(kind: Kind, id: string, at: number, noise: (size: number) => Uint8Array): Promise<boolean> {
      const changed = await store.transaction(async () => {
        const row = await (kind === 'person' ? personById : objectById).get({ tenant, id });
        if (!row || row.shredded !== null) return false;
        const over = store.prepare(
          `UPDATE ${table(kind)} SET wrapped = @wrapped WHERE tenant = @tenant AND id = @id`,
        );
        if (row.wrapped) await over.run({ tenant, id, wrapped: noise(row.wrapped.length) });
        const end = kind === 'person' ? ', name = NULL' : '';
        const { changes } = await store
          .prepare(
            `UPDATE ${table(kind)} SET wrapped = NULL, key_id = NULL, shredded = @at${end}
             WHERE tenant = @tenant AND id = @id AND shredded IS NULL`,
          )
          .run({ tenant, id, at });
        return changes === 1;
      });
      // The journal still holds the page as it was.
      if (changed && store.dialect === 'sqlite') await store.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all();
      return changed;
    },

    recorded: (kind: Kind, id: string, event: string) =>
      store
        .prepare(`UPDATE ${table(kind)} SET recorded = @event WHERE tenant = @tenant AND id = @id`)
        .run({ tenant, id, event }),

    /** Destroyed keys that the ledger does not know of: a process was killed in between. */
    unrecorded: (kind: Kind) =>
      store
        .prepare<PersonRow & ObjectRow>(
          `SELECT * FROM ${table(kind)} WHERE tenant = @tenant AND shredded IS NOT NULL AND recorded IS NULL`,
        )
        .all({ tenant }),
  };
}
