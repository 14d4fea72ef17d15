import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Agent, fetch, type Response } from 'undici';
import { Problem } from '../kernel/problem.ts';
import type { ProblemCode } from '../kernel/problems.ts';

/** What a running control plane leaves in the state folder, for the command line. */
export interface Running {
  url: string;
  dataPlane: string;
  pid: number;
  /** PEM file of the certificate, when it speaks TLS. */
  certificate?: string;
}

/** How commands talk to the running control plane, with the token of its state folder. */
export interface ControlPlane extends Running {
  get<T>(path: string): Promise<T>;
  /** The body as it came, for answers that are not JSON. */
  getText(path: string): Promise<string>;
  post<T>(path: string, body: unknown): Promise<T>;
  put<T>(path: string, body: unknown): Promise<T>;
  delete(path: string): Promise<void>;
  /** Values of a server-sent event stream that a POST starts. */
  stream<T>(path: string, body: unknown, signal?: AbortSignal): AsyncIterable<T>;
}

/** The `.merlon` folder of MERLON_STATE, or of the working folder or the nearest parent that has one; else the working folder's. */
export function findState(cwd: string, env: Record<string, string | undefined>): string {
  if (env['MERLON_STATE']) return resolve(cwd, env['MERLON_STATE']);
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.merlon', 'control.json'))) return join(folder, '.merlon');
    if (dirname(folder) === folder) return join(resolve(cwd), '.merlon');
  }
}

/** The control plane that runs on a state folder, or undefined when none does. */
export function findControlPlane(state: string): ControlPlane | undefined {
  const about = join(state, 'control.json');
  const token = join(state, 'control.token');
  if (!existsSync(about) || !existsSync(token)) return undefined;
  const running = JSON.parse(readFileSync(about, 'utf8')) as Running;
  if (!alive(running.pid)) return undefined;
  return connect(running, readFileSync(token, 'utf8').trim());
}

/** @throws Problem CONTROL_PLANE_UNREACHABLE when none runs */
export function requireControlPlane(state: string): ControlPlane {
  const found = findControlPlane(state);
  if (found) return found;
  throw new Problem('CONTROL_PLANE_UNREACHABLE', {
    detail: `no running Merlon was found by \`${state}\``,
    fix: 'Start it with `merlon up` (or `npm start`), or run this in the folder of its threat model.',
  });
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Trusts the certificate that the running process said it uses, and no other: it need not come from any authority. */
function pinned(certificate: string): Agent {
  const connect = {
    ca: readFileSync(certificate),
    allowPartialTrustChain: true,
    minVersion: 'TLSv1.3' as const,
    checkServerIdentity: () => undefined,
  };
  return new Agent({ connect });
}

function connect(running: Running, token: string): ControlPlane {
  const dispatcher = running.certificate === undefined ? undefined : pinned(running.certificate);
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<Response> => {
    let answer: Response;
    try {
      answer = await fetch(running.url + (path.startsWith('//') ? path.slice(1) : `/api${path}`), {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
        ...(dispatcher ? { dispatcher } : {}),
      });
    } catch (cause) {
      throw new Problem('CONTROL_PLANE_UNREACHABLE', {
        detail: `\`${running.url}\` does not answer`,
        fix: 'Start it again with `merlon up`.',
        cause,
      });
    }
    if (!answer.ok) throw await problemOf(answer);
    return answer;
  };
  const send = async <T>(method: string, path: string, body: unknown): Promise<T> => {
    const text = await (await call(method, path, body)).text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  return {
    ...running,
    get: async <T>(path: string) => (await (await call('GET', path)).json()) as T,
    getText: async (path) => (await call('GET', path)).text(),
    post: <T>(path: string, body: unknown) => send<T>('POST', path, body),
    put: <T>(path: string, body: unknown) => send<T>('PUT', path, body),
    delete: async (path) => void (await call('DELETE', path)),
    async *stream<T>(path: string, body: unknown, signal?: AbortSignal) {
      const answer = await call('POST', path, body, signal);
      let rest = '';
      const decoder = new TextDecoder();
      for await (const chunk of answer.body!) {
        rest += decoder.decode(chunk as Uint8Array, { stream: true });
        const blocks = rest.split('\n\n');
        rest = blocks.pop()!;
        for (const block of blocks) {
          const data = /^data: (.*)$/m.exec(block)?.[1];
          if (data === undefined) continue;
          if (/^event: error$/m.test(block)) throw toProblem(JSON.parse(data) as Details);
          yield JSON.parse(data) as T;
        }
      }
    },
  };
}

interface Details {
  code?: ProblemCode;
  detail?: string;
  fix?: string;
}

async function problemOf(answer: Response): Promise<Problem> {
  const text = await answer.text();
  try {
    return toProblem(JSON.parse(text) as Details);
  } catch {
    return new Problem('CONTROL_PLANE_UNREACHABLE', {
      detail: `the control plane answered ${answer.status}`,
    });
  }
}

function toProblem({ code = 'INTERNAL', detail = 'the control plane refused', fix }: Details): Problem {
  return new Problem(code, { detail, ...(fix === undefined ? {} : { fix }) });
}
