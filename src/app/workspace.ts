import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openClientKeys, type ClientKeys } from '../access/keys.ts';
import { openStore } from '../adapters/open-store.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import type { SecurityEvent } from '../kernel/event.ts';
import { openLedger, type Ledger } from '../ledger/ledger.ts';
import type { KeyCustody } from '../ports/key-custody.ts';
import type { Store } from '../ports/store.ts';
import { loadConfig } from './config.ts';
import { findControlPlane } from './control-plane.ts';
import { openCustody } from './custody.ts';

/** Store, keys and ledger of a state folder, for a command that works on them itself. */
export interface Workspace {
  store: Store;
  custody: KeyCustody;
  ledger: Ledger;
  clock: Clock;
  /** The folder itself. */
  state: string;
  record(event: SecurityEvent): Promise<{ index: number; id: string }>;
  close(): Promise<void>;
}

/** Where the store of a state folder lies. */
export function storeUrl(store: string, state: string): string {
  return store === 'embedded' ? `sqlite:${join(state, 'merlon.db')}` : store;
}

/** Opens a state folder beside whatever runs on it: appends are shared, and a running control plane publishes them. */
export async function openWorkspace(
  state: string,
  env: Record<string, string | undefined>,
): Promise<Workspace> {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const config = loadConfig({ folder: dirname(state), env });
  const custody = await openCustody(config.custody, { state, env });
  const store = await openStore(storeUrl(config.store, state));
  const ledger = await openLedger({
    store,
    clock: systemClock,
    key: await custody.derive('ledger/signing'),
    ...(findControlPlane(state) ? {} : { dir: join(state, 'ledger') }),
  });
  return {
    store,
    custody,
    ledger,
    clock: systemClock,
    state,
    record: (event) => ledger.append(event),
    async close() {
      await ledger.close();
      await store.close();
    },
  };
}

/** Opens something on a workspace, and closes both together. */
export async function onWorkspace<K extends string, T>(
  name: K,
  state: string,
  env: Record<string, string | undefined>,
  open: (workspace: Workspace) => Promise<T>,
): Promise<Record<K, T> & { close: () => Promise<void> }> {
  const workspace = await openWorkspace(state, env);
  try {
    const opened = { [name]: await open(workspace) } as Record<K, T>;
    return { ...opened, close: workspace.close };
  } catch (error) {
    await workspace.close();
    throw error;
  }
}

/** The client keys of a state folder on which nothing runs. */
export async function openWorkspaceKeys(
  state: string,
  env: Record<string, string | undefined>,
): Promise<{ keys: ClientKeys; close: () => Promise<void> }> {
  const { store, custody, record, close } = await openWorkspace(state, env);
  const pepper = await custody.derive('access/client-keys');
  const keys = await openClientKeys({ store, clock: systemClock, record, pepper });
  return {
    keys,
    async close() {
      await keys.close();
      await close();
    },
  };
}
