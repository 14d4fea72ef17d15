import { isIP } from 'node:net';
import { Pool, type Dispatcher } from 'undici';
import { Problem } from '../kernel/problem.ts';
import type { Secret } from '../kernel/secret.ts';

/** A server that speaks OpenAI's protocol. */
export interface Upstream {
  /** Such as `https://api.openai.com/v1`; without a path, `/v1` is meant. */
  baseUrl: string;
  /** Injected into each request and never shown. */
  key?: Secret;
  /** How the key is sent: `openai` as bearer, `azure` as `api-key`. */
  kind?: 'openai' | 'azure';
}

/** Milliseconds. */
export interface UpstreamTimeouts {
  connect: number;
  /** From the request until the head of the answer. */
  headers: number;
  /** Longest silence within an answer. */
  idle: number;
}

/** Where an answer goes. Exactly one of `onEnd` and `onError` is called, and last. */
export interface AnswerSink {
  onHead(status: number, headers: Record<string, string | string[] | undefined>, flow: FlowControl): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
  onError(error: Problem): void;
}

export interface FlowControl {
  pause(): void;
  resume(): void;
}

export interface UpstreamRequest {
  method: 'GET' | 'POST';
  /** Under the base URL, such as `/chat/completions`. */
  path: string;
  headers: Record<string, string>;
  body?: Buffer | string;
}

export interface Upstreams {
  /** Sends a request; the answer goes to `sink`. Returns what aborts it. */
  send(name: string, request: UpstreamRequest, sink: AnswerSink): { abort(): void };
  has(name: string): boolean;
  /** The key as it must never be seen in an answer. */
  keyOf(name: string): string | undefined;
  close(): Promise<void>;
}

/** Further tries before the first byte of an answer; the wait doubles, with full jitter. */
const retries = 2;
const firstWaitMs = 60;

/** Failures that happen before an upstream has said a word: the request may be sent again. */
const beforeFirstByte = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
]);

/**
 * One pool of connections per upstream. A connection carries one request at a time and their number is not bounded here
 * (a stream pins its connection, and a bounded pool would make later ones wait for seconds): the gateway bounds requests.
 * @throws Problem CONFIG_INVALID for a base URL that is no URL, or plain HTTP to another machine
 */
export function connectUpstreams(
  upstreams: Readonly<Record<string, Upstream>>,
  timeouts: UpstreamTimeouts,
): Upstreams {
  const targets = new Map(Object.entries(upstreams).map(([name, one]) => [name, open(name, one, timeouts)]));
  return {
    has: (name) => targets.has(name),
    keyOf: (name) => upstreams[name]?.key?.reveal(),
    send(name, request, sink) {
      const target = targets.get(name);
      if (!target)
        throw new Problem('UPSTREAM_UNREACHABLE', {
          detail: `there is no upstream \`${name}\``,
          fix: `Name it under \`upstreams\` in merlon.yaml.`,
        });
      return sendTo(target, request, sink);
    },
    async close() {
      await Promise.all([...targets.values()].map(({ pool }) => pool.destroy()));
    },
  };
}

interface Target {
  pool: Pool;
  path: string;
  headers: Record<string, string>;
}

function open(name: string, { baseUrl, key, kind }: Upstream, timeouts: UpstreamTimeouts): Target {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  const refuse = (detail: string): never => {
    throw new Problem('CONFIG_INVALID', {
      detail: `upstream \`${name}\`: ${detail}`,
      fix: 'Write a base URL such as `https://api.openai.com/v1`; plain HTTP is for this machine only.',
    });
  };
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    return refuse(`\`${baseUrl}\` is not an HTTP URL`);
  if (url.username || url.password) return refuse('a base URL holds no credentials');
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return refuse('prompts may not cross a network without TLS');
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (key && kind === 'azure') headers['api-key'] = key.reveal();
  else if (key) headers['authorization'] = `Bearer ${key.reveal()}`;
  return {
    pool: new Pool(url.origin, {
      connections: null,
      pipelining: 1,
      headersTimeout: timeouts.headers,
      bodyTimeout: timeouts.idle,
      connect: { timeout: timeouts.connect },
    }),
    path: url.pathname === '/' ? '/v1' : url.pathname.replace(/\/$/, ''),
    headers,
  };
}

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost') || host === '[::1]') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

function sendTo(target: Target, request: UpstreamRequest, sink: AnswerSink): { abort(): void } {
  let controller: Dispatcher.DispatchController | undefined;
  let timer: NodeJS.Timeout | undefined;
  let aborted = false;
  let started = false;
  const attempt = (number: number): void => {
    target.pool.dispatch(
      {
        method: request.method,
        path: target.path + request.path,
        headers: { ...request.headers, ...target.headers },
        body: request.body ?? null,
      },
      {
        onRequestStart(given) {
          controller = given;
          if (aborted) given.abort(new Error('aborted'));
        },
        onResponseStart(given, status, headers) {
          // 1xx answers come before the real one.
          if (status < 200 || aborted) return;
          started = true;
          sink.onHead(status, headers, given);
        },
        onResponseData(_given, chunk) {
          if (!aborted) sink.onData(chunk);
        },
        onResponseEnd() {
          if (!aborted) sink.onEnd();
        },
        onResponseError(_given, error) {
          if (aborted) return;
          const code = (error as NodeJS.ErrnoException).code ?? '';
          if (!started && number < retries && beforeFirstByte.has(code)) {
            timer = setTimeout(() => attempt(number + 1), Math.random() * firstWaitMs * 2 ** number);
            return;
          }
          sink.onError(problemOf(code, error));
        },
      },
    );
  };
  attempt(0);
  return {
    abort() {
      aborted = true;
      clearTimeout(timer);
      controller?.abort(new Error('the client went away'));
    },
  };
}

function problemOf(code: string, cause: Error): Problem {
  const late = code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT';
  return late || code === 'UND_ERR_CONNECT_TIMEOUT'
    ? new Problem('UPSTREAM_TIMEOUT', { detail: 'the upstream did not answer in time', cause })
    : new Problem('UPSTREAM_UNREACHABLE', { detail: 'the connection to the upstream failed', cause });
}
