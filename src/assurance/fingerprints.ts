import { contentHash } from '../kernel/hash.ts';
import type { Plan, PlanProbe } from '../kernel/plan.ts';
import type { Probe } from '../kernel/probe.ts';

/** What a result depends on besides the plan: asked for by name, so that the caller decides where it comes from. */
export interface Surroundings {
  /** Hash of each threat rule, by rule id. */
  rules?: Readonly<Record<string, string>>;
  /** Edition of each catalogue, by its name. */
  catalogues?: Readonly<Record<string, string>>;
}

/** `AGT-03` of `AGT-03@bot`. */
export const ruleOf = (key: string): string => key.split('@', 1)[0]!;

/** `bot` of `AGT-03@bot`; both ends of `OUT-01@llm>bot`. A flow id stands for itself. */
export const elementsOf = (key: string): string[] => key.slice(key.indexOf('@') + 1).split('>');

/** Attacks, harmless cases, fixture and oracle of a probe: another text is another experiment. */
export function probeVersion(probe: Probe): string {
  const entries = Object.entries(probe).map(([name, value]) => [
    name,
    typeof value === 'function' ? String(value) : (value as unknown),
  ]);
  return contentHash(Object.fromEntries(entries));
}

function elementHash(plan: Plan, id: string): string {
  return contentHash({
    element: plan.elements.find((one) => one.id === id) ?? null,
    routes: plan.routes.filter((one) => one.client === id || one.model === id),
    tools: plan.tools
      .filter((one) => one.agent === id || one.element === id)
      .map((one) => ({ ...one, threats: undefined })),
  });
}

function flowHash(plan: Plan, id: string): string {
  const flow = plan.flows.find((one) => one.id === id);
  return contentHash(flow ? { ...flow, threats: undefined } : null);
}

function controlHash(plan: Plan, control: string): string {
  return contentHash({
    bound: plan.inspectors
      .filter((one) => one.control === control)
      .map(({ on, settings }) => ({ on, settings })),
    mode: plan.mode,
  });
}

/**
 * Hashes of everything that the result of a probe depends on, by `kind:name`. A `rule:` or `element:` entry concerns the
 * threats of that rule or element only; all others concern every threat of the evidence.
 */
export function fingerprints(
  plan: Plan,
  entry: PlanProbe,
  probe: Probe | undefined,
  { rules = {}, catalogues = {} }: Surroundings = {},
): Record<string, string> {
  const elements = new Set([entry.client, entry.model, ...entry.threats.flatMap(elementsOf)]);
  const known = new Set(plan.elements.map((one) => one.id));
  return {
    [`flow:${entry.flow}`]: flowHash(plan, entry.flow),
    [`control:${entry.control}`]: controlHash(plan, entry.control),
    ...(probe ? { [`probe:${probe.id}`]: probeVersion(probe) } : {}),
    ...Object.fromEntries(
      [...elements].filter((id) => known.has(id)).map((id) => [`element:${id}`, elementHash(plan, id)]),
    ),
    ...Object.fromEntries(
      [...new Set(entry.threats.map(ruleOf))].flatMap((rule) =>
        rules[rule] ? [[`rule:${rule}`, rules[rule]]] : [],
      ),
    ),
    ...Object.fromEntries(
      Object.entries(catalogues).map(([name, edition]) => [`catalogue:${name}`, edition]),
    ),
  };
}

/** Names of what changed since evidence was taken, as far as it concerns one threat. */
export function changesFor(
  threat: string,
  then: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
  entry: Pick<PlanProbe, 'client' | 'model'>,
): string[] {
  const mine = new Set([entry.client, entry.model, ...elementsOf(threat)]);
  return [...new Set([...Object.keys(then), ...Object.keys(now)])].filter((name) => {
    const [kind, id] = [name.slice(0, name.indexOf(':')), name.slice(name.indexOf(':') + 1)];
    if (kind === 'rule' && id !== ruleOf(threat)) return false;
    if (kind === 'element' && !mine.has(id)) return false;
    return then[name] !== now[name];
  });
}
