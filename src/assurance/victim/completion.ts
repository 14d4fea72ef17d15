import { createHash } from 'node:crypto';

/** A declared tool, as far as the victim reads it. */
export interface DeclaredTool {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

export interface Call {
  name: string;
  arguments: Record<string, unknown>;
}

export interface Message {
  role: 'system' | 'user' | 'assistant' | 'tool';
  text: string;
  calls: { id: string; name: string; arguments: string }[];
  answers?: string;
}

/** The parts of a chat completion request that have an effect here. */
export interface ChatRequest {
  model: string;
  messages: Message[];
  tools: DeclaredTool[];
  toolChoice: 'auto' | 'none' | 'required' | { name: string };
  stream: boolean;
  includeUsage: boolean;
  n: number;
  maxTokens: number;
  stop: string[];
  logprobs: boolean;
  topLogprobs: number;
  json: boolean;
}

/** What the victim says, before it is cut and wrapped. */
export interface Reply {
  text: string;
  calls: Call[];
}

const asRecord = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;

const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

const asText = (value: unknown): string => (typeof value === 'string' ? value : '');

const bounded = (value: unknown, low: number, high: number, otherwise: number): number =>
  typeof value === 'number' && Number.isFinite(value)
    ? Math.min(high, Math.max(low, Math.trunc(value)))
    : otherwise;

function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  return asList(content)
    .map((part) => asText(asRecord(part)?.['text']) || asText(asRecord(part)?.['refusal']))
    .filter((text) => text !== '')
    .join('\n');
}

const roles: Record<string, Message['role']> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
  function: 'tool',
};

function readMessage(value: unknown): Message | undefined {
  const message = asRecord(value);
  if (!message) return undefined;
  const calls = asList(message['tool_calls']).flatMap((one) => {
    const call = asRecord(one);
    const fn = asRecord(call?.['function']);
    return fn
      ? [{ id: asText(call?.['id']), name: asText(fn['name']), arguments: asText(fn['arguments']) }]
      : [];
  });
  return {
    role: roles[asText(message['role'])] ?? 'user',
    text: contentText(message['content']),
    calls,
    ...(typeof message['tool_call_id'] === 'string' ? { answers: message['tool_call_id'] } : {}),
  };
}

function readTool(value: unknown): DeclaredTool | undefined {
  const tool = asRecord(value);
  const fn = asRecord(tool?.['function']) ?? tool;
  const name = asText(fn?.['name']);
  if (!fn || name === '') return undefined;
  return { name, description: asText(fn['description']), parameters: asRecord(fn['parameters']) ?? {} };
}

function readToolChoice(value: unknown): ChatRequest['toolChoice'] {
  if (value === 'none' || value === 'required') return value;
  const name = asText(asRecord(asRecord(value)?.['function'])?.['name']);
  return name === '' ? 'auto' : { name };
}

/** Reads any JSON value; undefined when it has no list of messages. */
export function readRequest(body: unknown): ChatRequest | undefined {
  const request = asRecord(body);
  if (!request || !Array.isArray(request['messages']) || request['messages'].length === 0) return undefined;
  const format = asText(asRecord(request['response_format'])?.['type']);
  const stop = request['stop'];
  return {
    model: asText(request['model']) || 'victim',
    messages: request['messages'].flatMap((one) => readMessage(one) ?? []),
    tools: asList(request['tools']).flatMap((one) => readTool(one) ?? []),
    toolChoice: readToolChoice(request['tool_choice']),
    stream: request['stream'] === true,
    includeUsage: asRecord(request['stream_options'])?.['include_usage'] === true,
    n: bounded(request['n'], 1, 128, 1),
    maxTokens: bounded(request['max_completion_tokens'] ?? request['max_tokens'], 1, 65_536, 65_536),
    stop: (typeof stop === 'string' ? [stop] : asList(stop).map(asText))
      .filter((one) => one !== '')
      .slice(0, 4),
    logprobs: request['logprobs'] === true,
    topLogprobs: bounded(request['top_logprobs'], 0, 20, 0),
    json: format === 'json_object' || format === 'json_schema',
  };
}

/** Words with their leading space, the unit of `max_tokens`, usage and log probabilities. */
export function tokensOf(text: string): string[] {
  return text.match(/\s*[\p{L}\p{N}\p{M}]{1,12}|\s*[^\s\p{L}\p{N}\p{M}]|\s+/gu) ?? [];
}

interface Choice {
  index: number;
  text: string;
  calls: { id: string; name: string; arguments: string }[];
  finish: 'stop' | 'length' | 'tool_calls';
  tokens: string[];
}

interface Completion {
  id: string;
  created: number;
  model: string;
  choices: Choice[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
}

/** Applies the sampling parameters to a reply. The id is a digest of request and reply: same question, same answer. */
export function complete(request: ChatRequest, reply: Reply, created: number): Completion {
  let text = reply.text;
  for (const stop of request.stop) {
    const at = text.indexOf(stop);
    if (at >= 0) text = text.slice(0, at);
  }
  if (request.json && reply.calls.length === 0) text = asJson(text);
  let tokens = tokensOf(text);
  const cut = tokens.length > request.maxTokens;
  if (cut) {
    tokens = tokens.slice(0, request.maxTokens);
    text = tokens.join('');
  }
  const digest = createHash('sha256')
    .update(JSON.stringify([request.model, request.messages, reply]))
    .digest('hex');
  const choices = Array.from({ length: request.n }, (_, index): Choice => {
    return {
      index,
      text,
      tokens,
      calls: reply.calls.map((call, place) => ({
        id: `call_${digest.slice(place % 32, (place % 32) + 16)}${index}${place}`,
        name: call.name,
        arguments: JSON.stringify(call.arguments),
      })),
      finish: cut ? 'length' : reply.calls.length > 0 ? 'tool_calls' : 'stop',
    };
  });
  const prompt = request.messages.reduce((sum, message) => sum + Math.ceil(message.text.length / 4) + 4, 3);
  const perChoice =
    tokens.length + reply.calls.reduce((sum, call) => sum + tokensOf(JSON.stringify(call)).length, 0);
  const completion = perChoice * request.n;
  return {
    id: `chatcmpl-${digest.slice(0, 24)}`,
    created,
    model: request.model,
    choices,
    usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
  };
}

function asJson(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return text;
  } catch {
    // Prose: wrapped below.
  }
  return JSON.stringify({ answer: text });
}

function logprobsOf(tokens: readonly string[], top: number): Record<string, unknown> {
  return {
    content: tokens.map((token, place) => ({
      token,
      logprob: -0.01 - (place % 7) / 100,
      bytes: [...Buffer.from(token)],
      top_logprobs: Array.from({ length: top }, (_, rank) => ({
        token: rank === 0 ? token : `${token}${rank}`,
        logprob: -0.01 - (place % 7) / 100 - rank,
        bytes: [...Buffer.from(rank === 0 ? token : `${token}${rank}`)],
      })),
    })),
    refusal: null,
  };
}

const wireCalls = (calls: Choice['calls']) =>
  calls.map((call) => ({
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
  }));

/** The body of a buffered answer (`chat.completion`). */
export function bufferedBody(request: ChatRequest, completion: Completion): Record<string, unknown> {
  return {
    id: completion.id,
    object: 'chat.completion',
    created: completion.created,
    model: completion.model,
    choices: completion.choices.map((choice) => ({
      index: choice.index,
      message: {
        role: 'assistant',
        content: choice.text === '' ? null : choice.text,
        refusal: null,
        ...(choice.calls.length > 0 ? { tool_calls: wireCalls(choice.calls) } : {}),
      },
      logprobs: request.logprobs ? logprobsOf(choice.tokens, request.topLogprobs) : null,
      finish_reason: choice.finish,
    })),
    usage: completion.usage,
    system_fingerprint: 'victim',
  };
}

/** How the pieces of a stream are cut: single characters, words, and two fixed sizes, chosen by the text itself. */
function pieces(text: string, tokens: readonly string[]): string[] {
  if (text === '') return [];
  const style = (text.length + text.charCodeAt(0)) % 4;
  if (style === 0) return [...tokens];
  const size = [0, 1, 7, 48][style]!;
  // A long answer in single characters is thousands of events: widen the step, keep odd sizes.
  const step = Math.max(size, Math.ceil(text.length / 1500));
  const points = Array.from(text);
  const cut: string[] = [];
  for (let at = 0; at < points.length; at += step) cut.push(points.slice(at, at + step).join(''));
  return cut;
}

/** The data of each server-sent event, `[DONE]` included. */
export function* streamBodies(request: ChatRequest, completion: Completion): Generator<string> {
  const chunk = (choices: unknown[], extra: Record<string, unknown> = {}): string =>
    JSON.stringify({
      id: completion.id,
      object: 'chat.completion.chunk',
      created: completion.created,
      model: completion.model,
      system_fingerprint: 'victim',
      choices,
      ...(request.includeUsage ? { usage: null } : {}),
      ...extra,
    });
  const delta = (
    index: number,
    value: Record<string, unknown>,
    finish: string | null,
    logprobs: unknown = null,
  ) => chunk([{ index, delta: value, logprobs, finish_reason: finish }]);
  for (const choice of completion.choices) {
    yield delta(choice.index, { role: 'assistant', content: choice.text === '' ? null : '' }, null);
    // Log probabilities speak of tokens, so the pieces are the tokens then.
    const cut = request.logprobs ? choice.tokens : pieces(choice.text, choice.tokens);
    for (const piece of cut) {
      yield delta(
        choice.index,
        { content: piece },
        null,
        request.logprobs ? logprobsOf([piece], request.topLogprobs) : null,
      );
    }
    for (const [place, call] of choice.calls.entries()) {
      yield delta(
        choice.index,
        {
          tool_calls: [
            { index: place, id: call.id, type: 'function', function: { name: call.name, arguments: '' } },
          ],
        },
        null,
      );
      for (const piece of pieces(call.arguments, tokensOf(call.arguments))) {
        yield delta(choice.index, { tool_calls: [{ index: place, function: { arguments: piece } }] }, null);
      }
    }
    yield delta(choice.index, {}, choice.finish);
  }
  if (request.includeUsage) yield chunk([], { usage: completion.usage });
  yield '[DONE]';
}
