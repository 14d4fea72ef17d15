import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';
import { Secret } from '../../kernel/secret.ts';
import type { KeyCustody } from '../../ports/key-custody.ts';
import { custodyClient, unreachable, type ClientOptions, type CustodyAnswer } from '../custody-client.ts';
import { derivation } from '../derivation-seed.ts';

export interface BaoKeysOptions extends Pick<ClientOptions, 'tries' | 'firstWaitMs' | 'timeoutMs'> {
  /** Such as `https://bao.example.com:8200`. */
  url: string;
  /** Where the transit engine is mounted. */
  mount: string;
  /** Name of the transit key: type aes256-gcm96, derived. */
  key: string;
  token: Secret;
  namespace?: string;
  /** File for the wrapped seed of derived keys. */
  seed: string;
}

const name = 'OpenBao';
const Encrypted = z.object({ data: z.object({ ciphertext: z.string() }) });
const Decrypted = z.object({ data: z.object({ plaintext: z.base64() }) });
const DataKey = z.object({ data: z.object({ ciphertext: z.string(), plaintext: z.base64() }) });
const KeyInfo = z.object({
  data: z.object({
    type: z.string(),
    derived: z.boolean().default(false),
    latest_version: z.number().int().positive(),
    min_decryption_version: z.number().int().default(1),
    keys: z.record(z.string(), z.union([z.number(), z.string(), z.object({}).loose()])),
  }),
});

/**
 * Key custody in the transit engine of OpenBao, or of a server with the same interface. The key stays there; the context goes
 * into its derivation, which is why the key must be a derived one.
 * @throws Problem CONFIG_INVALID when the key is of a kind that binds no context
 */
export async function openBaoKeys(
  options: BaoKeysOptions,
): Promise<KeyCustody & Required<Pick<KeyCustody, 'rotate' | 'versions' | 'rewrap' | 'generate'>>> {
  const { key, mount } = options;
  for (const part of [key, ...mount.split('/')]) {
    if (!/^[0-9A-Za-z][0-9A-Za-z._-]*$/.test(part)) {
      throw new Problem('CONFIG_INVALID', { detail: `\`${part}\` cannot be part of a path in ${name}` });
    }
  }
  const call = custodyClient({ name, ...options });
  const base = `${options.url.replace(/\/+$/, '')}/v1/${mount}`;
  const idOf = (version: number | string): string => `openbao/${mount}/${key}/v${version}`;

  const ask = (method: 'GET' | 'POST', path: string, body?: unknown): Promise<CustodyAnswer> =>
    call({
      method,
      url: `${base}/${path}`,
      headers: {
        'x-vault-token': options.token.reveal(),
        'x-vault-request': 'true',
        ...(options.namespace === undefined ? {} : { 'x-vault-namespace': options.namespace }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  const believed = <T>(schema: z.ZodType<T>, { status, body }: CustodyAnswer, operation: string): T => {
    const parsed = schema.safeParse(body);
    if (status === 200 && parsed.success) return parsed.data;
    if (status === 404)
      throw new Problem('NOT_FOUND', { detail: `${name} has no key \`${key}\` under \`${mount}\`` });
    throw unreachable(
      name,
      `\`${operation}\` was answered with ${status}`,
      undefined,
      `Give the token a policy that allows \`${mount}/${operation}/${key}\`.`,
    );
  };

  const info = async (): Promise<z.infer<typeof KeyInfo>['data']> =>
    believed(KeyInfo, await ask('GET', `keys/${key}`), 'keys').data;

  const { derived, type } = await info();
  if (!derived) {
    throw new Problem('CONFIG_INVALID', {
      detail: `the transit key \`${key}\` (${type}) binds no context`,
      fix: `Make one that does: \`bao write ${mount}/keys/NAME type=aes256-gcm96 derived=true\`.`,
    });
  }

  const parse = (ciphertext: string): { keyId: string; wrapped: Buffer } => {
    const [, version, text] = /^vault:v(\d{1,9}):([A-Za-z0-9+/]+=*)$/.exec(ciphertext) ?? [];
    if (version === undefined) throw unreachable(name, 'it gave a ciphertext in a form that is not known');
    return { keyId: idOf(version), wrapped: Buffer.from(text!, 'base64') };
  };

  const ciphertextOf = (keyId: string, wrapped: Buffer): string => {
    const prefix = idOf('');
    const version = keyId.startsWith(prefix) ? keyId.slice(prefix.length) : '';
    if (!/^\d{1,9}$/.test(version)) {
      throw new Problem('NOT_FOUND', { detail: `${name} is not asked for \`${keyId}\`` });
    }
    return `vault:v${version}:${wrapped.toString('base64')}`;
  };

  const bound = (context: string): { context: string } => ({
    context: Buffer.from(context).toString('base64'),
  });

  const wrap: KeyCustody['wrap'] = async (dataKey, context) => {
    const plain = dataKey.reveal();
    if (plain.length === 0 || plain.length > 64) {
      throw new Problem('INPUT_INVALID', { detail: `a data key has 1 to 64 bytes, not ${plain.length}` });
    }
    const body = { plaintext: plain.toString('base64'), ...bound(context) };
    return parse(believed(Encrypted, await ask('POST', `encrypt/${key}`, body), 'encrypt').data.ciphertext);
  };

  const unwrap: KeyCustody['unwrap'] = async (keyId, wrapped, context) => {
    const body = { ciphertext: ciphertextOf(keyId, wrapped), ...bound(context) };
    const answer = await ask('POST', `decrypt/${key}`, body);
    if (answer.status === 400) throw refused();
    return new Secret(Buffer.from(believed(Decrypted, answer, 'decrypt').data.plaintext, 'base64'));
  };

  const currentKey = async (): Promise<string> => idOf((await info()).latest_version);
  const seed = derivation(options.seed, { currentKey, wrap, unwrap });

  return {
    currentKey,
    wrap,
    unwrap,
    derive: seed.derive,
    async generate(context) {
      const answer = await ask('POST', `datakey/plaintext/${key}`, { bits: 256, ...bound(context) });
      const { plaintext, ciphertext } = believed(DataKey, answer, 'datakey/plaintext').data;
      return { key: new Secret(Buffer.from(plaintext, 'base64')), ...parse(ciphertext) };
    },
    async rewrap(keyId, wrapped, context) {
      const body = { ciphertext: ciphertextOf(keyId, wrapped), ...bound(context) };
      const answer = await ask('POST', `rewrap/${key}`, body);
      if (answer.status === 400) throw refused();
      return parse(believed(Encrypted, answer, 'rewrap').data.ciphertext);
    },
    async rotate() {
      const answer = await ask('POST', `keys/${key}/rotate`, {});
      if (answer.status !== 200 && answer.status !== 204) believed(z.never(), answer, 'keys');
      await seed.renew();
      return currentKey();
    },
    async versions() {
      const { keys, min_decryption_version: oldest } = await info();
      return Object.entries(keys)
        .filter(([version]) => Number(version) >= oldest)
        .map(([version, made]) => ({
          id: idOf(version),
          ...(typeof made === 'number' ? { created: made * 1000 } : {}),
        }));
    },
  };
}

function refused(): Problem {
  return new Problem('FORBIDDEN', { detail: 'a wrapped key is damaged, or it belongs to another context' });
}
