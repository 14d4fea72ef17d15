import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openClientKeys, type ClientKeys } from '../../src/access/keys.ts';
import { routes as accessRoutes } from '../../src/access/routes.ts';
import { openSessions } from '../../src/access/sessions.ts';
import { openStore } from '../../src/adapters/open-store.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { Io } from '../../src/kernel/command.ts';
import { securityEvent } from '../../src/kernel/event.ts';
import type { Principal } from '../../src/kernel/principal.ts';
import { Raw, type Route } from '../../src/kernel/route.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { commands } from '../../src/ledger/commands.ts';
import { openLedger, type Ledger } from '../../src/ledger/ledger.ts';
import { checkReceipt, type ReceiptProof } from '../../src/ledger/proof/receipt.ts';
import { routes as ledgerRoutes } from '../../src/ledger/routes.ts';
import type { Store } from '../../src/ports/store.ts';

const principal: Principal = { kind: 'person', id: 'owner', tenant: 'default' };
const secret = new Secret(Buffer.alloc(32, 4));

let state: string;
let store: Store;
let ledger: Ledger;
let keys: ClientKeys;
let routes: Route[];

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'merlon-operations-'));
  store = await openStore(`sqlite:${join(state, 'merlon.db')}`);
  ledger = await openLedger({ store, key: secret, clock: systemClock, dir: join(state, 'ledger') });
  const record = ledger.append;
  keys = await openClientKeys({ store, pepper: secret, clock: systemClock, record });
  const sessions = await openSessions({ store, clock: systemClock, record });
  routes = [
    ...ledgerRoutes({ ledger }),
    ...accessRoutes({ keys, sessions, clients: () => ['bot'], consoleUrl: () => 'http://localhost:4100' }),
  ];
});

afterAll(async () => {
  await keys.close();
  await ledger.close();
  await store.close();
  await rm(state, { recursive: true });
});

/** Asks a route as the HTTP server does: query and body go through their schemas. */
async function ask<T>(
  method: Route['method'],
  path: string,
  request: { params?: object; query?: object; body?: object; headers?: Record<string, string> } = {},
): Promise<T> {
  const route = routes.find((one) => one.method === method && one.path === path)!;
  const answer = await (route.handle({
    params: request.params ?? {},
    query: route.query?.parse(request.query ?? {}),
    body: route.body?.parse(request.body),
    principal,
    signal: AbortSignal.timeout(10_000),
    headers: request.headers ?? {},
  }) as Promise<T>);
  if (route.response && !(answer instanceof Raw)) route.response.parse(answer);
  return answer;
}

describe('the routes', () => {
  test('make, list and revoke keys for known clients only, and the ledger knows', async () => {
    const { id, key } = await ask<{ id: string; key: string }>('POST', '/keys', { body: { client: 'bot' } });
    expect(keys.authenticate(key)).toMatchObject({ element: 'bot' });
    expect(await ask('GET', '/keys')).toMatchObject({ keys: [{ id, client: 'bot' }] });
    await ask('DELETE', '/keys/:id', { params: { id } });
    expect(keys.authenticate(key)).toBeUndefined();
    await expect(ask('POST', '/keys', { body: { client: 'stranger' } })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const { entries } = await ask<{ entries: { event: { message: string } }[] }>('GET', '/ledger/entries');
    expect(entries.map(({ event }) => event.message)).toEqual([
      `key ${id} for bot created`,
      `key ${id} for bot revoked`,
    ]);
  });

  test('sign a person in with a link, and out again', async () => {
    const { url } = await ask<{ url: string }>('POST', '/session/link');
    const token = url.replace('http://localhost:4100/signin#', '');
    const answer = await ask<Raw>('POST', '/session', { body: { token } });
    const cookie = answer.headers['set-cookie']!.split(';')[0]!;
    const session = await ask<{ expires: number }>('GET', '/session', { headers: { cookie } });
    expect(session).toEqual(JSON.parse(answer.body as string));
    await ask('DELETE', '/session', { headers: { cookie } });
    expect(await ask('GET', '/session', { headers: { cookie } })).toEqual({
      principal: { id: 'owner', kind: 'person' },
    });
  });

  test('give what a reader needs to check an entry without us', async () => {
    const { index } = await ledger.append(
      securityEvent({ kind: 'api_activity', activity: 1, message: 'decided', time: 1 }),
    );
    const proven = await ask<ReceiptProof>('GET', '/ledger/proof/:index', {
      params: { index: String(index) },
    });
    const { publicKey } = await ask<{ publicKey: string }>('GET', '/ledger');
    expect(await checkReceipt(proven, publicKey)).toMatchObject({ ok: true });
    const wrong = ask('GET', '/ledger/proof/:index', { params: { index: '-1' } });
    await expect(wrong).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});

describe('the commands', () => {
  async function run(name: string, args: Record<string, string>, options: object, json: boolean) {
    const out: string[] = [];
    const stdout = new PassThrough();
    const io: Io = {
      stdin: new PassThrough(),
      stdout,
      cwd: state,
      env: {},
      json,
      color: false,
      out: (line) => void out.push(line),
      note: () => undefined,
      progress: () => ({ tick: () => undefined, end: () => undefined }),
    };
    const all = commands({ controlPlane: () => undefined, publishedDir: () => join(state, 'ledger') });
    const code = await all.find((one) => one.name === name)!.run({ args, options }, io);
    stdout.end();
    return { code, out: out.join('\n'), written: await text(stdout) };
  }

  test('verify a folder against what was kept elsewhere, and say what is wrong', async () => {
    await ledger.published();
    const kept = await run('ledger checkpoint', {}, {}, false);
    expect(kept.written).toBe(ledger.checkpoint().note);
    await writeFile(join(state, 'kept'), kept.written);
    await writeFile(join(state, 'kept.pem'), ledger.publicKey);
    const options = { checkpoint: 'kept', key: 'kept.pem' };
    const good = await run('ledger verify', { dir: 'ledger' }, options, true);
    expect(good.code).toBe(0);
    expect(JSON.parse(good.out)).toEqual({
      ok: true,
      size: ledger.size,
      root: ledger.checkpoint().root,
      problems: [],
    });
    await writeFile(join(state, 'ledger', 'stray'), '');
    const bad = await run('ledger verify', { dir: 'ledger' }, options, false);
    expect(bad.code).toBe(1);
    expect(bad.out).toContain('`stray` is no part of a ledger');
    await rm(join(state, 'ledger', 'stray'));
    const missing = run('ledger verify', { dir: 'ledger' }, { key: 'nothing.pem' }, true);
    await expect(missing).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });

  test('show an entry from the published files', async () => {
    const shown = await run('ledger show', { index: '0' }, {}, true);
    expect(JSON.parse(shown.out)).toEqual((await ledger.entry(0))!.event);
    const beyond = run('ledger show', { index: '9999' }, {}, true);
    await expect(beyond).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
