import { hash } from 'node:crypto';
import type { Control, MessageControl, RequestControl, ToolCallControl } from '../kernel/control.ts';
import type { Surface } from '../kernel/finding.ts';
import { canonicalJson } from '../kernel/hash.ts';
import type { Plan, PlanElement, PlanFlow, PlanRoute, PlanTool } from '../kernel/plan.ts';
import type { Principal } from '../kernel/principal.ts';
import { Problem } from '../kernel/problem.ts';

/** A control with its settings as one plan binds it. */
export interface Binding<C extends Control = Control> {
  control: C;
  // oxlint-disable-next-line typescript/no-explicit-any -- each control knows the type its own schema gives
  settings: any;
  threats: readonly string[];
  /** Stands in cache keys: control and settings. */
  key: string;
}

/** What runs for one route, in plan order. */
export interface RoutePolicy {
  request: Binding<RequestControl>[];
  message: Record<Surface, Binding<MessageControl>[]>;
  toolCall: Binding<ToolCallControl>[];
}

/** A plan made ready: settings parsed, controls found, routes looked up by client. */
export interface Policy {
  plan: Plan;
  elements: ReadonlyMap<string, PlanElement>;
  flows: ReadonlyMap<string, PlanFlow>;
  of(route: PlanRoute): RoutePolicy;
  tool(agent: string, name: string): PlanTool | undefined;
  routesOf(client: string): readonly PlanRoute[];
}

/** @throws Problem MODEL_INVALID for a control that is not there or settings it refuses: half a plan is no plan */
export function loadPolicy(plan: Plan, controls: readonly Control[]): Policy {
  const byId = new Map(controls.map((control) => [control.id, control]));
  const bindings = plan.inspectors.map((inspector) => {
    const control = byId.get(inspector.control);
    if (!control)
      throw new Problem('MODEL_INVALID', {
        detail: `the plan uses \`${inspector.control}\`, and there is no such control`,
        fix: 'Correct `use` in the threat model, or install the version that has this control.',
      });
    const parsed = control.settings.safeParse(inspector.settings);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new Problem('MODEL_INVALID', {
        detail: `control \`${control.id}\`: ${issue?.path.join('.') || 'settings'} ${issue?.message ?? 'invalid'}`,
        fix: `See the settings of \`${control.id}\` in docs/reference/controls.md.`,
      });
    }
    return {
      on: inspector.on,
      binding: {
        control,
        settings: parsed.data,
        threats: inspector.threats,
        key: hash('sha256', `${control.id}\0${canonicalJson(parsed.data)}`, 'base64').slice(0, 22),
      } satisfies Binding,
    };
  });

  const routesByClient = new Map<string, PlanRoute[]>();
  for (const route of plan.routes)
    routesByClient.set(route.client, [...(routesByClient.get(route.client) ?? []), route]);
  const tools = new Map(plan.tools.map((tool) => [`${tool.agent}\0${tool.name}`, tool]));
  const ready = new Map<string, RoutePolicy>();
  return {
    plan,
    elements: new Map(plan.elements.map((element) => [element.id, element])),
    flows: new Map(plan.flows.map((flow) => [flow.id, flow])),
    tool: (agent, name) => tools.get(`${agent}\0${name}`),
    routesOf: (client) => routesByClient.get(client) ?? [],
    of(route) {
      const key = `${route.client}\0${route.flow}`;
      let policy = ready.get(key);
      if (!policy) {
        // The compiler has mapped bindings to the flows of routes. A route that the model does not hold gets every control.
        const declared = plan.routes.includes(route);
        const bound = bindings
          .filter(({ on }) => on.length === 0 || !declared || on.includes(route.flow))
          .map(({ binding }) => binding);
        policy = split(bound);
        // Undeclared routes have names that clients choose, so they are not kept.
        if (declared) ready.set(key, policy);
      }
      return policy;
    },
  };
}

function split(bindings: readonly Binding[]): RoutePolicy {
  const message: RoutePolicy['message'] = {
    user: [],
    system: [],
    document: [],
    tool_result: [],
    assistant: [],
    tool_call: [],
  };
  const request: RoutePolicy['request'] = [];
  const toolCall: RoutePolicy['toolCall'] = [];
  for (const binding of bindings) {
    const { control } = binding;
    if (control.point === 'request') request.push({ ...binding, control });
    else if (control.point === 'tool_call') toolCall.push({ ...binding, control });
    else for (const surface of control.surfaces) message[surface].push({ ...binding, control });
  }
  return { request, message, toolCall };
}

/** Where a request goes, and what about it the threat model does not hold. */
export interface Routing {
  route: PlanRoute;
  drift?: { kind: 'flow' | 'model'; name: string };
}

/**
 * The route of a client for a model name: the id of the model element, or the name its upstream knows it by. A route without
 * a fixed upstream model takes any name.
 */
export function routeFor(
  policy: Policy,
  principal: Principal,
  model: string,
  fallback: string | undefined,
): Routing {
  const client = principal.element ?? principal.id;
  const routes = policy.routesOf(client);
  const route =
    routes.find((one) => one.upstream.model === model) ??
    routes.find((one) => one.model === model) ??
    routes.find((one) => one.upstream.model === undefined);
  if (route) return { route };
  const drift = { kind: routes.length === 0 ? ('flow' as const) : ('model' as const), name: model };
  const provider = fallback ?? routes[0]?.upstream.provider ?? '';
  return {
    drift,
    route: { flow: 'undeclared', client, model, upstream: { provider }, mode: policy.plan.mode },
  };
}
