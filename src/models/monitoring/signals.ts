import { languageOf } from './language.ts';
import { addCategory, addNumber, emptySketch, type Sketch } from './sketch.ts';

/** What the monitor needs of an exchange; the gateway's own record satisfies it. Texts are looked at and not kept. */
export interface MonitoredExchange {
  /** Milliseconds since the epoch. */
  at: number;
  client: string;
  model: string;
  status: number;
  action: string;
  latencyMs: number;
  tokens: { prompt: number; completion: number };
  findings: readonly { type: string }[];
  texts: readonly { surface: string; pointer: string; text: string }[];
  /** In any currency, when it is known. */
  cost?: number;
}

/** One property of traffic that is watched. */
export interface Signal {
  id: string;
  title: string;
  kind: Sketch['kind'];
  unit?: string;
  /** One value per exchange, or none when the exchange says nothing about it. */
  of(exchange: MonitoredExchange, answer: Answer | undefined): number | string | undefined;
}

/** What the model said, when it said something. */
export interface Answer {
  text: string;
  tools: readonly string[];
}

export const signals: readonly Signal[] = [
  {
    id: 'refusal',
    title: 'Refusals',
    kind: 'categorical',
    of: (_, answer) =>
      answer === undefined || answer.text === ''
        ? undefined
        : isRefusal(answer.text)
          ? 'refused'
          : 'answered',
  },
  {
    id: 'answer-length',
    title: 'Length of answers',
    kind: 'numeric',
    unit: 'tokens',
    of: (exchange, answer) => (answer === undefined ? undefined : exchange.tokens.completion),
  },
  {
    id: 'prompt-length',
    title: 'Length of prompts',
    kind: 'numeric',
    unit: 'tokens',
    of: (exchange) => (exchange.tokens.prompt > 0 ? exchange.tokens.prompt : undefined),
  },
  {
    id: 'language',
    title: 'Language of answers',
    kind: 'categorical',
    of: (_, answer) => (answer === undefined || answer.text === '' ? undefined : languageOf(answer.text)),
  },
  {
    id: 'tools',
    title: 'Tools called',
    kind: 'categorical',
    of: (_, answer) => (answer === undefined ? undefined : mixOf(answer.tools)),
  },
  {
    id: 'findings',
    title: 'Findings',
    kind: 'categorical',
    of: ({ findings }) => mixOf(findings.map(({ type }) => type)),
  },
  {
    id: 'outcome',
    title: 'Decisions and errors',
    kind: 'categorical',
    of: ({ action, status }) => (status >= 500 ? 'error' : status === 429 ? 'limited' : action),
  },
  {
    id: 'latency',
    title: 'Latency',
    kind: 'numeric',
    unit: 'ms',
    of: ({ latencyMs }, answer) => (answer === undefined ? undefined : latencyMs),
  },
  {
    id: 'cost',
    title: 'Cost',
    kind: 'numeric',
    of: ({ cost }, answer) => (answer === undefined ? undefined : cost),
  },
];

/** Sketches of a window by signal. */
export type Window = Record<string, Sketch>;

export function addExchange(window: Window, exchange: MonitoredExchange): void {
  const answer = answerOf(exchange);
  for (const { id, kind, of } of signals) {
    const value = of(exchange, answer);
    if (value === undefined) continue;
    const sketch = (window[id] ??= emptySketch(kind));
    if (sketch.kind === 'numeric') addNumber(sketch, Number(value));
    else addCategory(sketch, String(value));
  }
}

/** Parts of a request; everything else with these surfaces is what the model said. */
const ofRequest = /^\/(?:messages|input|prompt|system|tools|instructions|contents)(?:\/|$)/;

function answerOf({ status, texts }: MonitoredExchange): Answer | undefined {
  if (status >= 400) return undefined;
  const said = texts.filter(({ pointer }) => !ofRequest.test(pointer));
  const text = said
    .filter(({ surface }) => surface === 'assistant')
    .map((one) => one.text)
    .join('\n');
  const tools = said
    .filter(({ surface }) => surface === 'tool_call')
    .map((one) => one.text.split(' ', 1)[0]!.slice(0, 80));
  return { text, tools };
}

/** Several in one exchange are one category, so that points stay independent. */
function mixOf(names: readonly string[]): string {
  const distinct = [...new Set(names)].sort();
  return distinct.length === 0 ? 'none' : distinct.slice(0, 4).join('+').slice(0, 200);
}

const refusals =
  /\b(?:i(?:['’]m| am) (?:sorry|unable|not able|afraid)|i (?:can(?:['’]t|not)|won['’]t|will not|must decline|have to decline)|(?:can(?:['’]t|not)|unable to) (?:help|assist|comply|provide|do that|fulfil+)|against my (?:guidelines|policy|policies)|as an ai\b|es tut mir leid|(?:ich kann|kann ich) (?:dir |ihnen |das |dabei |leider )*nicht|je (?:suis désolée?|ne peux pas)|lo siento|no puedo (?:ayudar|proporcionar|hacer)|mi dispiace|non posso|não posso|het spijt me|ik kan (?:u |je |dat )*niet)/i;

/** An answer that begins by declining. What stands far into an answer is seldom a refusal. */
export function isRefusal(text: string): boolean {
  return refusals.test(text.slice(0, 240));
}
