import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Control, ControlContext, ControlServices } from '../kernel/control.ts';
import type { SecurityEvent } from '../kernel/event.ts';
import { contentHash } from '../kernel/hash.ts';
import type { Plan, PlanInspector } from '../kernel/plan.ts';
import type { Principal } from '../kernel/principal.ts';
import { Secret } from '../kernel/secret.ts';
import { createGateway, type Gateway, type GatewayDeps } from './gateway.ts';
import type { Exchange } from './record.ts';

/** A plan of one bot, one model and two tools, for tests of the gateway. */
export function testPlan(
  inspectors: readonly (Partial<PlanInspector> & { control: string })[] = [],
  more: Partial<Plan> = {},
): Plan {
  const plan: Omit<Plan, 'hash'> = {
    schema: 'merlon-plan/v1',
    system: { id: 'test', name: 'Test' },
    model: 'sha256:model',
    mode: 'enforce',
    elements: [
      {
        id: 'customer',
        name: 'Customer',
        kind: 'user',
        zone: 'internet',
        trust: 0,
        taint: 0,
        classes: ['internal'],
      },
      { id: 'bot', name: 'Bot', kind: 'agent', zone: 'app', trust: 2, taint: 0, classes: ['confidential'] },
      {
        id: 'llm',
        name: 'Model',
        kind: 'model',
        zone: 'provider',
        trust: 1,
        taint: 0,
        classes: ['confidential'],
      },
      {
        id: 'kb',
        name: 'Knowledge',
        kind: 'vector_store',
        zone: 'app',
        trust: 2,
        taint: 1,
        classes: ['internal'],
      },
      {
        id: 'web',
        name: 'Web',
        kind: 'external_source',
        zone: 'internet',
        trust: 0,
        taint: 0,
        classes: ['public'],
      },
    ],
    routes: [
      {
        flow: 'prompt',
        client: 'bot',
        model: 'llm',
        upstream: { provider: 'test', model: 'gpt-test' },
        mode: 'enforce',
      },
    ],
    flows: [
      {
        id: 'chat',
        from: 'customer',
        to: 'bot',
        mode: 'enforce',
        allow: ['internal'],
        excess: 'block',
        tls: true,
        threats: [],
      },
      {
        id: 'prompt',
        from: 'bot',
        to: 'llm',
        mode: 'enforce',
        allow: ['public', 'internal', 'confidential'],
        excess: 'block',
        tls: true,
        threats: [],
      },
    ],
    tools: [
      {
        agent: 'bot',
        name: 'crm-read',
        element: 'crm-read',
        sideEffect: 'read',
        reversible: true,
        exit: false,
        returns: { trust: 2, classes: ['confidential'] },
        threats: ['AGT-01@bot'],
      },
      {
        agent: 'bot',
        name: 'fetch-page',
        element: 'fetch-page',
        sideEffect: 'read',
        reversible: true,
        exit: false,
        returns: { trust: 0, classes: ['public'] },
        threats: [],
      },
      {
        agent: 'bot',
        name: 'send-mail',
        element: 'send-mail',
        sideEffect: 'external_write',
        reversible: false,
        exit: true,
        returns: { trust: 2, classes: [] },
        threats: ['AGT-02@bot>send-mail'],
      },
    ],
    inspectors: inspectors.map((one) => ({
      on: [],
      settings: {},
      objectives: [],
      threats: [`T@${one.control}`],
      ...one,
    })),
    clamps: [],
    access: [],
    detections: [],
    probes: [],
    ...more,
  };
  return { ...plan, hash: contentHash(plan) };
}

export const testKey = 'mrl_test_key';
export const upstreamKey = 'sk-upstream-0123456789';

const bot: Principal = {
  kind: 'client',
  id: 'key-1',
  tenant: 'default',
  element: 'bot',
  credential: 'key-1',
};

/** Services that remember in memory. */
export function testServices(more: Partial<ControlServices> = {}): ControlServices {
  const totals = new Map<string, number>();
  return {
    inspect: () => [],
    scopedKey: (scope) => Promise.resolve(Buffer.from(scope.padEnd(32, '.')).subarray(0, 32)),
    counters: {
      add(name, _windowMs, amount) {
        const total = (totals.get(name) ?? 0) + amount;
        totals.set(name, total);
        return total;
      },
      total: (name) => totals.get(name) ?? 0,
    },
    approvals: { ask: () => 'pending' },
    now: () => 1_700_000_000_000,
    ...more,
  };
}

export interface TestRig {
  url: string;
  gateway: Gateway;
  /** Bodies that reached the upstream, as text. */
  seen: string[];
  /** Heads that reached the upstream. */
  heads: IncomingMessage['headers'][];
  events: SecurityEvent[];
  exchanges: Exchange[];
  drift: { kind: string; name: string; action: string }[];
  errors: unknown[];
  /** Sends a chat request with the test key. */
  chat(body: unknown, headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
}

type Script = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A gateway before an upstream that plays a script. */
export async function testRig(
  script: Script,
  plan: Plan = testPlan(),
  controls: readonly Control[] = [],
  more: Partial<GatewayDeps> = {},
): Promise<TestRig> {
  const seen: string[] = [];
  const heads: IncomingMessage['headers'][] = [];
  const upstream = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      seen.push(body);
      heads.push(request.headers);
      script(request, response, body);
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  const events: SecurityEvent[] = [];
  const exchanges: Exchange[] = [];
  const drift: TestRig['drift'] = [];
  const errors: unknown[] = [];
  const gateway = createGateway({
    plan,
    controls,
    services: testServices(),
    ledger: {
      append(event) {
        events.push(event);
        return Promise.resolve({ index: events.length - 1, id: event.metadata.uid });
      },
    },
    authenticate: (presented) => (presented === testKey ? bot : undefined),
    upstreams: { test: { baseUrl: `http://127.0.0.1:${port}/v1`, key: new Secret(upstreamKey) } },
    defaultUpstream: 'test',
    onDecision: (exchange) => exchanges.push(exchange),
    onDrift: (one) => drift.push(one),
    onError: (where, error) => errors.push([where, error]),
    ...more,
  });
  const { url } = await gateway.listen({ port: 0 });
  return {
    url,
    gateway,
    seen,
    heads,
    events,
    exchanges,
    drift,
    errors,
    chat: (body, headers = {}) =>
      fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${testKey}`, ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    async close() {
      await gateway.close();
      upstream.closeAllConnections();
      await new Promise((resolve) => upstream.close(resolve));
    },
  };
}

/** A plain chat request. */
export const hello = { model: 'gpt-test', messages: [{ role: 'user', content: 'hello' }] };

/** An answer with this text. */
export function said(content: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-test',
    choices: [{ index: 0, message: { role: 'assistant', content, ...more }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
  };
}

export function reply(response: ServerResponse, body: unknown, status = 200): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}

/** A chunk of a streamed answer. */
export function chunkOf(delta: Record<string, unknown>, finish: string | null = null, index = 0): string {
  const choice = { index, delta, finish_reason: finish };
  return `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'gpt-test', choices: [choice] })}\n\n`;
}

/** A streamed answer that says these pieces. */
export function streamOf(pieces: readonly string[]): string {
  return `${chunkOf({ role: 'assistant', content: '' })}${pieces.map((content) => chunkOf({ content })).join('')}${chunkOf({}, 'stop')}data: [DONE]\n\n`;
}

export function replyStream(response: ServerResponse, text: string | Buffer): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text);
}

/** What a control sees beside its text. */
export function contextFor(more: Partial<ControlContext> = {}): ControlContext {
  const plan = more.plan ?? testPlan();
  return {
    plan,
    route: plan.routes[0]!,
    principal: bot,
    conversation: 'conversation-1',
    segments: [],
    body: {},
    services: testServices(),
    memo: new Map(),
    ...more,
  };
}
