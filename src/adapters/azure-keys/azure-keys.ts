import { createHash, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';
import { Secret } from '../../kernel/secret.ts';
import type { KeyCustody } from '../../ports/key-custody.ts';
import { custodyClient, unreachable, type ClientOptions, type CustodyAnswer } from '../custody-client.ts';
import { derivation } from '../derivation-seed.ts';

export interface AzureKeysOptions extends Pick<ClientOptions, 'tries' | 'firstWaitMs' | 'timeoutMs'> {
  /** Such as `https://NAME.vault.azure.net`. */
  vaultUrl: string;
  /** Name of the key in it. */
  key: string;
  algorithm: 'RSA-OAEP-256' | 'A256KW';
  authority: string;
  tenantId: string;
  clientId: string;
  clientSecret: Secret;
  /** File for the wrapped seed of derived keys. */
  seed: string;
  now?: () => number;
}

const name = 'Azure Key Vault';
const apiVersion = 'api-version=7.4';
/** How long the newest version is believed to be the newest, in milliseconds. */
const currentForMs = 60_000;

const Token = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number() });
const KeyBundle = z.object({ key: z.object({ kid: z.string() }) });
const Result = z.object({ kid: z.string(), value: z.string() });
const Versions = z.object({
  value: z.array(
    z.object({
      kid: z.string(),
      attributes: z.object({ enabled: z.boolean().optional(), created: z.number().optional() }).optional(),
    }),
  ),
  nextLink: z.string().nullish(),
});

/**
 * Key custody in Azure Key Vault or a Managed HSM (REST, version 7.4). The key wraps on its side and never comes here.
 * Wrapping there binds no context, so the context's digest is wrapped together with the key and compared afterwards.
 */
export async function openAzureKeys(
  options: AzureKeysOptions,
): Promise<KeyCustody & Required<Pick<KeyCustody, 'rotate' | 'versions'>>> {
  const { key, algorithm, now = Date.now } = options;
  const base = options.vaultUrl.replace(/\/+$/, '');
  if (!/^[0-9A-Za-z-]{1,127}$/.test(key)) {
    throw new Problem('CONFIG_INVALID', { detail: `\`${key}\` cannot be the name of a key in ${name}` });
  }
  const call = custodyClient({ name, ...options });
  const keyUrl = `${base}/keys/${key}`;

  let token: { value: Secret; until: number } | undefined;
  const tokenOf = async (): Promise<Secret> => {
    if (token && now() < token.until) return token.value;
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: options.clientId,
      client_secret: options.clientSecret.reveal(),
      scope: scopeOf(base),
    });
    const { status, body } = await call({
      method: 'POST',
      url: `${options.authority.replace(/\/+$/, '')}/${encodeURIComponent(options.tenantId)}/oauth2/v2.0/token`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    });
    const parsed = Token.safeParse(body);
    if (status !== 200 || !parsed.success) {
      throw unreachable(
        name,
        `the directory gave no token (${status})`,
        undefined,
        'Check `tenantId`, `clientId` and the client secret.',
      );
    }
    const { access_token: value, expires_in: seconds } = parsed.data;
    // A minute early: clocks differ.
    token = { value: new Secret(value), until: now() + Math.max(0, seconds - 60) * 1000 };
    return token.value;
  };

  const ask = async (method: 'GET' | 'POST', url: string, body?: unknown): Promise<CustodyAnswer> => {
    const once = async (): Promise<CustodyAnswer> =>
      call({
        method,
        url: `${url}${url.includes('?') ? '&' : '?'}${apiVersion}`,
        headers: {
          authorization: `Bearer ${(await tokenOf()).reveal()}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const first = await once();
    if (first.status !== 401) return first;
    // The token was withdrawn before its time.
    token = undefined;
    return once();
  };

  const believed = <T>(schema: z.ZodType<T>, { status, body }: CustodyAnswer, operation: string): T => {
    const parsed = schema.safeParse(body);
    if (status === 200 && parsed.success) return parsed.data;
    if (status === 404)
      throw new Problem('NOT_FOUND', { detail: `${name} has no key \`${key}\` of this version` });
    throw unreachable(
      name,
      `\`${operation}\` was answered with ${status}`,
      undefined,
      `Give the application the permission \`keys/${operation}\` on \`${key}\`, and look whether the key is enabled.`,
    );
  };

  let current: { version: string; until: number } | undefined;
  const currentVersion = async (): Promise<string> => {
    if (current && now() < current.until) return current.version;
    const { key: found } = believed(KeyBundle, await ask('GET', keyUrl), 'get');
    current = { version: versionIn(found.kid), until: now() + currentForMs };
    return current.version;
  };

  const wrap: KeyCustody['wrap'] = async (dataKey, context) => {
    const payload = enclose(dataKey.reveal(), context);
    const url = `${keyUrl}/${await currentVersion()}/wrapkey`;
    const answer = await ask('POST', url, { alg: algorithm, value: payload.toString('base64url') });
    const { kid, value } = believed(Result, answer, 'wrapKey');
    return { keyId: idOf(versionIn(kid)), wrapped: Buffer.from(value, 'base64url') };
  };

  const unwrap: KeyCustody['unwrap'] = async (keyId, wrapped, context) => {
    // From the container comes a version at most: never an address, which could be anyone's.
    const version = new RegExp(`^${idOf('([0-9A-Za-z]{1,64})')}$`).exec(keyId)?.[1];
    if (version === undefined)
      throw new Problem('NOT_FOUND', { detail: `${name} is not asked for \`${keyId}\`` });
    const answer = await ask('POST', `${keyUrl}/${version}/unwrapkey`, {
      alg: algorithm,
      value: wrapped.toString('base64url'),
    });
    if (answer.status === 400) throw refused();
    const { value } = believed(Result, answer, 'unwrapKey');
    return new Secret(disclose(Buffer.from(value, 'base64url'), context));
  };

  const idOf = (version: string): string => `azure/${key}/${version}`;

  const currentKey = async (): Promise<string> => idOf(await currentVersion());
  const seed = derivation(options.seed, { currentKey, wrap, unwrap });

  return {
    currentKey,
    wrap,
    unwrap,
    derive: seed.derive,
    async rotate() {
      const { key: made } = believed(KeyBundle, await ask('POST', `${keyUrl}/rotate`), 'rotate');
      current = { version: versionIn(made.kid), until: now() + currentForMs };
      const id = idOf(current.version);
      await seed.renew();
      return id;
    },
    async versions() {
      const found: { id: string; created?: number }[] = [];
      let url: string | undefined = `${keyUrl}/versions`;
      while (url !== undefined && found.length < 1000) {
        const page: z.infer<typeof Versions> = believed(Versions, await ask('GET', url), 'list');
        for (const { kid, attributes } of page.value) {
          if (attributes?.enabled === false) continue;
          const created = attributes?.created;
          found.push({
            id: idOf(versionIn(kid)),
            ...(created === undefined ? {} : { created: created * 1000 }),
          });
        }
        const next = page.nextLink ?? undefined;
        // The token goes to the vault that is configured and nowhere else.
        url = next?.startsWith(`${base}/`) ? withoutApiVersion(next) : undefined;
      }
      return found;
    },
  };
}

function withoutApiVersion(url: string): string {
  const parsed = new URL(url);
  parsed.searchParams.delete('api-version');
  return parsed.href;
}

/** The audience of tokens is the service, without the name of the vault; sovereign clouds have others. */
function scopeOf(base: string): string {
  const { hostname } = new URL(base);
  const service = hostname.split('.').slice(1).join('.');
  const known = isIP(hostname) === 0 && service.includes('.');
  return `https://${known ? service : 'vault.azure.net'}/.default`;
}

function versionIn(kid: string): string {
  const version = /\/keys\/[^/]+\/([0-9A-Za-z]{1,64})$/.exec(kid)?.[1];
  if (version !== undefined) return version;
  throw unreachable(name, 'it named a key version in a form that is not known');
}

/**
 * 16 random bytes (so that equal keys do not look equal), SHA-256 of the context, length, key, and zeros up to a multiple of 8,
 * which A256KW needs. At most 120 bytes: RSA-OAEP-256 takes 190 under 2048 bits.
 */
function enclose(key: Buffer, context: string): Buffer {
  if (key.length === 0 || key.length > 64) {
    throw new Problem('INPUT_INVALID', { detail: `a data key has 1 to 64 bytes, not ${key.length}` });
  }
  const bare = Buffer.concat([randomBytes(16), digest(context), Buffer.from([key.length]), key]);
  return Buffer.concat([bare, Buffer.alloc(-bare.length & 7)]);
}

function disclose(payload: Buffer, context: string): Buffer {
  const length = payload[48] ?? 0;
  const same = payload.length >= 49 + length && payload.subarray(16, 48).equals(digest(context));
  if (!same || length === 0) throw refused();
  return Buffer.from(payload.subarray(49, 49 + length));
}

function digest(context: string): Buffer {
  return createHash('sha256').update(`merlon azure wrap/v1\0${context}`).digest();
}

function refused(): Problem {
  return new Problem('FORBIDDEN', { detail: 'a wrapped key is damaged, or it belongs to another context' });
}
