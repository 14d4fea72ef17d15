import { request } from 'undici';
import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';
import type { Secret } from '../../kernel/secret.ts';
import type { ScoreRequest, Target } from './target.ts';

export interface EndpointOptions {
  /** Base address, with or without `/v1`. */
  url: string;
  model: string;
  /** Ask for log-probabilities of the prompt. */
  logprobs: boolean;
  key?: Secret;
}

const promptsPerRequest = 16;
const timeoutMs = 120_000;
const answerLimit = 64 * 1024 * 1024;

const Completion = z.looseObject({
  choices: z.array(
    z.looseObject({
      index: z.int().optional(),
      text: z.string().optional(),
      message: z.looseObject({ content: z.string().nullish() }).optional(),
      logprobs: z
        .looseObject({ token_logprobs: z.array(z.number().nullable()), text_offset: z.array(z.number()) })
        .nullish(),
    }),
  ),
});

/**
 * An OpenAI-compatible endpoint as a target. Scores come from `/v1/completions` with `echo` and `logprobs`; endpoints that
 * only chat tell no probabilities of the prompt, and then only extraction is possible.
 */
export function endpointTarget({ url, model, logprobs, key }: EndpointOptions): Target {
  const base = `${url.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1`;

  async function post(path: string, body: Record<string, unknown>) {
    let status: number;
    let text: string;
    try {
      const response = await request(`${base}${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(key ? { authorization: `Bearer ${key.reveal()}` } : {}),
        },
        body: JSON.stringify({ model, ...body }),
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      status = response.statusCode;
      text = await boundedText(response.body);
    } catch (cause) {
      if (cause instanceof Problem) throw cause;
      throw new Problem('UPSTREAM_UNREACHABLE', {
        detail: `\`${base}\` cannot be reached`,
        fix: 'Check the address and that the endpoint is running.',
        cause,
      });
    }
    if (status === 404 || status === 405) return undefined;
    if (status >= 300)
      throw new Problem('UPSTREAM_UNREACHABLE', {
        detail: `the endpoint answered ${status} to \`${path}\``,
        fix: status === 401 ? 'Give the API key with --key-env.' : 'Look into the log of the endpoint.',
        facts: { status },
      });
    return answerOf(text);
  }

  return {
    name: `${model} at ${base}`,
    async score(requests) {
      if (!logprobs) return undefined;
      const scores: Float64Array[] = [];
      for (let from = 0; from < requests.length; from += promptsPerRequest) {
        const some = requests.slice(from, from + promptsPerRequest);
        // One token is written because some servers refuse to write none; it is left out below.
        const answer = await post('/completions', {
          prompt: some.map(({ text }) => text),
          max_tokens: 1,
          temperature: 0,
          echo: true,
          logprobs: 1,
        });
        if (!answer) return undefined;
        const found = scoresOf(answer, some);
        if (!found) return undefined;
        scores.push(...found);
      }
      return scores;
    },
    async complete(prompt, length) {
      const tokens = Math.max(1, length);
      const completed = await post('/completions', { prompt, max_tokens: tokens, temperature: 0 });
      if (completed) return completed.choices[0]?.text ?? '';
      const chatted = await post('/chat/completions', {
        messages: [{ role: 'user', content: `Continue this text word for word: ${prompt}` }],
        max_tokens: tokens,
        temperature: 0,
      });
      return chatted?.choices[0]?.message?.content ?? '';
    },
  };
}

/** Undefined when a choice carries no log-probabilities. */
function scoresOf(
  { choices }: z.infer<typeof Completion>,
  requests: readonly ScoreRequest[],
): Float64Array[] | undefined {
  const scores: Float64Array[] = [];
  for (const [place, { text, from }] of requests.entries()) {
    const choice = choices.find(({ index }) => index === place) ?? choices[place];
    if (!choice?.logprobs) return undefined;
    const { token_logprobs: values, text_offset: offsets } = choice.logprobs;
    scores.push(
      Float64Array.from(
        // The first token has no probability, and what starts after the prompt was written by the model.
        values.filter((value, index) => {
          const offset = offsets[index] ?? Infinity;
          return value !== null && offset >= from && offset < text.length;
        }) as number[],
      ),
    );
  }
  return scores;
}

function answerOf(text: string): z.infer<typeof Completion> {
  try {
    return Completion.parse(JSON.parse(text));
  } catch (cause) {
    throw new Problem('UPSTREAM_UNREACHABLE', {
      detail: 'the endpoint does not answer in the form of the OpenAI API',
      fix: 'Give the address of an OpenAI-compatible API.',
      cause,
    });
  }
}

async function boundedText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > answerLimit)
      throw new Problem('TOO_LARGE', { detail: 'the endpoint answered with more than 64 MiB' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
