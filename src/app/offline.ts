import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openClientKeys, type ClientKeys } from '../access/keys.ts';
import { openFileKeys } from '../adapters/file-keys/file-keys.ts';
import { openStore } from '../adapters/open-store.ts';
import { systemClock } from '../kernel/clock.ts';
import { Secret } from '../kernel/secret.ts';
import { openLedger } from '../ledger/ledger.ts';
import { loadConfig } from './config.ts';

/** The client keys of a state folder on which nothing runs. */
export async function openOfflineKeys(
  state: string,
  env: Record<string, string | undefined>,
): Promise<{ keys: ClientKeys; close: () => Promise<void> }> {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const config = loadConfig({ folder: dirname(state), env });
  const passphrase = env['MERLON_KEY_PASSPHRASE'];
  const custody = await openFileKeys(join(state, 'keys'), passphrase ? new Secret(passphrase) : undefined);
  const store = await openStore(
    config.store === 'embedded' ? `sqlite:${join(state, 'merlon.db')}` : config.store,
  );
  const ledger = await openLedger({
    store,
    clock: systemClock,
    key: await custody.derive('ledger/signing'),
    dir: join(state, 'ledger'),
  });
  const keys = await openClientKeys({
    store,
    clock: systemClock,
    record: (event) => ledger.append(event),
    pepper: await custody.derive('access/client-keys'),
  });
  return {
    keys,
    async close() {
      await keys.close();
      await ledger.close();
      await store.close();
    },
  };
}
