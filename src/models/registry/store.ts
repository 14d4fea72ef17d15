import type { Migration, Store } from '../../ports/store.ts';

const table = `
  CREATE TABLE artifact (
    tenant TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, root TEXT NOT NULL, body TEXT NOT NULL,
    changed BIGINT NOT NULL, version BIGINT NOT NULL, PRIMARY KEY (tenant, id));`;

export const migrations: readonly Migration[] = [
  { name: 'models/0001-artifacts', sqlite: table, postgres: table },
];

export interface ArtifactRow {
  id: string;
  state: string;
  root: string;
  /** JSON of what needs no query. */
  body: string;
  changed: number;
  /** Counts changes: an update names the version that it saw. */
  version: number;
}

/** Rows of the artefacts of one tenant. */
export function artifactRows(store: Store, tenant: string) {
  const columns = 'id, state, root, body, changed, version';
  const all = store.prepare<ArtifactRow>(
    `SELECT ${columns} FROM artifact WHERE tenant = @tenant ORDER BY id`,
  );
  const get = store.prepare<ArtifactRow>(
    `SELECT ${columns} FROM artifact WHERE tenant = @tenant AND id = @id`,
  );
  const insert = store.prepare(`
    INSERT INTO artifact (tenant, id, state, root, body, changed, version)
    VALUES (@tenant, @id, @state, @root, @body, @changed, 1)`);
  const update = store.prepare(`
    UPDATE artifact SET state = @state, body = @body, changed = @changed, version = version + 1
    WHERE tenant = @tenant AND id = @id AND version = @version`);
  return {
    all: () => all.all({ tenant }),
    get: (id: string) => get.get({ tenant, id }),
    insert: (row: Omit<ArtifactRow, 'version'>) => insert.run({ tenant, ...row }),
    update: async ({ id, state, body, changed, version }: ArtifactRow) =>
      (await update.run({ tenant, id, state, body, changed, version })).changes === 1,
  };
}
