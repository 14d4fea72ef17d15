import { createSecretKey } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { systemClock, type Clock } from '../kernel/clock.ts';
import type { Control, ControlServices } from '../kernel/control.ts';
import { securityEvent, type SecurityEvent } from '../kernel/event.ts';
import type { Drift, Plan } from '../kernel/plan.ts';
import { defaultTenant, type Principal } from '../kernel/principal.ts';
import { Problem } from '../kernel/problem.ts';
import { createExchanges, type Exchanges } from './exchange.ts';
import { GatewayLimits } from './limits.ts';
import { loadPolicy, type Policy } from './policy.ts';
import type { Exchange } from './record.ts';
import { refuseWith } from './refusal.ts';
import { connectUpstreams, type Upstream } from './upstream.ts';

export interface GatewayDeps {
  plan: Plan;
  controls: readonly Control[];
  services: ControlServices;
  /** An exchange whose event cannot be appended is refused: nothing passes unrecorded. */
  ledger: { append(event: SecurityEvent): Promise<{ index: number; id: string }> };
  /** Whose key this is; undefined for none that is valid. */
  authenticate(presented: string): Principal | undefined;
  upstreams: Readonly<Record<string, Upstream>>;
  /** Upstream of flows that the threat model does not hold, where they are merely observed. */
  defaultUpstream?: string;
  limits?: Partial<GatewayLimits>;
  /** US dollars per million tokens, by the model's name at the upstream. */
  prices?: Readonly<Record<string, { prompt: number; completion: number }>>;
  /** PEM of certificate and private key: the listener then speaks TLS 1.3 and nothing older. */
  tls?: { cert: Buffer; key: Buffer } | undefined;
  /** Each exchange once it is decided. Must be fast and must not throw. */
  onDecision?(exchange: Exchange): void;
  /** Something that the threat model does not hold was used. */
  onDrift?(seen: Pick<Drift, 'kind' | 'client' | 'name' | 'action'>): void;
  /** Errors of ours, for the log. Never holds texts or keys. */
  onError?(where: string, error: unknown): void;
  clock?: Clock;
}

export interface GatewayStats {
  active: number;
  exchanges: number;
  refused: number;
  overloaded: number;
  unauthenticated: number;
}

export interface Gateway {
  listen(at: { port: number; host?: string }): Promise<{ port: number; url: string }>;
  /**
   * Makes another plan the one that is enforced, at once for new exchanges; those under way end on theirs.
   * @throws Problem MODEL_INVALID when the plan cannot be enforced; the old one then stays
   */
  use(plan: Plan): void;
  stats(): GatewayStats;
  /** Stops accepting, lets exchanges end for a moment, then breaks them off. */
  close(): Promise<void>;
}

/** How long exchanges may still run when the gateway closes, in milliseconds. */
const graceMs = 2000;

/** The data plane: authenticates, routes by plan, runs the controls, forwards, records. */
export function createGateway(deps: GatewayDeps): Gateway {
  const limits = GatewayLimits.parse(deps.limits ?? {});
  const clock = deps.clock ?? systemClock;
  let policy: Policy = loadPolicy(deps.plan, deps.controls);
  const upstreams = connectUpstreams(deps.upstreams, {
    connect: limits.connectMs,
    headers: limits.headersMs,
    idle: limits.idleMs,
  });
  const stats: GatewayStats = { active: 0, exchanges: 0, refused: 0, overloaded: 0, unauthenticated: 0 };
  const onError = (where: string, error: unknown): void => deps.onError?.(where, error);
  const perClient = new Map<string, number>();
  // As a key object: with a raw key each HMAC would set the key up anew.
  const recordKey = deps.services.scopedKey('gateway/prompt-hash').then((key) => createSecretKey(key));
  // A failing custody shows when the key is used; it must not end the process before that.
  recordKey.catch(() => {});
  const exchanges: Exchanges = createExchanges({
    ...deps,
    limits,
    clock,
    upstreams,
    recordKey,
    stats,
    onError,
  });
  let closing = false;
  let strangersAt = 0;

  /** Failed sign-ins are recorded, at most one event a second: a flood must not fill the ledger. */
  function recordStranger(): void {
    stats.unauthenticated++;
    const now = clock.now();
    if (now - strangersAt < 1000) return;
    strangersAt = now;
    const event = securityEvent({
      kind: 'authentication',
      activity: 1,
      message: 'no valid client key',
      time: now,
      severity: 3,
      ok: false,
      disposition: 'block',
      unmapped: { refused: stats.unauthenticated, tenant: defaultTenant },
    });
    deps.ledger.append(event).catch((error: unknown) => onError('ledger', error));
  }

  function identify(request: IncomingMessage): Principal {
    const header = request.headers.authorization ?? '';
    const presented = /^bearer /i.test(header) ? header.slice(7).trim() : '';
    const principal = presented === '' ? undefined : deps.authenticate(presented);
    if (principal) return principal;
    recordStranger();
    throw new Problem('UNAUTHENTICATED', {
      detail: 'no valid client key was sent',
      fix: 'Send `Authorization: Bearer` with a key of `merlon key create`.',
    });
  }

  function enter(client: string): void {
    const overloaded = (code: 'OVERLOADED' | 'BUDGET_SPENT', detail: string): never => {
      stats.overloaded++;
      throw new Problem(code, { detail, fix: 'Try again later.', facts: { retryAfterS: 1 } });
    };
    if (stats.active >= limits.concurrency || closing)
      overloaded('OVERLOADED', 'the gateway handles as many requests as it may');
    const running = perClient.get(client) ?? 0;
    if (running >= limits.perClient) overloaded('BUDGET_SPENT', 'this client has too many requests at once');
    perClient.set(client, running + 1);
    stats.active++;
  }

  function leave(client: string): void {
    stats.active--;
    const running = perClient.get(client)! - 1;
    if (running === 0) perClient.delete(client);
    else perClient.set(client, running);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0]!;
    if (path === '/healthz') return plain(response, 200, { status: 'live' });
    if (path === '/readyz')
      return plain(response, closing ? 503 : 200, {
        status: closing ? 'closing' : 'ready',
        plan: policy.plan.hash,
      });
    const principal = identify(request);
    const client = principal.element ?? principal.id;
    enter(client);
    try {
      const key = `${request.method} ${path}`;
      if (key === 'POST /v1/chat/completions') await exchanges.chat(request, response, principal, policy);
      else if (key === 'GET /v1/models') await exchanges.models(response, principal, policy);
      else await exchanges.unknown(request, response, principal, policy, path);
    } finally {
      leave(client);
    }
  }

  const settings = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: Math.min(10_000, limits.bodyMs),
    requestTimeout: limits.bodyMs,
    keepAliveTimeout: 65_000,
    noDelay: true,
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch((error: unknown) => {
      if (!(error instanceof Problem)) onError('gateway', error);
      refuseWith(response, error);
    });
  };
  const server: Server = deps.tls
    ? createTlsServer({ ...settings, ...deps.tls, minVersion: 'TLSv1.3' }, onRequest)
    : createServer(settings, onRequest);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return;
    const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
    const large = error.code === 'HPE_HEADER_OVERFLOW';
    const status = late
      ? '408 Request Timeout'
      : large
        ? '431 Request Header Fields Too Large'
        : '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  });

  return {
    listen: ({ port, host = '127.0.0.1' }) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, 4096, () => {
          server.off('error', reject);
          const { port: actual } = server.address() as AddressInfo;
          const shown = host.includes(':') ? `[${host}]` : host;
          resolve({ port: actual, url: `${deps.tls ? 'https' : 'http'}://${shown}:${actual}` });
        });
      }),
    use(plan) {
      policy = loadPolicy(plan, deps.controls);
    },
    stats: () => ({ ...stats }),
    async close() {
      closing = true;
      const closed = new Promise<void>((resolve) => {
        if (server.listening) server.close(() => resolve());
        else resolve();
      });
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
      await exchanges.settled();
      await upstreams.close();
    },
  };
}

function plain(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
