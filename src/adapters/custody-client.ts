import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { Problem } from '../kernel/problem.ts';

/** An answer of a custodian: its status, and its body when that was JSON. */
export interface CustodyAnswer {
  status: number;
  body: unknown;
}

interface Call {
  method: 'GET' | 'POST';
  url: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface ClientOptions {
  /** The custodian, in messages. */
  name: string;
  /** Tries in all; what may pass by itself is tried again. */
  tries?: number;
  /** Milliseconds for one try. */
  timeoutMs?: number;
  /** First wait; it doubles, with full jitter. Tests make it short. */
  firstWaitMs?: number;
}

const maxAnswer = 256 * 1024;
const passing = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Calls a custodian over TLS. Plain HTTP is for loopback only: what is sent are keys.
 * @throws Problem CUSTODY_UNREACHABLE when no answer comes in all tries
 */
export function custodyClient({
  name,
  tries = 4,
  timeoutMs = 10_000,
  firstWaitMs = 200,
}: ClientOptions): (call: Call) => Promise<CustodyAnswer> {
  return async ({ method, url, headers = {}, body }) => {
    requireTls(url, name);
    let problem: Problem | undefined;
    for (let attempt = 0; attempt < tries; attempt += 1) {
      let after: number | undefined;
      try {
        const answer = await request(url, {
          method,
          headers: { accept: 'application/json', ...headers },
          ...(body === undefined ? {} : { body }),
          signal: AbortSignal.timeout(timeoutMs),
        });
        const parsed = await read(answer.body);
        if (!passing.has(answer.statusCode)) return { status: answer.statusCode, body: parsed };
        problem = unreachable(name, `it answered ${answer.statusCode}`);
        const wait = Number(answer.headers['retry-after']);
        if (Number.isFinite(wait)) after = Math.min(wait, 10) * 1000;
      } catch (cause) {
        const { code, name: kind } = cause as NodeJS.ErrnoException;
        problem = unreachable(
          name,
          kind === 'TimeoutError' ? 'it does not answer in time' : (code ?? kind),
          cause,
        );
      }
      if (attempt + 1 < tries) await sleep(after ?? Math.random() * firstWaitMs * 2 ** attempt);
    }
    throw problem ?? unreachable(name, 'it was never asked');
  };
}

/** The Problem for a custodian that cannot be used; `why` never holds what it said, which may be anything. */
export function unreachable(name: string, why: string, cause?: unknown, fix?: string): Problem {
  return new Problem('CUSTODY_UNREACHABLE', {
    detail: `${name} cannot be used: ${why}`,
    fix: fix ?? 'Check its address, the network and its state; nothing was changed.',
    cause,
  });
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<unknown> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > maxAnswer) throw new Error('the answer is too large');
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function requireTls(url: string, name: string): void {
  const { protocol, hostname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const loopback = host === 'localhost' || (isIP(host) !== 0 && (host === '::1' || host.startsWith('127.')));
  if (protocol === 'https:' || (protocol === 'http:' && loopback)) return;
  throw new Problem('CONFIG_INVALID', {
    detail: `${name} is to be reached over plain HTTP, which would show keys to everyone on the way`,
    fix: 'Write an `https://` address.',
  });
}
