import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { z } from 'zod';
import type { Principal } from '../kernel/principal.ts';
import { Problem } from '../kernel/problem.ts';
import { Raw, type Route } from '../kernel/route.ts';

interface ServerOptions {
  routes: readonly Route[];
  /** Session cookie or control token → principal. */
  authenticate(credentials: {
    cookie: string | undefined;
    authorization: string | undefined;
  }): Promise<Principal | undefined> | Principal | undefined;
  /** Decides `resource:verb` for a principal. */
  authorize(principal: Principal, action: string): boolean;
  /** Files of the console, by path (`/assets/x.js`). */
  asset(path: string): { body: Uint8Array; contentType: string; immutable: boolean } | undefined;
  ready(): boolean;
  /** Bugs go here with their cause; the caller only sees `INTERNAL`. */
  onError(error: unknown): void;
}

const maxBody = 1024 * 1024;

/** Everything is ours and inline script is refused. Mantine sets style attributes, hence `unsafe-inline` for styles. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ');

/** The control plane as a fetch-shaped application: routes, console files, health. */
export function application(options: ServerOptions): Hono {
  const app = new Hono();

  app.use(async (c, next) => {
    await next();
    c.res.headers.set('content-security-policy', contentSecurityPolicy);
    c.res.headers.set('x-content-type-options', 'nosniff');
    c.res.headers.set('referrer-policy', 'no-referrer');
    c.res.headers.set('cross-origin-opener-policy', 'same-origin');
    if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store');
  });
  app.onError((error) => problem(error, options));
  app.get('/healthz', (c) => c.json({ status: 'live' }));
  app.get('/readyz', (c) =>
    options.ready() ? c.json({ status: 'ready' }) : c.json({ status: 'starting' }, 503),
  );

  for (const route of options.routes) {
    const path = route.path.startsWith('//') ? route.path.slice(1) : `/api${route.path}`;
    app.on(route.method, path, (c) => serve(c, route, options));
  }
  app.all('/api/*', () => {
    throw new Problem('NOT_FOUND', { detail: 'the control plane has no such route' });
  });
  app.get('*', (c) => file(c, options));
  return app;
}

/** Listens, with a certificate under TLS 1.3 and nothing older; port 0 picks a free one. */
export async function listen(
  app: Hono,
  { port, host, tls }: { port: number; host: string; tls?: { cert: Buffer; key: Buffer } | undefined },
): Promise<{ server: Server; port: number; close(): Promise<void> }> {
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const server = tls
    ? createTlsServer(
        { ...tls, minVersion: 'TLSv1.3' },
        (request, response) => void answer(request, response),
      )
    : createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
  return {
    server,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(c: Context, route: Route, options: ServerOptions): Promise<Response> {
  const authorization = c.req.header('authorization');
  const principal = await options.authenticate({ cookie: c.req.header('cookie'), authorization });
  if (route.method !== 'GET') refuseForeignOrigin(c);
  if (route.action !== 'public') {
    if (!principal) {
      throw new Problem('UNAUTHENTICATED', {
        detail: 'this needs a session or the control token',
        fix: 'Open the sign-in link that `npm start` or `merlon up` printed, or send the token of .merlon/control.token.',
      });
    }
    if (!options.authorize(principal, route.action))
      throw new Problem('FORBIDDEN', { detail: `\`${route.action}\` is not allowed to you` });
  }
  const result = route.handle({
    params: c.req.param(),
    query: parse(route.query, c.req.query(), 'query'),
    body: route.body ? parse(route.body, await json(c), 'body') : undefined,
    principal: principal ?? { kind: 'service', id: 'anonymous', tenant: 'default' },
    signal: c.req.raw.signal,
    headers: Object.fromEntries(c.req.raw.headers),
  });
  if (Symbol.asyncIterator in result) return events(c, result, options);
  const answer = await result;
  if (answer instanceof Raw) {
    return new Response(Buffer.from(answer.body as Uint8Array), {
      status: answer.status,
      headers: { 'content-type': answer.contentType, ...answer.headers },
    });
  }
  return answer === undefined ? c.body(null, 204) : c.json(answer as object);
}

/** Server-sent events; the iterator is told to stop when the reader goes away. */
function events(c: Context, source: AsyncIterable<unknown>, options: ServerOptions): Response {
  return streamSSE(
    c,
    async (stream) => {
      const iterator = source[Symbol.asyncIterator]();
      stream.onAbort(() => void iterator.return?.());
      const beat = setInterval(() => void stream.write(': keep-alive\n\n'), 15_000);
      try {
        for (let step = await iterator.next(); !step.done && !stream.aborted; step = await iterator.next()) {
          await stream.writeSSE({ data: JSON.stringify(step.value) });
        }
      } finally {
        clearInterval(beat);
      }
    },
    async (error, stream) => {
      if (!(error instanceof Problem)) options.onError(error);
      await stream.writeSSE({
        event: 'error',
        data: JSON.stringify(
          error instanceof Problem ? error : new Problem('INTERNAL', { detail: 'an error of ours' }),
        ),
      });
    },
  );
}

/** A browser says where a request comes from; another site's page must not act with our cookie. */
function refuseForeignOrigin(c: Context): void {
  const site = c.req.header('sec-fetch-site');
  const origin = c.req.header('origin');
  const own = origin === undefined || new URL(origin, 'http://invalid').host === c.req.header('host');
  if (!own || (site !== undefined && site !== 'same-origin' && site !== 'none')) {
    throw new Problem('FORBIDDEN', { detail: 'the request comes from another site' });
  }
}

async function json(c: Context): Promise<unknown> {
  if (!(c.req.header('content-type') ?? '').startsWith('application/json')) {
    throw new Problem('INPUT_INVALID', {
      detail: 'the body is not `application/json`',
      fix: 'Send the header `content-type: application/json`.',
    });
  }
  const text = await bodyText(c.req.raw);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Problem('INPUT_INVALID', { detail: 'the body is not JSON', cause });
  }
}

function parse(schema: z.ZodType | undefined, value: unknown, place: string): unknown {
  if (!schema) return value;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Problem('INPUT_INVALID', {
    detail: parsed.error.issues
      .map((issue) => `${place}: ${issue.path.join('.') || 'value'}: ${issue.message}`)
      .join('; '),
    facts: { pointer: `/${parsed.error.issues[0]!.path.join('/')}` },
  });
}

/** @throws Problem TOO_LARGE as soon as more has come than is taken */
async function bodyText(request: Request): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > maxBody)
      throw new Problem('TOO_LARGE', { detail: `the body is larger than ${maxBody} bytes` });
    text += decoder.decode(chunk as Uint8Array, { stream: true });
  }
  return text + decoder.decode();
}

function problem(error: unknown, options: ServerOptions): Response {
  if (!(error instanceof Problem)) options.onError(error);
  const known =
    error instanceof Problem
      ? error
      : new Problem('INTERNAL', { detail: 'an error of ours; it is in the log' });
  return new Response(JSON.stringify(known), {
    status: known.status,
    headers: { 'content-type': 'application/problem+json' },
  });
}

/** A file of the console, or its page for any address that the console routes itself. */
function file(c: Context, options: ServerOptions): Response {
  const found =
    options.asset(c.req.path) ?? (c.req.path.includes('.') ? undefined : options.asset('/index.html'));
  if (!found) throw new Problem('NOT_FOUND', { detail: `there is no page \`${c.req.path}\`` });
  return new Response(Buffer.from(found.body), {
    headers: {
      'content-type': found.contentType,
      'cache-control': found.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    },
  });
}
