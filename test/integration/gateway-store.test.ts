import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSqlite } from '../../src/adapters/sqlite/sqlite.ts';
import type { Exchange } from '../../src/gateway/record.ts';
import { migrations, openGatewayStore, type GatewayStore } from '../../src/gateway/store.ts';

const minute = 60_000;
let now = 1_800_000_000_000;

async function opened(file?: string): Promise<{ state: GatewayStore; file: string; close(): Promise<void> }> {
  const at = file ?? join(await mkdtemp(join(tmpdir(), 'merlon-gateway-')), 'store.db');
  const store = await openSqlite(at);
  await store.migrate(migrations);
  const state = await openGatewayStore({
    store,
    clock: { now: () => now },
    inspect: (text) => {
      const start = text.indexOf('HUNTER2');
      return start < 0 ? [] : [{ type: 'secret', detector: 'test', score: 1, start, end: start + 7 }];
    },
  });
  return {
    state,
    file: at,
    async close() {
      await state.close();
      await store.close();
    },
  };
}

const exchange = (id: string, more: Partial<Exchange> = {}): Exchange => ({
  id,
  at: now,
  tenant: 'default',
  client: 'bot',
  route: '/v1/chat/completions',
  model: 'gpt-test',
  status: 200,
  action: 'allow',
  stream: false,
  latencyMs: 1,
  tokens: { prompt: 1, completion: 1 },
  flow: 'prompt',
  plan: 'sha256:p',
  threats: [],
  controls: [{ id: 'secret-scan', action: 'allow' }],
  findings: [],
  texts: [{ surface: 'user', pointer: '/messages/0/content', text: 'my password is HUNTER2, keep it' }],
  ...more,
});

test('budgets, decisions, drift and approvals survive a restart', async () => {
  const first = await opened();
  first.state.counters.add('tokens/bot', minute, 700);
  first.state.record(exchange('a', { action: 'block', controls: [{ id: 'secret-scan', action: 'block' }] }));
  first.state.drift.record({ kind: 'model', client: 'bot', name: 'gpt-other', action: 'block' });
  first.state.drift.record({ kind: 'model', client: 'bot', name: 'gpt-other', action: 'alert' });
  const call = { agent: 'bot', tool: 'send-mail', arguments: '{"to":"a@b.c"}', reason: 'r', threats: [] };
  expect(first.state.approvals.ask(call)).toBe('pending');
  await first.close();

  const second = await opened(first.file);
  expect(second.state.counters.total('tokens/bot', minute)).toBe(700);
  expect(second.state.decisions()['secret-scan']).toMatchObject({ block: 1, allow: 0 });
  expect(second.state.drift.list()).toEqual([
    {
      kind: 'model',
      client: 'bot',
      name: 'gpt-other',
      action: 'block',
      firstSeen: now,
      lastSeen: now,
      count: 2,
    },
  ]);
  const [waiting] = second.state.approvals.list();
  second.state.approvals.decide(waiting!.id, 'approved');
  await second.close();

  const third = await opened(first.file);
  const reordered = { ...call, arguments: '{ "to" : "a@b.c" }' };
  expect(third.state.approvals.ask({ ...call, arguments: '{"to":"x@b.c"}' })).toBe('pending');
  expect(third.state.approvals.ask(reordered)).toBe('approved');
  // One approval is for one call.
  expect(third.state.approvals.ask(call)).toBe('pending');
  await third.close();
});

test('a counter starts at zero in each window', async () => {
  const { state, close } = await opened();
  const start = now;
  expect(state.counters.add('requests/bot', minute, 2)).toBe(2);
  now = start + minute;
  expect(state.counters.total('requests/bot', minute)).toBe(0);
  expect(state.counters.add('requests/bot', minute, 1)).toBe(1);
  now = start;
  await close();
});

test('keeps exchanges newest first, without what detectors find in their texts', async () => {
  const { state, close } = await opened();
  for (const id of ['a', 'b', 'c']) state.record(exchange(id));
  const [newest, ...older] = await state.recent({ limit: 2 });
  expect(newest!.id).toBe('c');
  expect(older.map((one) => one.id)).toEqual(['b']);
  expect(newest!.segments).toEqual([
    {
      surface: 'user',
      preview: 'my password is [secret], keep it',
      marks: [{ start: 15, end: 23, type: 'secret' }],
    },
  ]);
  expect((await state.recent({ before: 'b', limit: 5 })).map((one) => one.id)).toEqual(['a']);
  await close();
});

test('followers get exchanges as they are decided, until they leave', async () => {
  const { state, close } = await opened();
  const abort = new AbortController();
  const reader = state.follow(abort.signal)[Symbol.asyncIterator]();
  const next = reader.next();
  state.record(exchange('live'));
  expect((await next).value).toMatchObject({ id: 'live' });
  const last = reader.next();
  abort.abort();
  expect((await last).done).toBe(true);
  await close();
});
