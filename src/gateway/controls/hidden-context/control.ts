import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { views } from '../../../inspection/normalise/views.ts';
import { defineControl, type ControlContext, type Segment } from '../../../kernel/control.ts';
import type { Finding } from '../../../kernel/finding.ts';
import type { Plan } from '../../../kernel/plan.ts';
import { allow, type Verdict } from '../../../kernel/verdict.ts';
import { fingerprint, fingerprintOfMark, type Fingerprint } from './fingerprint.ts';
import { fold } from './fold.ts';
import { readings } from './readings.ts';
import { valuesOf } from './values.ts';

const Settings = z.strictObject({
  action: z
    .enum(['block', 'mask', 'alert'])
    .default('block')
    .describe(
      'What happens to an answer that repeats what is hidden: refuse or cut it, take the place out, or only report it.',
    ),
  canary: z
    .boolean()
    .default(true)
    .describe(
      'Add a random mark to the system prompt of each conversation. Whoever repeats it repeats the prompt.',
    ),
  quote: z
    .int()
    .min(24)
    .default(60)
    .describe('How many letters and digits in a row an answer may repeat from the system prompt.'),
  values: z
    .boolean()
    .default(true)
    .describe(
      'Guard single values in the system prompt: codes, keys, and what follows words such as `password is`.',
    ),
  allow: z
    .array(z.string())
    .default([])
    .describe('Passages of the system prompt that answers may repeat, such as a greeting or an address.'),
});
type Settings = z.infer<typeof Settings>;

const replacement = '[withheld]';

export const control = defineControl({
  id: 'hidden-context',
  title: 'Hidden context guard',
  area: 'model',
  point: 'message',
  objectives: ['out-dlp'],
  mitigates: ['owasp-llm:2026/LLM08', 'owasp-llm:2026/LLM02', 'atlas:5.6.0/AML.T0056'],
  surfaces: ['system', 'assistant', 'tool_call'],
  settings: Settings,

  inspect(segment, settings, context) {
    if (segment.phase === 'request') {
      const first = segment.surface === 'system' && segment.pointer === firstPrompt(context);
      return first ? prepare(segment.text, settings, context) : allow;
    }
    const known = context.memo.get(memoKey(settings)) as Guard | undefined;
    return known
      ? judged(segment, known, settings, context)
      : guardOf(settings, context).then((guard) => judged(segment, guard, settings, context));
  },

  stream: {
    // What is encoded waits as a whole; this much is for what is spelled over several words.
    window: 384,
    hold(text, settings, context) {
      const guard = context.memo.get(memoKey(settings)) as Guard | undefined;
      // Nothing is known before the first look, which may take a moment: the first unit waits for it.
      if (!guard) return Math.min(text.length, 1);
      if (guard === 'none') return 0;
      const opens = guard.opens(fold(text), text.length);
      return Math.max(text.length - opens, encodedTail(text));
    },
  },
});

/** What an answer is held against; `none` when the conversation has no system prompt. */
type Guard = Fingerprint | 'none';

/** Marks the first system prompt. No findings: this prepares, it decides nothing. */
async function prepare(text: string, settings: Settings, context: ControlContext): Promise<Verdict> {
  await guardOf(settings, context);
  if (!settings.canary) return allow;
  return { action: 'mask', text: `${text}\n\n[${await canaryOf(context)}]`, findings: [] };
}

function judged(segment: Segment, guard: Guard, settings: Settings, context: ControlContext): Verdict {
  if (guard === 'none') return allow;
  const findings = search(segment, guard, settings, context);
  if (findings.length === 0) return allow;
  if (settings.action === 'alert') return { action: 'alert', findings };
  if (settings.action === 'mask') return { action: 'mask', text: without(segment.text, findings), findings };
  return { action: 'block', findings, reason: 'the answer repeats what the system prompt holds' };
}

const memoKey = ({ quote, values, allow, canary }: Settings): string =>
  `hidden-context/${quote}/${values}/${canary}/${allow.join('\0')}`;

/** System prompts of the conversation, without the definitions of tools. */
function promptsOf({ segments }: ControlContext): string[] {
  return segments
    .filter((one) => one.surface === 'system' && one.pointer.startsWith('/messages/'))
    .map((one) => one.text);
}

function firstPrompt({ segments }: ControlContext): string | undefined {
  return segments.find((one) => one.surface === 'system' && one.pointer.startsWith('/messages/'))?.pointer;
}

/** Letters only, in the form of a word: no detector takes it for a key, and models pass it on unchanged. */
async function canaryOf(context: ControlContext): Promise<string> {
  const known = context.memo.get('hidden-context/canary');
  if (typeof known === 'string') return known;
  const key = await context.services.scopedKey('gateway/canary');
  const bytes = createHmac('sha256', key).update(context.conversation).digest();
  let mark = '';
  for (let at = 0; at < 7; at++)
    mark += 'bdfgklmnprstvz'[bytes[2 * at]! % 14]! + 'aeiou'[bytes[2 * at + 1]! % 5]!;
  context.memo.set('hidden-context/canary', mark);
  return mark;
}

/**
 * Fingerprints of system prompts, per plan: an application sends the same few with every request. What is kept follows from
 * the key alone, so sharing it between exchanges changes nothing but the time.
 */
const kept = new WeakMap<Plan, Map<string, Fingerprint>>();
const keptPerPlan = 256;

async function guardOf(settings: Settings, context: ControlContext): Promise<Guard> {
  const key = memoKey(settings);
  const known = context.memo.get(key) as Guard | undefined;
  if (known) return known;
  const prompts = promptsOf(context);
  let guard: Guard = 'none';
  if (prompts.length > 0) {
    const mark = settings.canary ? await canaryOf(context) : '';
    const wording = `${key}\0${prompts.join('\0')}`;
    let perPlan = kept.get(context.plan);
    if (!perPlan) {
      perPlan = new Map();
      kept.set(context.plan, perPlan);
    }
    const shared = perPlan.get(wording) ?? fingerprintOf(prompts, settings);
    perPlan.delete(wording);
    perPlan.set(wording, shared);
    if (perPlan.size > keptPerPlan) perPlan.delete(perPlan.keys().next().value!);
    guard = mark === '' ? shared : both(shared, fingerprintOfMark(mark));
  }
  context.memo.set(key, guard);
  return guard;
}

function fingerprintOf(prompts: readonly string[], settings: Settings): Fingerprint {
  const open = prompts.map((prompt) =>
    settings.allow.reduce((text, one) => text.replaceAll(one, '\n'), prompt),
  );
  const values = settings.values ? open.flatMap(valuesOf) : [];
  return fingerprint(open, [...new Set(values)]);
}

function both(left: Fingerprint, right: Fingerprint): Fingerprint {
  return {
    find: (folded, quote) => [...left.find(folded, quote), ...right.find(folded, quote)],
    opens: (folded, length) => Math.min(left.opens(folded, length), right.opens(folded, length)),
  };
}

const types = { literal: 'hidden_value', canary: 'hidden_canary', quote: 'hidden_wording' } as const;

/** Looks for what is hidden in the text as written and in everything that is encoded in it. */
function search(
  { text, surface }: Segment,
  guard: Fingerprint,
  settings: Settings,
  context: ControlContext,
): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const view of [...views(text), ...readings(text)]) {
    for (const { kind, start, end } of guard.find(fold(view.text), settings.quote)) {
      // Agents use values of their prompt in calls; that is what the values are for.
      if (kind === 'literal' && surface === 'tool_call') continue;
      if (saidBefore(view.text.slice(start, end), context)) continue;
      const place = view.locate(start, end);
      const key = `${place.start}:${place.end}`;
      if (seen.has(key)) continue;
      seen.add(key);
      findings.push({
        type: types[kind],
        detector: 'hidden-context',
        score: 1,
        ...place,
      });
    }
  }
  return findings.sort((a, b) => a.start - b.start);
}

/** What the user or a tool said is no secret of the system prompt. */
function saidBefore(text: string, { segments }: ControlContext): boolean {
  return segments.some(
    (one) =>
      (one.surface === 'user' || one.surface === 'tool_result' || one.surface === 'document') &&
      one.text.includes(text),
  );
}

function without(text: string, findings: readonly Finding[]): string {
  let out = '';
  let at = 0;
  for (const { start, end } of findings) {
    if (end <= at) continue;
    if (start >= at) out += text.slice(at, start) + replacement;
    at = end;
  }
  return out + text.slice(at);
}

/** Longest end of a text that may be one encoded value still going on, in UTF-16 units. */
const encodedLimit = 4096;

/** Units at the end that may belong to something encoded: a long run without spaces, or groups of digits or signs. */
function encodedTail(text: string): number {
  let at = text.length;
  const floor = Math.max(0, text.length - encodedLimit);
  while (at > floor && /[A-Za-z0-9+/_=%\\&;#-]/.test(text[at - 1]!)) at--;
  const run = text.length - at;
  if (run >= 12) return run;
  at = text.length;
  while (at > floor && /[0-9a-fA-F\s.:,/\-_|]/.test(text[at - 1]!)) at--;
  const groups = text.length - at;
  return groups >= 12 && /[0-9.-]/.test(text.slice(at)) ? groups : 0;
}
