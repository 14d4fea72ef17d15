import { z } from 'zod';
import { Problem } from '../kernel/problem.ts';
import { defineRoute, Raw, type Route } from '../kernel/route.ts';
import type { ClientKeys } from './keys.ts';
import type { Sessions } from './sessions.ts';

export interface AccessDeps {
  keys: ClientKeys;
  sessions: Sessions;
  /** Client elements of the threat model; undefined when there is none, and any name will do. */
  clients(): readonly string[] | undefined;
  /** Address of the console for sign-in links, such as `http://localhost:4100`. */
  consoleUrl(): string;
}

const Key = z.object({
  id: z.string(),
  client: z.string(),
  env: z.string(),
  created: z.number().describe('Milliseconds since the epoch, as all times here.'),
  lastUsed: z.number().optional(),
  revoked: z.number().optional(),
});

const SessionAnswer = z.object({
  principal: z.object({ id: z.string(), kind: z.string() }),
  expires: z.number().optional().describe('When the session ends at the latest.'),
});

/** The link that a person opens: the token stands behind `#`, which no server and no Referer header ever sees. */
export function signInLink(consoleUrl: string, token: string): string {
  return `${consoleUrl}/signin#${token}`;
}

export function routes(deps: AccessDeps): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/keys',
      action: 'key:list',
      summary: 'Client keys, without their secrets',
      response: z.object({ keys: z.array(Key) }),
      handle: async () => ({ keys: deps.keys.list() }),
    }),
    defineRoute({
      method: 'POST',
      path: '/keys',
      action: 'key:create',
      summary: 'Makes a key for a client element; the answer is the only place where it is shown',
      body: z.strictObject({
        client: z.string().min(1).max(200).describe('Id of a client element of the threat model.'),
        env: z.string().max(12).optional().describe('Stands in the key; `live` by default.'),
      }),
      response: z.object({ id: z.string(), client: z.string(), key: z.string() }),
      async handle({ body, principal }) {
        const known = deps.clients();
        if (known && !known.includes(body.client)) {
          throw new Problem('NOT_FOUND', {
            detail: `the threat model has no client element \`${body.client}\``,
            fix: `Use one of: ${known.map((one) => `\`${one}\``).join(', ') || 'none yet; bind an element to a client'}.`,
          });
        }
        return deps.keys.create({ ...body, by: principal });
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/keys/:id',
      action: 'key:revoke',
      summary: 'Revokes a key at once',
      response: z.object({ id: z.string() }),
      async handle({ params, principal }) {
        const { id } = params as { id: string };
        await deps.keys.revoke(id, principal);
        return { id };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/session',
      action: 'public',
      summary: 'Signs in with the token of a one-time link',
      body: z.strictObject({ token: z.string().max(200) }),
      response: SessionAnswer,
      async handle({ body, headers }) {
        const { setCookie, principal, expires } = await deps.sessions.signIn(body.token, headers['cookie']);
        const answer = { principal: { id: principal.id, kind: principal.kind }, expires };
        return new Raw(JSON.stringify(answer), 'application/json', { 'set-cookie': setCookie });
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/session',
      action: 'session:read',
      summary: 'Who is signed in, and until when',
      response: SessionAnswer,
      async handle({ principal, headers }) {
        const session = principal.kind === 'person' ? await deps.sessions.find(headers['cookie']) : undefined;
        return {
          principal: { id: principal.id, kind: principal.kind },
          ...(session ? { expires: session.expires } : {}),
        };
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/session',
      action: 'public',
      summary: 'Signs out; does nothing when nobody is signed in',
      async handle({ headers }) {
        const forget = await deps.sessions.signOut(headers['cookie']);
        return new Raw('', 'text/plain', { 'set-cookie': forget }, 200);
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/session/link',
      action: 'session:invite',
      summary: 'Makes a one-time sign-in link for a person on this machine',
      response: z.object({ url: z.string(), expires: z.number() }),
      async handle({ principal }) {
        const { token, expires } = await deps.sessions.createLink(principal);
        return { url: signInLink(deps.consoleUrl(), token), expires };
      },
    }),
  ];
}
