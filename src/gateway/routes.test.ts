import { expect, test } from 'vitest';
import { securityEvent } from '../kernel/event.ts';
import type { Principal } from '../kernel/principal.ts';
import { Problem } from '../kernel/problem.ts';
import type { Route } from '../kernel/route.ts';
import { control } from './controls/parameter-clamp/control.ts';
import { routes } from './routes.ts';
import type { GatewayStore } from './store.ts';
import { testPlan } from './testing.ts';

const bot: Principal = { kind: 'client', id: 'key-1', tenant: 'default', element: 'bot' };
const owner: Principal = { kind: 'local', id: 'owner', tenant: 'default' };
const event = securityEvent({
  kind: 'api_activity',
  activity: 1,
  message: 'exchange passed',
  time: 5,
  principal: bot,
  disposition: 'allow',
  unmapped: { plan: 'sha256:p', flow: 'prompt', controls: [], threats: [] },
});

const store = {
  decisions: () => ({
    'parameter-clamp': { allow: 3, alert: 0, mask: 1, pseudonymise: 0, ask: 0, block: 0 },
  }),
  drift: { list: () => [] },
  approvals: { list: () => [] },
} as unknown as GatewayStore;

const declared = routes({
  plan: () => testPlan([{ control: 'parameter-clamp' }]),
  controls: [control],
  probes: [{ id: 'parameter-clamp.length', control: 'parameter-clamp' }],
  readme: () => '# Title\n\nWhat it is for.\nIn two lines.\n\n## What it stops\n',
  store,
  ledger: {
    publicKey: 'PEM',
    byId: (id) =>
      Promise.resolve(
        id === event.metadata.uid ? { index: 7, hash: 'h', event, text: JSON.stringify(event) } : undefined,
      ),
    inclusion: (index) => Promise.resolve({ index, size: 8, hashes: ['x'], checkpoint: { note: 'signed' } }),
  },
});

async function call(
  path: string,
  principal: Principal,
  params: Record<string, string> = {},
): Promise<unknown> {
  const route = declared.find((one: Route) => one.path === path)!;
  const signal = new AbortController().signal;
  return route.handle({ params, query: {}, body: {}, principal, signal, headers: {} });
}

test('a receipt holds the decision, the entry and its proof', async () => {
  expect(await call('//receipts/:id', owner, { id: event.metadata.uid })).toMatchObject({
    id: event.metadata.uid,
    decision: 'allow',
    plan: 'sha256:p',
    entry: { index: 7, hash: 'h' },
    proof: { index: 7, size: 8, hashes: ['x'] },
    checkpoint: 'signed',
    publicKey: 'PEM',
  });
});

test('a client reads its own receipts; those of others do not exist for it', async () => {
  const id = event.metadata.uid;
  await expect(call('//receipts/:id', bot, { id })).resolves.toMatchObject({ id });
  await expect(call('//receipts/:id', { ...bot, element: 'other' }, { id })).rejects.toThrow(Problem);
  await expect(call('//receipts/:id', owner, { id: 'unheard-of' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
});

test('a control is described with its summary, bindings, decisions and probes', async () => {
  expect(await call('/controls', owner)).toMatchObject({
    controls: [
      {
        id: 'parameter-clamp',
        summary: 'What it is for. In two lines.',
        bindings: [{ on: [], threats: ['T@parameter-clamp'] }],
        decisions: { mask: 1 },
        probes: ['parameter-clamp.length'],
      },
    ],
  });
});
