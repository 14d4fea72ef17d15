import { hash } from 'node:crypto';
import type { ControlContext, MessageControl, RequestVerdict, Segment, ToolCall } from '../kernel/control.ts';
import type { Finding, Surface } from '../kernel/finding.ts';
import type { PlanRoute } from '../kernel/plan.ts';
import type { Principal } from '../kernel/principal.ts';
import { Problem } from '../kernel/problem.ts';
import { stricter, type Action, type Verdict } from '../kernel/verdict.ts';
import { isJson } from './chat.ts';
import type { Binding, RoutePolicy } from './policy.ts';
import { blocked } from './refusal.ts';
import type { VerdictCache } from './verdict-cache.ts';

/** A finding with who made it and where. Offsets only: the text stays where it is. */
export interface PlacedFinding extends Finding {
  control: string;
  surface: Surface;
  pointer: string;
}

/** One exchange while it is decided. What happened is gathered here and becomes its event. */
export interface Run {
  id: string;
  /** Milliseconds since the epoch. */
  at: number;
  principal: Principal;
  route: PlanRoute;
  policy: RoutePolicy;
  context: ControlContext;
  decision: Action;
  /** Strictest action per control. */
  controls: Map<string, Action>;
  threats: Set<string>;
  findings: PlacedFinding[];
  /** Why it was refused, for the operator. */
  reason?: string;
}

export interface InspectionDeps {
  cache: VerdictCache;
  /** Longest time one control may take over one text, in milliseconds. */
  controlMs: number;
  /** Where errors of controls go; the client learns nothing of them. */
  onControlError(control: string, error: unknown): void;
}

/** Findings kept per exchange; the counts of actions stay right beyond it. */
const findingsKept = 200;

/** In observe mode nothing is changed or refused: what would have happened is an alert. */
function effective(run: Run, action: Action): Action {
  return run.route.mode === 'observe' && action !== 'allow' ? 'alert' : action;
}

function note(
  run: Run,
  binding: Binding,
  action: Action,
  findings: readonly Finding[] = [],
  place?: Pick<Segment, 'surface' | 'pointer'>,
): void {
  const id = binding.control.id;
  run.controls.set(id, stricter(run.controls.get(id) ?? 'allow', action));
  if (action === 'allow') return;
  run.decision = stricter(run.decision, action);
  for (const threat of binding.threats) run.threats.add(threat);
  const { surface, pointer } = place ?? { surface: 'user' as const, pointer: '' };
  for (const finding of findings) {
    if (run.findings.length >= findingsKept) break;
    run.findings.push({ ...finding, control: id, surface, pointer });
  }
}

/** Refuses what the client asked for or the model answered. `reason` is for the operator only. */
function refuse(run: Run, reason: string, action: 'ask' | 'block'): Problem {
  run.reason ??= reason;
  run.decision = stricter(run.decision, action);
  return action === 'ask'
    ? new Problem('FORBIDDEN', {
        detail: 'this action waits for the approval of a person',
        fix: 'Send the request again once it is approved.',
        facts: { code: 'approval_required' },
      })
    : blocked();
}

class ControlFailure extends Error {}

/**
 * Runs a verb of a control. No verdict is not a good verdict: a throw or too much time is a failure, and that blocks. Only
 * where the flow is merely observed, it is an alert.
 */
export function judge<T>(
  deps: InspectionDeps,
  run: Run,
  binding: Binding,
  verb: () => T | Promise<T>,
): T | Promise<T> {
  const fail = (error: unknown): T => {
    deps.onControlError(binding.control.id, error);
    const findings = [{ type: 'control_failure', detector: binding.control.id, score: 1, start: 0, end: 0 }];
    // Every kind of verdict has this form.
    if (run.route.mode === 'observe') return { action: 'alert', findings } as unknown as T;
    note(run, binding, 'block', findings);
    throw refuse(run, `control \`${binding.control.id}\` gave no verdict`, 'block');
  };
  const started = performance.now();
  let answer: T | Promise<T>;
  try {
    answer = verb();
  } catch (error) {
    return fail(error);
  }
  if (answer instanceof Promise) return inTime(answer, deps.controlMs).catch(fail);
  return performance.now() - started > deps.controlMs ? fail(new ControlFailure('too slow')) : answer;
}

async function inTime<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new ControlFailure('too slow')), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One message control on one text; resent history is not inspected twice. */
export function verdictOf(
  deps: InspectionDeps,
  run: Run,
  binding: Binding<MessageControl>,
  segment: Segment,
  digest?: string,
): Verdict | Promise<Verdict> {
  const { control, settings } = binding;
  if (!control.pure || digest === undefined)
    return judge(deps, run, binding, () => control.inspect(segment, settings, run.context));
  const key = `${digest}\0${segment.surface}\0${segment.label.trust}\0${segment.tool ?? ''}\0${segment.phase}\0${binding.key}`;
  const known = deps.cache.get(key);
  if (known) return known;
  const keep = (verdict: Verdict): Verdict => {
    deps.cache.set(key, verdict);
    return verdict;
  };
  const verdict = judge(deps, run, binding, () => control.inspect(segment, settings, run.context));
  return verdict instanceof Promise ? verdict.then(keep) : keep(verdict);
}

/**
 * What a verdict does to a text: the text that goes on.
 * @throws Problem when it is refused
 */
export function apply(run: Run, binding: Binding, segment: Segment, verdict: Verdict): string {
  const { text } = segment;
  if (verdict.action === 'allow') {
    note(run, binding, 'allow');
    return text;
  }
  // Preparation (a canary, a restored name) changes the text and decides nothing.
  const silent = verdict.findings.length === 0 && 'text' in verdict;
  const action = effective(run, verdict.action);
  note(run, binding, silent ? 'allow' : action, verdict.findings, segment);
  if (action === 'alert' || verdict.action === 'alert') return text;
  if ('text' in verdict) return verdict.text;
  throw refuse(run, `${binding.control.id}: ${verdict.reason}`, verdict.action);
}

/** How a text may be changed. */
export interface TextForm {
  /** There is no place to write a changed text to, so a change refuses. */
  fixed?: boolean;
  /** It is JSON inside a string and must stay so. */
  json?: boolean;
}

/** Runs all message controls of a surface over one text, one behind the other. */
export async function inspectText(
  deps: InspectionDeps,
  run: Run,
  segment: Segment,
  form: TextForm = {},
): Promise<string> {
  const bindings = run.policy.message[segment.surface];
  if (bindings.length === 0) return segment.text;
  let { text } = segment;
  let digest = deps.cache.size > 0 && text.length >= 32 ? digestOf(text) : undefined;
  for (const binding of bindings) {
    const current = text === segment.text ? segment : { ...segment, text };
    const given = verdictOf(deps, run, binding, current, digest);
    // Most controls answer at once, and a turn of the microtask queue for each would add up.
    const verdict = given instanceof Promise ? await given : given;
    const after = apply(run, binding, current, verdict);
    if (after === text) continue;
    if (form.fixed) throw refuse(run, `${binding.control.id} would change a text that has no place`, 'block');
    if (form.json && isJson(text) && !isJson(after))
      throw refuse(run, `${binding.control.id} would break the JSON of arguments`, 'block');
    text = after;
    digest = undefined;
  }
  return text;
}

function digestOf(text: string): string {
  return hash('sha256', text, 'base64');
}

/** Request controls in plan order; each sees what the one before it left. */
export async function reviewRequest(
  deps: InspectionDeps,
  run: Run,
  body: Record<string, unknown>,
  reviewed: Binding[],
): Promise<Record<string, unknown>> {
  let current = body;
  for (const binding of run.policy.request) {
    const verdict = await judge(deps, run, binding, () =>
      binding.control.review(current, binding.settings, run.context),
    );
    current = applyToRequest(run, binding, current, verdict);
    reviewed.push(binding);
  }
  for (const binding of run.policy.toolCall) {
    const { control } = binding;
    if (!control.offer) continue;
    const verdict = await judge(deps, run, binding, () =>
      control.offer!(current, binding.settings, run.context),
    );
    current = applyToRequest(run, binding, current, verdict);
  }
  return current;
}

function applyToRequest(
  run: Run,
  binding: Binding,
  body: Record<string, unknown>,
  verdict: RequestVerdict,
): Record<string, unknown> {
  if (verdict.action === 'allow') {
    note(run, binding, 'allow');
    return body;
  }
  const action = effective(run, verdict.action);
  note(run, binding, action, verdict.findings);
  if (action === 'alert') return body;
  if (verdict.action === 'mask') return verdict.body;
  if (verdict.action === 'alert') return body;
  const { reason, code = 'BLOCKED', retryAfterS } = verdict;
  const problem = refuse(run, `${binding.control.id}: ${reason}`, 'block');
  if (code === 'BLOCKED') throw problem;
  // Budgets and permissions are about the client itself, who may know which; content policies are not.
  throw new Problem(code, { detail: reason, facts: retryAfterS === undefined ? {} : { retryAfterS } });
}

/** Decides one complete tool call. Its arguments are inspected as text first; what comes back is what the client gets. */
export async function decideCall(
  deps: InspectionDeps,
  run: Run,
  call: ToolCall,
  segment: Segment,
): Promise<string> {
  const text = await inspectText(deps, run, segment, { json: true });
  const asked: Asked[] = [];
  for (const binding of run.policy.toolCall) {
    const decided = { ...call, arguments: text };
    const verdict = await judge(deps, run, binding, () =>
      binding.control.decide(decided, binding.settings, run.context),
    );
    const action = effective(run, verdict.action);
    const reason = verdict.reason ?? `call of \`${call.name}\``;
    if (action === 'ask') {
      asked.push({ binding, reason, threats: verdict.threats ?? binding.threats });
      continue;
    }
    note(run, binding, action, verdict.findings, segment);
    for (const threat of verdict.action === 'allow' ? [] : (verdict.threats ?? [])) run.threats.add(threat);
    if (action === 'block') throw refuse(run, `${binding.control.id}: ${reason}`, 'block');
    // A call is let through or not; there is no half of it. What would have to be changed is refused.
    if (action === 'mask' || action === 'pseudonymise')
      throw refuse(run, `${binding.control.id} cannot change a call`, 'block');
  }
  if (asked.length > 0) approve(run, { ...call, arguments: text }, asked, segment);
  return text;
}

interface Asked {
  binding: Binding;
  reason: string;
  threats: readonly string[];
}

/** Several controls may want a person to look at a call; the person is asked once, and only when no control refused it. */
function approve(run: Run, call: ToolCall, asked: readonly Asked[], segment: Segment): void {
  const reason = asked.map((one) => one.reason).join('; ');
  const answer = run.context.services.approvals.ask({
    agent: run.route.client,
    tool: call.name,
    arguments: call.arguments,
    reason,
    threats: [...new Set(asked.flatMap((one) => one.threats))],
  });
  const action: Action = answer === 'approved' ? 'allow' : answer === 'denied' ? 'block' : 'ask';
  const finding = { type: `approval_${answer}`, detector: 'approval', score: 1, start: 0, end: 0 };
  for (const { binding, threats } of asked) {
    note(run, binding, action, [finding], segment);
    if (action !== 'allow') for (const threat of threats) run.threats.add(threat);
  }
  if (action !== 'allow') throw refuse(run, reason, action);
}
