import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Secret } from '../../kernel/secret.ts';
import { keyCustodyConformance } from '../../ports/key-custody.conformance.ts';
import { openBaoKeys, type BaoKeysOptions } from './openbao.ts';

interface Server {
  options: BaoKeysOptions;
  seen: string[];
  faults: number[];
  /** Ciphertexts of older versions are refused from now on. */
  retire(version: number): void;
  close(): Promise<void>;
}

/** The transit engine, as far as its HTTP interface is used: versions, derived keys, AES-256-GCM, its status codes and words. */
async function bao(): Promise<Server> {
  const seen: string[] = [];
  const faults: number[] = [];
  const roots: Buffer[] = [randomBytes(32)];
  let oldest = 1;
  const keyOf = (version: number, context: Buffer): Buffer =>
    Buffer.from(hkdfSync('sha256', roots[version - 1]!, '', context, 32));

  const encrypt = (plain: Buffer, context: Buffer): string => {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', keyOf(roots.length, context), iv);
    const bytes = Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return `vault:v${roots.length}:${bytes.toString('base64')}`;
  };
  const decrypt = (ciphertext: string, context: Buffer): Buffer => {
    const [, number, text] = /^vault:v(\d+):(.+)$/.exec(ciphertext) ?? [];
    const version = Number(number);
    if (!(version >= oldest && version <= roots.length))
      throw new Error('ciphertext or signature version is disallowed by policy (too old)');
    const bytes = Buffer.from(text!, 'base64');
    if (bytes.length < 28) throw new Error('invalid ciphertext: could not decode');
    const decipher = createDecipheriv('aes-256-gcm', keyOf(version, context), bytes.subarray(0, 12), {
      authTagLength: 16,
    });
    decipher.setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
  };

  const answer = async (request: IncomingMessage): Promise<[status: number, body?: unknown]> => {
    seen.push(`${request.method} ${request.url}`);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const fault = faults.shift();
    if (fault !== undefined) return [fault, { errors: ['internal error'] }];
    if (request.headers['x-vault-token'] !== 'hvs.token') return [403, { errors: ['permission denied'] }];
    const body =
      parts.length > 0 ? (JSON.parse(Buffer.concat(parts).toString()) as Record<string, string>) : {};
    const [, operation, name, more] =
      /^\/v1\/transit\/(keys|encrypt|decrypt|rewrap|datakey\/plaintext)\/([\w-]+)(\/rotate)?$/.exec(
        request.url!,
      ) ?? [];
    if (name !== 'root' && name !== 'flat') return [404, { errors: [] }];
    const context = Buffer.from(body['context'] ?? '', 'base64');
    try {
      switch (operation) {
        case 'keys': {
          if (more) roots.push(randomBytes(32));
          const keys = Object.fromEntries(roots.map((_, n) => [String(n + 1), 1_700_000_000 + n]));
          return [
            200,
            {
              data: {
                type: 'aes256-gcm96',
                derived: name === 'root',
                latest_version: roots.length,
                min_decryption_version: oldest,
                keys,
              },
            },
          ];
        }
        case 'encrypt':
          if (context.length === 0) return [400, { errors: ["missing 'context' for key derivation"] }];
          return [
            200,
            {
              data: {
                ciphertext: encrypt(Buffer.from(body['plaintext']!, 'base64'), context),
                key_version: roots.length,
              },
            },
          ];
        case 'decrypt':
          return [200, { data: { plaintext: decrypt(body['ciphertext']!, context).toString('base64') } }];
        case 'rewrap':
          return [
            200,
            {
              data: {
                ciphertext: encrypt(decrypt(body['ciphertext']!, context), context),
                key_version: roots.length,
              },
            },
          ];
        case 'datakey/plaintext': {
          const key = randomBytes(32);
          return [200, { data: { plaintext: key.toString('base64'), ciphertext: encrypt(key, context) } }];
        }
        default:
          return [404, { errors: [] }];
      }
    } catch (error) {
      return [400, { errors: [error instanceof Error ? error.message : 'failed'] }];
    }
  };

  const server = createServer((request, response) => {
    void answer(request).then(([status, body]) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body === undefined ? '' : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const dir = await mkdtemp(join(tmpdir(), 'merlon-bao-'));
  return {
    options: {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      mount: 'transit',
      key: 'root',
      token: new Secret('hvs.token'),
      seed: join(dir, 'seed.json'),
      firstWaitMs: 1,
    },
    seen,
    faults,
    retire: (version) => (oldest = version),
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await rm(dir, { recursive: true });
    },
  };
}

keyCustodyConformance('keys in OpenBao', async () => {
  const { options, close } = await bao();
  const reopen = () => openBaoKeys(options);
  return { custody: await reopen(), reopen, drop: close };
});

async function withBao(work: (at: Server) => Promise<void>): Promise<void> {
  const at = await bao();
  try {
    await work(at);
  } finally {
    await at.close();
  }
}

test('takes data keys from the server, and rewraps them there after a rotation', () =>
  withBao(async ({ options, seen, retire }) => {
    const custody = await openBaoKeys(options);
    const { key, keyId, wrapped } = await custody.generate('c');
    expect(key.reveal()).toHaveLength(32);
    const derived = (await custody.derive('p')).reveal();
    const id = await custody.rotate();
    expect((await custody.unwrap(keyId, wrapped, 'c')).reveal()).toEqual(key.reveal());
    const again = await custody.rewrap(keyId, wrapped, 'c');
    expect(again.keyId).toBe(id);
    await expect(custody.rewrap(keyId, wrapped, 'd')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect((await custody.versions()).map((one) => one.id)).toEqual([keyId, id]);
    retire(2);
    await expect(custody.unwrap(keyId, wrapped, 'c')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect((await custody.unwrap(again.keyId, again.wrapped, 'c')).reveal()).toEqual(key.reveal());
    expect((await custody.versions()).map((one) => one.id)).toEqual([id]);
    // What is derived needs no older version either, also for a process that starts now.
    expect((await (await openBaoKeys(options)).derive('p')).reveal()).toEqual(derived);
    expect(seen).toContain('POST /v1/transit/datakey/plaintext/root');
    expect(seen).toContain('POST /v1/transit/rewrap/root');
  }));

test('tries again while the server is sealed or busy, and then says so', () =>
  withBao(async ({ options, seen, faults }) => {
    const custody = await openBaoKeys(options);
    const { keyId, wrapped } = await custody.generate('c');
    faults.push(503, 429, 500);
    await custody.unwrap(keyId, wrapped, 'c');
    const before = seen.length;
    faults.push(503, 503, 503, 503);
    await expect(custody.unwrap(keyId, wrapped, 'c')).rejects.toMatchObject({ code: 'CUSTODY_UNREACHABLE' });
    expect(seen.length - before).toBe(4);
  }));

test('refuses keys that bind no context, unknown keys, tokens without rights, and odd names', () =>
  withBao(async ({ options, seen }) => {
    const opening = (change: Partial<BaoKeysOptions>) => openBaoKeys({ ...options, ...change });
    await expect(opening({ key: 'flat' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(opening({ key: 'none' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(opening({ token: new Secret('other') })).rejects.toMatchObject({
      code: 'CUSTODY_UNREACHABLE',
    });
    await expect(opening({ key: '../sys' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(opening({ url: 'http://bao.test:8200' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    const custody = await opening({});
    const before = seen.length;
    await expect(custody.unwrap('openbao/transit/root/v1:../x', Buffer.alloc(60), 'c')).rejects.toMatchObject(
      {
        code: 'NOT_FOUND',
      },
    );
    expect(seen).toHaveLength(before);
  }));
