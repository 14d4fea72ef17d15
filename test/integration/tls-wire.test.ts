import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findControlPlane } from '../../src/app/control-plane.ts';
import { start, type System } from '../../src/app/start.ts';
import { selfSigned } from './certificate.ts';

// Looks at the wire, not at the configuration: what a machine between client and Merlon sees.

let dir: string;
let system: System;
const { cert, key } = selfSigned();

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'merlon-tls-'));
  await writeFile(join(dir, 'cert.pem'), cert);
  await writeFile(join(dir, 'key.pem'), key, { mode: 0o600 });
  await writeFile(
    join(dir, 'merlon.yaml'),
    'dataPlane: {port: 0}\ncontrolPlane: {port: 0}\nlog: silent\ntls: {certFile: cert.pem, keyFile: key.pem}\n',
  );
  await copyFile(
    join(import.meta.dirname, '../../examples/support-copilot/threat-model.yaml'),
    join(dir, 'threat-model.yaml'),
  );
  system = await start({ model: 'threat-model.yaml', env: {}, cwd: dir });
}, 60_000);

afterAll(async () => {
  await system.close();
  await rm(dir, { recursive: true });
});

const planes = ['data plane', 'control plane'] as const;
const portOf = (plane: (typeof planes)[number]): number =>
  Number(new URL(plane === 'data plane' ? system.dataPlane : system.url).port);

/** A machine in between: passes everything on and keeps what it saw, per direction. */
async function sniffer(
  port: number,
): Promise<{ port: number; up: Buffer[]; down: Buffer[]; server: Server }> {
  const [up, down]: [Buffer[], Buffer[]] = [[], []];
  const server = createServer((client) => {
    const target = connect(port, '127.0.0.1');
    client.on('data', (bytes: Buffer) => up.push(bytes)).pipe(target);
    target.on('data', (bytes: Buffer) => down.push(bytes)).pipe(client);
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      one.on('error', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, up, down, server };
}

async function call(
  port: number,
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string>; body?: string },
): Promise<{ status: number; protocol: string | null; text: string }> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { port, host: '127.0.0.1', path, method, headers, ca: cert, agent: false },
      (answer) => {
        const { socket } = answer;
        const protocol =
          'getProtocol' in socket ? (socket as ReturnType<typeof tlsConnect>).getProtocol() : null;
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('end', () =>
          resolve({ status: answer.statusCode!, protocol, text: Buffer.concat(parts).toString() }),
        );
      },
    );
    asking.on('error', reject);
    asking.end(body);
  });
}

/** The version that the server chose, from the bytes of its hello (RFC 8446 §4.1.3 and §4.2.1). */
function chosenVersion(bytes: Buffer): number {
  expect([bytes[0], bytes[5]]).toEqual([22, 2]);
  let at = 9 + 2 + 32;
  at += 1 + bytes[at]!;
  at += 3;
  const end = at + 2 + bytes.readUInt16BE(at);
  for (at += 2; at < end; at += 4 + bytes.readUInt16BE(at + 2)) {
    if (bytes.readUInt16BE(at) === 43) return bytes.readUInt16BE(at + 4);
  }
  return bytes.readUInt16BE(9);
}

describe.each(planes)('the wire of the %s', (plane) => {
  test('carries TLS 1.3, as the bytes of the handshake say', async () => {
    const between = await sniffer(portOf(plane));
    const { status, protocol } = await call(between.port, '/healthz', {});
    expect([status, protocol]).toEqual([200, 'TLSv1.3']);
    expect(chosenVersion(Buffer.concat(between.down))).toBe(0x0304);
    between.server.close();
  });

  test.each(['TLSv1.2', 'TLSv1.1', 'TLSv1'] as const)(
    'refuses a client that speaks %s at most',
    async (maxVersion) => {
      const outcome = await new Promise<string>((resolve) => {
        const socket = tlsConnect({
          port: portOf(plane),
          host: '127.0.0.1',
          ca: cert,
          minVersion: 'TLSv1',
          maxVersion,
          ciphers: 'DEFAULT@SECLEVEL=0',
        });
        socket.on('secureConnect', () => resolve(`connected with ${socket.getProtocol()}`));
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      });
      expect(outcome).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    },
  );

  test('gives nothing to a client without TLS', async () => {
    const asked = new Promise((resolve, reject) => {
      plainRequest({ port: portOf(plane), host: '127.0.0.1', path: '/healthz', agent: false }, resolve)
        .on('error', reject)
        .end();
    });
    await expect(asked).rejects.toThrow();
  });
});

test('shows a machine in between neither prompt nor key nor answer', async () => {
  const control = findControlPlane(join(dir, '.merlon'))!;
  expect(control.url).toMatch(/^https:/);
  const { key: clientKey } = await control.post<{ key: string }>('/keys', {
    client: system.client,
  });
  const port = portOf('data plane');
  const authorization = `Bearer ${clientKey}`;
  const models = await call(port, '/v1/models', { headers: { authorization } });
  const model = (JSON.parse(models.text) as { data: { id: string }[] }).data[0]!.id;
  const between = await sniffer(port);
  const secret = 'the sentence that nobody on the way may read';
  const { status, text } = await call(between.port, '/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: secret }] }),
  });
  expect(status).toBe(200);
  const answer = (JSON.parse(text) as { id: string }).id;
  const [up, down] = [Buffer.concat(between.up), Buffer.concat(between.down)];
  expect(up.length).toBeGreaterThan(secret.length);
  for (const word of [
    secret,
    clientKey,
    'authorization',
    '/v1/chat/completions',
    'messages',
    answer,
    'choices',
    'HTTP/1.1',
  ]) {
    for (const direction of [up, down]) expect(direction.includes(word), word).toBe(false);
  }
  between.server.close();
});

test('lets its own command line trust that certificate and no other', async () => {
  const control = findControlPlane(join(dir, '.merlon'))!;
  expect(await control.get('/vault/keys')).toMatchObject({ versions: [{ current: true }] });
  await writeFile(join(dir, 'cert.pem'), selfSigned().cert);
  await expect(findControlPlane(join(dir, '.merlon'))!.get('/vault/keys')).rejects.toMatchObject({
    code: 'CONTROL_PLANE_UNREACHABLE',
  });
  await writeFile(join(dir, 'cert.pem'), cert);
});
