import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { securityEvent, type SecurityEvent } from '../kernel/event.ts';
import { defaultTenant, type Principal } from '../kernel/principal.ts';
import { Problem } from '../kernel/problem.ts';
import type { Store } from '../ports/store.ts';
import { migrations, sessionStore } from './store.ts';

/** Name of the session cookie. The prefix makes browsers insist on Secure, Path=/ and no Domain. */
export const cookieName = '__Host-merlon';

const linkMs = 15 * 60_000;
const idleMs = 60 * 60_000;
const absoluteMs = 12 * 60 * 60_000;
/** How exact the idle time is: a session in use is written once in so long. */
const touchMs = 60_000;

export interface Session {
  principal: Principal;
  /** When it ends at the latest, and when it ends unless it is used; milliseconds since the epoch. */
  expires: number;
  idleExpires: number;
}

export interface Sessions {
  /** A token that opens one session within 15 minutes. Kept as its hash; the caller prints it for the person. */
  createLink(by?: Principal): Promise<{ token: string; expires: number }>;
  /**
   * Spends the token. `cookie` is the header of the request: a session it names ends here.
   * @throws Problem UNAUTHENTICATED when the token is unknown, spent or too old
   */
  signIn(token: string, cookie?: string): Promise<Session & { setCookie: string }>;
  /** The session of a Cookie header, if it is alive. */
  find(cookie: string | undefined): Promise<Session | undefined>;
  /** Ends the session; the answer is the Set-Cookie header that forgets it. */
  signOut(cookie: string | undefined): Promise<string>;
}

export interface SessionsOptions {
  store: Store;
  clock: Clock;
  record: (event: SecurityEvent) => Promise<unknown>;
  tenant?: string;
}

/** Console sessions: opaque 256-bit ids of which the store holds only the SHA-256. */
export async function openSessions({
  store,
  clock,
  record,
  tenant = defaultTenant,
}: SessionsOptions): Promise<Sessions> {
  await store.migrate(migrations);
  const rows = sessionStore(store, tenant);
  let failuresFrom = 0;

  const principalOf = (hash: string): Principal => ({
    kind: 'person',
    id: 'owner',
    tenant,
    credential: `session-${hash.slice(0, 12)}`,
  });
  const event = (activity: number, message: string, principal: Principal | undefined, ok = true) =>
    securityEvent({
      kind: 'authentication',
      activity,
      message,
      time: clock.now(),
      severity: ok ? 1 : 3,
      ok,
      ...(principal ? { principal } : {}),
      ...(principal?.credential ? { unmapped: { credential: principal.credential } } : {}),
    });

  /** Failed sign-ins are recorded at most once a second, so that nobody can fill the log from outside. */
  const refuse = async (): Promise<never> => {
    if (clock.now() - failuresFrom >= 1000) {
      failuresFrom = clock.now();
      await record(event(1, 'sign-in with an unknown or spent link', undefined, false));
    }
    throw new Problem('UNAUTHENTICATED', {
      detail: 'this sign-in link is unknown, already used or older than 15 minutes',
      fix: 'Run `merlon access link` for a new one.',
    });
  };

  const find = async (cookie: string | undefined): Promise<(Session & { hash: string }) | undefined> => {
    const id = sessionId(cookie);
    if (id === undefined) return undefined;
    const hash = sha256(id);
    const row = await rows.find(hash);
    const now = clock.now();
    if (!row) return undefined;
    if (now >= row.created + absoluteMs || now >= row.seen + idleMs) {
      await rows.remove(hash);
      return undefined;
    }
    const touched = now - row.seen >= touchMs;
    if (touched) await rows.touch(hash, now);
    const seen = touched ? now : row.seen;
    return {
      hash,
      principal: principalOf(hash),
      expires: row.created + absoluteMs,
      idleExpires: Math.min(seen + idleMs, row.created + absoluteMs),
    };
  };

  return {
    find,

    async createLink(by) {
      const now = clock.now();
      await rows.sweep({ oldest: now - absoluteMs, idle: now - idleMs, now });
      const token = randomBytes(32).toString('base64url');
      await rows.insertLink(sha256(token), now + linkMs);
      if (by) await record(event(3, 'sign-in link created', by));
      return { token, expires: now + linkMs };
    },

    async signIn(token, cookie) {
      const link = await rows.spendLink(sha256(token));
      if (!link || link.expires <= clock.now()) return refuse();
      const old = await find(cookie);
      if (old) await rows.remove(old.hash);
      const id = randomBytes(32).toString('base64url');
      const hash = sha256(id);
      const principal = principalOf(hash);
      await record(event(1, 'signed in with a one-time link', principal));
      const now = clock.now();
      await rows.insert(hash, principal.id, now);
      return {
        principal,
        expires: now + absoluteMs,
        idleExpires: now + idleMs,
        setCookie: cookieHeader(id, absoluteMs / 1000),
      };
    },

    async signOut(cookie) {
      const session = await find(cookie);
      if (session && (await rows.remove(session.hash))) {
        await record(event(2, 'signed out', session.principal));
      }
      return cookieHeader('', 0);
    },
  };
}

function cookieHeader(value: string, maxAgeS: number): string {
  return `${cookieName}=${value}; Path=/; Max-Age=${maxAgeS}; HttpOnly; Secure; SameSite=Strict`;
}

/** The value of our cookie; undefined when it is not there, not ours by its form, or there twice. */
function sessionId(cookie: string | undefined): string | undefined {
  const values = (cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${cookieName}=`))
    .map((pair) => pair.slice(cookieName.length + 1));
  const [value] = values;
  return values.length === 1 && /^[A-Za-z0-9_-]{43}$/.test(value!) ? value : undefined;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
