import { callerKinds, externals, modelKinds, stores, toolKinds, type Kind } from './attributes.ts';
import type { Data, Element, Flow, Model, Zone } from './model.ts';

/** An element with everything that touches it. */
export interface Node {
  index: number;
  element: Element;
  zone: Zone;
  /** Of its zone, or its own. */
  trust: number;
  /** Flows, drawn or implied, by the direction in which they are drawn. */
  out: Link[];
  in: Link[];
  /** Held data. */
  holds: Data[];
}

/** A flow between two nodes, and which way content goes along it. */
export interface Link {
  index: number;
  flow: Flow;
  from: Node;
  to: Node;
  /** `from` asks or tells `to`. */
  request: boolean;
  /** `to` answers with what it supplies. */
  reply: boolean;
  /** Content is kept: by the store at `to`, or the mailbox of a one-way flow. */
  deposit: boolean;
  /** The store at `from` is read. */
  handed: boolean;
  carries?: Data[];
  returns?: Data[];
}

export interface Graph {
  model: Model;
  nodes: Node[];
  links: Link[];
  byId: Map<string, Node>;
  data: Map<string, Data>;
  /** Keys of links: `from>to`, or the flow id when several join the pair. */
  linkKey(link: Link): string;
}

/** Where elements lie whose zone the file does not say: own, neither hostile nor protected. */
const nowhere: Zone = { id: '', name: '', trust: 2, kind: 'own' };

const sorts = {
  caller: new Set<Kind>(callerKinds),
  model: new Set<Kind>(modelKinds),
  tool: new Set<Kind>(toolKinds),
  store: new Set<Kind>(stores),
  external: new Set<Kind>(externals),
};
export const isCaller = (kind: Kind) => sorts.caller.has(kind);
export const isModel = (kind: Kind) => sorts.model.has(kind);
export const isTool = (kind: Kind) => sorts.tool.has(kind);
export const isStore = (kind: Kind) => sorts.store.has(kind);
export const isExternal = (kind: Kind) => sorts.external.has(kind);

/** Elements and flows as a graph, with the flows that attributes imply. Linear in the model. */
export function buildGraph(model: Model): Graph {
  const zones = new Map(model.zones.map((zone) => [zone.id, zone]));
  const data = new Map(model.data.map((one) => [one.id, one]));
  const dataOf = (ids: readonly string[] | undefined) => ids?.flatMap((id) => data.get(id) ?? []);
  const nodes = model.elements.map((element, index): Node => {
    const zone = zones.get(element.zone) ?? nowhere;
    return {
      index,
      element,
      zone,
      trust: element.trust ?? zone.trust,
      out: [],
      in: [],
      holds: dataOf(element.holds) ?? [],
    };
  });
  const byId = new Map(nodes.map((node) => [node.element.id, node]));
  const links: Link[] = [];
  const pairs = new Map<string, number>();
  const pairOf = (from: Node, to: Node) => `${from.element.id}>${to.element.id}`;

  const add = (flow: Flow) => {
    const from = byId.get(flow.from);
    const to = byId.get(flow.to);
    if (!from || !to) return;
    const link: Link = { index: links.length, flow, from, to, ...ways(flow, from.element, to.element) };
    const carries = dataOf(flow.carries);
    const returns = dataOf(flow.returns);
    if (carries) link.carries = carries;
    if (returns) link.returns = returns;
    links.push(link);
    from.out.push(link);
    to.in.push(link);
    const pair = pairOf(from, to);
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  };
  const imply = (from: string, to: string, facts: Partial<Flow>) => {
    const a = byId.get(from);
    const b = byId.get(to);
    if (!a || !b || a === b || pairs.has(pairOf(a, b))) return;
    const id = `${from}>${to}`;
    add({ id, from, to, name: id, channel: 'api', reply: true, implied: true, ...facts });
  };

  for (const flow of model.flows) add(flow);
  for (const element of model.elements) {
    for (const tool of element.tools ?? []) {
      const server = byId.get(tool)?.element.via;
      const direct = pairs.has(`${element.id}>${tool}`);
      imply(element.id, server !== undefined && !direct ? server : tool, { channel: 'tool' });
    }
    if (element.via !== undefined) {
      imply(element.via, element.id, { channel: 'tool' });
    }
    for (const memory of element.memory ?? []) imply(element.id, memory, { access: 'read_write' });
    for (const prompt of element.prompts ?? []) imply(prompt, element.id, { reply: false });
    for (const contributor of element.contributors ?? [])
      imply(contributor, element.id, { channel: 'document', reply: false });
    for (const writer of element.writers ?? []) imply(writer, element.id, { access: 'write' });
  }
  return {
    model,
    nodes,
    links,
    byId,
    data,
    linkKey: ({ flow, from, to }) => ((pairs.get(pairOf(from, to)) ?? 0) > 1 ? flow.id : pairOf(from, to)),
  };
}

/** Which way content goes. Arrows at stores point the way of the data or the way of the call; both are read. */
function ways(
  flow: Flow,
  from: Element,
  to: Element,
): Pick<Link, 'request' | 'reply' | 'deposit' | 'handed'> {
  // Hosts run content and weights are not text: neither hands any on.
  const weights = from.kind === 'model_registry' || from.kind === 'training_pipeline';
  if (to.kind === 'accelerator_host' || from.kind === 'accelerator_host' || (weights && isModel(to.kind)))
    return { request: false, reply: false, deposit: false, handed: false };
  if (isStore(to.kind)) {
    const access = flow.access ?? accessOf(flow, from, to);
    return {
      request: false,
      deposit: access !== 'read',
      reply: access !== 'write' && !isStore(from.kind),
      handed: isStore(from.kind),
    };
  }
  if (isStore(from.kind)) return { request: false, reply: false, deposit: false, handed: true };
  // What comes one way is kept by whoever gets it: a mailbox, a queue, a folder.
  if (!flow.reply) return { request: false, reply: false, deposit: true, handed: false };
  return { request: true, reply: true, deposit: false, handed: false };
}

function accessOf(flow: Flow, from: Element, to: Element): 'read' | 'write' | 'read_write' {
  if (to.kind === 'logging') return 'write';
  if (flow.channel === 'message' || flow.channel === 'document') return 'write';
  if (to.writers) return to.writers.includes(from.id) ? 'read_write' : 'read';
  if (to.kind === 'prompt_template' || to.kind === 'secrets' || to.kind === 'model_registry') return 'read';
  if (from.kind === 'doc_ingest') return 'write';
  if (from.kind === 'retriever') return 'read';
  if (from.kind === 'training_pipeline' && to.kind === 'dataset') return 'read';
  return 'read_write';
}
