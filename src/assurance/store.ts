import { Evidence } from '../kernel/evidence.ts';
import type { Migration, Store } from '../ports/store.ts';

const table = `
  CREATE TABLE assurance_evidence (
    tenant TEXT NOT NULL, id TEXT NOT NULL, probe TEXT NOT NULL, flow TEXT NOT NULL, plan TEXT NOT NULL,
    status TEXT NOT NULL, at BIGINT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (tenant, id));
  CREATE INDEX assurance_evidence_newest ON assurance_evidence (tenant, probe, flow, at);`;

export const migrations: readonly Migration[] = [
  { name: 'assurance/0001-evidence', sqlite: table, postgres: table },
];

export interface EvidenceStore {
  add(evidence: Evidence): Promise<void>;
  /** The newest record for each probe and flow. */
  latest(): Promise<Evidence[]>;
  /** Newest first. */
  history(probe: string, limit: number): Promise<Evidence[]>;
}

/** Records of executed probes of one tenant. Rows are written once and never changed. */
export function evidenceStore(store: Store, tenant: string): EvidenceStore {
  const insert = store.prepare(`
    INSERT INTO assurance_evidence (tenant, id, probe, flow, plan, status, at, body)
    VALUES (@tenant, @id, @probe, @flow, @plan, @status, @at, @body)`);
  const latest = store.prepare<{ body: string }>(`
    SELECT body FROM (
      SELECT body, probe, flow, ROW_NUMBER() OVER (PARTITION BY probe, flow ORDER BY at DESC, id DESC) AS place
      FROM assurance_evidence
      WHERE tenant = @tenant) AS ranked
    WHERE place = 1
    ORDER BY probe, flow`);
  const history = store.prepare<{ body: string }>(`
    SELECT body FROM assurance_evidence
    WHERE tenant = @tenant AND probe = @probe
    ORDER BY at DESC, id DESC
    LIMIT @limit`);
  const read = (rows: { body: string }[]) => rows.map(({ body }) => Evidence.parse(JSON.parse(body)));
  return {
    async add(evidence) {
      const { id, probe, flow, plan, status, at } = evidence;
      await insert.run({ tenant, id, probe, flow, plan, status, at, body: JSON.stringify(evidence) });
    },
    latest: async () => read(await latest.all({ tenant })),
    history: async (probe, limit) => read(await history.all({ tenant, probe, limit })),
  };
}
