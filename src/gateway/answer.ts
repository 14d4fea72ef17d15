import type { ToolCall, Usage } from '../kernel/control.ts';
import { isRecord, escapePointer } from './json.ts';

/** A string of an answer that a client would read. */
export interface AnswerText {
  pointer: string;
  text: string;
  /** Position of its choice in the list; undefined outside the choices. */
  choice?: number;
}

export interface AnswerCall extends ToolCall {
  /** Of the arguments. */
  pointer: string;
  choice: number;
}

/** What an answer says, apart from ids and numbers. */
export interface ChatAnswer {
  texts: AnswerText[];
  calls: AnswerCall[];
  /** Choices whose log-probabilities spell something else than their text. */
  oddLogprobs: number[];
  usage?: Omit<Usage, 'cost'>;
}

/** Names of the machinery. Anything longer or with spaces under these keys is text and is read as such. */
const identifiers = new Set(
  'id object model system_fingerprint service_tier provider finish_reason native_finish_reason role type index obfuscation'.split(
    ' ',
  ),
);
const identifier = /^[\w.:/@+-]{0,128}$/;

/** Whether a string under this key is an identifier, not text. */
export function isIdentifier(key: string, text: string): boolean {
  return identifiers.has(key) && identifier.test(text);
}

/** Reads a whole answer. Fields it never heard of are text like any other. */
export function readAnswer(body: Readonly<Record<string, unknown>>): ChatAnswer {
  const answer: ChatAnswer = { texts: [], calls: [], oddLogprobs: [] };
  for (const key of Object.keys(body)) {
    const value = body[key];
    if (key === 'choices' && Array.isArray(value))
      for (const [index, choice] of value.entries()) readChoice(choice, index, answer);
    else strings(value, key, `/${escapePointer(key)}`, undefined, answer.texts);
  }
  const usage = usageOf(body['usage']);
  return usage ? { ...answer, usage } : answer;
}

function readChoice(choice: unknown, index: number, answer: ChatAnswer): void {
  const pointer = `/choices/${index}`;
  if (!isRecord(choice)) return strings(choice, '', pointer, index, answer.texts);
  for (const key of Object.keys(choice)) {
    const value = choice[key];
    if (key === 'message' && isRecord(value)) readMessage(value, `${pointer}/message`, index, answer);
    else if (key !== 'logprobs') strings(value, key, `${pointer}/${escapePointer(key)}`, index, answer.texts);
  }
  const { message, logprobs } = choice;
  if (isRecord(logprobs) && !spells(logprobs, message)) answer.oddLogprobs.push(index);
}

function readMessage(
  message: Record<string, unknown>,
  pointer: string,
  choice: number,
  answer: ChatAnswer,
): void {
  for (const key of Object.keys(message)) {
    const value = message[key];
    const at = `${pointer}/${escapePointer(key)}`;
    if (key === 'tool_calls' && Array.isArray(value)) {
      for (const [index, call] of value.entries()) {
        const { id, function: inner } = isRecord(call) ? call : {};
        readCall(id, inner, `${at}/${index}/function`, choice, answer);
        if (!isRecord(call)) strings(call, '', `${at}/${index}`, choice, answer.texts);
        else
          for (const [name, rest] of Object.entries(call))
            if (name !== 'function')
              strings(rest, name, `${at}/${index}/${escapePointer(name)}`, choice, answer.texts);
      }
    } else if (key === 'function_call' && isRecord(value)) readCall('', value, at, choice, answer);
    else strings(value, key, at, choice, answer.texts);
  }
}

function readCall(id: unknown, inner: unknown, pointer: string, choice: number, answer: ChatAnswer): void {
  if (!isRecord(inner)) return strings(inner, '', pointer, choice, answer.texts);
  const { name, arguments: args } = inner;
  answer.calls.push({
    id: typeof id === 'string' ? id : '',
    name: typeof name === 'string' ? name : '',
    arguments: typeof args === 'string' ? args : '',
    pointer: `${pointer}/arguments`,
    choice,
  });
  for (const [key, rest] of Object.entries(inner)) {
    if ((key === 'name' || key === 'arguments') && typeof rest === 'string') continue;
    strings(rest, key, `${pointer}/${escapePointer(key)}`, choice, answer.texts);
  }
}

/** Collects every string that is not an identifier; keys of objects that are not the protocol's own are rare and short. */
export function strings(
  value: unknown,
  key: string,
  pointer: string,
  choice: number | undefined,
  into: AnswerText[],
): void {
  if (typeof value === 'string') {
    if (value !== '' && !isIdentifier(key, value))
      into.push({ pointer, text: value, ...(choice === undefined ? {} : { choice }) });
  } else if (Array.isArray(value)) {
    for (const [index, inner] of value.entries()) strings(inner, key, `${pointer}/${index}`, choice, into);
  } else if (isRecord(value)) {
    for (const inner of Object.keys(value))
      strings(value[inner], inner, `${pointer}/${escapePointer(inner)}`, choice, into);
  }
}

/** Whether the tokens of log-probabilities are the text, no more and no less. */
export function spells(logprobs: Record<string, unknown>, message: unknown): boolean {
  const said = isRecord(message) ? message : {};
  return ['content', 'refusal'].every((key) => {
    const tokens = logprobs[key];
    if (tokens === null || tokens === undefined) return true;
    if (!Array.isArray(tokens)) return false;
    return (
      tokens
        .map((one) => (isRecord(one) && typeof one['token'] === 'string' ? one['token'] : ''))
        .join('') === (said[key] ?? '')
    );
  });
}

export function usageOf(value: unknown): Omit<Usage, 'cost'> | undefined {
  if (!isRecord(value)) return undefined;
  const { prompt_tokens: prompt, completion_tokens: completion } = value;
  return typeof prompt === 'number' && typeof completion === 'number'
    ? { promptTokens: prompt, completionTokens: completion }
    : undefined;
}
