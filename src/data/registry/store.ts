import type { Migration, Store } from '../../ports/store.ts';

const table = `
  CREATE TABLE dataset (
    tenant TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, root TEXT NOT NULL, body TEXT NOT NULL,
    changed BIGINT NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (tenant, id));`;

export const migrations: readonly Migration[] = [
  { name: 'data/0001-datasets', sqlite: table, postgres: table },
];

export interface DatasetRow {
  id: string;
  state: string;
  root: string;
  /** JSON of what needs no query. */
  body: string;
  changed: number;
  /** Counts changes: an update names the version that it saw. */
  version: number;
}

/** Rows of the datasets of one tenant. */
export function datasetRows(store: Store, tenant: string) {
  const columns = 'id, state, root, body, changed, version';
  const all = store.prepare<DatasetRow>(`SELECT ${columns} FROM dataset WHERE tenant = @tenant ORDER BY id`);
  const get = store.prepare<DatasetRow>(`SELECT ${columns} FROM dataset WHERE tenant = @tenant AND id = @id`);
  const insert = store.prepare(`
    INSERT INTO dataset (tenant, id, state, root, body, changed, version)
    VALUES (@tenant, @id, @state, @root, @body, @changed, 1)`);
  const update = store.prepare(`
    UPDATE dataset SET state = @state, body = @body, changed = @changed, version = version + 1
    WHERE tenant = @tenant AND id = @id AND version = @version`);
  return {
    all: () => all.all({ tenant }),
    get: (id: string) => get.get({ tenant, id }),
    insert: (row: Omit<DatasetRow, 'version'>) => insert.run({ tenant, ...row }),
    update: async ({ id, state, body, changed, version }: DatasetRow) =>
      (await update.run({ tenant, id, state, body, changed, version })).changes === 1,
  };
}
