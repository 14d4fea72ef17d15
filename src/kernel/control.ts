import type { z } from 'zod';
import type { Finding, Surface } from './finding.ts';
import type { Plan, PlanRoute } from './plan.ts';
import type { Principal } from './principal.ts';
import type { Reference } from './reference.ts';
import type { Action, Verdict } from './verdict.ts';
import type { DataClass, Objective, Trust } from './vocabulary.ts';

/** Where a control acts. Each point has its own verb; the points of other capabilities join this union with them. */
export type Point = 'request' | 'message' | 'tool_call';

/** What the compiler, the reference pages and the console know of a control, without its code. */
export interface ControlDescriptor {
  /** The name of its folder. */
  id: string;
  title: string;
  area: 'data' | 'model' | 'access' | 'soc';
  point: Point;
  /** What it is for; rules name objectives in `mitigated_by`. */
  objectives: readonly Objective[];
  /** Catalogue references it answers, for coverage only. */
  mitigates: readonly Reference[];
  /** Strict zod object; every key has a description and a safe default. */
  settings: z.ZodObject;
  /** On in every plan, bound in the threat model or not (settings are then the defaults). */
  always?: boolean;
}

/** Where content came from: trust of its least trusted source, and the data classes it may hold. */
export interface Label {
  trust: Trust;
  classes: readonly DataClass[];
}

/** One string of a request or an answer. */
export interface Segment {
  /** JSON pointer (RFC 6901) of the string in the body, such as `/messages/3/content`. */
  pointer: string;
  surface: Surface;
  text: string;
  label: Label;
  /** Element the text came from, when it is known. */
  source?: string;
  /** Function name, for `tool_result` and `tool_call`. */
  tool?: string;
  /**
   * Which half of the exchange the text belongs to. Earlier answers that a client sends again (`assistant`, `tool_call`)
   * are part of the request: what was restored for the client is pseudonymised again on its way up.
   */
  phase?: 'request' | 'answer';
}

/** A tool call that the model asks for, as it would reach the client. */
export interface ToolCall {
  id: string;
  name: string;
  /** JSON text as the model wrote it. */
  arguments: string;
}

/** The whole exchange as one control sees it. Labels are recomputed from the message list, so no server state is needed. */
export interface ControlContext {
  plan: Plan;
  route: PlanRoute;
  principal: Principal;
  /** Stable over the turns of one conversation: a hash of client, route and first messages. */
  conversation: string;
  /** All text segments of the request, in order. */
  segments: readonly Segment[];
  /** Body of the request as parsed. */
  body: Readonly<Record<string, unknown>>;
  services: ControlServices;
  /** State of this control within this exchange: what the request phase leaves for the answer phase. */
  memo: Map<string, unknown>;
}

/** What the composition root hands to controls. */
export interface ControlServices {
  /** Detectors of `inspection/`, by kind. Pure and fast. */
  inspect(text: string, surface: Surface, kinds: readonly DetectorKind[]): Finding[];
  /** Scores of the models, 0..1, also below their shipped thresholds, for controls that are set stricter. */
  scores?(text: string, surface: Surface): Record<string, number>;
  /**
   * How many trailing units of `text` may be the beginning of a finding of these kinds, so that a stream must hold them.
   * 0 for ordinary prose. A control that needs it and does not get it holds everything.
   */
  hold?(text: string, kinds: readonly DetectorKind[]): number;
  /** Key for pseudonyms and canaries of one scope (a conversation, a tenant), derived under the local root key. */
  scopedKey(scope: string): Promise<Buffer>;
  /** Persistent counters for budgets. */
  counters: Counters;
  /** Approval of one exact tool call: canonical arguments, not a summary of them. */
  approvals: Approvals;
  now(): number;
}

/** `names` (people, places, organisations) costs more than it gives on every request: only who asks for it gets it. */
export type DetectorKind = 'injection' | 'secret' | 'pii' | 'harm' | 'names';

/** Counters that survive a restart. Windows are aligned to their length in milliseconds. */
export interface Counters {
  /** Adds and returns the new total of the current window; cheap, written behind but never lost by a clean stop. */
  add(name: string, windowMs: number, amount: number): number;
  total(name: string, windowMs: number): number;
}

export interface Approvals {
  /** Undefined when nobody was asked yet; asking is a side effect that shows in the console. */
  ask(request: {
    agent: string;
    tool: string;
    arguments: string;
    reason: string;
    threats: readonly string[];
  }): 'pending' | 'approved' | 'denied';
}

type Settings<S extends z.ZodObject> = z.infer<S>;

/** Looks at one text. Pure apart from `context.services`; a throw or a time-out blocks. */
export interface MessageControl<S extends z.ZodObject = z.ZodObject> extends ControlDescriptor {
  point: 'message';
  surfaces: readonly Surface[];
  settings: S;
  /** The verdict depends on text, surface, tool, trust and settings alone, so that one verdict serves resent history. */
  pure?: boolean;
  /**
   * A rewrite without findings is preparation (a canary, a restored name): it changes the text, not the decision.
   */
  inspect(segment: Segment, settings: Settings<S>, context: ControlContext): Verdict | Promise<Verdict>;
  /**
   * How a streamed answer is inspected; without it, the answer is held until its end. Each lane (choice, tool call) runs
   * the controls one behind the other, and keeps per control a text: the last `window` units that this control has let
   * through, as it let them through, then what is not yet decided. On each chunk the control's `hold` says how much of the
   * end waits; the rest goes through `inspect` (awaited if it is a promise). `mask` and `pseudonymise` answer the whole text
   * they were given; they never change the part that has gone out, so what is new is `text.slice(sent.length)`. With a
   * window of 0 a control sees only what is new, and holds so that no match lies across a cut. At the end of the lane
   * everything that waits is inspected once without `hold`.
   */
  stream?: {
    /** Longest match in UTF-16 units: how much of the text already sent is inspected again with the new text. */
    window: number;
    /** How many trailing units of `text` may be the beginning of a match and must wait. 0 for ordinary prose. */
    hold(text: string, settings: Settings<S>, context: ControlContext): number;
  };
}

/** Looks at, and may rewrite, the request as a whole: parameters, budgets, declared tools. */
export interface RequestControl<S extends z.ZodObject = z.ZodObject> extends ControlDescriptor {
  point: 'request';
  settings: S;
  review(
    body: Record<string, unknown>,
    settings: Settings<S>,
    context: ControlContext,
  ): RequestVerdict | Promise<RequestVerdict>;
  /**
   * Called once for every exchange that `review` let through, also when it was refused or broken off later: with what the
   * upstream reported, else with an estimate.
   */
  settle?(usage: Usage, settings: Settings<S>, context: ControlContext): void;
}

export type RequestVerdict =
  | { action: 'allow' }
  | { action: 'alert'; findings: Finding[] }
  | { action: 'mask'; body: Record<string, unknown>; findings: Finding[] }
  | {
      action: 'block';
      reason: string;
      findings: Finding[];
      code?: 'BLOCKED' | 'BUDGET_SPENT' | 'FORBIDDEN';
      retryAfterS?: number;
    };

export interface Usage {
  promptTokens: number;
  completionTokens: number;
  /** Cost in US dollars by the configured price list, 0 when unknown. */
  cost: number;
}

/** Decides one tool call of an answer before the client sees it. */
export interface ToolCallControl<S extends z.ZodObject = z.ZodObject> extends ControlDescriptor {
  point: 'tool_call';
  settings: S;
  /** Looks at the tools that a request offers to the model, before the model sees them. */
  offer?(
    body: Record<string, unknown>,
    settings: Settings<S>,
    context: ControlContext,
  ): RequestVerdict | Promise<RequestVerdict>;
  decide(
    call: ToolCall,
    settings: Settings<S>,
    context: ControlContext,
  ): ToolCallVerdict | Promise<ToolCallVerdict>;
}

export type ToolCallVerdict = {
  action: Action;
  reason?: string;
  findings?: Finding[];
  threats?: readonly string[];
};

export type Control = MessageControl | RequestControl | ToolCallControl;

/** Keeps the settings type of the verbs while the registry holds plain controls. */
export function defineControl<S extends z.ZodObject>(
  control: MessageControl<S> | RequestControl<S> | ToolCallControl<S>,
): Control {
  return control;
}
