import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { request } from 'undici';
import type { Upstream } from '../gateway/upstream.ts';

/** Most bodies that are kept; a run of probes sends fewer. */
const kept = 20_000;

/** Stands before live upstreams and keeps the bodies that reach them, so that probes can look at effects there too. */
export async function startRecorder(live: Readonly<Record<string, Upstream>>): Promise<{
  upstreams: Record<string, Upstream>;
  seen(): string[];
  close(): Promise<void>;
}> {
  const bodies: string[] = [];
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const [, name = '', ...path] = (incoming.url ?? '').split('/');
      const upstream = live[decodeURIComponent(name)];
      if (!upstream) {
        outgoing.writeHead(404).end();
        return;
      }
      const body = await read(incoming);
      bodies.push(body.toString());
      if (bodies.length > kept) bodies.shift();
      const answer = await request(`${upstream.baseUrl.replace(/\/$/, '')}/${path.join('/')}`, {
        method: incoming.method === 'GET' ? 'GET' : 'POST',
        headers: {
          'content-type': 'application/json',
          accept: incoming.headers.accept ?? '*/*',
          ...(upstream.key ? { authorization: `Bearer ${upstream.key.reveal()}` } : {}),
        },
        ...(body.length > 0 ? { body } : {}),
      });
      outgoing.writeHead(answer.statusCode, {
        'content-type': answer.headers['content-type'] ?? 'application/json',
      });
      await pipeline(answer.body, outgoing);
    })().catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    upstreams: Object.fromEntries(
      Object.keys(live).map((name) => [
        name,
        { baseUrl: `http://127.0.0.1:${port}/${encodeURIComponent(name)}` },
      ]),
    ),
    seen: () => [...bodies],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function read(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
