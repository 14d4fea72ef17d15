import { queryOptions } from '@tanstack/react-query';
import type {
  Action,
  Approval,
  ClientKey,
  Control,
  EvidenceAnswer,
  Exchange,
  LedgerAnswer,
  ModelAnswer,
  Observed,
  Plan,
  Receipt,
  Rule,
  Session,
  System,
  ThreatsAnswer,
  VerifyMessage,
} from './types.ts';

/** The one error of the console: a problem detail (RFC 9457) of the control plane, or its absence. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly fix: string | undefined;

  constructor({ code, status, title, detail, fix }: ProblemDetails) {
    super(detail);
    this.code = code;
    this.status = status;
    this.title = title;
    this.fix = fix;
  }
}

interface ProblemDetails {
  code: string;
  status: number;
  title: string;
  detail: string;
  fix?: string;
}

/** Reads whatever an answer that is not 2xx carries. Servers in between do not speak RFC 9457. */
export function problemFrom(status: number, body: unknown): ApiProblem {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Partial<ProblemDetails>;
  return new ApiProblem({
    code: given.code ?? `HTTP_${status}`,
    status,
    title: given.title ?? 'the control plane refused',
    detail: given.detail ?? `it answered with status ${status} and no explanation`,
    ...(given.fix === undefined ? {} : { fix: given.fix }),
  });
}

async function send(
  method: string,
  path: string,
  { body, signal, accept }: { body?: unknown; signal?: AbortSignal; accept: string },
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      headers: { accept, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiProblem({
      code: 'CONTROL_PLANE_UNREACHABLE',
      status: 0,
      title: 'no running Merlon was found',
      detail: `${location.origin} does not answer`,
      fix: 'Start it with `npm start` (or `merlon up`); this page picks up by itself.',
    });
  }
  if (response.ok) return response;
  throw problemFrom(response.status, await response.json().catch(() => undefined));
}

async function json<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await send(method, path, {
    body,
    accept: 'application/json',
    ...(signal ? { signal } : {}),
  });
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/**
 * Cuts a byte stream into the data of its server-sent events (WHATWG HTML §9.2). Comments and other fields are dropped.
 * `push` takes decoded text as it comes and returns the events that are now complete.
 */
export function eventCutter(): { push(text: string): string[] } {
  let rest = '';
  return {
    push(text) {
      // A CR at the very end may be half of a CRLF: it waits for the next chunk.
      const joined = rest + text;
      const held = joined.endsWith('\r') ? '\r' : '';
      const blocks = joined
        .slice(0, joined.length - held.length)
        .replaceAll(/\r\n?/g, '\n')
        .split('\n\n');
      rest = blocks.pop()! + held;
      return blocks.flatMap((block) => {
        const lines = block.split('\n').filter((line) => line === 'data' || line.startsWith('data:'));
        return lines.length === 0 ? [] : [lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n')];
      });
    },
  };
}

async function* events<T>(
  method: string,
  path: string,
  signal: AbortSignal,
  { body, onOpen }: { body?: unknown; onOpen?: () => void } = {},
): AsyncGenerator<T> {
  const response = await send(method, path, { body, signal, accept: 'text/event-stream' });
  onOpen?.();
  if (!response.body) return;
  const cutter = eventCutter();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      for (const data of cutter.push(step.value)) {
        const message = JSON.parse(data) as T;
        // A stream that fails after its first byte says so in its last event.
        if (isProblem(message)) throw problemFrom(message.status, message);
        yield message;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function isProblem(message: unknown): message is ProblemDetails {
  return typeof message === 'object' && message !== null && 'code' in message && 'detail' in message;
}

const encoded = encodeURIComponent;

/** What the console asks for again and again, cached by key. */
export const queries = {
  session: () =>
    queryOptions({
      queryKey: ['session'],
      queryFn: ({ signal }) => json<Session>('GET', '/api/session', undefined, signal),
      retry: false,
    }),
  system: () =>
    queryOptions({
      queryKey: ['system'],
      queryFn: ({ signal }) => json<System>('GET', '/api/system', undefined, signal),
      refetchInterval: 10_000,
    }),
  model: () =>
    queryOptions({
      queryKey: ['model'],
      queryFn: ({ signal }) => json<ModelAnswer>('GET', '/api/model', undefined, signal),
      refetchInterval: 15_000,
    }),
  threats: () =>
    queryOptions({
      queryKey: ['threats'],
      queryFn: ({ signal }) => json<ThreatsAnswer>('GET', '/api/threats', undefined, signal),
      refetchInterval: 30_000,
    }),
  rules: () =>
    queryOptions({
      queryKey: ['rules'],
      queryFn: async ({ signal }) =>
        (await json<{ rules: Rule[] }>('GET', '/api/rules', undefined, signal)).rules,
      staleTime: Infinity,
    }),
  plan: () =>
    queryOptions({
      queryKey: ['plan'],
      queryFn: ({ signal }) => json<Plan>('GET', '/api/plan', undefined, signal),
    }),
  controls: () =>
    queryOptions({
      queryKey: ['controls'],
      queryFn: async ({ signal }) =>
        (await json<{ controls: Control[] }>('GET', '/api/controls', undefined, signal)).controls,
      refetchInterval: 5_000,
    }),
  traffic: () =>
    queryOptions({
      queryKey: ['traffic'],
      queryFn: async ({ signal }) =>
        (await json<{ exchanges: Exchange[] }>('GET', '/api/traffic?limit=200', undefined, signal)).exchanges,
    }),
  receipt: (id: string) =>
    queryOptions({
      queryKey: ['receipt', id],
      queryFn: ({ signal }) => json<Receipt>('GET', `/receipts/${encoded(id)}`, undefined, signal),
      retry: false,
    }),
  approvals: () =>
    queryOptions({
      queryKey: ['approvals'],
      queryFn: async ({ signal }) =>
        (await json<{ approvals: Approval[] }>('GET', '/api/approvals', undefined, signal)).approvals,
      refetchInterval: 3_000,
    }),
  keys: () =>
    queryOptions({
      queryKey: ['keys'],
      queryFn: async ({ signal }) =>
        (await json<{ keys: ClientKey[] }>('GET', '/api/keys', undefined, signal)).keys,
    }),
  ledger: () =>
    queryOptions({
      queryKey: ['ledger'],
      queryFn: ({ signal }) => json<LedgerAnswer>('GET', '/api/ledger', undefined, signal),
      refetchInterval: 10_000,
    }),
  evidence: () =>
    queryOptions({
      queryKey: ['evidence'],
      queryFn: ({ signal }) => json<EvidenceAnswer>('GET', '/api/evidence', undefined, signal),
      refetchInterval: 30_000,
    }),
};

/** What the console changes. */
export const actions = {
  signIn: (token: string) => json<Session>('POST', '/api/session', { token }),
  signOut: () => json<unknown>('DELETE', '/api/session'),
  declareObserved: ({ kind, client, name }: Pick<Observed, 'kind' | 'client' | 'name'>) =>
    json<{ hash: string }>('POST', '/api/model/observed', { kind, client, name }),
  decide: (id: string, decision: 'approved' | 'denied') =>
    json<unknown>('POST', `/api/approvals/${encoded(id)}`, { decision }),
  createKey: (client: string) =>
    json<{ id: string; client: string; key: string }>('POST', '/api/keys', { client }),
  revokeKey: (id: string) => json<unknown>('DELETE', `/api/keys/${encoded(id)}`),
};

/** What arrives over time. Both end when `signal` aborts. */
export const streams = {
  traffic: (signal: AbortSignal, onOpen: () => void) =>
    events<Exchange>('GET', '/api/traffic/stream', signal, { onOpen }),
  verify: (only: readonly string[] | undefined, signal: AbortSignal) =>
    events<VerifyMessage>('POST', '/api/verify', signal, { body: only ? { only } : {} }),
};

export const reportFormats = ['html', 'md', 'json', 'sarif'] as const;

export function reportUrl(format: (typeof reportFormats)[number]): string {
  return `/api/report?format=${format}`;
}

/** Actions in order of strictness, as filters and legends list them. */
export const actionOrder: readonly Action[] = ['allow', 'alert', 'mask', 'pseudonymise', 'ask', 'block'];
