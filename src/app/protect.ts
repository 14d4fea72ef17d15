import { join } from 'node:path';
import { openBudgets, type Budgets } from '../data/privacy/budget.ts';
import { openDatasets, type DatasetRegistry, type DatasetScan } from '../data/registry/registry.ts';
import { openVault, type Vault } from '../data/vault/vault.ts';
import type { Clock } from '../kernel/clock.ts';
import type { SecurityEvent } from '../kernel/event.ts';
import { openArtifacts, type ArtifactRegistry } from '../models/registry/registry.ts';
import { scanArtifact } from '../models/scanners/scan.ts';
import type { KeyCustody } from '../ports/key-custody.ts';
import type { Store } from '../ports/store.ts';
import { inspectionAssets, version } from './assets.ts';

interface Place {
  store: Store;
  custody: KeyCustody;
  clock: Clock;
  record(event: SecurityEvent): Promise<{ id: string }>;
  /** State folder. */
  state: string;
  /** The vault, where it is open already. */
  vault?: Vault;
}

/** The registry of datasets on a state folder. */
export async function openDatasetRegistry({
  store,
  custody,
  clock,
  record,
  state,
  vault,
}: Place): Promise<DatasetRegistry> {
  return openDatasets({
    store,
    clock,
    record,
    dir: join(state, 'datasets'),
    // Registered datasets are stored encrypted, and opened only into a run.
    cipher: vault ?? (await openVault({ custody, store, clock, record })),
    scan: scanForRegistry,
    signingSeed: await custody.derive('data/approvals'),
  });
}

/** The registry of model artefacts on a state folder. */
export function openArtifactRegistry({ store, clock, record, state }: Place): Promise<ArtifactRegistry> {
  return openArtifacts({
    store,
    clock,
    record,
    dir: join(state, 'artifacts'),
    scan: (path) => scanArtifact(path),
    scanner: version(),
  });
}

/** The budgets of privacy loss on a state folder. */
export function openPrivacyBudgets({ store, clock, record }: Place): Promise<Budgets> {
  return openBudgets({ store, clock, record: async (event) => void (await record(event)) });
}

/** A scan as the registry keeps it: how many findings, and a profile without values. */
async function scanForRegistry(path: string): Promise<DatasetScan> {
  const { scanDataset } = await import('../data/scan/scan.ts');
  const { openPool } = await import('../data/scan/pool.ts');
  const pool = openPool(inspectionAssets(), 1);
  try {
    let findings = 0;
    const summary = await scanDataset(path, {
      pool,
      onFinding: () => {
        findings += 1;
        return Promise.resolve();
      },
    });
    return { findings, summary };
  } finally {
    await pool.close();
  }
}
