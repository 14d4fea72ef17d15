import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { Io } from '../kernel/command.ts';
import { Problem } from '../kernel/problem.ts';
import { commands, type AccessCommandDeps } from './commands.ts';
import type { ClientKey } from './keys.ts';

const aKey: ClientKey = {
  id: 'abcdefghijkl',
  client: 'bot',
  env: 'live',
  created: Date.UTC(2026, 0, 2, 3, 4),
};

function terminal(json: boolean): { io: Io; out: string[]; notes: string[] } {
  const out: string[] = [];
  const notes: string[] = [];
  const io: Io = {
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    cwd: '/',
    env: {},
    json,
    color: false,
    out: (line) => void out.push(line),
    note: (line) => void notes.push(line),
    progress: () => ({ tick: () => undefined, end: () => undefined }),
  };
  return { io, out, notes };
}

async function run(
  name: string,
  deps: Partial<AccessCommandDeps>,
  input: { args?: Record<string, string>; options?: Record<string, unknown> } = {},
  json = true,
) {
  const all: AccessCommandDeps = {
    controlPlane: () => undefined,
    openKeys: () => Promise.reject(new Error('not expected')),
    ...deps,
  };
  const { io, out, notes } = terminal(json);
  const command = commands(all).find((one) => one.name === name)!;
  const code = await command.run({ args: input.args ?? {}, options: input.options ?? {} }, io);
  return { code, out, notes };
}

function plane(answers: Record<string, unknown>) {
  const calls: [method: string, path: string, body?: unknown][] = [];
  const answer = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    calls.push(body === undefined ? [method, path] : [method, path, body]);
    return answers[`${method} ${path}`] as T;
  };
  return {
    calls,
    controlPlane: () => ({
      get: <T>(path: string) => answer<T>('GET', path),
      post: <T>(path: string, body: unknown) => answer<T>('POST', path, body),
      delete: (path: string) => answer<void>('DELETE', path),
    }),
  };
}

test('asks the running control plane, so that a key counts at once', async () => {
  const made = { id: 'abcdefghijkl', client: 'bot', key: 'mrl_live_…' };
  const running = plane({ 'POST /keys': made, 'GET /keys': { keys: [aKey] } });
  const created = await run('key create', running, { options: { client: 'bot' } });
  expect(created).toMatchObject({ code: 0, out: [JSON.stringify(made)] });
  const listed = await run('key list', running);
  expect(JSON.parse(listed.out[0]!)).toEqual({ keys: [aKey] });
  await run('key revoke', running, { args: { id: 'abcdefghijkl' } });
  expect(running.calls).toEqual([
    ['POST', '/keys', { client: 'bot' }],
    ['GET', '/keys'],
    ['DELETE', '/keys/abcdefghijkl'],
  ]);
});

test('opens the store when nothing runs, and closes it even when that fails', async () => {
  let closed = 0;
  const openKeys: AccessCommandDeps['openKeys'] = async () => ({
    keys: {
      create: ({ client }) => Promise.resolve({ id: 'i', client, key: 'k' }),
      list: () => [aKey],
      revoke: (id) => Promise.reject(new Problem('NOT_FOUND', { detail: `there is no key \`${id}\`` })),
      authenticate: () => undefined,
      refresh: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    close: async () => {
      closed += 1;
    },
  });
  const created = await run('key create', { openKeys }, { options: { client: 'bot' } }, false);
  expect(created.out).toEqual(['k']);
  const listed = await run('key list', { openKeys }, {}, false);
  expect(listed.out).toEqual([
    'ID            CLIENT  ENV   CREATED           LAST USED  STATE',
    'abcdefghijkl  bot     live  2026-01-02 03:04  never      active',
  ]);
  await expect(run('key revoke', { openKeys }, { args: { id: 'x' } })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  expect(closed).toBe(3);
});

test('gives a new sign-in link only where something runs', async () => {
  const running = plane({ 'POST /session/link': { url: 'http://localhost:4100/signin#t', expires: 1 } });
  expect((await run('access link', running, {}, false)).out).toEqual(['http://localhost:4100/signin#t']);
  await expect(run('access link', {})).rejects.toMatchObject({ code: 'CONTROL_PLANE_UNREACHABLE' });
});
