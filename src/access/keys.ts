import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { securityEvent, type SecurityEvent } from '../kernel/event.ts';
import { defaultTenant, type Principal } from '../kernel/principal.ts';
import { Problem } from '../kernel/problem.ts';
import type { Secret } from '../kernel/secret.ts';
import type { Store } from '../ports/store.ts';
import { newKey, parseKey } from './key-format.ts';
import { keyStore, migrations, type KeyRow } from './store.ts';

/** What may be shown of a client key. Times are milliseconds since the epoch. */
export interface ClientKey {
  id: string;
  /** Client element of the threat model that the key stands for. */
  client: string;
  env: string;
  created: number;
  lastUsed?: number;
  revoked?: number;
}

export interface ClientKeys {
  /**
   * Makes a key; `key` is shown this once. A key whose making cannot be recorded is not made.
   * @throws Problem INPUT_INVALID when the names cannot stand in a key
   */
  create(request: {
    client: string;
    env?: string;
    by?: Principal;
  }): Promise<{ id: string; client: string; key: string }>;
  list(): ClientKey[];
  /** From the call on, the key opens nothing. @throws Problem NOT_FOUND */
  revoke(id: string, by?: Principal): Promise<void>;
  /** Who presents this key; undefined when it is unknown, revoked or misspelt. */
  authenticate(presented: string): Principal | undefined;
  /** Reads the keys again, for those that another process has made or revoked. */
  refresh(): Promise<void>;
  /** Writes when keys were last used. */
  close(): Promise<void>;
}

export interface ClientKeysOptions {
  store: Store;
  /** 32 bytes of key custody. Without it, the stored codes are of no use to whoever steals them. */
  pepper: Secret<Buffer>;
  clock: Clock;
  record: (event: SecurityEvent) => Promise<unknown>;
  tenant?: string;
  /** How often keys are read again, in milliseconds; for stores that other processes write to. */
  refreshMs?: number;
}

interface Held {
  mac: Buffer;
  principal: Principal;
  key: ClientKey;
}

const writeUsesMs = 60_000;

/** The client keys of a tenant, held in memory so that a request costs one HMAC and no query. */
export async function openClientKeys(options: ClientKeysOptions): Promise<ClientKeys> {
  const { clock, record, tenant = defaultTenant } = options;
  await options.store.migrate(migrations);
  const rows = keyStore(options.store, tenant);
  const pepper = createSecretKey(options.pepper.reveal());
  const macOf = (key: string): Buffer => createHmac('sha256', pepper).update(key).digest();
  const nobody = Buffer.alloc(32);
  let held = new Map<string, Held>();
  let uses = new Map<string, number>();

  const hold = ({ id, client, env, mac, created, used, revoked }: KeyRow): Held => ({
    mac: Buffer.from(mac),
    principal: { kind: 'client', id: client, tenant, element: client, credential: id },
    key: {
      id,
      client,
      env,
      created,
      ...(used === null ? {} : { lastUsed: used }),
      ...(revoked === null ? {} : { revoked }),
    },
  });

  const refresh = async (): Promise<void> => {
    const fresh = new Map((await rows.all()).map((row) => [row.id, hold(row)]));
    // What was made or revoked here while the query ran stays so.
    for (const [id, one] of held) {
      const found = fresh.get(id);
      if (!found) fresh.set(id, one);
      else if (one.key.revoked !== undefined) found.key.revoked ??= one.key.revoked;
    }
    held = fresh;
  };

  const writeUses = async (): Promise<void> => {
    const written = uses;
    uses = new Map();
    if (written.size > 0) await rows.used(written);
  };

  const event = (
    activity: number,
    message: string,
    key: ClientKey,
    by: Principal | undefined,
  ): SecurityEvent =>
    securityEvent({
      kind: 'entity_management',
      activity,
      message,
      time: clock.now(),
      principal: by ?? { kind: 'local', id: 'local', tenant },
      unmapped: { entity: { type: 'client_key', uid: key.id, client: key.client, env: key.env } },
    });

  await refresh();
  // Telemetry: a use that cannot be written now is written with the next.
  const timers = [setInterval(() => void writeUses().catch(() => undefined), writeUsesMs)];
  if (options.refreshMs !== undefined) {
    timers.push(setInterval(() => void refresh().catch(() => undefined), options.refreshMs));
  }
  for (const timer of timers) timer.unref();

  return {
    async create({ client, env = 'live', by }) {
      if (!/^[a-z][a-z0-9]{1,11}$/.test(env)) {
        throw new Problem('INPUT_INVALID', {
          detail: `\`${env}\` is not the name of an environment`,
          fix: 'Use 2 to 12 lower-case letters and digits, such as `live` or `test`.',
        });
      }
      const { id, key } = newKey(env);
      const row: KeyRow = {
        id,
        client,
        env,
        mac: macOf(key),
        created: clock.now(),
        used: null,
        revoked: null,
      };
      const made = hold(row);
      await record(event(1, `key ${id} for ${client} created`, made.key, by));
      await rows.insert({ id, client, env, mac: row.mac, created: row.created });
      held.set(id, made);
      return { id, client, key };
    },

    list: () =>
      [...held.values()].map(({ key }) => {
        const lastUsed = uses.get(key.id);
        return lastUsed === undefined ? { ...key } : { ...key, lastUsed };
      }),

    async revoke(id, by) {
      const found = held.get(id);
      if (!found) {
        throw new Problem('NOT_FOUND', {
          detail: `there is no key \`${id}\``,
          fix: '`merlon key list` shows the keys.',
        });
      }
      if (found.key.revoked !== undefined) return;
      found.key.revoked = clock.now();
      await rows.revoke(id, found.key.revoked);
      await record(event(4, `key ${id} for ${found.key.client} revoked`, found.key, by));
    },

    authenticate(presented) {
      const parts = parseKey(presented);
      if (!parts) return undefined;
      const found = held.get(parts.id);
      // An unknown id takes as long as a wrong secret.
      const same = timingSafeEqual(macOf(presented), found?.mac ?? nobody);
      if (!found || !same || found.key.revoked !== undefined) return undefined;
      uses.set(parts.id, clock.now());
      return found.principal;
    },

    refresh,

    async close() {
      for (const timer of timers) clearInterval(timer);
      await writeUses();
    },
  };
}
