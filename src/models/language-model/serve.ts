import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { generate } from './generate.ts';
import type { ByteModel } from './model.ts';

export interface ModelServer {
  /** Base address; the API lies under `/v1`. */
  url: string;
  close(): Promise<void>;
}

const bodyLimit = 8 * 1024 * 1024;

const Common = {
  model: z.string().optional(),
  max_tokens: z.int().min(0).max(4096).default(64),
  temperature: z.number().min(0).max(2).default(1),
  seed: z.int().default(1),
};

const CompletionRequest = z.looseObject({
  ...Common,
  prompt: z.union([z.string(), z.array(z.string()).min(1).max(64)]),
  echo: z.boolean().default(false),
  logprobs: z.int().min(0).max(5).nullish(),
});

const ChatRequest = z.looseObject({
  ...Common,
  messages: z.array(z.looseObject({ role: z.string(), content: z.string() })).min(1),
});

/**
 * Serves a model as an OpenAI-compatible endpoint: `/v1/models`, `/v1/completions` (with `echo` and `logprobs`) and
 * `/v1/chat/completions` without streaming. A token is a byte. For the loopback interface: it asks for no key.
 */
export async function serveModel(
  model: ByteModel,
  { port, host = '127.0.0.1', name = 'byte-lm' }: { port: number; host?: string; name?: string },
): Promise<ModelServer> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0];
    if (path === '/v1/models')
      return json(response, 200, { object: 'list', data: [{ id: name, object: 'model' }] });
    if (path !== '/v1/completions' && path !== '/v1/chat/completions')
      return refuse(response, 404, `there is no \`${path}\` here`);
    const body = await read(request);
    if (body === undefined) return refuse(response, 413, 'the body is larger than 8 MiB');
    return path === '/v1/completions' ? complete(response, body) : chat(response, body);
  }

  function complete(response: ServerResponse, body: unknown): void {
    const asked = CompletionRequest.safeParse(body);
    if (!asked.success) return refuse(response, 400, z.prettifyError(asked.error));
    const { prompt, echo, logprobs, max_tokens: length, temperature, seed } = asked.data;
    const prompts = typeof prompt === 'string' ? [prompt] : prompt;
    json(response, 200, {
      object: 'text_completion',
      model: name,
      choices: prompts.map((text, index) => {
        const given = Buffer.from(text);
        const written = generate(model, given, { length, seed, temperature });
        const whole = Buffer.concat([given, written]);
        const from = echo ? 0 : given.length;
        return {
          index,
          text: whole.subarray(from).toString('utf8'),
          logprobs: typeof logprobs === 'number' ? logprobsOf(whole, from) : null,
          finish_reason: 'length',
        };
      }),
    });
  }

  /** The first byte of a prompt has no probability by convention, though this model could give one. */
  function logprobsOf(bytes: Buffer, from: number) {
    const values = [...model.logProbabilities(bytes, from)];
    const offsets: number[] = [];
    let offset = 0;
    for (const [index, byte] of bytes.entries()) {
      // A continuation byte stands where its character starts; four bytes are two UTF-16 units.
      const starts = (byte & 0xc0) !== 0x80;
      if (index >= from) offsets.push(starts ? offset : Math.max(0, offset - 1));
      if (starts) offset += byte >= 0xf0 ? 2 : 1;
    }
    return {
      tokens: Array.from(bytes.subarray(from), (byte) =>
        byte < 0x80 ? String.fromCharCode(byte) : `bytes:\\x${byte.toString(16)}`,
      ),
      token_logprobs: values.map((value, index) => (from + index === 0 ? null : value)),
      text_offset: offsets,
    };
  }

  function chat(response: ServerResponse, body: unknown): void {
    const asked = ChatRequest.safeParse(body);
    if (!asked.success) return refuse(response, 400, z.prettifyError(asked.error));
    const { messages, max_tokens: length, temperature, seed } = asked.data;
    const given = Buffer.from(messages.at(-1)!.content);
    const written = generate(model, given, { length, seed, temperature, stop: 10 });
    json(response, 200, {
      object: 'chat.completion',
      model: name,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: Buffer.from(written).toString('utf8') },
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: given.length,
        completion_tokens: written.length,
        total_tokens: given.length + written.length,
      },
    });
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function read(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimit) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) ?? {};
  } catch {
    return {};
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number, message: string): void {
  json(response, status, { error: { message, type: 'invalid_request_error' } });
}
