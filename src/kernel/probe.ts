import type { Surface } from './finding.ts';

/** A chat message in OpenAI's wire form, as far as probes need it. */
export interface ProbeMessage {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string;
  name?: string;
  tool_call_id?: string;
  tool_calls?: { id: string; type: 'function'; function: { name: string; arguments: string } }[];
}

/**
 * One attack or harmless case: a text on the probe's surface, or a whole request. `{canary}` in any string stands for a
 * fresh random token of the run, `{secret}` for another that only the system prompt knows. With `repeat`, `{n}` in a message
 * stands for the number of the repetition, from 0.
 */
export type ProbeCase =
  | string
  | {
      messages: ProbeMessage[];
      tools?: ProbeTool[];
      parameters?: Record<string, unknown>;
      stream?: boolean;
      repeat?: number;
    };

export interface ProbeTool {
  name: string;
  description?: string;
  parameters?: Record<string, unknown>;
}

/** Effects of one case, seen from outside the control under test. */
export interface Observation {
  canary: string;
  secret: string;
  /** HTTP status of the last answer; 0 when there was none. */
  status: number;
  /** Text that reached the client, all choices and stream chunks joined. */
  delivered: string;
  /** Tool calls that reached the client. */
  toolCalls: { name: string; arguments: string }[];
  /** Bodies that reached the model, as text. */
  upstream: string[];
  /** Raw answer as the client got it: body of the last response, or all stream data joined. */
  raw: string;
  /** How many of `repeat` requests were answered with 2xx. */
  answered: number;
}

export interface Probe {
  /** The name of the control's folder, or `<control>.<name>` when a control has several probes. */
  id: string;
  control: string;
  title: string;
  /** Where plain-text cases are put: `user` as the last user message, `tool_result` and `document` inside a tool result, `assistant` as what the model says. */
  surface: Surface;
  /** Settings that the cases need (a fixture), laid over the settings of the plan; leave out what the operator may weaken. */
  settings?: Record<string, unknown>;
  /** Tools the client declares, by the plan's names where the plan has such tools. */
  tools?: ProbeTool[];
  /** System prompt of the cases; the default one holds `{secret}`. */
  system?: string;
  /** True when the attack had its effect. Looks at effects only, never at verdicts. */
  oracle(observation: Observation): boolean;
  /** True when the attack got as far as it must to count: it was tried on a target that works. */
  reached?(observation: Observation): boolean;
  attacks: Record<string, ProbeCase>;
  harmless: Record<string, ProbeCase>;
  /** True when a harmless case went through. Default: status 200 and some text or tool call delivered. */
  usable?(observation: Observation): boolean;
  /** Largest bearable upper bound of the attack success rate with the control on. Default 0.2. */
  maxUpper?: number;
}

export function defineProbe(probe: Probe): Probe {
  return probe;
}
