import { Problem } from '../../kernel/problem.ts';
import type { Secret } from '../../kernel/secret.ts';
import type { CanaryAnswer } from './canary.ts';

export interface Endpoint {
  /** Base URL, such as `https://host/v1`. */
  url: string;
  model: string;
  key?: Secret;
  maxTokens?: number;
  timeoutMs?: number;
}

const answerBytes = 1 << 20;

/**
 * Asks an OpenAI-compatible chat endpoint at temperature 0.
 * @throws Problem UPSTREAM_UNREACHABLE, UPSTREAM_TIMEOUT
 */
export async function askEndpoint(
  endpoint: Endpoint,
  prompt: string,
): Promise<CanaryAnswer & { status: number; filtered: boolean }> {
  const { url, model, key, maxTokens = 200, timeoutMs = 60_000 } = endpoint;
  const at = `${url.replace(/\/+$/, '')}/chat/completions`;
  let status: number;
  let text: string;
  try {
    const answer = await fetch(at, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key.reveal()}` }),
      },
      body: JSON.stringify({
        model,
        messages: [{ role: 'user', content: prompt }],
        temperature: 0,
        max_tokens: maxTokens,
      }),
      // A redirect would carry the prompt, and on the same host the key, to where nobody said it may go.
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    status = answer.status;
    text = await limited(answer);
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    const late = cause instanceof Error && cause.name === 'TimeoutError';
    throw new Problem(late ? 'UPSTREAM_TIMEOUT' : 'UPSTREAM_UNREACHABLE', {
      detail: `\`${at}\` does not answer`,
      fix: 'Check the URL; it ends where `/chat/completions` begins.',
      cause,
    });
  }
  const body = parsed(text);
  if (status >= 500 || status === 401 || status === 404 || status === 429 || body === undefined)
    throw new Problem('UPSTREAM_UNREACHABLE', {
      detail: `\`${at}\` answered ${status}`,
      fix:
        status === 401
          ? 'Name the variable that holds the key with `--key-env`.'
          : 'Check the URL and the model.',
    });
  const choices = list(body['choices']);
  const said = record(record(choices[0])['message'])['content'];
  const filtered = status >= 400 || record(choices[0])['finish_reason'] === 'content_filter';
  const promptTokens = record(body['usage'])['prompt_tokens'];
  const fingerprint = body['system_fingerprint'];
  const named = body['model'];
  return {
    status,
    filtered,
    text: typeof said === 'string' ? said : '',
    ...(typeof promptTokens === 'number' ? { promptTokens } : {}),
    ...(typeof named === 'string' ? { model: named } : {}),
    ...(typeof fingerprint === 'string' ? { systemFingerprint: fingerprint } : {}),
  };
}

async function limited(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > answerBytes)
      throw new Problem('TOO_LARGE', {
        detail: `the answer of the endpoint is larger than ${answerBytes} bytes`,
      });
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
