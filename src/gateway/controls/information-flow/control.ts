import { z } from 'zod';
import {
  defineControl,
  type ControlContext,
  type Segment,
  type ToolCallVerdict,
} from '../../../kernel/control.ts';
import type { PlanTool } from '../../../kernel/plan.ts';
import { DataClass, type Trust } from '../../../kernel/vocabulary.ts';
import { isRecord } from '../../json.ts';
import { excess, join, untrustedAtMost } from '../../labels.ts';

const Tool = z.strictObject({
  exit: z.boolean().optional().describe('Its calls can carry data out of the system.'),
  trust: z.int().min(0).max(4).optional().describe('Trust of what it returns.'),
  classes: z.array(DataClass).optional().describe('Classes of data in what it returns.'),
});

const Settings = z.strictObject({
  action: z
    .enum(['block', 'ask'])
    .default('block')
    .describe(
      'What happens to a call that untrusted content may have steered: refuse it, or let a person decide.',
    ),
  untrusted: z
    .int()
    .min(-1)
    .max(4)
    .default(untrustedAtMost)
    .describe('Third-party content of this trust or less counts as untrusted; -1 switches the check off.'),
  protect: DataClass.default('confidential').describe('Data of this class or above must not leave this way.'),
  consequential: z
    .boolean()
    .default(true)
    .describe('Also look at calls that change something inside, not only at those that lead out.'),
  arguments: z
    .array(z.string())
    .default(
      'to cc bcc recipient recipients email address phone number url uri link href host domain endpoint path file channel account iban amount price sum query sql command code user id'.split(
        ' ',
      ),
    )
    .describe(
      'Arguments that decide where a call goes and what it does. They must stand in the words of the requesting user or of the system prompt. A tool that has none of them is judged by all its arguments.',
    ),
  tools: z
    .record(z.string(), Tool)
    .default({})
    .describe(
      'Labels of tools that the threat model does not hold; they never loosen those of tools it does hold.',
    ),
});
type Settings = z.infer<typeof Settings>;

export const control = defineControl({
  id: 'information-flow',
  title: 'Information flow',
  area: 'model',
  point: 'tool_call',
  objectives: ['taint', 'in-seg'],
  mitigates: [
    'owasp-llm:2026/LLM01',
    'owasp-llm:2026/LLM03',
    'atlas:5.6.0/AML.T0051.001',
    'atlas:5.6.0/AML.T0057',
  ],
  settings: Settings,

  decide(call, settings, context) {
    const { plan, route } = context;
    const tool = plan.tools.find((one) => one.agent === route.client && one.name === call.name);
    const exit = tool?.exit === true || settings.tools[call.name]?.exit === true;
    const consequential =
      settings.consequential &&
      tool !== undefined &&
      tool.sideEffect !== 'none' &&
      tool.sideEffect !== 'read';
    if (!exit && !consequential) return { action: 'allow' };
    const segments = context.segments.map((segment) => labelled(segment, settings, context));
    const refuse = (reason: string, type: string): ToolCallVerdict => ({
      action: settings.action,
      reason: `\`${call.name}\` ${reason}`,
      threats: tool?.threats ?? [],
      findings: [
        { type, detector: 'information-flow', score: 1, start: 0, end: call.arguments.length, reason },
      ],
    });
    const values = strings(call.arguments);

    // Confidentiality: what the arguments quote must be allowed on the flow to the tool.
    const quoted = segments.filter(
      (segment) => isProtected(segment, settings) && quotes(values, segment.text),
    );
    const sink = plan.flows.find((flow) => flow.from === route.client && flow.to === tool?.element);
    const over = sink && exit ? excess(join(quoted.map((one) => one.label)).classes, sink.allow) : [];
    if (over.length > 0)
      return refuse(
        `would carry ${over.join(', ')} data of ${names(quoted)} over \`${sink!.id}\`, which may not`,
        'class_excess',
      );

    // Integrity: a call that somebody else's words may have steered goes only where the user said.
    const foreign = segments.filter((segment) => isForeign(segment, settings));
    if (foreign.length === 0) return { action: 'allow' };
    const inReach = segments.filter((segment) => isProtected(segment, settings));
    if (!consequential && inReach.length === 0 && !holdsProtected(settings, context))
      return { action: 'allow' };
    const own = normalised(
      segments
        .filter(({ surface }) => surface === 'user' || surface === 'system')
        .map(({ text }) => text)
        .join('\n'),
    );
    const steered = values === undefined ? ['its arguments'] : unspoken(values, own, settings);
    if (steered.length === 0) return { action: 'allow' };
    return refuse(
      `may be steered by content of ${names(foreign)}${inReach.length > 0 ? ` with data of ${names(inReach)} in reach` : ''}: ${steered.join(', ')} not from the user`,
      'untrusted_influence',
    );
  },
});

/** The label of a tool that only the settings know. Those of the plan stay. */
function labelled(segment: Segment, { tools }: Settings, { plan, route }: ControlContext): Segment {
  const { tool: name } = segment;
  if (name === undefined || segment.surface !== 'tool_result' || !Object.hasOwn(tools, name)) return segment;
  if (plan.tools.some((one: PlanTool) => one.agent === route.client && one.name === name)) return segment;
  const { trust = 0, classes = [] } = tools[name]!;
  return { ...segment, label: { trust: trust as Trust, classes }, source: segment.source ?? name };
}

/** Words of somebody who is neither the requesting user nor the developer. */
function isForeign({ surface, label }: Segment, { untrusted }: Settings): boolean {
  return (surface === 'tool_result' || surface === 'document') && label.trust <= untrusted;
}

const rank = (one: DataClass): number => DataClass.options.indexOf(one);

function isProtected({ label }: Segment, { protect }: Settings): boolean {
  return label.classes.some((one) => rank(one) >= rank(protect));
}

/** The agent itself can reach such data, with another call if not in this context. */
function holdsProtected({ protect }: Settings, { plan, route }: ControlContext): boolean {
  const agent = plan.elements.find((element) => element.id === route.client);
  return agent?.classes.some((one) => rank(one) >= rank(protect)) ?? false;
}

const names = (segments: readonly Segment[]): string =>
  [...new Set(segments.map((one) => `\`${one.source ?? one.tool ?? 'an unknown source'}\``))].join(', ');

interface Value {
  name: string;
  text: string;
}

/** All plain values of the arguments with the name of the key they stand under; undefined when it is not JSON. */
function strings(args: string): Value[] | undefined {
  let parsed: unknown;
  try {
    parsed = args.trim() === '' ? {} : JSON.parse(args);
  } catch {
    return undefined;
  }
  const values: Value[] = [];
  const collect = (value: unknown, name: string): void => {
    if (Array.isArray(value)) for (const one of value) collect(one, name);
    else if (isRecord(value)) for (const key of Object.keys(value)) collect(value[key], key);
    else if (typeof value === 'string' || typeof value === 'number')
      values.push({ name, text: String(value) });
  };
  collect(parsed, '');
  return values;
}

/** Names of deciding arguments whose value does not stand in the user's own words. */
function unspoken(values: readonly Value[], own: string, settings: Settings): string[] {
  const deciding = new Set(settings.arguments.map((name) => name.toLowerCase()));
  const named = values.filter(({ name }) => deciding.has(lastWord(name)) || deciding.has(name.toLowerCase()));
  const judged = named.length > 0 ? named : values;
  const missing = judged.filter(({ text }) => text.trim() !== '' && !spoken(normalised(text), own));
  return [...new Set(missing.map(({ name }) => `\`${name}\` is`))];
}

/** `recipientEmail`, `recipient_email` and `email` end alike. */
function lastWord(name: string): string {
  return name
    .split(/[_.\-\s]|(?<=[a-z])(?=[A-Z])/)
    .at(-1)!
    .toLowerCase();
}

/** Stands there as a whole: `a@b.c` is not in `xa@b.co`. */
function spoken(text: string, own: string): boolean {
  for (let at = own.indexOf(text); at >= 0; at = own.indexOf(text, at + 1)) {
    const before = own[at - 1] ?? ' ';
    const after = own[at + text.length] ?? ' ';
    const behind = own[at + text.length + 1] ?? ' ';
    const open = /[\p{L}\p{N}@._%+/-]/u;
    // A full stop ends a sentence unless something follows it.
    if (!open.test(before) && (!open.test(after) || (after === '.' && !open.test(behind)))) return true;
  }
  return false;
}

const normalised = (text: string): string => text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();

/** Units of text in common, folded, that are no coincidence. */
const quoteUnits = 24;

/** Whether the arguments repeat a piece of this text. */
function quotes(values: readonly Value[] | undefined, text: string): boolean {
  if (!values) return false;
  const source = folded(text);
  return values.some(({ text: value }) => {
    const said = folded(value);
    if (said.length < 8) return false;
    if (said.length <= quoteUnits) return source.includes(said);
    const grams = new Set<string>();
    for (let at = 0; at + quoteUnits <= said.length; at += 1) grams.add(said.slice(at, at + quoteUnits));
    for (let at = 0; at + quoteUnits <= source.length; at += 1)
      if (grams.has(source.slice(at, at + quoteUnits))) return true;
    return false;
  });
}

const folded = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '');
