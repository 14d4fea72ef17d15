import type { Surface } from '../kernel/finding.ts';
import { Problem } from '../kernel/problem.ts';
import { escapePointer, isRecord } from './json.ts';

/** A string of a chat request, with where it stands; `conversation.ts` says what it is worth. */
export interface RequestText {
  pointer: string;
  /** What is inspected. For arguments of tool calls this is the JSON with needless escapes undone. */
  text: string;
  surface: Surface;
  /** Index of the message it belongs to. */
  message?: number;
  role?: string;
  tool?: string;
  name?: string;
  /** Several strings in one (keys of an object): there is no one place to write a changed text to. */
  joined?: boolean;
  /** JSON text inside a string: a changed text must still be JSON. */
  json?: boolean;
}

/** What the gateway must know of a chat request (OpenAI Chat Completions). */
export interface ChatRequest {
  model: string;
  stream: boolean;
  choices: number;
  texts: RequestText[];
  /** Names of the functions that the request offers to the model. */
  tools: string[];
  /** Content that no control can read (images, audio, files), by pointer. */
  unreadable: { pointer: string; type: string }[];
}

const surfaces: Record<string, Surface> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool_result',
  function: 'tool_result',
};

/** Words of JSON Schema and of the protocol: they say nothing, so no control looks at them. */
const vocabulary = new Set(
  'object string number integer boolean array null function text json_object json_schema auto none required default low medium high minimal user assistant system developer tool'.split(
    ' ',
  ),
);

const invalid = (pointer: string, expected: string): Problem =>
  new Problem('INPUT_INVALID', {
    detail: `${pointer || 'the body'} must be ${expected}`,
    fix: 'See the reference of Chat Completions.',
    facts: { pointer },
  });

/**
 * Finds every string of a chat request. What it does not know it refuses or inspects as it is; it never skips.
 * @throws Problem INPUT_INVALID for a shape that no control would understand
 */
export function readChatRequest(body: Readonly<Record<string, unknown>>): ChatRequest {
  const { model, messages, stream, n } = body;
  if (typeof model !== 'string' || model === '') throw invalid('/model', 'the name of a model');
  if (!Array.isArray(messages) || messages.length === 0) throw invalid('/messages', 'a list of messages');
  if (stream !== undefined && stream !== null && typeof stream !== 'boolean')
    throw invalid('/stream', 'true or false');
  if (n !== undefined && n !== null && (!Number.isInteger(n) || (n as number) < 1))
    throw invalid('/n', 'a whole number');

  const request: ChatRequest = {
    model,
    stream: stream === true,
    choices: typeof n === 'number' ? n : 1,
    texts: [],
    tools: [],
    unreadable: [],
  };
  const calls = new Map<string, string>();
  for (const [index, message] of messages.entries()) readMessage(message, index, calls, request);
  for (const key of Object.keys(body)) {
    const value = body[key];
    if (key === 'messages' || key === 'model' || typeof value === 'number' || typeof value === 'boolean')
      continue;
    if (key === 'tools' || key === 'functions') readTools(value, key, request);
    else {
      // Formats are written by the developer; whatever else a string says (stop, user, metadata, a field we never heard
      // of) may come from anybody.
      const surface: Surface = key === 'response_format' || key === 'tool_choice' ? 'system' : 'user';
      readStrings(value, `/${escapePointer(key)}`, { surface }, request.texts);
    }
  }
  return request;
}

function readMessage(
  message: unknown,
  index: number,
  calls: Map<string, string>,
  request: ChatRequest,
): void {
  const pointer = `/messages/${index}`;
  if (!isRecord(message)) throw invalid(pointer, 'an object');
  const { role } = message;
  const surface = typeof role === 'string' ? surfaces[role] : undefined;
  if (!surface || typeof role !== 'string')
    throw invalid(`${pointer}/role`, 'one of system, developer, user, assistant, tool');
  const name = typeof message['name'] === 'string' ? message['name'] : undefined;
  const id = message['tool_call_id'];
  const tool = role === 'function' ? name : typeof id === 'string' ? calls.get(id) : undefined;
  const of = { surface, message: index, role, ...(name ? { name } : {}), ...(tool ? { tool } : {}) };
  for (const key of Object.keys(message)) {
    const value = message[key];
    if (key === 'role' || value === null || value === undefined) continue;
    // The id of a call further up says nothing new: it was read there.
    if (key === 'tool_call_id' && typeof value === 'string' && calls.has(value)) continue;
    const at = `${pointer}/${escapePointer(key)}`;
    if (key === 'content') readContent(value, at, of, request);
    else if (key === 'tool_calls') readCalls(value, at, of, calls, request);
    else if (key === 'function_call') readCall(value, at, of, request);
    else readStrings(value, at, of, request.texts);
  }
}

type Of = Omit<RequestText, 'pointer' | 'text'>;

function readContent(content: unknown, pointer: string, of: Of, request: ChatRequest): void {
  if (typeof content === 'string') {
    if (content !== '') request.texts.push({ pointer, text: content, ...of });
    return;
  }
  if (!Array.isArray(content)) throw invalid(pointer, 'a string or a list of parts');
  for (const [index, part] of content.entries()) {
    const at = `${pointer}/${index}`;
    if (!isRecord(part) || typeof part['type'] !== 'string') throw invalid(at, 'a content part with a type');
    const { type } = part;
    if (type !== 'text' && type !== 'refusal') request.unreadable.push({ pointer: at, type });
    readStrings(part, at, of, request.texts);
  }
}

function readCalls(
  value: unknown,
  pointer: string,
  of: Of,
  calls: Map<string, string>,
  request: ChatRequest,
): void {
  if (!Array.isArray(value)) throw invalid(pointer, 'a list of tool calls');
  for (const [index, call] of value.entries()) {
    const at = `${pointer}/${index}`;
    if (!isRecord(call)) throw invalid(at, 'a tool call');
    for (const key of Object.keys(call)) {
      if (key === 'function') {
        const name = readCall(call[key], `${at}/function`, of, request);
        if (typeof call['id'] === 'string') calls.set(call['id'], name);
      } else
        readStrings(call[key], `${at}/${escapePointer(key)}`, { ...of, surface: 'tool_call' }, request.texts);
    }
  }
}

function readCall(value: unknown, pointer: string, of: Of, request: ChatRequest): string {
  if (!isRecord(value) || typeof value['name'] !== 'string') throw invalid(pointer, 'a function with a name');
  const call: Of = { ...of, surface: 'tool_call', tool: value['name'] };
  for (const key of Object.keys(value)) {
    const at = `${pointer}/${escapePointer(key)}`;
    const inner = value[key];
    if (key === 'arguments' && typeof inner === 'string') {
      if (inner !== '') request.texts.push({ pointer: at, text: plainJson(inner), ...call, json: true });
    } else readStrings(inner, at, call, request.texts);
  }
  return value['name'];
}

/** Tool definitions are one text per string, and their keys together are one more. */
function readTools(value: unknown, key: string, request: ChatRequest): void {
  if (value === null || value === undefined) return;
  if (!Array.isArray(value)) throw invalid(`/${key}`, 'a list of tools');
  for (const [index, tool] of value.entries()) {
    const pointer = `/${key}/${index}`;
    if (!isRecord(tool)) throw invalid(pointer, 'an object');
    const definition = key === 'functions' ? tool : isRecord(tool['function']) ? tool['function'] : tool;
    const name = definition['name'] ?? tool['type'];
    if (typeof name !== 'string' || name === '') throw invalid(pointer, 'a tool with a name');
    request.tools.push(name);
    readStrings(tool, pointer, { surface: 'system', tool: name }, request.texts);
  }
}

/** Every string under a value, keys included. */
function readStrings(value: unknown, pointer: string, of: Of, into: RequestText[]): void {
  if (typeof value === 'string') {
    if (value !== '' && !vocabulary.has(value)) into.push({ pointer, text: value, ...of });
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const keys: string[] = [];
  collect(value, pointer, of, into, keys);
  if (keys.length > 0) into.push({ pointer, text: keys.join('\n'), ...of, joined: true });
}

function collect(value: object, pointer: string, of: Of, into: RequestText[], keys: string[]): void {
  const array = Array.isArray(value);
  for (const [key, inner] of Object.entries(value)) {
    if (!array && !knownKeys.has(key)) keys.push(key);
    if (typeof inner === 'string') {
      if (inner !== '' && !vocabulary.has(inner))
        into.push({ pointer: `${pointer}/${escapePointer(key)}`, text: inner, ...of });
    } else if (typeof inner === 'object' && inner !== null)
      collect(inner, `${pointer}/${escapePointer(key)}`, of, into, keys);
  }
}

const knownKeys = new Set(
  'type function name description parameters properties required additionalProperties items enum strict text id arguments json_schema schema title default format minimum maximum anyOf oneOf allOf content role tool_call_id include_usage'.split(
    ' ',
  ),
);

/** JSON text without escapes that need not be there: what a tool will read is what a control should see. */
export function plainJson(text: string): string {
  if (!text.includes('\\u') && !text.includes('\\/')) return text;
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
