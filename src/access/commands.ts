import { z } from 'zod';
import { defineCommand, type Command } from '../kernel/command.ts';
import { Problem } from '../kernel/problem.ts';
import type { ClientKey, ClientKeys } from './keys.ts';

/** What the commands need of a running control plane; paths are under `/api`. */
export interface AccessControlPlane {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  delete(path: string): Promise<void>;
}

export interface AccessCommandDeps {
  /** The control plane that runs on this folder, if one does. */
  controlPlane(): AccessControlPlane | undefined;
  /** The keys straight from the store, when no control plane runs. */
  openKeys(): Promise<{ keys: ClientKeys; close: () => Promise<void> }>;
}

/** The same operations, on the running control plane or on the store. */
interface Keys {
  create(request: { client: string; env?: string }): Promise<{ id: string; client: string; key: string }>;
  list(): Promise<ClientKey[]>;
  revoke(id: string): Promise<void>;
}

export function commands(deps: AccessCommandDeps): Command[] {
  return [
    defineCommand({
      name: 'key create',
      summary: 'make a key for a client element; it is shown this once',
      options: z.object({
        client: z.string().describe('Id of the client element in the threat model.'),
        env: z.string().optional().describe('Environment that stands in the key; `live` by default.'),
      }),
      examples: ['merlon key create --client bot'],
      async run({ options: { client, env } }, io) {
        const made = await withKeys(deps, (keys) =>
          keys.create({ client, ...(env === undefined ? {} : { env }) }),
        );
        if (io.json) io.out(JSON.stringify(made));
        else {
          io.note(`Key ${made.id} for ${made.client}. It is not shown again:`);
          io.out(made.key);
        }
        return 0;
      },
    }),
    defineCommand({
      name: 'key list',
      summary: 'list the client keys, without their secrets',
      async run(_input, io) {
        const keys = await withKeys(deps, (keys) => keys.list());
        if (io.json) {
          io.out(JSON.stringify({ keys }));
          return 0;
        }
        if (keys.length === 0) io.note('No keys yet: `merlon key create --client ELEMENT` makes one.');
        for (const line of table(keys)) io.out(line);
        return 0;
      },
    }),
    defineCommand({
      name: 'key revoke',
      summary: 'revoke a client key at once',
      arguments: [{ name: 'id', description: 'id of the key, as `key list` shows it' }],
      async run({ args }, io) {
        const id = args['id']!;
        await withKeys(deps, (keys) => keys.revoke(id));
        if (io.json) io.out(JSON.stringify({ id, revoked: true }));
        else io.out(`Key ${id} opens nothing any more.`);
        return 0;
      },
    }),
    defineCommand({
      name: 'access link',
      summary: 'make a one-time sign-in link for the console, good for 15 minutes',
      async run(_input, io) {
        const running = deps.controlPlane();
        if (!running) {
          throw new Problem('CONTROL_PLANE_UNREACHABLE', {
            detail: 'no running Merlon was found',
            fix: 'Start it with `merlon up` (or `npm start`): it prints a link too.',
          });
        }
        const link = await running.post<{ url: string; expires: number }>('/session/link', {});
        io.out(io.json ? JSON.stringify(link) : link.url);
        return 0;
      },
    }),
  ];
}

async function withKeys<T>(deps: AccessCommandDeps, work: (keys: Keys) => Promise<T>): Promise<T> {
  const running = deps.controlPlane();
  if (running) {
    return work({
      create: (request) => running.post('/keys', request),
      list: async () => (await running.get<{ keys: ClientKey[] }>('/keys')).keys,
      revoke: (id) => running.delete(`/keys/${encodeURIComponent(id)}`),
    });
  }
  const { keys, close } = await deps.openKeys();
  try {
    return await work({
      create: (request) => keys.create(request),
      list: async () => keys.list(),
      revoke: (id) => keys.revoke(id),
    });
  } finally {
    await close();
  }
}

function table(keys: readonly ClientKey[]): string[] {
  const rows = [
    ['ID', 'CLIENT', 'ENV', 'CREATED', 'LAST USED', 'STATE'],
    ...keys.map(({ id, client, env, created, lastUsed, revoked }) => [
      id,
      client,
      env,
      day(created),
      lastUsed === undefined ? 'never' : day(lastUsed),
      revoked === undefined ? 'active' : `revoked ${day(revoked)}`,
    ]),
  ];
  if (keys.length === 0) return [];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}
