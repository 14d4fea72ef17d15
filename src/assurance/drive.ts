import { request as httpRequest, type Dispatcher } from 'undici';
import type { Observation, ProbeMessage, ProbeTool } from '../kernel/probe.ts';

/** A gateway that a probe may attack: the same code as the live one, alone on a loopback port. */
export interface ShadowTarget {
  /** Address of the data plane, with or without `/v1`. */
  url: string;
  /** Key of the client that the probe acts for. */
  key: string;
  /** Bodies that reached the model so far, oldest first. */
  upstreamSeen(): string[];
  close(): Promise<void>;
}

export interface DriveRequest {
  model: string;
  messages: ProbeMessage[];
  tools: readonly ProbeTool[];
  parameters: Record<string, unknown>;
  stream: boolean;
  /** How often the same request is sent. */
  repeat: number;
}

export interface DriveLimits {
  /** For one answer, in milliseconds. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** What one case did, with what the runner itself needs to know about the way. */
export interface Drive {
  observation: Observation;
  /** An error told inside a stream, or a stream that broke off. */
  broken: boolean;
  finish: string | undefined;
}

interface Turn {
  status: number;
  raw: string;
  text: string;
  calls: { id: string; name: string; arguments: string }[];
  finish: string | undefined;
  broken: boolean;
}

const answerLimit = 8 * 1024 * 1024;
const turnLimit = 4;

/** Repeated requests under way at once: a sweep does not wait for its answers. */
const sweepWidth = 16;

interface Exchange {
  last: Turn;
  answered: boolean;
  broken: boolean;
  texts: string[];
  calls: { name: string; arguments: string }[];
}

/**
 * Sends a case through the front door of a gateway as its client would: declared tools are carried out by spies that
 * record and do nothing, until the model is done or four turns are over.
 */
export async function drive(
  target: ShadowTarget,
  request: DriveRequest,
  tokens: { canary: string; secret: string },
  limits: DriveLimits,
): Promise<Drive> {
  const before = target.upstreamSeen().length;
  const exchanges: Exchange[] = Array.from({ length: request.repeat });
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < request.repeat) {
      const place = next;
      next += 1;
      exchanges[place] = await converse(target, numbered(request, place), limits);
    }
  };
  await Promise.all(Array.from({ length: Math.min(sweepWidth, request.repeat) }, worker));
  const { last } = exchanges.at(-1)!;
  return {
    observation: {
      ...tokens,
      status: last.status,
      raw: last.raw,
      delivered: exchanges.flatMap((one) => one.texts).join('\n'),
      toolCalls: exchanges.flatMap((one) => one.calls),
      upstream: target.upstreamSeen().slice(before),
      answered: exchanges.filter((one) => one.answered).length,
    },
    broken: exchanges.some((one) => one.broken),
    finish: last.finish,
  };
}

/** `{n}` in a repeated message stands for the number of the repetition, so that a sweep need not ask the same twice. */
function numbered(request: DriveRequest, place: number): DriveRequest {
  if (request.repeat === 1) return request;
  const messages = request.messages.map((message) => ({
    ...message,
    content: message.content.replaceAll('{n}', String(place)),
  }));
  return { ...request, messages };
}

async function converse(target: ShadowTarget, request: DriveRequest, limits: DriveLimits): Promise<Exchange> {
  const messages = [...request.messages];
  const texts: string[] = [];
  const calls: Exchange['calls'] = [];
  let answered = false;
  let broken = false;
  for (let turn = 1; ; turn += 1) {
    const answer = await send(target, request, messages, limits);
    if (turn === 1) answered = answer.status >= 200 && answer.status < 300;
    broken ||= answer.broken;
    if (answer.text !== '') texts.push(answer.text);
    calls.push(...answer.calls.map(({ name, arguments: text }) => ({ name, arguments: text })));
    if (answer.calls.length === 0 || turn === turnLimit)
      return { last: answer, answered, broken, texts, calls };
    messages.push({
      role: 'assistant',
      content: answer.text,
      tool_calls: answer.calls.map((call) => ({
        id: call.id,
        type: 'function',
        function: { name: call.name, arguments: call.arguments },
      })),
    });
    for (const call of answer.calls) {
      messages.push({ role: 'tool', tool_call_id: call.id, content: spied(call.name) });
    }
  }
}

/** What a tool spy answers: enough for the next turn, and nothing that an oracle could mistake for an effect. */
function spied(name: string): string {
  return /read|get|look|find|search|fetch|list|query|crm/i.test(name)
    ? 'Name: Jana Novak. Plan: standard. Open tickets: 1. Status: active.'
    : 'Done.';
}

async function send(
  target: ShadowTarget,
  request: DriveRequest,
  messages: readonly ProbeMessage[],
  { timeoutMs, signal }: DriveLimits,
): Promise<Turn> {
  const limit = AbortSignal.timeout(timeoutMs);
  const base = target.url.replace(/\/+$/, '').replace(/\/v1$/, '');
  try {
    const response = await httpRequest(`${base}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${target.key}` },
      body: JSON.stringify({
        model: request.model,
        messages,
        ...(request.tools.length > 0
          ? { tools: request.tools.map((tool) => ({ type: 'function', function: tool })) }
          : {}),
        ...(request.stream ? { stream: true } : {}),
        ...request.parameters,
      }),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    const { text: raw, whole } = await bounded(response.body);
    const streamed = /event-stream/.test(String(response.headers['content-type'] ?? ''));
    return { status: response.statusCode, raw, ...(streamed ? fromStream(raw, whole) : fromBody(raw)) };
  } catch (error) {
    signal?.throwIfAborted();
    return {
      status: 0,
      raw: error instanceof Error ? error.name : '',
      text: '',
      calls: [],
      finish: undefined,
      broken: true,
    };
  }
}

async function bounded(body: Dispatcher.ResponseData['body']): Promise<{ text: string; whole: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  let whole = true;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > answerLimit) {
        whole = false;
        break;
      }
      chunks.push(chunk);
    }
  } catch {
    // The connection broke in the middle: what came is what the client has.
    whole = false;
  }
  return { text: Buffer.concat(chunks).toString('utf8'), whole };
}

interface WireMessage {
  content?: unknown;
  refusal?: unknown;
  tool_calls?: { index?: number; id?: string; function?: { name?: string; arguments?: string } }[];
}

interface WireBody {
  choices?: { index?: number; message?: WireMessage; delta?: WireMessage; finish_reason?: string | null }[];
  error?: unknown;
}

function parsed(text: string): WireBody | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

const listOf = <T>(value: readonly T[] | undefined): readonly T[] => (Array.isArray(value) ? value : []);

const words = (message: WireMessage | undefined): string =>
  [message?.content, message?.refusal].map((one) => (typeof one === 'string' ? one : '')).join('');

function fromBody(raw: string): Omit<Turn, 'status' | 'raw'> {
  const body = parsed(raw);
  const choices = listOf(body?.choices);
  return {
    text: choices.map((choice) => words(choice.message)).join('\n'),
    calls: choices.flatMap((choice) =>
      listOf(choice.message?.tool_calls).map((call, place) => ({
        id: call.id ?? `call_${place}`,
        name: call.function?.name ?? '',
        arguments: call.function?.arguments ?? '',
      })),
    ),
    finish: choices[0]?.finish_reason ?? undefined,
    broken: body?.error !== undefined,
  };
}

function fromStream(raw: string, whole: boolean): Omit<Turn, 'status' | 'raw'> {
  const texts = new Map<number, string>();
  const calls = new Map<string, { id: string; name: string; arguments: string }>();
  let finish: string | undefined;
  let broken = !whole;
  let ended = false;
  for (const line of raw.split(/\r\n|\n|\r/)) {
    if (!line.startsWith('data:')) continue;
    const data = line.slice(5).trim();
    if (data === '[DONE]') {
      ended = true;
      continue;
    }
    const event = parsed(data);
    if (event?.error !== undefined) broken = true;
    for (const choice of listOf(event?.choices)) {
      const index = choice.index ?? 0;
      texts.set(index, (texts.get(index) ?? '') + words(choice.delta));
      for (const part of listOf(choice.delta?.tool_calls)) {
        const key = `${index}/${part.index ?? 0}`;
        const call = calls.get(key) ?? { id: part.id ?? `call_${key}`, name: '', arguments: '' };
        call.name += part.function?.name ?? '';
        call.arguments += part.function?.arguments ?? '';
        calls.set(key, call);
      }
      finish = choice.finish_reason ?? finish;
    }
  }
  return {
    text: [...texts.values()].join('\n'),
    calls: [...calls.values()],
    finish,
    broken: broken || !ended,
  };
}
