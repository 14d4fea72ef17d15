import type { Label, Segment, Usage } from '../kernel/control.ts';
import { Problem } from '../kernel/problem.ts';
import { isIdentifier, spells, strings, usageOf, type AnswerText } from './answer.ts';
import { plainJson } from './chat.ts';
import { decideCall, inspectText, type InspectionDeps, type Run } from './inspection.ts';
import { applyEdits, escapePointer, isRecord, parseObject, type Edits, type JsonLimits } from './json.ts';
import { dataEvent, SseParser, type SseEvent } from './sse.ts';
import { Lane } from './stage.ts';

export interface StreamLimits {
  /** Largest event, in bytes. */
  eventBytes: number;
  /** Most text that may wait for a verdict in one answer, in UTF-16 units. */
  heldUnits: number;
  choices: number;
  callsPerChoice: number;
  /** Different texts within one answer. */
  lanes: number;
  json: JsonLimits;
}

export interface StreamGuardOptions {
  deps: InspectionDeps;
  run: Run;
  limits: StreamLimits;
  /** Label of what the model says. */
  label: Label;
  /** How many choices the client asked for. */
  choices: number;
  /** What must never be in an answer. */
  forbidden?: string;
  write(bytes: Buffer | string): void;
  /** Called once, when everything is decided and before the last bytes go out: the record must be durable first. */
  settle(): Promise<void>;
}

/** A chunk that holds only pieces of tool calls, and waits until the calls are decided. */
interface Withheld {
  raw: Buffer | string;
  data: string;
  pieces: { call: Call; pointer: string }[];
}

interface Call {
  id: string;
  name: string;
  arguments: string;
  pointer: string;
}

interface Choice {
  index: number;
  lanes: Map<string, Lane>;
  calls: Map<number, Call>;
  withheld: Withheld[];
  finished: boolean;
}

const legacyCall = -1;

const unreadable = (why: string): Problem =>
  new Problem('UPSTREAM_UNREACHABLE', {
    detail: `the answer of the upstream cannot be read: ${why}`,
    facts: { code: 'upstream_unreadable' },
  });

/**
 * Lets a streamed chat answer through as far as it is decided. Text goes on at once unless it may be the beginning of a
 * match; tool calls wait until they are complete and decided. A chunk that is not changed goes on byte for byte.
 * Fails closed: what it cannot read, and what is over a limit, ends the stream.
 */
export class StreamGuard {
  usage: Omit<Usage, 'cost'> | undefined;
  /** Length of all text that went out, in UTF-16 units. */
  delivered = 0;
  /** Beginning of the text that went out, for the console. */
  preview = '';
  readonly #o: StreamGuardOptions;
  readonly #parser: SseParser;
  readonly #choices = new Map<number, Choice>();
  /** The last chunk's envelope, from which chunks of ours are made. */
  #template: Record<string, unknown> = {};
  /** Bytes that wait for `settle`. */
  #tail: (Buffer | string)[] | undefined;
  #done = false;
  #withheldUnits = 0;

  constructor(options: StreamGuardOptions) {
    this.#o = options;
    this.#parser = new SseParser(options.limits.eventBytes);
  }

  /** Whether anything waits for a verdict. */
  get holding(): boolean {
    if (this.#withheldUnits > 0) return true;
    for (const choice of this.#choices.values())
      for (const lane of choice.lanes.values()) if (lane.held > 0) return true;
    return false;
  }

  async push(chunk: Buffer): Promise<void> {
    let events: SseEvent[];
    try {
      events = this.#parser.push(chunk);
    } catch {
      throw unreadable('an event is too large');
    }
    for (const event of events) await this.#event(event);
  }

  /** The upstream has ended. What waits is decided; a stream without `[DONE]` ends like one with it. */
  async end(): Promise<void> {
    const rest = this.#parser.end();
    if (rest) await this.#event(rest);
    if (!this.#done) await this.#finish();
  }

  async #event(event: SseEvent): Promise<void> {
    const { data, raw, rest } = event;
    if (this.#o.forbidden !== undefined && raw.includes(this.#o.forbidden))
      throw unreadable('it holds a key of this gateway');
    if (rest !== '')
      await inspectText(this.#o.deps, this.#o.run, this.#segment('/event', rest), { fixed: true });
    if (data === undefined) return this.#write(raw);
    if (this.#done) throw unreadable('something follows its end');
    if (data === '[DONE]') {
      await this.#flushAll();
      this.#tail ??= [];
      this.#tail.push(raw);
      return this.#finish();
    }
    let chunk: Record<string, unknown>;
    try {
      chunk = parseObject(data, this.#o.limits.json);
    } catch {
      throw unreadable('an event is not a JSON object');
    }
    await this.#chunk(chunk, data, raw);
  }

  async #chunk(chunk: Record<string, unknown>, data: string, raw: Buffer): Promise<void> {
    const edits: Edits = new Map();
    const list = Array.isArray(chunk['choices']) ? (chunk['choices'] as unknown[]) : [];
    this.usage = usageOf(chunk['usage']) ?? this.usage;
    await this.#oneShot(chunk, edits);
    if (list.length > 0) this.#template = chunk;

    let mute = edits.size === 0 && list.length > 0 && !isRecord(chunk['usage']);
    let split: Withheld | undefined;
    for (const [position, choice] of list.entries()) {
      if (!isRecord(choice)) throw unreadable('a choice is not an object');
      const state = this.#choice(choice['index'] ?? 0);
      const finish = typeof choice['finish_reason'] === 'string';
      const pointer = `/choices/${position}`;
      const delta = isRecord(choice['delta']) ? choice['delta'] : {};
      if (state.finished && hasText(delta)) throw unreadable('a choice goes on after its end');

      const pieces = this.#callPieces(delta, pointer, state);
      if (pieces.length > 0) {
        split ??= { raw, data, pieces: [] };
        split.pieces.push(...pieces);
      }
      const said = await this.#texts(delta, pointer, state, finish, edits);
      const { logprobs } = choice;
      if (isRecord(logprobs) && (said.changed || !spells(logprobs, delta)))
        edits.set(`${pointer}/logprobs`, null);
      if (!said.changed || said.out !== '' || finish || delta['role'] !== undefined) mute = false;
      if (finish) await this.#close(state, said.seen, pieces.length > 0 ? split : undefined);
    }

    // From the chunk that ends the last choice on, bytes wait for the record.
    if (this.#allFinished()) this.#tail ??= [];
    if (split) this.#withhold(split, chunk, list, edits);
    else if (!mute) this.#write(edits.size === 0 ? raw : dataEvent(applyEdits(data, edits)));
    if (split && list.some((one) => isRecord(one) && typeof one['finish_reason'] === 'string')) {
      for (const one of list) if (isRecord(one)) await this.#decide(this.#choice(one['index'] ?? 0));
    }
    this.#bound();
  }

  /** Strings outside the deltas are decided by themselves; they do not continue from chunk to chunk. */
  async #oneShot(chunk: Record<string, unknown>, edits: Edits): Promise<void> {
    const texts: AnswerText[] = [];
    for (const key of Object.keys(chunk)) {
      const value = chunk[key];
      if (key === 'choices' && Array.isArray(value)) {
        for (const [position, choice] of value.entries())
          if (isRecord(choice))
            for (const name of Object.keys(choice))
              if (name !== 'delta' && name !== 'logprobs')
                strings(choice[name], name, `/choices/${position}/${escapePointer(name)}`, position, texts);
      } else if (typeof value !== 'number') strings(value, key, `/${escapePointer(key)}`, undefined, texts);
    }
    for (const { pointer, text } of texts) {
      const after = await inspectText(this.#o.deps, this.#o.run, this.#segment(pointer, text));
      if (after !== text) edits.set(pointer, after);
    }
  }

  /** Runs the texts of a delta through their lanes. */
  async #texts(
    delta: Record<string, unknown>,
    pointer: string,
    state: Choice,
    last: boolean,
    edits: Edits,
  ): Promise<{ changed: boolean; out: string; seen: Set<string> }> {
    let changed = false;
    let out = '';
    const seen = new Set<string>();
    for (const key of Object.keys(delta)) {
      const value = delta[key];
      if (key === 'tool_calls' || key === 'function_call' || value === null || value === undefined) continue;
      const texts: AnswerText[] = [];
      if (typeof value === 'string') {
        if (value === '' ? last : !isIdentifier(key, value))
          texts.push({ pointer: `/${escapePointer(key)}`, text: value });
      } else strings(value, key, `/${escapePointer(key)}`, undefined, texts);
      for (const { pointer: path, text } of texts) {
        seen.add(path);
        const released = await this.#lane(state, path).push(this.#o.deps, this.#o.run, text, last);
        this.#delivered(released);
        out += released;
        if (released === text) continue;
        changed = true;
        edits.set(`${pointer}/delta${path}`, released);
      }
    }
    return { changed, out, seen };
  }

  #lane(state: Choice, path: string): Lane {
    let lane = state.lanes.get(path);
    if (!lane) {
      let lanes = 0;
      for (const choice of this.#choices.values()) lanes += choice.lanes.size;
      if (lanes >= this.#o.limits.lanes) throw unreadable('too many different texts');
      const segment = this.#segment(`/choices/${state.index}/message${path}`, '');
      lane = new Lane(this.#o.run.policy.message[segment.surface], segment);
      state.lanes.set(path, lane);
    }
    return lane;
  }

  #segment(pointer: string, text: string): Segment {
    const { label, run } = this.#o;
    return { pointer, surface: 'assistant', text, label, source: run.route.model, phase: 'answer' };
  }

  #choice(index: unknown): Choice {
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= this.#o.limits.choices)
      throw unreadable('the index of a choice is out of bounds');
    let choice = this.#choices.get(index);
    if (!choice) {
      choice = { index, lanes: new Map(), calls: new Map(), withheld: [], finished: false };
      this.#choices.set(index, choice);
    }
    return choice;
  }

  /** Adds the pieces of tool calls to their calls. */
  #callPieces(delta: Record<string, unknown>, pointer: string, state: Choice): Withheld['pieces'] {
    const pieces: Withheld['pieces'] = [];
    const add = (index: number, id: unknown, inner: unknown, at: string): void => {
      const piece = isRecord(inner) ? inner : {};
      let call = state.calls.get(index);
      if (!call) {
        if (state.calls.size >= this.#o.limits.callsPerChoice) throw unreadable('too many tool calls');
        call = {
          id: '',
          name: '',
          arguments: '',
          pointer: `/choices/${state.index}/message/tool_calls/${index}`,
        };
        state.calls.set(index, call);
      }
      if (typeof id === 'string') call.id = id;
      if (typeof piece['name'] === 'string') call.name += piece['name'];
      if (typeof piece['arguments'] === 'string') {
        call.arguments += piece['arguments'];
        this.#withheldUnits += piece['arguments'].length;
      }
      pieces.push({ call, pointer: `${at}/arguments` });
    };
    const calls = delta['tool_calls'];
    if (Array.isArray(calls)) {
      for (const [at, call] of calls.entries()) {
        if (!isRecord(call)) throw unreadable('a tool call is not an object');
        const index = call['index'] ?? at;
        if (typeof index !== 'number') throw unreadable('a tool call has no index');
        add(index, call['id'], call['function'], `${pointer}/delta/tool_calls/${at}/function`);
      }
    } else if (calls !== undefined && calls !== null) throw unreadable('tool calls are not a list');
    const legacy = delta['function_call'];
    if (legacy !== undefined && legacy !== null)
      add(legacyCall, '', legacy, `${pointer}/delta/function_call`);
    return pieces;
  }

  /** Keeps the chunk's pieces of calls back; what else is in it goes on now. */
  #withhold(split: Withheld, chunk: Record<string, unknown>, list: unknown[], edits: Edits): void {
    const first = list.length === 1 && isRecord(list[0]) ? list[0] : undefined;
    const delta = first && isRecord(first['delta']) ? first['delta'] : {};
    const onlyCalls =
      first !== undefined &&
      edits.size === 0 &&
      typeof first['finish_reason'] !== 'string' &&
      !isRecord(chunk['usage']) &&
      Object.keys(delta).every((key) => key === 'tool_calls' || key === 'function_call' || !delta[key]);
    if (onlyCalls) {
      this.#choice(first['index'] ?? 0).withheld.push(split);
      return;
    }
    const others: Edits = new Map(edits);
    for (const [position, choice] of list.entries()) {
      if (!isRecord(choice) || !isRecord(choice['delta'])) continue;
      const pointer = `/choices/${position}/delta`;
      const pieces = split.pieces.filter((piece) => piece.pointer.startsWith(`${pointer}/`));
      if (pieces.length === 0) continue;
      const calls: Record<string, unknown> = {};
      for (const key of ['tool_calls', 'function_call'])
        if (choice['delta'][key] !== undefined) {
          calls[key] = choice['delta'][key];
          others.set(`${pointer}/${key}`, undefined);
        }
      const data = JSON.stringify({
        ...this.#envelope(),
        choices: [{ index: choice['index'] ?? 0, delta: calls, finish_reason: null }],
      });
      const moved = pieces.map((piece) => ({
        ...piece,
        pointer: piece.pointer.replace(pointer, '/choices/0/delta'),
      }));
      this.#choice(choice['index'] ?? 0).withheld.push({ raw: dataEvent(data), data, pieces: moved });
    }
    const rest = dataEvent(applyEdits(split.data, others));
    // A chunk that also ends its choice must come behind the calls.
    if (list.some((one) => isRecord(one) && typeof one['finish_reason'] === 'string')) this.#behind = rest;
    else this.#write(rest);
  }

  #behind: string | undefined;

  /** The choice has ended: its lanes are emptied and its calls decided before the chunk that ends it goes out. */
  async #close(state: Choice, seen: ReadonlySet<string>, split: Withheld | undefined): Promise<void> {
    state.finished = true;
    await this.#flush(state, seen);
    if (!split) await this.#decide(state);
  }

  async #flush(state: Choice, seen: ReadonlySet<string>): Promise<void> {
    for (const [path, lane] of state.lanes) {
      if (seen.has(path)) continue;
      const text = await lane.push(this.#o.deps, this.#o.run, '', true);
      if (text === '') continue;
      this.#delivered(text);
      const choice = { index: state.index, delta: nest(path, text), finish_reason: null };
      this.#write(dataEvent(JSON.stringify({ ...this.#envelope(), choices: [choice] })));
    }
  }

  /** Decides the calls of a choice and lets them go, byte for byte unless a control changed their arguments. */
  async #decide(state: Choice): Promise<void> {
    const changed = new Map<Call, string>();
    for (const call of state.calls.values()) {
      const text = plainJson(call.arguments);
      const segment: Segment = {
        ...this.#segment(`${call.pointer}/function/arguments`, text),
        surface: 'tool_call',
        tool: call.name,
      };
      const after = await decideCall(this.#o.deps, this.#o.run, { ...call, arguments: text }, segment);
      if (after !== text) changed.set(call, after);
    }
    const put = new Set<Call>();
    for (const { raw, data, pieces } of state.withheld) {
      const edits: Edits = new Map();
      for (const { call, pointer } of pieces) {
        const after = changed.get(call);
        if (after === undefined) continue;
        edits.set(pointer, put.has(call) ? '' : after);
        put.add(call);
      }
      this.#write(edits.size === 0 ? raw : dataEvent(applyEdits(data, edits)));
    }
    for (const call of state.calls.values()) this.#withheldUnits -= call.arguments.length;
    state.withheld = [];
    state.calls.clear();
    if (this.#behind !== undefined) {
      this.#write(this.#behind);
      this.#behind = undefined;
    }
  }

  async #flushAll(): Promise<void> {
    for (const choice of this.#choices.values()) {
      if (choice.finished) continue;
      choice.finished = true;
      await this.#flush(choice, new Set());
      await this.#decide(choice);
    }
  }

  async #finish(): Promise<void> {
    this.#done = true;
    await this.#flushAll();
    await this.#o.settle();
    const tail = this.#tail ?? [];
    this.#tail = undefined;
    for (const bytes of tail) this.#o.write(bytes);
  }

  #allFinished(): boolean {
    let finished = 0;
    for (const choice of this.#choices.values()) if (choice.finished) finished++;
    return finished > 0 && finished === this.#choices.size && finished >= this.#o.choices;
  }

  #bound(): void {
    let held = this.#withheldUnits;
    for (const choice of this.#choices.values()) for (const lane of choice.lanes.values()) held += lane.held;
    if (held > this.#o.limits.heldUnits)
      throw new Problem('BLOCKED', { detail: 'the answer is too long to be inspected by this gateway' });
  }

  #envelope(): Record<string, unknown> {
    return Object.fromEntries(
      ['id', 'object', 'created', 'model', 'system_fingerprint', 'service_tier']
        .filter((key) => key in this.#template)
        .map((key) => [key, this.#template[key]]),
    );
  }

  #delivered(text: string): void {
    this.delivered += text.length;
    if (this.preview.length < 2000) this.preview += text.slice(0, 2000 - this.preview.length);
  }

  #write(bytes: Buffer | string): void {
    if (this.#tail) this.#tail.push(bytes);
    else this.#o.write(bytes);
  }
}

function hasText(delta: Record<string, unknown>): boolean {
  return Object.entries(delta).some(
    ([key, value]) => key !== 'role' && value !== null && value !== '' && value !== undefined,
  );
}

/** The smallest delta with this text at this path. */
function nest(path: string, text: string): Record<string, unknown> {
  let value: unknown = text;
  for (const key of path.slice(1).split('/').reverse()) {
    const plain = key.replaceAll('~1', '/').replaceAll('~0', '~');
    value = /^\d+$/.test(plain) ? [value] : { [plain]: value };
  }
  return value as Record<string, unknown>;
}
