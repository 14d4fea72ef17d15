import { expect, test } from 'vitest';
import { z } from 'zod';
import { Problem } from '../kernel/problem.ts';
import { defineRoute, type Route } from '../kernel/route.ts';
import { application, listen } from './server.ts';

const echo = defineRoute({
  method: 'POST',
  path: '/echo/:name',
  action: 'test:write',
  summary: 'Gives back what it was given.',
  body: z.strictObject({ text: z.string() }),
  handle: async ({ params, body }) => ({ name: params['name'], ...body }),
});

function app(routes: Route[], errors: unknown[] = []) {
  return application({
    routes,
    authenticate: ({ authorization }) =>
      authorization === 'Bearer good' ? { kind: 'local', id: 'local', tenant: 'default' } : undefined,
    authorize: (_, action) => action !== 'test:forbidden',
    asset: (path) =>
      path === '/index.html'
        ? { body: Buffer.from('<html>'), contentType: 'text/html', immutable: false }
        : undefined,
    ready: () => true,
    onError: (error) => errors.push(error),
  });
}

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  new Request(`http://localhost:4100${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: {
      host: 'localhost:4100',
      authorization: 'Bearer good',
      'content-type': 'application/json',
      ...headers,
    },
  });

test('serves a declared route to a principal that may', async () => {
  const answer = await app([echo]).fetch(post('/api/echo/ana', { text: 'hi' }));
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ name: 'ana', text: 'hi' });
  expect(answer.headers.get('content-security-policy')).toContain("script-src 'self'");
});

test('refuses without a credential, without the right, from another site, and with a body that does not fit', async () => {
  const server = app([echo, { ...echo, path: '/no', action: 'test:forbidden' }]);
  expect(
    (await server.fetch(post('/api/echo/a', { text: 'x' }, { authorization: 'Bearer bad' }))).status,
  ).toBe(401);
  expect((await server.fetch(post('/api/no', { text: 'x' }))).status).toBe(403);
  expect(
    (await server.fetch(post('/api/echo/a', { text: 'x' }, { origin: 'https://evil.test' }))).status,
  ).toBe(403);
  expect(
    (await server.fetch(post('/api/echo/a', { text: 'x' }, { 'sec-fetch-site': 'cross-site' }))).status,
  ).toBe(403);
  expect(
    (await server.fetch(post('/api/echo/a', { text: 'x' }, { 'content-type': 'text/plain' }))).status,
  ).toBe(400);
  const wrong = await server.fetch(post('/api/echo/a', { text: 1, extra: true }));
  expect(wrong.status).toBe(400);
  expect(wrong.headers.get('content-type')).toBe('application/problem+json');
});

test('a bug is logged with its cause and answered without it', async () => {
  const errors: unknown[] = [];
  const broken = defineRoute({
    method: 'GET',
    path: '/broken',
    action: 'test:read',
    summary: 'Breaks.',
    handle: async () => {
      throw new Error('database password is hunter2');
    },
  });
  const answer = await app([broken], errors).fetch(
    new Request('http://localhost/api/broken', { headers: { authorization: 'Bearer good' } }),
  );
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain('hunter2');
  expect(errors).toHaveLength(1);
});

test('streams what an async iterable yields, and a problem as an error event', async () => {
  const stream = defineRoute({
    method: 'GET',
    path: '/stream',
    action: 'test:read',
    summary: 'Counts.',
    async *handle() {
      yield { n: 1 };
      yield { n: 2 };
      throw new Problem('CONFLICT', { detail: 'it changed' });
    },
  });
  const answer = await app([stream]).fetch(
    new Request('http://localhost/api/stream', { headers: { authorization: 'Bearer good' } }),
  );
  const text = await answer.text();
  expect(text).toContain('data: {"n":1}\n\ndata: {"n":2}\n\n');
  expect(text).toContain('event: error');
  expect(text).toContain('CONFLICT');
});

test('answers unknown pages with the console and unknown routes with a problem', async () => {
  const server = app([]);
  expect(await (await server.fetch(new Request('http://localhost/threats?level=high'))).text()).toBe(
    '<html>',
  );
  expect((await server.fetch(new Request('http://localhost/missing.js'))).status).toBe(404);
  expect((await server.fetch(new Request('http://localhost/api/unknown'))).status).toBe(404);
});

test('takes requests without a body and chunked ones on a real port, and refuses too large ones', async () => {
  const forget = defineRoute({
    method: 'DELETE',
    path: '/thing',
    action: 'test:write',
    summary: 'Forgets.',
    handle: async () => ({ forgotten: true }),
  });
  const { port, close } = await listen(app([echo, forget]), { port: 0, host: '127.0.0.1' });
  try {
    const url = `http://127.0.0.1:${port}`;
    const headers = { authorization: 'Bearer good', 'content-type': 'application/json' };
    expect((await fetch(`${url}/api/thing`, { method: 'DELETE', headers })).status).toBe(200);
    const chunked = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"text":'));
        controller.enqueue(new TextEncoder().encode('"hi"}'));
        controller.close();
      },
    });
    const init = { method: 'POST', headers, body: chunked, duplex: 'half' as const };
    const answer = await fetch(`${url}/api/echo/a`, init);
    expect(await answer.json()).toEqual({ name: 'a', text: 'hi' });
    const large = JSON.stringify({ text: 'x'.repeat(2 * 1024 * 1024) });
    expect((await fetch(`${url}/api/echo/a`, { method: 'POST', headers, body: large })).status).toBe(413);
  } finally {
    await close();
  }
});
