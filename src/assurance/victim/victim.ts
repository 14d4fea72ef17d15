import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Problem } from '../../kernel/problem.ts';
import { answer } from './answer.ts';
import { bufferedBody, complete, readRequest, streamBodies } from './completion.ts';

export interface Victim {
  /** Base address of the server, such as `http://127.0.0.1:4200`. The API lies under `/v1`. */
  url: string;
  /** Bodies of the completion requests that came in, in order, as text. The oldest are dropped past `remember`. */
  seen(): string[];
  close(): Promise<void>;
}

const bodyLimit = 16 * 1024 * 1024;

/**
 * Starts the reference victim: an OpenAI-compatible endpoint whose "model" obeys every instruction in its context. It is
 * a test target: it holds nothing, calls nobody, and must not be reachable from outside.
 * @throws Problem UPSTREAM_UNREACHABLE when the port is taken
 */
export async function startVictim({
  port,
  host = '127.0.0.1',
  remember = 20_000,
  now = () => Date.now(),
}: {
  port: number;
  host?: string;
  remember?: number;
  now?: () => number;
}): Promise<Victim> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else refuse(response, 500, 'server_error', error instanceof Error ? error.message : 'unknown');
    });
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0]!.replace(/\/+$/, '') || '/';
    if (path === '/healthz') return json(response, 200, { status: 'ok' });
    if (path === '/v1/models' || path === '/models') return json(response, 200, modelList);
    if (path.startsWith('/v1/models/')) {
      return json(response, 200, { ...modelList.data[0], id: decodeURIComponent(path.slice(11)) });
    }
    if (path !== '/v1/chat/completions' && path !== '/chat/completions') {
      return refuse(response, 404, 'not_found', `there is no \`${path}\` here`);
    }
    if (request.method !== 'POST') return refuse(response, 405, 'method_not_allowed', 'use POST');
    const body = await read(request);
    if (body === undefined) return refuse(response, 413, 'too_large', 'the body is larger than 16 MiB');
    if (remember > 0) {
      bodies.push(body);
      if (bodies.length > remember) bodies.shift();
    }
    const asked = readRequest(parse(body));
    if (!asked) return refuse(response, 400, 'invalid_request', 'expected a JSON object with `messages`');
    const completion = complete(asked, answer(asked), Math.floor(now() / 1000));
    if (!asked.stream) return json(response, 200, bufferedBody(asked, completion));
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
    });
    for (const data of streamBodies(asked, completion)) {
      if (response.destroyed) return;
      if (!response.write(`data: ${data}\n\n`)) await drained(response);
    }
    response.end();
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new Problem('UPSTREAM_UNREACHABLE', {
          detail: `the victim cannot listen on \`${host}:${port}\``,
          fix: 'Choose a free port with `--port`.',
          cause,
        }),
      ),
    );
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    seen: () => [...bodies],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const modelList = {
  object: 'list',
  data: [{ id: 'victim', object: 'model', created: 1_700_000_000, owned_by: 'merlon' }],
};

async function read(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

function json(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  json(response, status, { error: { message, type: 'invalid_request_error', param: null, code } });
}
