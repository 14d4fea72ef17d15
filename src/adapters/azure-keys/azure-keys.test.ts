import {
  constants,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Secret } from '../../kernel/secret.ts';
import { keyCustodyConformance } from '../../ports/key-custody.conformance.ts';
import { openAzureKeys, type AzureKeysOptions } from './azure-keys.ts';

interface Cloud {
  options: AzureKeysOptions;
  /** Every request as `METHOD path`, without the query. */
  seen: string[];
  /** Answers to be given before anything else is looked at. */
  faults: { status: number; headers?: Record<string, string> }[];
  revokeTokens(): void;
  close(): Promise<void>;
}

/** The directory and the vault, as far as their REST interfaces (v2.0 token endpoint, Key Vault 7.4) are used, with real RSA keys. */
async function cloud(): Promise<Cloud> {
  const seen: string[] = [];
  const faults: Cloud['faults'] = [];
  const tokens = new Set<string>();
  const versions = new Map<string, { privateKey: KeyObject; publicKey: KeyObject; created: number }>();
  const make = (): string => {
    const id = randomBytes(16).toString('hex');
    versions.set(id, {
      ...generateKeyPairSync('rsa', { modulusLength: 2048 }),
      created: 1_700_000_000 + versions.size,
    });
    return id;
  };
  make();
  let base = '';
  const kid = (version: string): string => `${base}/keys/root/${version}`;
  const bundle = (version: string): unknown => ({
    key: { kid: kid(version), kty: 'RSA', key_ops: ['wrapKey', 'unwrapKey'] },
    attributes: { enabled: true, created: versions.get(version)!.created },
  });
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };

  const answer = async (
    request: IncomingMessage,
  ): Promise<{ status: number; body?: unknown; headers?: Record<string, string> }> => {
    const url = new URL(request.url!, 'http://x');
    seen.push(`${request.method} ${url.pathname}`);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString();
    const fault = faults.shift();
    if (fault) return fault;
    if (url.pathname === '/directory/tenant/oauth2/v2.0/token') {
      const form = new URLSearchParams(text);
      const right =
        form.get('grant_type') === 'client_credentials' &&
        form.get('client_id') === 'app' &&
        form.get('client_secret') === 'pass+word' &&
        form.get('scope') === 'https://vault.azure.net/.default';
      if (!right) return { status: 401, body: { error: 'invalid_client' } };
      const token = randomBytes(8).toString('hex');
      tokens.add(token);
      return { status: 200, body: { token_type: 'Bearer', expires_in: 3599, access_token: token } };
    }
    const token = /^Bearer (\w+)$/.exec(request.headers.authorization ?? '')?.[1];
    const error = (status: number, code: string) => ({ status, body: { error: { code, message: 'no' } } });
    if (token === undefined || !tokens.has(token)) return error(401, 'Unauthorized');
    if (url.searchParams.get('api-version') !== '7.4') return error(400, 'BadParameter');
    const newest = [...versions.keys()].at(-1)!;
    if (request.method === 'GET' && url.pathname === '/keys/root')
      return { status: 200, body: bundle(newest) };
    if (request.method === 'GET' && url.pathname === '/keys/root/versions') {
      // One version a page, as a vault with many of them answers.
      const page = Number(url.searchParams.get('$skiptoken') ?? 0);
      const ids = [...versions.keys()];
      const next =
        page + 1 < ids.length ? `${base}/keys/root/versions?api-version=7.4&$skiptoken=${page + 1}` : null;
      const { created } = versions.get(ids[page]!)!;
      return {
        status: 200,
        body: { value: [{ kid: kid(ids[page]!), attributes: { enabled: true, created } }], nextLink: next },
      };
    }
    if (request.method === 'POST' && url.pathname === '/keys/root/rotate')
      return { status: 200, body: bundle(make()) };
    const [, version, operation] = /^\/keys\/root\/(\w+)\/(wrapkey|unwrapkey)$/.exec(url.pathname) ?? [];
    const key = version === undefined ? undefined : versions.get(version);
    if (!key) return error(404, 'KeyNotFound');
    const { alg, value } = JSON.parse(text) as { alg: string; value: string };
    if (alg !== 'RSA-OAEP-256' || !/^[\w-]*$/.test(value)) return error(400, 'BadParameter');
    const input = Buffer.from(value, 'base64url');
    try {
      const output =
        operation === 'wrapkey'
          ? publicEncrypt({ key: key.publicKey, ...padding }, input)
          : privateDecrypt({ key: key.privateKey, ...padding }, input);
      return { status: 200, body: { kid: kid(version!), value: output.toString('base64url') } };
    } catch {
      return error(400, 'BadParameter');
    }
  };

  const server: Server = createServer((request, response) => {
    void answer(request).then(({ status, body, headers }) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(body === undefined ? '' : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dir = await mkdtemp(join(tmpdir(), 'merlon-azure-'));
  return {
    options: {
      vaultUrl: base,
      key: 'root',
      algorithm: 'RSA-OAEP-256',
      authority: `${base}/directory`,
      tenantId: 'tenant',
      clientId: 'app',
      clientSecret: new Secret('pass+word'),
      seed: join(dir, 'seed.json'),
      firstWaitMs: 1,
    },
    seen,
    faults,
    revokeTokens: () => tokens.clear(),
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await rm(dir, { recursive: true });
    },
  };
}

keyCustodyConformance('keys in Azure Key Vault', async () => {
  const { options, close } = await cloud();
  const reopen = () => openAzureKeys(options);
  return { custody: await reopen(), reopen, drop: close };
});

async function withCloud(work: (at: Cloud) => Promise<void>): Promise<void> {
  const at = await cloud();
  try {
    await work(at);
  } finally {
    await at.close();
  }
}

const dataKey = (): Secret<Buffer> => new Secret(randomBytes(32));

test('unwraps what an older key version wrapped, and derives the same after a rotation', () =>
  withCloud(async ({ options }) => {
    const custody = await openAzureKeys(options);
    const key = dataKey();
    const old = await custody.wrap(key, 'c');
    const derived = (await custody.derive('p')).reveal();
    const id = await custody.rotate();
    expect(id).not.toBe(old.keyId);
    expect((await custody.wrap(key, 'c')).keyId).toBe(id);
    expect((await custody.unwrap(old.keyId, old.wrapped, 'c')).reveal()).toEqual(key.reveal());
    expect((await (await openAzureKeys(options)).derive('p')).reveal()).toEqual(derived);
    expect((await custody.versions()).map((one) => one.id)).toEqual([old.keyId, id]);
  }));

test('asks for a token once, and again when it was withdrawn', () =>
  withCloud(async ({ options, seen, revokeTokens }) => {
    const custody = await openAzureKeys(options);
    const tokens = (): number => seen.filter((line) => line.endsWith('/token')).length;
    const { keyId, wrapped } = await custody.wrap(dataKey(), 'c');
    await custody.unwrap(keyId, wrapped, 'c');
    expect(tokens()).toBe(1);
    revokeTokens();
    await custody.unwrap(keyId, wrapped, 'c');
    expect(tokens()).toBe(2);
  }));

test('tries again what may pass by itself, and gives up with a Problem', () =>
  withCloud(async ({ options, seen, faults }) => {
    const custody = await openAzureKeys(options);
    const { keyId, wrapped } = await custody.wrap(dataKey(), 'c');
    faults.push({ status: 503 }, { status: 429, headers: { 'retry-after': '0' } });
    await custody.unwrap(keyId, wrapped, 'c');
    const before = seen.length;
    faults.push(...Array.from({ length: 4 }, () => ({ status: 500 })));
    await expect(custody.unwrap(keyId, wrapped, 'c')).rejects.toMatchObject({ code: 'CUSTODY_UNREACHABLE' });
    expect(seen.length - before).toBe(4);
  }));

test('says what is missing: a wrong secret, a permission, a server', () =>
  withCloud(async ({ options, faults }) => {
    const wrong = await openAzureKeys({ ...options, clientSecret: new Secret('no') });
    await expect(wrong.currentKey()).rejects.toMatchObject({
      code: 'CUSTODY_UNREACHABLE',
      fix: expect.stringContaining('client secret'),
    });
    const custody = await openAzureKeys(options);
    const { keyId, wrapped } = await custody.wrap(dataKey(), 'c');
    faults.push({ status: 403 });
    await expect(custody.unwrap(keyId, wrapped, 'c')).rejects.toMatchObject({
      code: 'CUSTODY_UNREACHABLE',
      fix: expect.stringContaining('unwrapKey'),
    });
    await expect(custody.unwrap('azure/root/0000', wrapped, 'c')).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const gone = { ...options, vaultUrl: 'http://127.0.0.1:1', authority: 'http://127.0.0.1:1' };
    await expect((await openAzureKeys(gone)).currentKey()).rejects.toMatchObject({
      code: 'CUSTODY_UNREACHABLE',
    });
  }));

test('asks no address that a container names, and sends nothing over plain HTTP to another machine', () =>
  withCloud(async ({ options, seen }) => {
    const custody = await openAzureKeys(options);
    for (const id of [
      'https://evil.test/keys/root/1',
      'azure/other/1',
      'azure/root/../x',
      'azure/root/1/x?',
    ]) {
      const before = seen.length;
      await expect(custody.unwrap(id, Buffer.alloc(256), 'c')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(seen).toHaveLength(before);
    }
    const far = await openAzureKeys({
      ...options,
      vaultUrl: 'http://vault.test',
      authority: 'http://login.test',
    });
    await expect(far.currentKey()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  }));
