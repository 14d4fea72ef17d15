import { createHash, timingSafeEqual } from 'node:crypto';
import { defaultTenant, type Principal } from '../kernel/principal.ts';
import type { Secret } from '../kernel/secret.ts';
import type { ClientKeys } from './keys.ts';
import type { Sessions } from './sessions.ts';

/** The credentials of a request to the control plane, as they came. */
export interface Credentials {
  cookie: string | undefined;
  authorization: string | undefined;
}

export interface AuthenticatorOptions {
  sessions: Pick<Sessions, 'find'>;
  controlToken: Secret;
  /** A client key is known here too: what it may do (its own receipts) is for the caller to decide. */
  keys?: Pick<ClientKeys, 'authenticate'>;
  tenant?: string;
}

/**
 * Who sends a request to the control plane: the owner of the control token, the holder of a client key, or the person of a
 * session. An Authorization header that does not hold decides alone; the cookie is not tried after it.
 */
export function authenticator({
  sessions,
  controlToken,
  keys,
  tenant = defaultTenant,
}: AuthenticatorOptions): (credentials: Credentials) => Promise<Principal | undefined> {
  const expected = digest(controlToken.reveal());
  return async function authenticateRequest({ cookie, authorization }) {
    if (authorization !== undefined) {
      const presented = /^Bearer ([\w-]{1,256})$/i.exec(authorization)?.[1];
      if (presented === undefined) return undefined;
      if (timingSafeEqual(digest(presented), expected)) {
        return { kind: 'local', id: 'local', tenant, credential: 'control-token' };
      }
      return keys?.authenticate(presented);
    }
    return (await sessions.find(cookie))?.principal;
  };
}

/** Of equal length whatever was presented, so that the comparison tells nothing. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
