import type { ControlDescriptor } from '../kernel/control.ts';
import { contentHash } from '../kernel/hash.ts';
import { Problem } from '../kernel/problem.ts';
import type {
  Plan,
  PlanElement,
  PlanFlow,
  PlanInspector,
  PlanProbe,
  PlanRoute,
  PlanTool,
} from '../kernel/plan.ts';
import { DataClass, widest, type Mode } from '../kernel/vocabulary.ts';
import { bindControls, routesOf, type Bound, type Route } from './bindings.ts';
import type { Facts } from './facts.ts';
import type { Link, Node } from './graph.ts';
import { modelHash, type Data, type Model } from './model.ts';
import type { Threat } from './rules.ts';

export interface CompileInput {
  model: Model;
  facts: Facts;
  threats: readonly Threat[];
  controls: readonly ControlDescriptor[];
  probes: readonly { id: string; control: string }[];
  /** Overrides the mode of the file; a flow's own mode still counts. Default enforce. */
  mode?: Mode;
}

/** Upstream of a model that the file binds to none. */
export const defaultUpstream = 'default';
/** The control whose settings are the plan's clamps. */
const clampControl = 'parameter-clamp';

/** Compiles a model with its threats into the policy that the enforcing capabilities obey. Pure; order in the file does not count. */
export function compile({ model, facts, threats, controls, probes, mode: wanted }: CompileInput): Plan {
  const mode = wanted ?? model.system.mode ?? 'enforce';
  const routes = routesOf(facts);
  const places = indexThreats(threats);
  const inspectors = inspectorsOf(bindControls(facts, controls), routes, threats);
  const plan: Omit<Plan, 'hash'> = {
    schema: 'merlon-plan/v1',
    system: { id: model.system.id, name: model.system.name },
    model: modelHash(model),
    mode,
    elements: facts.graph.nodes.map((node) => elementOf(node, facts)).sort(by((one) => one.id)),
    routes: routes
      .map((route) => routeOf(route, model, mode))
      .sort(by(({ client, model: target, flow }) => `${client} ${target} ${flow}`)),
    flows: facts.graph.links.map((link) => flowOf(link, places, mode)).sort(by(({ id }) => id)),
    tools: facts.graph.nodes
      .flatMap((agent) => facts.tools(agent).map((tool) => toolOf(agent, tool, facts, places)))
      .sort(by(({ agent, name }) => `${agent} ${name}`)),
    inspectors,
    clamps: clampsOf(inspectors, routes),
    access: accessOf(routes, model),
    detections: [],
    probes: probesOf(probes, inspectors, routes, threats),
  };
  return { ...plan, hash: contentHash(plan) };
}

/** Threats by the elements and flows that they are about or that their witnesses pass. */
interface Places {
  about: ReadonlyMap<string, ReadonlySet<string>>;
  passing: ReadonlyMap<string, ReadonlySet<string>>;
}

function indexThreats(threats: readonly Threat[]): Places {
  const about = new Map<string, Set<string>>();
  const passing = new Map<string, Set<string>>();
  const put = (map: Map<string, Set<string>>, id: string, key: string) => {
    const set = map.get(id);
    if (set) set.add(key);
    else map.set(id, new Set([key]));
  };
  for (const { key, element, flow, from, to, witness } of threats) {
    if (flow === undefined) put(about, element, key);
    else {
      put(about, flow, key);
      put(about, `${from}>${to}`, key);
    }
    for (const { path } of witness) {
      for (const id of path) {
        put(passing, id, key);
        if (flow === undefined) put(passing, `${element} ${id}`, key);
      }
    }
  }
  return { about, passing };
}

function elementOf(node: Node, facts: Facts): PlanElement {
  const { id, name, kind, zone } = node.element;
  return {
    id,
    name,
    kind,
    zone,
    trust: node.trust,
    taint: facts.taint(node),
    classes: classesOf(facts.dataAt(node)),
  };
}

function routeOf({ link, client, model: target }: Route, model: Model, mode: Mode): PlanRoute {
  const binding = model.bindings[target.element.id];
  return {
    flow: link.flow.id,
    client: client.element.id,
    model: target.element.id,
    upstream: {
      provider: binding?.upstream ?? defaultUpstream,
      ...(binding?.model ? { model: binding.model } : {}),
    },
    mode: link.flow.mode ?? mode,
  };
}

function flowOf({ flow, from, to, carries }: Link, { about, passing }: Places, mode: Mode): PlanFlow {
  return {
    id: flow.id,
    from: from.element.id,
    to: to.element.id,
    mode: flow.mode ?? mode,
    // What is stated is the policy; nothing stated, nothing to hold it against.
    allow: carries ? upTo(carries) : [...DataClass.options],
    excess: flow.excess ?? 'mask',
    tls: flow.tls === true,
    threats: merged(about.get(flow.id), passing.get(flow.id)),
  };
}

/** Everything up to the widest class that is carried: who may see the confidential may see the public. */
function upTo(carries: readonly Data[]): DataClass[] {
  return DataClass.options.slice(0, DataClass.options.indexOf(widest(carries.map((one) => one.class))) + 1);
}

function toolOf(agent: Node, tool: Node, facts: Facts, { about, passing }: Places): PlanTool {
  const { element } = tool;
  // Not stated: it may change things, and what cannot be shown to be harmless cannot be undone.
  const sideEffect = element.side_effect ?? 'internal_write';
  const mild = sideEffect !== 'external_write' && sideEffect !== 'code_execution';
  const link = agent.out.find(({ to }) => to === tool);
  const stated = element.returns ?? link?.flow.returns;
  const returned = stated?.flatMap((id) => facts.graph.data.get(id) ?? []) ?? facts.supplied(tool);
  return {
    agent: agent.element.id,
    name: facts.graph.model.bindings[element.id]?.function ?? element.id,
    element: element.id,
    sideEffect,
    reversible: element.reversible ?? mild,
    exit: facts.isExit(tool),
    returns: { trust: facts.supply(tool), classes: classesOf(returned) },
    // What is said of the tool, of its call, and of the agent by way of the tool.
    threats: merged(
      about.get(element.id),
      about.get(`${agent.element.id}>${element.id}`),
      passing.get(`${agent.element.id} ${element.id}`),
    ),
  };
}

function inspectorsOf(
  bound: readonly Bound[],
  routes: readonly Route[],
  threats: readonly Threat[],
): PlanInspector[] {
  const routeFlows = routes.map(({ link }) => link.flow.id);
  const inspectors = bound.map(({ control, settings, on, links }): PlanInspector => {
    const parsed = control.settings.safeParse(settings);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new Problem('MODEL_INVALID', {
        detail: `control \`${control.id}\`: ${issue!.path.map(String).join('.') || 'settings'}: ${issue!.message}`,
        fix: `See the settings of \`${control.id}\` in its README.`,
      });
    }
    const declared = on && [...links].map(({ flow }) => flow.id);
    return {
      control: control.id,
      on: declared ? [...new Set(declared)].sort() : [],
      settings: parsed.data,
      objectives: [...control.objectives].sort(),
      threats: [],
    };
  });
  // A control that is always on is also on where the file binds it elsewhere.
  for (const { control } of bound) {
    const mine = inspectors.filter((one) => one.control === control.id);
    if (control.always !== true || mine.some(({ on }) => on.length === 0)) continue;
    const rest = routeFlows.filter((flow) => !mine.some(({ on }) => on.includes(flow)));
    if (rest.length > 0)
      inspectors.push({ ...mine[0]!, on: [...new Set(rest)].sort(), settings: control.settings.parse({}) });
  }
  return inspectors
    .map((inspector) => ({
      ...inspector,
      threats: keys(
        threats.filter((threat) => threat.controls.includes(inspector.control) && reaches(inspector, threat)),
      ),
    }))
    .sort(by(({ control, on, settings }) => `${control} ${on.join(',')} ${JSON.stringify(settings)}`));
}

function reaches({ on }: PlanInspector, threat: Threat): boolean {
  return (
    on.length === 0 ||
    threat.routes.some((flow) => on.includes(flow)) ||
    (threat.flow !== undefined && on.includes(threat.flow))
  );
}

function clampsOf(inspectors: readonly PlanInspector[], routes: readonly Route[]): Plan['clamps'] {
  return inspectors
    .filter(({ control }) => control === clampControl)
    .flatMap(({ on, settings, threats }) =>
      routes
        .filter(({ link }) => on.length === 0 || on.includes(link.flow.id))
        .map(({ client, model }) => ({
          client: client.element.id,
          model: model.element.id,
          settings,
          threats,
        })),
    )
    .sort(by(({ client, model }) => `${client} ${model}`));
}

/** Who may call which model: what is not listed is denied, or drift in mode observe. */
function accessOf(routes: readonly Route[], model: Model): Plan['access'] {
  return routes
    .map(({ client, model: target, link }) => ({
      client: client.element.id,
      model: target.element.id,
      flow: link.flow.id,
      ...(model.bindings[client.element.id]?.client
        ? { key: model.bindings[client.element.id]!.client }
        : {}),
    }))
    .sort(by(({ client, model: target, flow }) => `${client} ${target} ${flow}`));
}

function probesOf(
  probes: readonly { id: string; control: string }[],
  inspectors: readonly PlanInspector[],
  routes: readonly Route[],
  threats: readonly Threat[],
): PlanProbe[] {
  const list = new Map<string, PlanProbe>();
  for (const probe of probes) {
    for (const inspector of inspectors) {
      if (inspector.control !== probe.control) continue;
      for (const { link, client, model } of routes) {
        const flow = link.flow.id;
        if (inspector.on.length > 0 && !inspector.on.includes(flow)) continue;
        const answered = threats.filter(
          ({ controls, routes: places, probes: asked }) =>
            controls.includes(probe.control) &&
            places.includes(flow) &&
            (asked === undefined || asked.includes(probe.id) || asked.includes(probe.control)),
        );
        list.set(`${probe.id} ${flow} ${model.element.id}`, {
          id: probe.id,
          control: probe.control,
          flow,
          client: client.element.id,
          model: model.element.id,
          threats: keys(answered),
        });
      }
    }
  }
  return [...list.values()].sort(by(({ id, flow, model }) => `${id} ${flow} ${model}`));
}

function merged(...sets: (ReadonlySet<string> | undefined)[]): string[] {
  return [...new Set(sets.flatMap((set) => (set ? [...set] : [])))].sort();
}

function classesOf(list: readonly Data[]): DataClass[] {
  return DataClass.options.filter((one) => list.some((data) => data.class === one));
}

function keys(threats: readonly Threat[]): string[] {
  return threats.map(({ key }) => key).sort();
}

function by<T>(text: (one: T) => string): (a: T, b: T) => number {
  return (a, b) => {
    const [x, y] = [text(a), text(b)];
    return x < y ? -1 : x > y ? 1 : 0;
  };
}

/** One difference between two plans. */
export interface PlanChange {
  section:
    | 'mode'
    | 'elements'
    | 'routes'
    | 'flows'
    | 'tools'
    | 'inspectors'
    | 'clamps'
    | 'access'
    | 'detections'
    | 'probes';
  /** Names the entry, such as `bot>llm`. */
  id: string;
  change: 'added' | 'removed' | 'changed';
  /** Members that differ, with their values before and after. */
  members?: { name: string; before: unknown; after: unknown }[];
}

const names: { [S in Exclude<PlanChange['section'], 'mode'>]: (entry: Plan[S][number]) => string } = {
  elements: ({ id }) => id,
  routes: ({ client, model, flow }) => `${client}>${model} (${flow})`,
  flows: ({ id }) => id,
  tools: ({ agent, name }) => `${agent}>${name}`,
  inspectors: ({ control, on }) => `${control}${on.length > 0 ? ` on ${on.join(', ')}` : ''}`,
  clamps: ({ client, model }) => `${client}>${model}`,
  access: (entry) => `${String(entry['client'])}>${String(entry['model'])}`,
  detections: (entry) => String(entry['id']),
  probes: ({ id, flow, model }) => `${id} on ${flow} to ${model}`,
};

/** What changes from one plan to another. */
export function diffPlans(before: Plan, after: Plan): PlanChange[] {
  const changes: PlanChange[] = [];
  if (before.mode !== after.mode)
    changes.push({
      section: 'mode',
      id: 'mode',
      change: 'changed',
      members: [{ name: 'mode', before: before.mode, after: after.mode }],
    });
  for (const section of Object.keys(names) as (keyof typeof names)[]) {
    const name = names[section] as (entry: unknown) => string;
    const old = new Map<string, Record<string, unknown>>(
      before[section].map((entry) => [name(entry), entry]),
    );
    const now = new Map<string, Record<string, unknown>>(after[section].map((entry) => [name(entry), entry]));
    for (const [id, entry] of now) {
      const was = old.get(id);
      if (!was) {
        changes.push({ section, id, change: 'added' });
        continue;
      }
      const members = [...new Set([...Object.keys(was), ...Object.keys(entry)])]
        .filter((member) => contentHash([was[member]]) !== contentHash([entry[member]]))
        .map((member) => ({ name: member, before: was[member], after: entry[member] }));
      if (members.length > 0) changes.push({ section, id, change: 'changed', members });
    }
    for (const id of old.keys()) if (!now.has(id)) changes.push({ section, id, change: 'removed' });
  }
  return changes;
}
