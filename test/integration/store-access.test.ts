import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authenticator } from '../../src/access/authenticate.ts';
import { loadControlToken } from '../../src/access/control-token.ts';
import { openClientKeys, type ClientKeys } from '../../src/access/keys.ts';
import { openSessions, type Sessions } from '../../src/access/sessions.ts';
import type { SecurityEvent } from '../../src/kernel/event.ts';
import { Secret } from '../../src/kernel/secret.ts';
import type { Store } from '../../src/ports/store.ts';
import { postgresExpected, postgresTestStore, sqliteTestStore, type TestStore } from './stores.ts';

const pepper = new Secret(Buffer.alloc(32, 9));
const minute = 60_000;

const kinds: [label: string, make: () => Promise<TestStore>][] = [['SQLite', sqliteTestStore]];
if (await postgresExpected()) kinds.push(['PostgreSQL', postgresTestStore]);
else test.skip('access on PostgreSQL: no server at 127.0.0.1:5432', () => {});

describe.each(kinds)('access on %s', (_label, make) => {
  let place: TestStore;
  let store: Store;
  let keys: ClientKeys;
  let sessions: Sessions;
  let time = 1_800_000_000_000;
  const clock = { now: () => time };
  let events: SecurityEvent[] = [];
  let full = false;
  const record = async (event: SecurityEvent): Promise<void> => {
    if (full) throw new Error('the ledger is full');
    events.push(event);
  };

  beforeAll(async () => {
    place = await make();
    store = await place.open();
    keys = await openClientKeys({ store, pepper, clock, record });
    sessions = await openSessions({ store, clock, record });
  });

  afterAll(async () => {
    await keys.close();
    await store.close();
    await place.drop();
  });

  describe('client keys', () => {
    test('stand for their client element, and nothing of them is stored', async () => {
      const { id, client, key } = await keys.create({ client: 'bot', env: 'test' });
      expect(key).toMatch(/^mrl_test_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
      expect(client).toBe('bot');
      expect(keys.authenticate(key)).toEqual({
        kind: 'client',
        id: 'bot',
        tenant: 'default',
        element: 'bot',
        credential: id,
      });
      const rows = await store.prepare('SELECT * FROM access_key').all();
      expect(JSON.stringify(rows)).not.toContain(key.split('_')[3]);
      expect(events.at(-1)).toMatchObject({
        class_uid: 3004,
        activity_id: 1,
        unmapped: { entity: { uid: id } },
      });
      expect(JSON.stringify(events)).not.toContain(key.split('_')[3]);
    });

    test('open nothing when another character stands anywhere in them', async () => {
      const { key } = await keys.create({ client: 'bot' });
      for (let at = 0; at < key.length; at += 1) {
        const other = key[at] === 'x' ? 'y' : 'x';
        expect(keys.authenticate(key.slice(0, at) + other + key.slice(at + 1))).toBeUndefined();
      }
      for (const wrong of ['', 'mrl_', `${key}x`, key.slice(0, -1), ` ${key}`, 'x'.repeat(1_000_000)]) {
        expect(keys.authenticate(wrong)).toBeUndefined();
      }
    });

    test('are dead from the moment they are revoked, also after a restart', async () => {
      const { id, key } = await keys.create({ client: 'bot' });
      const revoking = keys.revoke(id);
      expect(keys.authenticate(key)).toBeUndefined();
      await revoking;
      expect(events.at(-1)).toMatchObject({ class_uid: 3004, activity_id: 4 });
      const again = await openClientKeys({ store, pepper, clock, record });
      expect(again.authenticate(key)).toBeUndefined();
      expect(again.list().find((one) => one.id === id)?.revoked).toBe(time);
      await again.close();
      await expect(keys.revoke('nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    test('made or revoked by another process are seen after a refresh', async () => {
      const other = await openClientKeys({ store, pepper, clock, record });
      const { id, key } = await other.create({ client: 'bot' });
      expect(keys.authenticate(key)).toBeUndefined();
      await keys.refresh();
      expect(keys.authenticate(key)).toMatchObject({ element: 'bot' });
      await other.revoke(id);
      await keys.refresh();
      expect(keys.authenticate(key)).toBeUndefined();
      await other.close();
    });

    test('are worthless under another pepper', async () => {
      const { key } = await keys.create({ client: 'bot' });
      const thief = await openClientKeys({ store, pepper: new Secret(Buffer.alloc(32)), clock, record });
      expect(thief.authenticate(key)).toBeUndefined();
      await thief.close();
    });

    test('are not made when that cannot be recorded', async () => {
      const before = keys.list().length;
      full = true;
      await expect(keys.create({ client: 'bot' })).rejects.toThrow('full');
      full = false;
      await keys.refresh();
      expect(keys.list()).toHaveLength(before);
    });

    test('remember when they were last used', async () => {
      const { id, key } = await keys.create({ client: 'bot' });
      expect(keys.list().find((one) => one.id === id)?.lastUsed).toBeUndefined();
      keys.authenticate(key);
      expect(keys.list().find((one) => one.id === id)?.lastUsed).toBe(time);
      await keys.close();
      keys = await openClientKeys({ store, pepper, clock, record });
      expect(keys.list().find((one) => one.id === id)?.lastUsed).toBe(time);
    });

    test('name an environment that can stand in a key', async () => {
      for (const env of ['', 'X', 'a_b', '1st', 'much-too-long-for-this']) {
        await expect(keys.create({ client: 'bot', env })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      }
    });
  });

  describe('console sessions', () => {
    const cookieOf = (setCookie: string): string => setCookie.split(';')[0]!;
    const signIn = async (cookie?: string) => sessions.signIn((await sessions.createLink()).token, cookie);

    test('begin with a link that works once', async () => {
      const { token } = await sessions.createLink();
      const attempts = await Promise.allSettled([sessions.signIn(token), sessions.signIn(token)]);
      expect(attempts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      await expect(sessions.signIn(token)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
      await expect(sessions.signIn('')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    });

    test('do not begin with a link older than 15 minutes', async () => {
      const { token } = await sessions.createLink();
      time += 15 * minute;
      await expect(sessions.signIn(token)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    });

    test('live in a cookie that scripts and other sites do not get, and in the store as a hash', async () => {
      const { setCookie } = await signIn();
      expect(setCookie).toMatch(
        /^__Host-merlon=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict$/,
      );
      const id = cookieOf(setCookie).split('=')[1]!;
      expect(JSON.stringify(await store.prepare('SELECT * FROM access_session').all())).not.toContain(id);
      expect(JSON.stringify(events)).not.toContain(id);
      expect(await sessions.find(`a=b; ${cookieOf(setCookie)}; c=d`)).toMatchObject({
        principal: { kind: 'person', id: 'owner' },
      });
      expect(events.at(-1)).toMatchObject({ class_uid: 3002, activity_id: 1, status_id: 1 });
    });

    test('are not found by a cookie that is there twice, cut short or another one', async () => {
      const cookie = cookieOf((await signIn()).setCookie);
      for (const wrong of [
        `${cookie}; ${cookie}`,
        cookie.slice(0, -1),
        `x${cookie}`,
        '__Host-merlon=',
        undefined,
      ]) {
        expect(await sessions.find(wrong)).toBeUndefined();
      }
    });

    test('end after an hour without use, and after twelve in any case', async () => {
      const idle = cookieOf((await signIn()).setCookie);
      time += 59 * minute;
      expect(await sessions.find(idle)).toBeDefined();
      time += 60 * minute;
      expect(await sessions.find(idle)).toBeUndefined();

      const busy = cookieOf((await signIn()).setCookie);
      for (let spent = 0; spent < 11.5 * 60; spent += 30) {
        time += 30 * minute;
        expect(await sessions.find(busy)).toBeDefined();
      }
      time += 30 * minute;
      expect(await sessions.find(busy)).toBeUndefined();
    });

    test('get another id at each sign-in, and the old one is dead', async () => {
      const first = cookieOf((await signIn()).setCookie);
      const second = cookieOf((await signIn(first)).setCookie);
      expect(second).not.toBe(first);
      expect(await sessions.find(first)).toBeUndefined();
      expect(await sessions.find(second)).toBeDefined();
    });

    test('end with the sign-out, which is recorded once', async () => {
      const cookie = cookieOf((await signIn()).setCookie);
      expect(await sessions.signOut(cookie)).toMatch(/^__Host-merlon=; Path=\/; Max-Age=0;/);
      expect(await sessions.find(cookie)).toBeUndefined();
      expect(events.at(-1)).toMatchObject({ class_uid: 3002, activity_id: 2 });
      const count = events.length;
      await sessions.signOut(cookie);
      expect(events).toHaveLength(count);
    });

    test('record failed sign-ins, but let nobody fill the log with them', async () => {
      time += minute;
      events = [];
      for (let i = 0; i < 20; i += 1) await expect(sessions.signIn(`guess ${i}`)).rejects.toThrow();
      expect(events).toHaveLength(1);
      expect(events[0]).toMatchObject({ class_uid: 3002, status_id: 2 });
    });
  });

  describe('a request to the control plane', () => {
    test('is known by the control token, a client key or a session, in this order', async () => {
      const dir = await mkdtemp(join(tmpdir(), 'merlon-token-'));
      const path = join(dir, 'state', 'control.token');
      const controlToken = await loadControlToken(path);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect((await loadControlToken(path)).reveal()).toBe(controlToken.reveal());
      expect((await readFile(path, 'utf8')).trim()).toBe(controlToken.reveal());

      const authenticateRequest = authenticator({ sessions, controlToken, keys });
      const { token } = await sessions.createLink();
      const cookie = (await sessions.signIn(token)).setCookie.split(';')[0];
      const { key } = await keys.create({ client: 'bot' });
      const who = async (authorization: string | undefined, withCookie?: string) =>
        (await authenticateRequest({ authorization, cookie: withCookie }))?.kind;

      expect(await who(`Bearer ${controlToken.reveal()}`)).toBe('local');
      expect(await who(`Bearer ${key}`)).toBe('client');
      expect(await who(undefined, cookie)).toBe('person');
      expect(await who(undefined)).toBeUndefined();
      expect(await who('Bearer wrong', cookie)).toBeUndefined();
      expect(await who(`Basic ${controlToken.reveal()}`, cookie)).toBeUndefined();
      await rm(dir, { recursive: true });
    });
  });
});
