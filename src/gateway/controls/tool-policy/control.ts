import { z } from 'zod';
import { defineControl, type ControlContext, type ToolCallVerdict } from '../../../kernel/control.ts';
import type { Finding } from '../../../kernel/finding.ts';
import { SideEffect } from '../../../kernel/vocabulary.ts';
import { isRecord } from '../../json.ts';
import { Condition, violation } from './conditions.ts';

const Tool = z.strictObject({
  allow: z.boolean().default(true).describe('Whether the tool may be called at all.'),
  arguments: z
    .record(z.string(), Condition)
    .default({})
    .describe('Conditions by name of the argument; a dot leads into an object.'),
  onlyThese: z.boolean().default(false).describe('Refuse arguments that have no condition.'),
  approval: z
    .enum(['always', 'never'])
    .optional()
    .describe('Whether a person approves each call, whatever the tool does.'),
  sideEffect: SideEffect.optional().describe(
    'Declares a tool that is no element of the threat model, such as one built into the application, by what it does.',
  ),
  reversible: z.boolean().default(true).describe('Whether what a tool declared here does can be undone.'),
});

const Settings = z.strictObject({
  undeclared: z
    .enum(['deny', 'strip'])
    .default('deny')
    .describe(
      'What happens to a request that offers a tool which this agent may not call: `deny` refuses it, `strip` takes the tool out.',
    ),
  approval: z
    .enum(['irreversible', 'external', 'never'])
    .default('irreversible')
    .describe(
      'Which calls wait for a person: those that cannot be undone, also all that write outside or run code, or none.',
    ),
  tools: z.record(z.string(), Tool).default({}).describe('Rules by name of the tool.'),
});
type Settings = z.infer<typeof Settings>;

interface Known {
  sideEffect: SideEffect;
  reversible: boolean;
  threats: readonly string[];
}

export const control = defineControl({
  id: 'tool-policy',
  title: 'Tool policy',
  area: 'access',
  point: 'tool_call',
  objectives: ['tool-policy', 'hitl'],
  mitigates: ['owasp-llm:2026/LLM03', 'atlas:5.6.0/AML.T0053'],
  settings: Settings,
  always: true,

  offer(body, settings, context) {
    const findings: Finding[] = [];
    const next = { ...body };
    for (const key of ['tools', 'functions']) {
      const offered = body[key];
      if (!Array.isArray(offered)) continue;
      const kept = offered.filter((tool) => mayCall(nameOf(tool, key), settings, context) !== undefined);
      if (kept.length === offered.length) continue;
      for (let missing = offered.length - kept.length; missing > 0; missing--)
        findings.push({ ...finding('tool_undeclared'), reason: 'a tool that is not declared was offered' });
      next[key] = kept;
      // An empty list is an error at most upstreams, and so is a choice among no tools.
      if (kept.length === 0) {
        delete next[key];
        delete next['tool_choice'];
        delete next['parallel_tool_calls'];
        delete next['function_call'];
      }
    }
    if (findings.length === 0) return { action: 'allow' };
    return settings.undeclared === 'strip'
      ? { action: 'mask', body: next, findings }
      : {
          action: 'block',
          code: 'FORBIDDEN',
          reason: 'a tool is offered that this agent may not call',
          findings,
        };
  },

  decide(call, settings, context) {
    const tool = mayCall(call.name, settings, context);
    const deny = (reason: string, type: string): ToolCallVerdict => ({
      action: 'block',
      reason: `call of \`${call.name}\`: ${reason}`,
      findings: [finding(type)],
      ...(tool ? { threats: tool.threats } : {}),
    });
    if (!tool) return deny('this agent may not call it', 'tool_undeclared');
    const args = parsed(call.arguments);
    if (!args) return deny('its arguments are not a JSON object', 'tool_arguments');
    const rules = settings.tools[call.name];
    for (const [name, condition] of Object.entries(rules?.arguments ?? {})) {
      const reason = violation(name, at(args, name), condition);
      if (reason) return deny(reason, 'tool_arguments');
    }
    if (rules?.onlyThese) {
      const known = new Set(Object.keys(rules.arguments).map((name) => name.split('.', 1)[0]));
      const other = Object.keys(args).find((name) => !known.has(name));
      if (other !== undefined) return deny('it has an argument without a condition', 'tool_arguments');
    }
    if (rules?.approval === 'never' || !(rules?.approval === 'always' || waits(tool, settings.approval)))
      return { action: 'allow' };
    return {
      action: 'ask',
      reason: `\`${call.name}\` ${tool.reversible ? 'reaches outside' : 'cannot be undone'}`,
      threats: tool.threats,
    };
  },
});

/** What is known of a tool that this agent may call; undefined when it may not. */
function mayCall(name: string, { tools }: Settings, { plan, route }: ControlContext): Known | undefined {
  const rules = Object.hasOwn(tools, name) ? tools[name] : undefined;
  if (rules?.allow === false) return undefined;
  const declared = plan.tools.find((tool) => tool.agent === route.client && tool.name === name);
  if (declared) return declared;
  return rules?.sideEffect
    ? { sideEffect: rules.sideEffect, reversible: rules.reversible, threats: [] }
    : undefined;
}

function waits({ sideEffect, reversible }: Known, approval: Settings['approval']): boolean {
  if (approval === 'never') return false;
  if (!reversible) return sideEffect !== 'none' && sideEffect !== 'read';
  return approval === 'external' && (sideEffect === 'external_write' || sideEffect === 'code_execution');
}

const finding = (type: string): Finding => ({ type, detector: 'tool-policy', score: 1, start: 0, end: 0 });

function nameOf(tool: unknown, key: string): string {
  if (!isRecord(tool)) return '';
  const definition = key === 'functions' ? tool : isRecord(tool['function']) ? tool['function'] : tool;
  const name = definition['name'] ?? tool['type'];
  return typeof name === 'string' ? name : '';
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = text.trim() === '' ? {} : JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function at(args: Record<string, unknown>, path: string): unknown {
  if (Object.hasOwn(args, path)) return args[path];
  let value: unknown = args;
  for (const key of path.split('.')) {
    if (!isRecord(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}
