import { randomUUID, type KeyObject } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Clock } from '../kernel/clock.ts';
import type { ControlContext, RequestControl, Segment, ToolCall, Usage } from '../kernel/control.ts';
import type { PlanRoute } from '../kernel/plan.ts';
import type { Principal } from '../kernel/principal.ts';
import { Problem } from '../kernel/problem.ts';
import { stricter, type Action } from '../kernel/verdict.ts';
import type { DataClass } from '../kernel/vocabulary.ts';
import { readAnswer } from './answer.ts';
import { plainJson, readChatRequest, type ChatRequest } from './chat.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { conversationId, readSources, segmentsOf } from './conversation.ts';
import type { GatewayDeps, GatewayStats } from './gateway.ts';
import { decideCall, inspectText, reviewRequest, type InspectionDeps, type Run } from './inspection.ts';
import { applyEdits, escapePointer, isRecord, parseObject, type Edits } from './json.ts';
import { excess, labelOf } from './labels.ts';
import type { GatewayLimits } from './limits.ts';
import { routeFor, type Binding, type Policy } from './policy.ts';
import { exchangeEvent, previews, promptMark, type Exchange, type ExchangeText } from './record.ts';
import { blocked, refusalOf, refuseWith } from './refusal.ts';
import { StreamGuard } from './stream.ts';
import type { UpstreamRequest, Upstreams } from './upstream.ts';
import { VerdictCache } from './verdict-cache.ts';

export interface ExchangesDeps extends Omit<
  GatewayDeps,
  'limits' | 'clock' | 'upstreams' | 'onError' | 'plan'
> {
  limits: GatewayLimits;
  clock: Clock;
  upstreams: Upstreams;
  recordKey: Promise<KeyObject>;
  stats: GatewayStats;
  onError(where: string, error: unknown): void;
}

export interface Exchanges {
  chat(request: IncomingMessage, response: ServerResponse, who: Principal, policy: Policy): Promise<void>;
  models(response: ServerResponse, who: Principal, policy: Policy): Promise<void>;
  unknown(
    request: IncomingMessage,
    response: ServerResponse,
    who: Principal,
    policy: Policy,
    path: string,
  ): Promise<void>;
  /** Resolves when every record under way is durable. */
  settled(): Promise<void>;
}

/** Nginx's code for a client that went away; it never goes out, it stands in the record. */
const clientGone = 499;

const unreadable = (why: string): Problem =>
  new Problem('UPSTREAM_UNREACHABLE', {
    detail: `the answer of the upstream cannot be read: ${why}`,
    facts: { code: 'upstream_unreadable' },
  });

/** Headers of an answer that say something to a client; the rest stays here. */
const forwarded =
  /^(?:content-type|cache-control|retry-after(?:-ms)?|x-should-retry|x-request-id|openai-(?:processing-ms|version)|x-ratelimit-[\w-]+)$/;

/** What of an exchange becomes its record. */
interface Outcome {
  status: number;
  stream: boolean;
  path: string;
  body: Buffer;
  usage?: Omit<Usage, 'cost'>;
  texts: ExchangeText[];
}

export function createExchanges(deps: ExchangesDeps): Exchanges {
  const { limits, clock, upstreams, stats, services } = deps;
  const jsonLimits = { depth: limits.depth, members: limits.members };
  const inspection: InspectionDeps = {
    cache: new VerdictCache(limits.cachedVerdicts),
    controlMs: limits.controlMs,
    onControlError: (control, error) => deps.onError(`control ${control}`, error),
  };
  const underWay = new Set<Promise<unknown>>();

  function begin(principal: Principal, policy: Policy): Run {
    const route: PlanRoute = {
      flow: 'none',
      client: principal.element ?? principal.id,
      model: '',
      upstream: { provider: '' },
      mode: policy.plan.mode,
    };
    const context: ControlContext = {
      plan: policy.plan,
      route,
      principal,
      conversation: '',
      segments: [],
      body: {},
      services,
      memo: new Map(),
    };
    return {
      id: randomUUID(),
      at: clock.now(),
      principal,
      route,
      policy: { request: [], message: noMessageControls, toolCall: [] },
      context,
      decision: 'allow',
      controls: new Map(),
      threats: new Set(),
      findings: [],
    };
  }

  /** Records an exchange. Resolves when its event is durable; rejects when it is not, and then nothing may go out. */
  async function record(run: Run, started: number, outcome: Outcome): Promise<void> {
    const { usage } = outcome;
    const exchange: Exchange = {
      id: run.id,
      at: run.at,
      tenant: run.principal.tenant,
      client: run.route.client,
      route: outcome.path,
      model: run.route.upstream.model ?? run.route.model,
      status: outcome.status,
      action: run.decision,
      stream: outcome.stream,
      latencyMs: Math.round((performance.now() - started) * 1000) / 1000,
      tokens: { prompt: usage?.promptTokens ?? 0, completion: usage?.completionTokens ?? 0 },
      flow: run.route.flow,
      plan: run.context.plan.hash,
      threats: [...run.threats],
      controls: Array.from(run.controls, ([id, action]) => ({ id, action })),
      findings: run.findings,
      ...(run.reason ? { reason: run.reason } : {}),
      texts: previews([...run.context.segments, ...outcome.texts]),
    };
    stats.exchanges++;
    if (exchange.action === 'block' || exchange.action === 'ask') stats.refused++;
    const mark = promptMark(outcome.body, await deps.recordKey);
    const appended = deps.ledger.append(exchangeEvent(exchange, run, mark));
    underWay.add(appended);
    try {
      await appended;
    } finally {
      underWay.delete(appended);
    }
    deps.onDecision?.(exchange);
  }

  function settleBudgets(run: Run, reviewed: readonly Binding[], usage: Usage): void {
    for (const { control, settings } of reviewed) {
      try {
        (control as RequestControl).settle?.(usage, settings, run.context);
      } catch (error) {
        deps.onError(`control ${control.id}`, error);
      }
    }
  }

  function drift(run: Run, kind: 'flow' | 'model', name: string): void {
    const enforced = run.route.mode === 'enforce';
    const action: Action = enforced ? 'block' : 'alert';
    deps.onDrift?.({ kind, client: run.route.client, name: name.slice(0, 200), action });
    run.decision = stricter(run.decision, action);
    if (enforced) {
      run.reason = `the threat model has no ${kind} from \`${run.route.client}\` to \`${name.slice(0, 200)}\``;
      throw new Problem('FLOW_UNDECLARED', {
        detail: `this client may not use the model \`${name.slice(0, 100)}\``,
        fix: 'Add the flow to the threat model.',
        facts: { code: kind === 'flow' ? 'flow_undeclared' : 'model_undeclared' },
      });
    }
  }

  /** Routes, labels and inspects a request, and says what goes to the upstream. */
  async function prepare(
    run: Run,
    headers: IncomingMessage['headers'],
    bytes: Buffer,
    policy: Policy,
    reviewed: Binding[],
  ): Promise<{ chat: ChatRequest; body: Buffer | string }> {
    if (!isUtf8(bytes))
      throw new Problem('INPUT_INVALID', { detail: 'the body is not UTF-8', fix: 'Send UTF-8.' });
    const text = bytes.toString('utf8');
    const parsed = parseObject(text, jsonLimits);
    let chat = readChatRequest(parsed);
    if (chat.texts.length > limits.texts)
      throw new Problem('TOO_LARGE', { detail: `the body has more than ${limits.texts} strings` });

    const routing = routeFor(policy, run.principal, chat.model, deps.defaultUpstream);
    run.route = routing.route;
    run.policy = policy.of(run.route);
    const sources = readSources(header(headers, 'x-merlon-source'), policy);
    const context = {
      ...run.context,
      route: run.route,
      body: parsed,
      conversation: conversationId(chat, run.route, await deps.recordKey),
      segments: segmentsOf(chat, sources, run.route, policy),
    };
    run.context = context;
    if (routing.drift) drift(run, routing.drift.kind, routing.drift.name);
    for (const { type, pointer } of chat.unreadable) refuseUnreadable(run, type, pointer);
    const undeclared = chat.tools.filter((name) => !policy.tool(run.route.client, name));
    const seen = (action: Action): void => {
      for (const name of undeclared)
        deps.onDrift?.({ kind: 'tool', client: run.route.client, name: name.slice(0, 200), action });
    };
    let body: Record<string, unknown>;
    try {
      body = await reviewRequest(inspection, run, parsed, reviewed);
    } catch (error) {
      seen('block');
      throw error;
    }
    seen('alert');
    const edits: Edits = new Map();
    if (body !== parsed) {
      for (const key of new Set([...Object.keys(parsed), ...Object.keys(body)]))
        if (body[key] !== parsed[key]) edits.set(`/${escapePointer(key)}`, body[key]);
      chat = readChatRequest(body);
      run.context = {
        ...context,
        body,
        segments: segmentsOf(chat, sources, run.route, policy),
      };
    }
    let raw = edits.size > 0 ? applyEdits(text, edits) : undefined;
    edits.clear();

    const flow = policy.flows.get(run.route.flow);
    for (const [index, segment] of run.context.segments.entries()) {
      const { joined, json } = chat.texts[index]!;
      let after = await inspectText(inspection, run, segment, {
        fixed: joined === true,
        json: json === true,
      });
      if (flow && segment.source && (segment.surface === 'tool_result' || segment.surface === 'document'))
        after = withhold(run, segment, after, flow);
      if (after !== segment.text) edits.set(segment.pointer, after);
    }
    const { model } = run.route.upstream;
    if (model !== undefined && model !== chat.model) edits.set('/model', model);
    if (edits.size > 0) raw = applyEdits(raw ?? text, edits);
    return { chat, body: raw ?? bytes };
  }

  /** Content that no control here can read (images, audio, files) does not pass where the flow is enforced. */
  function refuseUnreadable(run: Run, type: string, pointer: string): void {
    const action: Action = run.route.mode === 'enforce' ? 'block' : 'alert';
    run.decision = stricter(run.decision, action);
    run.findings.push({
      type: 'not_inspectable',
      detector: 'gateway',
      control: 'gateway',
      score: 1,
      start: 0,
      end: 0,
      surface: 'user',
      pointer,
    });
    if (action === 'alert') return;
    run.reason = `a content part of type \`${type.slice(0, 40)}\` cannot be inspected`;
    throw new Problem('INPUT_INVALID', {
      detail: `content parts of type \`${type.slice(0, 40)}\` are not inspected by this gateway, so they do not pass`,
      fix: 'Send text.',
      facts: { code: 'unsupported_content' },
    });
  }

  /** Content of a class that may not cross the flow. What happens to it is the flow's `excess`. */
  function withhold(
    run: Run,
    segment: Segment,
    text: string,
    flow: { allow: readonly DataClass[] } & FlowExcess,
  ): string {
    const over = excess(segment.label.classes, flow.allow);
    if (over.length === 0 || flow.excess === 'allow') return text;
    const observed = run.route.mode === 'observe' || flow.excess === 'alert';
    const action: Action = observed ? 'alert' : flow.excess;
    run.decision = stricter(run.decision, action);
    for (const threat of flow.threats) run.threats.add(threat);
    run.findings.push({
      type: `class_${over.at(-1)!}`,
      detector: 'plan',
      control: 'plan',
      score: 1,
      start: 0,
      end: segment.text.length,
      surface: segment.surface,
      pointer: segment.pointer,
    });
    if (action === 'alert') return text;
    if (action === 'block' || action === 'ask') {
      run.reason = `${over.join(', ')} content of \`${segment.source ?? 'unknown'}\` may not cross \`${run.route.flow}\``;
      throw blocked();
    }
    return `[withheld: ${over.join(', ')}]`;
  }

  async function chat(
    request: IncomingMessage,
    response: ServerResponse,
    principal: Principal,
    policy: Policy,
  ): Promise<void> {
    const started = performance.now();
    const run = begin(principal, policy);
    const outcome: Outcome = {
      status: 200,
      stream: false,
      path: '/v1/chat/completions',
      body: Buffer.alloc(0),
      texts: [],
    };
    const reviewed: Binding[] = [];
    let recorded = false;
    const settle = async (): Promise<void> => {
      recorded = true;
      await record(run, started, outcome);
    };
    try {
      outcome.body = await readBody(request, limits);
      const prepared = await prepare(run, request.headers, outcome.body, policy, reviewed);
      outcome.stream = prepared.chat.stream;
      await forward(run, response, prepared, request, outcome, settle);
    } catch (error) {
      const gone = response.destroyed && !response.writableFinished;
      if (!(error instanceof Problem)) deps.onError('exchange', error);
      const refusal = refusalOf(error);
      outcome.status = gone ? clientGone : refusal.status;
      if (error instanceof Problem) {
        run.reason ??= error.detail;
        if (error.code === 'BLOCKED') run.decision = stricter(run.decision, 'block');
      }
      let failure = error;
      if (!recorded) {
        try {
          await settle();
        } catch (cause) {
          deps.onError('ledger', cause);
          failure = cause;
        }
      } else if (!(error instanceof Problem))
        failure = new Error('the record is not durable', { cause: error });
      if (!gone) end(response, run, failure);
    } finally {
      const usage = outcome.usage ?? estimate(run, outcome);
      const price = deps.prices?.[run.route.upstream.model ?? run.route.model];
      settleBudgets(run, reviewed, { ...usage, cost: costOf(usage, price) });
    }
  }

  /** Ends an answer that went wrong: as an error of its own when nothing went out yet, else with an error event. */
  function end(response: ServerResponse, run: Run, error: unknown): void {
    if (!response.headersSent) return refuseWith(response, error, run.id);
    const { message, type, code } = refusalOf(error);
    response.end(`data: ${JSON.stringify({ error: { message, type, param: null, code } })}\n\n`);
  }

  async function forward(
    run: Run,
    response: ServerResponse,
    { chat, body }: { chat: ChatRequest; body: Buffer | string },
    request: IncomingMessage,
    outcome: Outcome,
    settle: () => Promise<void>,
  ): Promise<void> {
    const { provider } = run.route.upstream;
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    headers['accept'] = chat.stream ? 'text/event-stream' : 'application/json';
    const trace = header(request.headers, 'traceparent');
    if (trace !== undefined && /^[\da-f-]{1,60}$/.test(trace)) headers['traceparent'] = trace;
    const answer = ask(provider, { method: 'POST', path: '/chat/completions', headers, body });
    // An answer may be long in coming: a client that goes away takes its request along.
    const onClose = (): void => {
      if (!response.writableFinished)
        answer.abort(new Problem('UPSTREAM_UNREACHABLE', { detail: 'the client went away' }));
    };
    response.on('close', onClose);
    const timer = setTimeout(
      () => answer.abort(new Problem('UPSTREAM_TIMEOUT', { detail: 'the answer took too long' })),
      limits.totalMs,
    );
    try {
      if (response.destroyed) onClose();
      const head = await answer.head;
      checkStatus(head.status);
      outcome.status = head.status;
      if (head.type.startsWith('text/event-stream'))
        await relayStream(run, response, chat, answer, head, outcome, settle);
      else await relayWhole(run, response, answer, head, outcome, settle);
    } finally {
      clearTimeout(timer);
      response.off('close', onClose);
      answer.abort(undefined);
    }
  }

  async function relayWhole(
    run: Run,
    response: ServerResponse,
    answer: Answer,
    head: Head,
    outcome: Outcome,
    settle: () => Promise<void>,
  ): Promise<void> {
    const bytes = await answer.all();
    const key = upstreams.keyOf(run.route.upstream.provider);
    if (!isUtf8(bytes)) throw unreadable('it is not UTF-8');
    const text = bytes.toString('utf8');
    if (key !== undefined && text.includes(key)) throw unreadable('it holds a key of this gateway');
    let body: Record<string, unknown>;
    try {
      body = parseObject(text, jsonLimits);
    } catch {
      throw unreadable('it is not a JSON object');
    }
    const edits = await inspectAnswer(run, body, outcome);
    const out = edits.size === 0 ? bytes : Buffer.from(applyEdits(text, edits));
    await settle();
    response.writeHead(head.status, {
      ...head.headers,
      'content-length': out.length,
      'x-merlon-receipt': run.id,
    });
    response.end(out);
  }

  async function inspectAnswer(run: Run, body: Record<string, unknown>, outcome: Outcome): Promise<Edits> {
    const { texts, calls, oddLogprobs, usage } = readAnswer(body);
    if (usage) outcome.usage = usage;
    const edits: Edits = new Map();
    const changed = new Set(oddLogprobs);
    const label = labelOf(run.context.plan.elements.find((element) => element.id === run.route.model));
    const segment = (pointer: string, text: string): Segment => ({
      pointer,
      surface: 'assistant',
      text,
      label,
      source: run.route.model,
      phase: 'answer',
    });
    for (const { pointer, text, choice } of texts) {
      const after = await inspectText(inspection, run, segment(pointer, text));
      outcome.texts.push({ surface: 'assistant', pointer, text: after });
      if (after === text) continue;
      edits.set(pointer, after);
      if (choice !== undefined) changed.add(choice);
    }
    for (const { pointer, choice, ...call } of calls) {
      const text = plainJson(call.arguments);
      const plain: ToolCall = { ...call, arguments: text };
      const place: Segment = { ...segment(pointer, text), surface: 'tool_call', tool: call.name };
      outcome.texts.push({ surface: 'tool_call', pointer, text: `${call.name} ${text}` });
      const after = await decideCall(inspection, run, plain, place);
      if (after === text) continue;
      edits.set(pointer, after);
      changed.add(choice);
    }
    const choices = body['choices'];
    if (Array.isArray(choices))
      for (const index of changed) {
        const choice: unknown = choices[index];
        if (isRecord(choice) && 'logprobs' in choice) edits.set(`/choices/${index}/logprobs`, null);
      }
    return edits;
  }

  async function relayStream(
    run: Run,
    response: ServerResponse,
    chat: ChatRequest,
    answer: Answer,
    head: Head,
    outcome: Outcome,
    settle: () => Promise<void>,
  ): Promise<void> {
    const waiting: (Buffer | string)[] = [];
    let lastWrite = performance.now();
    const send = (bytes: Buffer | string): void => {
      if (!response.headersSent)
        response.writeHead(head.status, { ...head.headers, 'x-merlon-receipt': run.id });
      response.write(bytes);
      lastWrite = performance.now();
    };
    const guard: StreamGuard = new StreamGuard({
      deps: inspection,
      run,
      limits: {
        eventBytes: limits.eventBytes,
        heldUnits: limits.heldUnits,
        choices: 128,
        callsPerChoice: 64,
        lanes: 512,
        json: jsonLimits,
      },
      label: labelOf(run.context.plan.elements.find((element) => element.id === run.route.model)),
      choices: chat.choices,
      forbidden: upstreams.keyOf(run.route.upstream.provider),
      write: (bytes) => waiting.push(bytes),
      settle: () => {
        summarize();
        return settle();
      },
    });
    const summarize = (): void => {
      if (guard.usage) outcome.usage = guard.usage;
      else
        outcome.usage = {
          promptTokens: promptEstimate(run),
          completionTokens: Math.ceil(guard.delivered / 4),
        };
      if (guard.preview !== '')
        outcome.texts.push({
          surface: 'assistant',
          pointer: '/choices/0/message/content',
          text: guard.preview,
        });
    };
    const flush = (): void => {
      if (waiting.length === 0) return;
      const bytes =
        waiting.length === 1
          ? waiting[0]!
          : Buffer.concat(waiting.map((one) => (typeof one === 'string' ? Buffer.from(one) : one)));
      waiting.length = 0;
      send(bytes);
    };
    const pulse = setInterval(() => {
      if (guard.holding && performance.now() - lastWrite >= limits.keepAliveMs) send(': keep-alive\n\n');
    }, limits.keepAliveMs);
    try {
      for (let chunk = await answer.take(); chunk !== undefined; chunk = await answer.take()) {
        await guard.push(chunk);
        flush();
        if (response.writableNeedDrain) await Promise.race([once(response, 'drain'), answer.failed]);
      }
      await guard.end();
      flush();
      if (!response.headersSent) send('');
      response.end();
    } catch (error) {
      // What was decided before the error may still go out; what waits for the record may not.
      flush();
      if (outcome.usage === undefined) summarize();
      throw error;
    } finally {
      clearInterval(pulse);
    }
  }

  interface Head {
    status: number;
    type: string;
    headers: Record<string, string>;
  }

  interface Answer {
    head: Promise<Head>;
    take(): Promise<Buffer | undefined>;
    all(): Promise<Buffer>;
    /** Rejects when the exchange is aborted; never resolves. */
    failed: Promise<never>;
    abort(error: Problem | undefined): void;
  }

  /** Sends a request upstream; the answer is read as fast as it is decided, decompressed, within limits. */
  function ask(provider: string, request: UpstreamRequest): Answer {
    const queue = new ChunkQueue();
    let headed!: (head: Head) => void;
    let headFailed!: (error: unknown) => void;
    let failedWith!: (error: unknown) => void;
    let over = false;
    const head = new Promise<Head>((resolve, reject) => {
      headed = resolve;
      headFailed = reject;
    });
    const failed = new Promise<never>((_resolve, reject) => {
      failedWith = reject;
    });
    head.catch(() => {});
    failed.catch(() => {});
    const fail = (error: unknown): void => {
      over = true;
      headFailed(error);
      failedWith(error);
      queue.fail(error);
    };
    let decoder: ReturnType<typeof createGunzip> | undefined;
    const push = (chunk: Buffer): void => {
      queue.push(chunk);
      if (queue.size > limits.answerBytes) {
        fail(unreadable('it is too large'));
        sent.abort();
      }
    };
    const sent = upstreams.send(provider, request, {
      onHead(status, headers, flow) {
        queue.flow = flow;
        const encoding = headers['content-encoding'];
        if (encoding !== undefined && encoding !== 'identity') {
          if (encoding === 'gzip' || encoding === 'x-gzip') decoder = createGunzip();
          else if (encoding === 'br') decoder = createBrotliDecompress();
          else if (encoding === 'deflate') decoder = createInflate();
          else return fail(unreadable('its encoding is not known'));
          decoder.on('data', push);
          decoder.on('end', () => {
            over = true;
            queue.end();
          });
          decoder.on('error', () => fail(unreadable('its compression is broken')));
        }
        const kept: Record<string, string> = {};
        for (const [name, value] of Object.entries(headers))
          if (typeof value === 'string' && forwarded.test(name)) kept[name] = value;
        headed({ status, type: kept['content-type'] ?? '', headers: kept });
      },
      onData(chunk) {
        if (decoder) decoder.write(chunk);
        else push(chunk);
      },
      onEnd() {
        if (decoder) decoder.end();
        else {
          over = true;
          queue.end();
        }
      },
      onError: fail,
    });
    return {
      head,
      failed,
      take: () => queue.take(),
      async all() {
        const parts: Buffer[] = [];
        let size = 0;
        for (let chunk = await queue.take(); chunk !== undefined; chunk = await queue.take()) {
          size += chunk.length;
          if (size > limits.answerBytes) throw unreadable('it is too large');
          parts.push(chunk);
        }
        return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      },
      abort(error) {
        if (over) return;
        fail(error ?? new Problem('UPSTREAM_UNREACHABLE', { detail: 'the answer was cut' }));
        sent.abort();
      },
    };
  }

  async function models(response: ServerResponse, principal: Principal, policy: Policy): Promise<void> {
    const started = performance.now();
    const run = begin(principal, policy);
    const outcome: Outcome = {
      status: 200,
      stream: false,
      path: '/v1/models',
      body: Buffer.alloc(0),
      texts: [],
    };
    try {
      const routes = policy.routesOf(run.route.client);
      if (routes.length === 0) drift(run, 'flow', 'models');
      const open = routes.find((route) => route.upstream.model === undefined);
      const provider = routes.length === 0 ? deps.defaultUpstream : open?.upstream.provider;
      let body: string | Buffer;
      if (provider === undefined) {
        const names = new Set(routes.map((route) => route.upstream.model ?? route.model));
        const data = Array.from(names, (id) => ({ id, object: 'model', created: 0, owned_by: 'merlon' }));
        body = JSON.stringify({ object: 'list', data });
      } else {
        run.route = { ...run.route, ...open, upstream: { provider } };
        const answer = ask(provider, {
          method: 'GET',
          path: '/models',
          headers: { accept: 'application/json' },
        });
        const head = await answer.head;
        checkStatus(head.status);
        outcome.status = head.status;
        body = await answer.all();
        const key = upstreams.keyOf(provider);
        if (key !== undefined && body.includes(key)) throw unreadable('it holds a key of this gateway');
      }
      await record(run, started, outcome);
      response.writeHead(outcome.status, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'x-merlon-receipt': run.id,
      });
      response.end(body);
    } catch (error) {
      await refuseRecorded(run, started, outcome, response, error);
    }
  }

  async function refuseRecorded(
    run: Run,
    started: number,
    outcome: Outcome,
    response: ServerResponse,
    error: unknown,
  ): Promise<void> {
    outcome.status = refusalOf(error).status;
    if (error instanceof Problem) run.reason ??= error.detail;
    await record(run, started, outcome);
    refuseWith(response, error, run.id);
  }

  return {
    chat,
    models,
    async unknown(request, response, principal, policy, path) {
      const run = begin(principal, policy);
      run.decision = 'block';
      const shown = `${request.method} ${path.slice(0, 100)}`;
      const outcome: Outcome = { status: 404, stream: false, path: shown, body: Buffer.alloc(0), texts: [] };
      const error = new Problem('NOT_FOUND', {
        detail: `${shown} is not an operation of this gateway`,
        fix: 'Use POST /v1/chat/completions or GET /v1/models.',
        facts: { code: 'unknown_url' },
      });
      await refuseRecorded(run, performance.now(), outcome, response, error);
    },
    async settled() {
      await Promise.allSettled(underWay);
    },
  };
}

interface FlowExcess {
  excess: Action;
  threats: readonly string[];
}

const noMessageControls = {
  user: [],
  system: [],
  document: [],
  tool_result: [],
  assistant: [],
  tool_call: [],
};

/** An upstream's answer that is about us, not about the client's request. */
function checkStatus(status: number): void {
  if (status === 401 || status === 403)
    throw new Problem('UPSTREAM_UNREACHABLE', {
      detail: 'the upstream refused the credentials of this gateway',
      facts: { code: 'upstream_credentials' },
    });
  if (status >= 300 && status < 400) throw unreadable('it is a redirection');
}

function header(headers: IncomingMessage['headers'], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

async function readBody(request: IncomingMessage, limits: GatewayLimits): Promise<Buffer> {
  const type = request.headers['content-type'] ?? '';
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (!type.toLowerCase().startsWith('application/json') || encoding !== 'identity')
    throw new Problem('INPUT_INVALID', {
      detail: 'the body must be plain application/json',
      fix: 'Send `content-type: application/json` without a content encoding.',
    });
  const tooLarge = (): Problem =>
    new Problem('TOO_LARGE', {
      detail: `the body is larger than ${limits.bodyBytes} bytes`,
      fix: 'Send less, or raise the limit in merlon.yaml.',
    });
  if (Number(request.headers['content-length'] ?? 0) > limits.bodyBytes) throw tooLarge();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const broken = (): void => {
      if (!request.complete) reject(new Problem('INPUT_INVALID', { detail: 'the body broke off' }));
    };
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limits.bodyBytes) {
        request.pause();
        reject(tooLarge());
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    request.on('error', broken);
    request.on('close', broken);
  });
}

/** Four characters are about one token of English text. */
const unitsPerToken = 4;

function promptEstimate(run: Run): number {
  let units = 0;
  for (const segment of run.context.segments) units += segment.text.length;
  return Math.ceil(units / unitsPerToken);
}

/** For answers without usage: what was asked counts when it went up, and what was said counts when it came down. */
function estimate(run: Run, outcome: Outcome): Omit<Usage, 'cost'> {
  if (outcome.status >= 400) return { promptTokens: 0, completionTokens: 0 };
  const units = outcome.texts.reduce((sum, one) => sum + one.text.length, 0);
  return { promptTokens: promptEstimate(run), completionTokens: Math.ceil(units / unitsPerToken) };
}

/** US dollars of an exchange, 0 when the model has no price. */
function costOf(
  tokens: Omit<Usage, 'cost'>,
  price: { prompt: number; completion: number } | undefined,
): number {
  if (!price) return 0;
  return (tokens.promptTokens * price.prompt + tokens.completionTokens * price.completion) / 1_000_000;
}
