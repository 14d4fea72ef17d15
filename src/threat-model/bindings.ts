import type { ControlDescriptor } from '../kernel/control.ts';
import type { Facts } from './facts.ts';
import { isCaller, isModel, isTool, type Link, type Node } from './graph.ts';

/** A control of the model, and what it covers. */
export interface Bound {
  control: ControlDescriptor;
  /** As written in the file; absent for a control that is on without being named. */
  settings: Record<string, unknown>;
  /** Flow and element ids as written; undefined: everywhere. */
  on: readonly string[] | undefined;
  /** Flows whose content it sees or decides about. */
  links: ReadonlySet<Link>;
}

/** A caller's way to a model: the flow on which the gateway stands. */
export interface Route {
  link: Link;
  client: Node;
  model: Node;
}

/** Every caller of a model, directly or through gateways that the file draws. */
export function routesOf(facts: Facts): Route[] {
  const routes: Route[] = [];
  for (const client of facts.graph.nodes) {
    if (isModel(client.element.kind) || client.element.kind === 'gateway') continue;
    for (const link of client.out) {
      if (!link.request) continue;
      if (isModel(link.to.element.kind)) routes.push({ link, client, model: link.to });
      else if (link.to.element.kind === 'gateway') {
        for (const model of behind(link.to)) routes.push({ link, client, model });
      }
    }
  }
  return routes;
}

function behind(gateway: Node): Node[] {
  const found = new Set<Node>();
  const seen = new Set([gateway]);
  for (const node of seen) {
    for (const { request, to } of node.out) {
      if (!request) continue;
      if (isModel(to.element.kind)) found.add(to);
      else if (to.element.kind === 'gateway') seen.add(to);
    }
  }
  return [...found];
}

/**
 * Where the model's controls act. A control is enforced on the ways to the models, whatever flow it is bound to: bound to
 * a flow that ends at a caller, it looks at that flow's content when the caller sends it on; bound to a tool's flow, at
 * the calls which the model asks that caller for.
 */
export function bindControls(facts: Facts, controls: readonly ControlDescriptor[]): Bound[] {
  const { graph } = facts;
  const known = new Map(controls.map((control) => [control.id, control]));
  const linksById = new Map(graph.links.map((link) => [link.flow.id, link]));
  const routes = routesOf(facts);
  const routesFrom = new Map<Node, Link[]>();
  for (const { client, link } of routes) routesFrom.set(client, [...(routesFrom.get(client) ?? []), link]);
  const routeLinks = new Set(routes.map(({ link }) => link));

  const covered = (link: Link): Link[] => {
    const links = [link];
    if (routeLinks.has(link)) {
      // On the way to a model, a control sees what the caller was told and decides what it may call.
      for (const other of link.from.out) if (isTool(other.to.element.kind)) links.push(other);
      return links;
    }
    if (isTool(link.to.element.kind)) return [...links, ...(routesFrom.get(link.from) ?? [])];
    const seen = new Set<Node>([link.to]);
    for (const node of seen) {
      links.push(...(routesFrom.get(node) ?? []));
      for (const { to, request, deposit } of node.out)
        if ((request || deposit) && isCaller(to.element.kind)) seen.add(to);
    }
    return links;
  };

  const bound: Bound[] = [];
  for (const { use, on, settings } of graph.model.controls) {
    const control = known.get(use);
    if (!control) continue;
    const named = on?.flatMap((id) => {
      const link = linksById.get(id);
      if (link) return [link];
      const node = graph.byId.get(id);
      return node ? [...node.in, ...node.out] : [];
    });
    bound.push({
      control,
      settings: settings ?? {},
      on,
      links: new Set(named ? named.flatMap(covered) : graph.links),
    });
  }
  for (const control of controls) {
    if (control.always === true && !graph.model.controls.some(({ use }) => use === control.id))
      bound.push({ control, settings: {}, on: undefined, links: new Set(graph.links) });
  }
  return bound;
}

/** Routes by their caller and by their flow. */
export interface RouteIndex {
  from: ReadonlyMap<Node, readonly Link[]>;
  links: ReadonlySet<Link>;
}

export function indexRoutes(routes: readonly Route[]): RouteIndex {
  const from = new Map<Node, Link[]>();
  for (const { client, link } of routes) {
    const list = from.get(client);
    if (list) list.push(link);
    else from.set(client, [link]);
  }
  return { from, links: new Set(routes.map(({ link }) => link)) };
}

/** Flows where a control can answer a threat to an element: its own, and the ways to models of the caller it is or talks to. */
export function answerable(node: Node, { from: routes }: RouteIndex): { links: Link[]; routes: Link[] } {
  const links = [...node.in, ...node.out];
  // Other ways of a model's callers lead to other models.
  if (isModel(node.element.kind)) return { links, routes: node.in.filter(({ request }) => request) };
  if (isCaller(node.element.kind)) return { links, routes: [...(routes.get(node) ?? [])] };
  const callers = new Set<Node>();
  for (const { from } of node.in) if (isCaller(from.element.kind)) callers.add(from);
  for (const { to } of node.out) if (isCaller(to.element.kind)) callers.add(to);
  return { links, routes: [...callers].flatMap((caller) => routes.get(caller) ?? []) };
}

/** True when the control stands on every way to this model; elements of other kinds have no such need. */
export function guards({ links }: Bound, node: Node): boolean {
  if (!isModel(node.element.kind)) return true;
  return node.in.every(
    (way) =>
      !way.request ||
      links.has(way) ||
      (way.from.element.kind === 'gateway' && way.from.in.some((link) => links.has(link))),
  );
}
