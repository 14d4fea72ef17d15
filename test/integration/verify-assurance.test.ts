import { afterEach, expect, test } from 'vitest';
import { openStore } from '../../src/adapters/open-store.ts';
import type { SecurityEvent } from '../../src/kernel/event.ts';
import {
  openAssurance,
  type Assurance,
  type AssuranceDeps,
  type VerifyMessage,
} from '../../src/assurance/assurance.ts';
import { routes } from '../../src/assurance/routes.ts';
import { evidenceStore, migrations } from '../../src/assurance/store.ts';
import { guardedShadow, samplePlan, sampleProbe, sampleThreats } from '../../src/assurance/testing.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function opened(over: Partial<AssuranceDeps> = {}) {
  const store = await openStore('sqlite::memory:');
  closing.push(() => store.close());
  await store.migrate(migrations);
  const events: SecurityEvent[] = [];
  const current = {
    plan: samplePlan(),
    threats: sampleThreats,
    decisions: [],
    surroundings: { rules: { 'PI-01': 'r1' }, catalogues: {} },
  };
  const assurance = openAssurance({
    store: evidenceStore(store, 'default'),
    current: () => current,
    probes: [sampleProbe],
    shadow: guardedShadow,
    record(event) {
      events.push(event);
      return Promise.resolve({ index: events.length - 1, id: event.metadata.uid });
    },
    ...over,
  });
  return { assurance, events, current, store };
}

async function all(assurance: Assurance, options: Parameters<Assurance['verify']>[0] = {}) {
  const messages: VerifyMessage[] = [];
  for await (const message of assurance.verify(options)) messages.push(message);
  return messages;
}

test('a verification records its evidence in the ledger and the store, and changes the status', async () => {
  const { assurance, events } = await opened();
  expect((await assurance.assess())[0]).toMatchObject({
    key: 'PI-01@bot',
    status: 'controlled',
    residual: 20,
  });
  expect(await assurance.evidence()).toMatchObject({ probes: [], missing: ['word-guard'] });

  const messages = await all(assurance);
  expect(messages[0]).toMatchObject({ kind: 'start', probes: 1 });
  expect(messages.at(-1)).toMatchObject({
    kind: 'done',
    summary: { probes: [{ probe: 'word-guard', status: 'verified', entry: 0 }], statuses: { verified: 1 } },
  });
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({
    class_uid: 2003,
    class_name: 'Compliance Finding',
    status_id: 1,
    unmapped: { probe: 'word-guard', status: 'verified', threats: ['PI-01@bot', 'PI-02@bot'] },
  });
  expect((await assurance.assess())[0]).toMatchObject({ status: 'verified', level: 'low' });
  expect(await assurance.evidence()).toMatchObject({
    probes: [{ title: 'Words that override instructions', status: 'verified' }],
    missing: [],
  });
});

test('weakening a control makes its evidence stale, and the next run failing', async () => {
  const { assurance, current } = await opened();
  await all(assurance);
  current.plan = samplePlan({ words: ['no such word'] });
  expect((await assurance.assess())[0]).toMatchObject({ status: 'stale', residual: 20 });
  await all(assurance);
  expect((await assurance.assess())[0]).toMatchObject({ status: 'failing' });
});

test('evidence of before a restart still counts', async () => {
  const { assurance, store } = await opened();
  await all(assurance);
  const again = evidenceStore(store, 'default');
  expect((await again.latest()).map((one) => one.status)).toEqual(['verified']);
  expect(await again.history('word-guard', 5)).toHaveLength(1);
  expect(await evidenceStore(store, 'other').latest()).toEqual([]);
});

test('only one verification runs at a time; a stopped one frees the place', async () => {
  const { assurance } = await opened();
  const running = assurance.verify({})[Symbol.asyncIterator]();
  await running.next();
  await expect(all(assurance)).rejects.toMatchObject({ code: 'CONFLICT' });
  await running.return?.();
  expect((await all(assurance)).at(-1)?.kind).toBe('done');
});

test('a verification that is cancelled throws, and keeps nothing half', async () => {
  const { assurance, events } = await opened();
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  await expect(all(assurance, { signal: stop.signal })).rejects.toThrow('enough');
  expect(events).toEqual([]);
});

test('evidence that cannot be recorded is no evidence', async () => {
  const { assurance } = await opened({ record: () => Promise.reject(new Error('the ledger is full')) });
  await expect(all(assurance)).rejects.toThrow('the ledger is full');
  expect((await assurance.evidence()).probes).toEqual([]);
});

test('the routes declare what they need and answer', async () => {
  const { assurance } = await opened();
  const list = routes({ assurance, reportInput: () => Promise.reject(new Error('not asked for')) });
  expect(list.map((one) => `${one.method} ${one.path} ${one.action}`)).toEqual([
    'GET /evidence evidence:read',
    'POST /verify evidence:create',
    'GET /report report:read',
  ]);
  expect(list[1]!.body!.safeParse({ only: ['x'], more: 1 }).success).toBe(false);
  expect(list[2]!.query!.safeParse({ format: 'exe' }).success).toBe(false);
});
