import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomBytes,
  randomUUID,
  type KeyObject,
} from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { securityEvent, type SecurityEvent } from '../../kernel/event.ts';
import type { Principal } from '../../kernel/principal.ts';
import { Problem } from '../../kernel/problem.ts';
import { Secret } from '../../kernel/secret.ts';
import type { KeyCustody } from '../../ports/key-custody.ts';
import type { Store } from '../../ports/store.ts';
import { damaged } from './container.ts';
import { newKey, unwrapKey, wrapKey } from './primitives.ts';
import { keyStore, migrations, type Kind, type PersonRow } from './store.ts';

export interface KeeperDeps {
  custody: KeyCustody;
  store: Store;
  clock: Clock;
  /** Appends to the ledger and resolves when that is durable. Without it no key is destroyed. */
  record?: ((event: SecurityEvent) => Promise<{ id: string }>) | undefined;
  tenant: string;
}

export interface Shredded {
  kind: Kind;
  /** Id of the key: the object's, or a random one for the person's. */
  id: string;
  /** Objects that cannot be opened any more. */
  objects: number;
  /** When, in milliseconds since the epoch. */
  at: number;
  /** The ledger event that says so. */
  event: string;
  /** It had been destroyed before. */
  before: boolean;
}

export interface KeyOverview {
  /** The root key version that wraps what is new. */
  current: string;
  /** Root key versions, and how many keys of the store each still wraps. */
  versions: { id: string; current: boolean; created?: number; persons: number; objects: number }[];
  objects: { kept: number; shredded: number };
  /** Oldest first. The name is there while the key is. */
  persons: {
    id: string;
    name?: string;
    created: number;
    shredded?: number;
    objects: number;
    event?: string;
  }[];
  shreddedObjects: { id: string; at: number; event?: string }[];
}

/** Keeps the keys of objects and persons in the store, wrapped, so that destroying them destroys what they encrypt. */
export interface Keeper {
  /** Makes and keeps the key of a new object, under the person's key when it is about one. */
  keyFor(object: string, person: string | undefined): Promise<KeyObject>;
  /** @throws Problem OBJECT_SHREDDED, NOT_FOUND */
  keyOf(object: string): Promise<KeyObject>;
  state(object: string): Promise<{ key: 'open' | 'shredded' | 'unknown'; person?: string }>;
  shredObject(object: string, by?: Principal): Promise<Shredded>;
  shredPerson(person: string, by?: Principal): Promise<Shredded>;
  /** Wraps every kept key that stands under an older root key version again. Returns how many. */
  rewrap(): Promise<number>;
  overview(limit: number): Promise<KeyOverview>;
}

const pageOfKeys = 200;

/** Opens the kept keys; tells the ledger of destroyed ones that a killed process could not. */
export async function openKeeper({ custody, store, clock, record, tenant }: KeeperDeps): Promise<Keeper> {
  await store.migrate(migrations);
  const rows = keyStore(store, tenant);
  const context = (use: 'person' | 'key', id: string): string => `vault/${use}/${tenant}/${id}`;

  const subjectOf = async (person: string): Promise<string> => {
    const name = person.normalize('NFC').trim();
    if (name === '' || name.length > 500) {
      throw new Problem('INPUT_INVALID', { detail: 'a person is named by 1 to 500 characters' });
    }
    const key = await custody.derive('vault/subjects');
    return createHmac('sha256', key.reveal()).update(`${tenant}\0${name}`).digest('hex');
  };

  /** A key and its wrap; from the custodian, where that makes keys. */
  const made = async (bound: string): Promise<{ key: KeyObject; key_id: string; wrapped: Buffer }> => {
    if (custody.generate) {
      const { key, keyId, wrapped } = await custody.generate(bound);
      return { key: secretKey(key.reveal()), key_id: keyId, wrapped };
    }
    const key = newKey();
    const { keyId, wrapped } = await custody.wrap(new Secret(key.export()), bound);
    return { key, key_id: keyId, wrapped };
  };

  const unwrapped = async (
    row: { key_id: string | null; wrapped: Uint8Array },
    bound: string,
  ): Promise<KeyObject> => {
    if (row.key_id === null) throw damaged('its key in the store has no root key');
    return secretKey((await custody.unwrap(row.key_id, Buffer.from(row.wrapped), bound)).reveal());
  };

  const personKey = async ({ id, key_id, wrapped: bytes }: PersonRow): Promise<KeyObject> => {
    if (!bytes) throw shredded('the person it is about');
    return unwrapped({ key_id, wrapped: bytes }, context('person', id));
  };

  const personFor = async (person: string): Promise<{ id: string; key: KeyObject }> => {
    const subject = await subjectOf(person);
    const living = async (): Promise<PersonRow | undefined> =>
      (await rows.personOf(subject)).find((row) => row.shredded === null);
    const known = await living();
    if (known) return { id: known.id, key: await personKey(known) };
    const id = randomUUID();
    const { key, ...wrap } = await made(context('person', id));
    try {
      await rows.insertPerson({
        id,
        subject,
        name: sealName(key, id, person),
        created: clock.now(),
        ...wrap,
      });
      return { id, key };
    } catch (error) {
      const other = error instanceof Problem && error.code === 'CONFLICT' ? await living() : undefined;
      if (!other) throw error;
      return { id: other.id, key: await personKey(other) };
    }
  };

  const recorder = (): NonNullable<KeeperDeps['record']> => {
    if (record) return record;
    throw new Problem('CONFLICT', {
      detail: 'the ledger belongs to another process, and no key is destroyed without a record',
      fix: 'Ask the control plane that runs here.',
    });
  };

  const tellLedger = async (
    kind: Kind,
    row: { id: string; shredded: number | null; subject?: string },
    by?: Principal,
  ): Promise<string> => {
    const objects = kind === 'person' ? await rows.objectsOf(row.id) : 1;
    const { id: event } = await recorder()(
      securityEvent({
        kind: 'entity_management',
        activity: 4,
        message: `the vault key of ${kind === 'person' ? 'a person' : 'an object'} was destroyed`,
        time: clock.now(),
        ...(by ? { principal: by } : {}),
        // No name: a log that cannot forget must not know who was to be forgotten.
        unmapped: { vault: { kind, key: row.id, subject: row.subject, objects, shredded: row.shredded } },
      }),
    );
    await rows.recorded(kind, row.id, event);
    return event;
  };

  /** Destroys first and tells then: `unrecorded` finds what a process that was killed in between did not tell. */
  const destroy = async (kind: Kind, id: string, by?: Principal): Promise<Shredded> => {
    recorder();
    const first = await rows.shred(kind, id, clock.now(), randomBytes);
    const row = kind === 'person' ? await rows.person(id) : await rows.object(id);
    if (row?.shredded == null) throw new Problem('INTERNAL', { detail: 'a destroyed key is still there' });
    const event = row.recorded ?? (await tellLedger(kind, row, by));
    const objects = kind === 'person' ? await rows.objectsOf(id) : 1;
    return { kind, id, objects, at: row.shredded, event, before: !first };
  };

  for (const kind of record ? (['person', 'object'] as const) : []) {
    for (const row of await rows.unrecorded(kind)) await tellLedger(kind, row);
  }

  const keeper: Keeper = {
    async keyFor(object, person) {
      const created = clock.now();
      if (person === undefined) {
        const { key, ...wrap } = await made(context('key', object));
        await rows.insertObject({ id: object, person: null, created, ...wrap });
        return key;
      }
      const owner = await personFor(person);
      const key = newKey();
      const wrapped = wrapKey(owner.key, key.export());
      await rows.insertObject({ id: object, person: owner.id, key_id: null, created, wrapped });
      return key;
    },

    async keyOf(object) {
      const row = await rows.object(object);
      if (!row) {
        throw new Problem('NOT_FOUND', {
          detail: `this store has no key for the object \`${object}\``,
          fix: 'Decrypt it with the state folder it was encrypted with.',
        });
      }
      if (!row.wrapped) throw shredded('it');
      if (row.person === null) {
        return unwrapped({ key_id: row.key_id, wrapped: row.wrapped }, context('key', object));
      }
      const owner = await rows.person(row.person);
      if (!owner) throw damaged('the store has lost the key of its person');
      const key = unwrapKey(await personKey(owner), row.wrapped);
      if (!key) throw damaged('its key in the store was changed');
      return secretKey(key);
    },

    async state(object) {
      const row = await rows.object(object);
      if (!row) return { key: 'unknown' };
      const owner = row.person === null ? undefined : await rows.person(row.person);
      const gone = row.shredded !== null || (owner !== undefined && owner.shredded !== null);
      return { key: gone ? 'shredded' : 'open', ...(owner ? { person: owner.id } : {}) };
    },

    async shredObject(object, by) {
      if (!(await rows.object(object))) {
        throw new Problem('NOT_FOUND', { detail: `this store has no key for the object \`${object}\`` });
      }
      return destroy('object', object, by);
    },

    async shredPerson(person, by) {
      const [row] = await rows.personOf(await subjectOf(person));
      if (!row) {
        throw new Problem('NOT_FOUND', {
          detail: 'nothing was ever bound to this person',
          fix: 'Write the name as it was given to `--subject`.',
        });
      }
      return destroy('person', row.id, by);
    },

    async rewrap() {
      const current = await custody.currentKey();
      let count = 0;
      for (const [kind, use] of [
        ['person', 'person'],
        ['object', 'key'],
      ] as const) {
        for (;;) {
          const page = await rows.wrappedByOthers(kind, current, pageOfKeys);
          if (page.length === 0) break;
          const again = [];
          for (const { id, key_id: from, wrapped: bytes } of page) {
            const made = await rewrapped(custody, from, Buffer.from(bytes), context(use, id));
            again.push({ id, from, key_id: made.keyId, wrapped: made.wrapped });
          }
          await rows.rewrap(kind, again);
          count += page.length;
        }
      }
      return count;
    },

    async overview(limit) {
      const current = await custody.currentKey();
      const counts = await rows.byKey();
      const versions = (await custody.versions?.()) ?? [{ id: current }];
      const known = new Map<string, { id: string; created?: number }>(versions.map((one) => [one.id, one]));
      for (const { key_id: id } of counts) {
        if (!known.has(id)) known.set(id, { id });
      }
      const of = (kind: Kind, id: string): number =>
        counts.find((row) => row.kind === kind && row.key_id === id)?.keys ?? 0;
      const { kept = 0, shredded: gone = 0 } = (await rows.countObjects()) ?? {};
      const persons: KeyOverview['persons'] = [];
      for (const row of await rows.persons(limit)) {
        persons.push({
          id: row.id,
          ...(row.name && row.wrapped ? { name: openName(await personKey(row), row.id, row.name) } : {}),
          created: row.created,
          ...(row.shredded === null ? {} : { shredded: row.shredded }),
          objects: row.objects,
          ...(row.recorded === null ? {} : { event: row.recorded }),
        });
      }
      return {
        current,
        versions: Array.from(known.values(), ({ id, created }) => ({
          id,
          current: id === current,
          ...(created === undefined ? {} : { created }),
          persons: of('person', id),
          objects: of('object', id),
        })),
        objects: { kept: kept, shredded: gone },
        persons,
        shreddedObjects: (await rows.shreddedObjects(limit)).map((row) => ({
          id: row.id,
          at: row.shredded ?? 0,
          ...(row.recorded === null ? {} : { event: row.recorded }),
        })),
      };
    },
  };
  return keeper;
}

/** The wrap of the same key under the current root key version. Custodians that can do it without giving the key out do. */
async function rewrapped(
  custody: KeyCustody,
  keyId: string,
  bytes: Buffer,
  context: string,
): Promise<{ keyId: string; wrapped: Buffer }> {
  if (custody.rewrap) return custody.rewrap(keyId, bytes, context);
  return custody.wrap(await custody.unwrap(keyId, bytes, context), context);
}

function secretKey(bytes: Buffer): KeyObject {
  if (bytes.length !== 32) throw damaged('a key of the store has another size than it must have');
  return createSecretKey(bytes);
}

function shredded(what: string): Problem {
  return new Problem('OBJECT_SHREDDED', {
    detail: `the key of ${what} was destroyed: nobody can open this object any more`,
  });
}

/** A person's name under the person's own key, AES-256-GCM as iv ‖ ciphertext ‖ tag: it goes when the key goes. */
function sealName(key: KeyObject, id: string, name: string): Buffer {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(id));
  return Buffer.concat([iv, cipher.update(name), cipher.final(), cipher.getAuthTag()]);
}

function openName(key: KeyObject, id: string, sealed: Uint8Array): string {
  const bytes = Buffer.from(sealed);
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(id)).setAuthTag(bytes.subarray(-16));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString();
  } catch {
    throw damaged('the name of a person in the store was changed');
  }
}
