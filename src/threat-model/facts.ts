import { DataClass, widest } from '../kernel/vocabulary.ts';
import {
  buildGraph,
  isCaller,
  isExternal,
  isModel,
  isStore,
  isTool,
  type Graph,
  type Link,
  type Node,
} from './graph.ts';
import type { Data, Model } from './model.ts';

/** A step of content: along a link, towards `node`. */
export interface Step {
  node: Node;
  /** Absent on the first step. */
  link?: Link;
  reply?: boolean;
}

/** A way that content can take, least steps first. */
export interface Path {
  steps: Step[];
}

export interface Facts {
  graph: Graph;
  taint(node: Node): number;
  supply(node: Node): number;
  /** Data within reach, in the order of the file. */
  dataAt(node: Node): readonly Data[];
  /** Data that it hands out, whoever asks. */
  supplied(node: Node): readonly Data[];
  reach(node: Node): DataClass;
  /** Data that go along a link towards `to`, and either way. */
  sent(link: Link): readonly Data[];
  carried(link: Link): readonly Data[];
  tools(node: Node): readonly Node[];
  isExit(node: Node): boolean;
  exits(node: Node): readonly Node[];
  trifecta(node: Node): boolean;
  users(node: Node): readonly Node[];
  models(node: Node): readonly Node[];
  audience(node: Node): readonly Node[];
  clients(node: Node): readonly Node[];
  delegates(node: Node): readonly Node[];
  writers(node: Node): readonly Node[];
  readers(node: Node): readonly Node[];
  reads(node: Node): readonly Node[];
  mixes(node: Node): boolean;
  approved(node: Node): boolean;
  crosses(link: Link): boolean;
  leaves(link: Link): boolean;
  fromUntrusted(node: Node): Path | undefined;
  fromUsers(node: Node): Path | undefined;
  fromData(node: Node, least: DataClass): Path | undefined;
  toExit(node: Node): Path | undefined;
  toAudience(node: Node): Path | undefined;
  toModel(node: Node): Path | undefined;
  between(from: Node, to: Node): Path | undefined;
  along(link: Link): Path;
  at(node: Node): Path;
}

const originTrust = { public: 0, user: 0, partner: 1, own: 4 } as const;
const clean = 4;

/** Derives all facts. Taint and reach are computed at once, linearly; the rest when it is asked for, and then kept. */
export function deriveFacts(model: Model): Facts {
  return new Derivation(buildGraph(model));
}

/** A node that a search came to, and how. `up`: as the answer to a caller. */
interface Way {
  node: Node;
  up: boolean;
  link?: Link;
  before?: Way;
}

interface Edge {
  to: number;
  link: Link | undefined;
  reply: boolean;
  /** Data that may go along; undefined: whatever there is. */
  data: readonly Data[] | undefined;
}

/**
 * What follows from the model and is never typed: taint, reach, exits, mixing.
 *
 * Every element has two states of content, and externals a third. `supply` is what it hands out whoever asks: its own
 * text, stores it reads, answers of services it calls. `total` adds what its callers ask. `received` is what a person or
 * a third party gets; it goes no further. Answers carry supply only, so that one caller of a shared model or tool does not
 * taint the others; what is deposited in a store or a mailbox becomes supply of it. Content moves along:
 *
 *   request a→b    total(a) → total(b)          reply b→a    supply(b) → supply(a)
 *   deposit a→b    total(a) → supply(b)         handed a→b   supply(a) → supply(b)         always  supply(e) → total(e)
 */
const SUPPLY = 0;
const TOTAL = 1;
const RECEIVED = 2;

class Derivation implements Facts {
  readonly graph: Graph;
  /** Content edges out of state `3 * node + state`. */
  readonly #edges: Edge[][];
  readonly #taint: Int8Array;
  readonly #before: (readonly [number, Edge] | undefined)[];
  readonly #reach: Uint32Array;
  readonly #words: number;
  readonly #data: Data[];
  readonly #memo = new Map<string, unknown[]>();
  readonly #approved: Set<string>;

  constructor(graph: Graph) {
    this.graph = graph;
    this.#data = graph.model.data;
    this.#words = Math.max(1, Math.ceil(this.#data.length / 32));
    this.#edges = contentEdges(graph);
    const { taint, before } = this.#spreadTaint();
    this.#taint = taint;
    this.#before = before;
    this.#reach = this.#spreadData();
    this.#approved = new Set(graph.nodes.flatMap(({ element }) => element.approves ?? []));
  }

  /**
   * Visits states from the least trusted source on: the first visit of a state is at its lowest trust, by a shortest path.
   * Elements go before data whose `origin` is stated: a path that begins with who wrote it says more.
   */
  #spreadTaint() {
    const states = this.#edges.length;
    const taint = new Int8Array(states).fill(clean);
    const seen = new Uint8Array(states);
    const before: (readonly [number, Edge] | undefined)[] = Array.from({ length: states });
    const sources: { state: number; edge?: Edge }[][] = Array.from({ length: 2 * clean }, () => []);
    for (const node of this.graph.nodes) {
      const trust = ownTrust(node);
      if (trust < clean) sources[2 * trust]!.push({ state: 3 * node.index + SUPPLY });
      for (const { origin } of node.holds)
        if (origin && origin !== 'own')
          sources[2 * originTrust[origin] + 1]!.push({ state: 3 * node.index + SUPPLY });
    }
    const written = (state: number, link: Link, reply: boolean, data: readonly Data[]) => {
      for (const { origin } of data)
        if (origin && origin !== 'own')
          sources[2 * originTrust[origin] + 1]!.push({ state, edge: { to: state, link, reply, data } });
    };
    for (const link of this.graph.links) {
      const person = isExternal(link.to.element.kind);
      const state = person ? RECEIVED : link.request ? TOTAL : SUPPLY;
      if (link.carries) written(3 * link.to.index + state, link, false, link.carries);
      if (link.returns && link.reply && !isExternal(link.from.element.kind))
        written(3 * link.from.index + SUPPLY, link, true, link.returns);
    }
    for (const [index, starts] of sources.entries()) {
      const trust = index >> 1;
      const queue: number[] = [];
      for (const { state, edge } of starts) {
        if (seen[state]) continue;
        seen[state] = 1;
        taint[state] = trust;
        if (edge) before[state] = [-1, edge];
        queue.push(state);
      }
      for (let head = 0; head < queue.length; head++) {
        const state = queue[head]!;
        for (const edge of this.#edges[state]!) {
          if (seen[edge.to]) continue;
          seen[edge.to] = 1;
          taint[edge.to] = trust;
          before[edge.to] = [state, edge];
          queue.push(edge.to);
        }
      }
    }
    return { taint, before };
  }

  /** Bit sets of data per state, by a work list: a state is looked at again only when it grew. */
  #spreadData(): Uint32Array {
    const words = this.#words;
    const bits = new Uint32Array(this.#edges.length * words);
    const numbers = new Map(this.#data.map((one, index) => [one.id, index]));
    const put = (state: number, list: readonly Data[] | undefined) => {
      for (const { id } of list ?? []) {
        const number = numbers.get(id)!;
        bits[state * words + (number >> 5)]! |= 1 << (number & 31);
      }
    };
    for (const node of this.graph.nodes) {
      const own = 3 * node.index + SUPPLY;
      put(own, node.holds);
      const { element } = node;
      const byId = (ids: readonly string[] | undefined) =>
        ids?.flatMap((id) => this.graph.data.get(id) ?? []);
      put(own, byId(element.returns));
      put(own, byId(element.tuned_on));
    }
    for (const { from, to, carries, returns } of this.graph.links) {
      put(3 * from.index + (isExternal(from.element.kind) ? RECEIVED : TOTAL), carries);
      put(3 * to.index + (isExternal(to.element.kind) ? RECEIVED : TOTAL), returns);
    }
    for (const state of this.#edges.keys())
      for (const { to, data } of this.#edges[state]!) if (data) put(to, data);

    const queue = [...this.#edges.keys()];
    const queued = new Uint8Array(this.#edges.length).fill(1);
    for (let head = 0; head < queue.length; head++) {
      const state = queue[head]!;
      queued[state] = 0;
      for (const { to, data } of this.#edges[state]!) {
        if (data) continue;
        let grew = false;
        for (let word = 0; word < words; word++) {
          const target = to * words + word;
          const merged = (bits[target]! | bits[state * words + word]!) >>> 0;
          if (merged !== bits[target]) {
            bits[target] = merged;
            grew = true;
          }
        }
        if (grew && !queued[to]) {
          queued[to] = 1;
          queue.push(to);
        }
      }
    }
    return bits;
  }

  #cached<T>(name: string, index: number, make: () => T): T {
    let list = this.#memo.get(name);
    if (!list) this.#memo.set(name, (list = []));
    return (list[index] ??= { value: make() }) && (list[index] as { value: T }).value;
  }

  taint({ index }: Node): number {
    return Math.min(this.#taint[3 * index + TOTAL]!, this.#taint[3 * index + RECEIVED]!);
  }

  supply({ index }: Node): number {
    return this.#taint[3 * index + SUPPLY]!;
  }

  dataAt(node: Node): readonly Data[] {
    return this.#cached('dataAt', node.index, () =>
      this.#dataOf([0, 1, 2].map((state) => 3 * node.index + state)),
    );
  }

  supplied(node: Node): readonly Data[] {
    return this.#cached('supplied', node.index, () => this.#dataOf([3 * node.index + SUPPLY]));
  }

  #dataOf(states: readonly number[]): Data[] {
    return this.#data.filter((_, number) =>
      states.some(
        (state) => (this.#reach[state * this.#words + (number >> 5)]! & (1 << (number & 31))) !== 0,
      ),
    );
  }

  reach(node: Node): DataClass {
    return this.#cached('reach', node.index, () => widest(this.dataAt(node).map((one) => one.class)));
  }

  sent(link: Link): readonly Data[] {
    return this.#cached('sent', link.index, () => {
      if (link.carries) return link.carries;
      const { index } = link.from;
      if (isExternal(link.from.element.kind)) return link.from.holds;
      if (link.handed) return this.#dataOf([3 * index + SUPPLY]);
      return link.request || link.deposit ? this.#dataOf([3 * index + TOTAL]) : [];
    });
  }

  carried(link: Link): readonly Data[] {
    return this.#cached('carried', link.index, () => {
      const back =
        link.returns ??
        (link.reply && !isExternal(link.to.element.kind) && !isModel(link.to.element.kind)
          ? this.#dataOf([3 * link.to.index + SUPPLY])
          : []);
      return [...new Set([...this.sent(link), ...back])];
    });
  }

  tools(node: Node): readonly Node[] {
    return this.#cached('tools', node.index, () => {
      if (!isCaller(node.element.kind)) return [];
      const found = new Set<Node>();
      const named = new Set(node.element.tools ?? []);
      const add = (tool: Node) => {
        if (found.has(tool)) return;
        if (tool.element.kind !== 'mcp_server') {
          found.add(tool);
          return;
        }
        const offered = tool.out.map(({ to }) => to).filter(({ element }) => element.via === tool.element.id);
        // A caller that names some of a server's tools gets those; one that only reaches the server gets all.
        const chosen = offered.filter(({ element }) => named.has(element.id));
        const taken = chosen.length > 0 && !named.has(tool.element.id) ? chosen : offered;
        if (taken.length === 0) found.add(tool);
        for (const one of taken) found.add(one);
      };
      for (const { to } of node.out) if (isTool(to.element.kind)) add(to);
      for (const id of named) {
        const tool = this.graph.byId.get(id);
        if (tool) add(tool);
      }
      return [...found];
    });
  }

  isExit({ element }: Node): boolean {
    if (element.kind === 'third_party') return true;
    if (element.kind === 'web_client') {
      const rich = element.renders === 'markdown' || element.renders === 'html';
      return element.auto_fetch ?? rich;
    }
    if (element.egress !== undefined && (element.egress || element.kind === 'code_sandbox'))
      return element.egress;
    if (element.url_from_model === true && isTool(element.kind)) return true;
    return element.side_effect === 'external_write' || element.side_effect === 'code_execution';
  }

  exits(node: Node): readonly Node[] {
    return this.#cached('exits', node.index, () => {
      const found = this.#ways(node).filter((way) => this.isExit(way.node));
      return unique(found.map((way) => way.node));
    });
  }

  /**
   * Where a node can send things: it calls or tells others, who may do the same; and it answers its callers, up to
   * clients that fetch links. What a caller itself can do with an answer is the caller's matter. Breadth first.
   */
  #ways(node: Node): Way[] {
    const ways: Way[] = [{ node, up: false }];
    const seen = [new Set([node]), new Set<Node>()];
    const add = (way: Way) => {
      const set = seen[way.up ? 1 : 0]!;
      if (set.has(way.node)) return;
      set.add(way.node);
      ways.push(way);
    };
    for (const way of ways) {
      const { node: here } = way;
      const { kind } = here.element;
      if (isStore(kind) || isExternal(kind) || (isModel(kind) && here !== node)) continue;
      if (!way.up && !isModel(kind)) {
        for (const link of here.out) {
          const to = link.to.element.kind;
          if ((link.request || link.deposit) && !isStore(to) && !isModel(to))
            add({ node: link.to, link, up: false, before: way });
        }
      }
      if (way.up || here === node) {
        for (const link of here.in) {
          const from = link.from.element.kind;
          if (link.reply && !isExternal(from) && !isStore(from))
            add({ node: link.from, link, up: true, before: way });
        }
      }
    }
    return ways.filter((way) => !way.up || way.node.element.kind === 'web_client');
  }

  trifecta(node: Node): boolean {
    return (
      this.taint(node) <= 1 &&
      DataClass.options.indexOf(this.reach(node)) >= DataClass.options.indexOf('confidential') &&
      this.exits(node).length > 0
    );
  }

  users(node: Node): readonly Node[] {
    return this.#sourcesOf('users', ({ kind }) => kind === 'user')[node.index]!;
  }

  models(node: Node): readonly Node[] {
    return this.#sourcesOf('models', ({ kind }) => isModel(kind))[node.index]!.filter((one) => one !== node);
  }

  /** Per node, the chosen elements whose content reaches it. One walk per chosen element. */
  #sourcesOf(name: string, chosen: (element: Node['element']) => boolean): Node[][] {
    return this.#cached(name, 0, () => {
      const lists: Node[][] = this.graph.nodes.map(() => []);
      for (const start of this.graph.nodes) {
        if (!chosen(start.element)) continue;
        for (const index of this.#reachedFrom([3 * start.index + SUPPLY])) lists[index]!.push(start);
      }
      return lists;
    });
  }

  /** Indexes of the nodes that content of these states reaches. */
  #reachedFrom(starts: readonly number[]): Set<number> {
    const seen = new Uint8Array(this.#edges.length);
    const queue = [...starts];
    for (const state of starts) seen[state] = 1;
    const found = new Set<number>();
    for (let head = 0; head < queue.length; head++) {
      const state = queue[head]!;
      found.add(Math.floor(state / 3));
      for (const { to } of this.#edges[state]!) {
        if (seen[to]) continue;
        seen[to] = 1;
        queue.push(to);
      }
    }
    return found;
  }

  audience(node: Node): readonly Node[] {
    return this.#cached('audience', node.index, () =>
      [...this.#reachedFrom([3 * node.index + SUPPLY, 3 * node.index + TOTAL])]
        .filter((index) => index !== node.index)
        .map((index) => this.graph.nodes[index]!)
        .filter(({ element: { kind } }) => kind === 'user' || kind === 'web_client'),
    );
  }

  clients(node: Node): readonly Node[] {
    return this.#cached('clients', node.index, () => {
      const found = new Set<Node>();
      const seen = new Set<Node>([node]);
      const queue = [node];
      for (const one of queue) {
        for (const { from, request } of one.in) {
          if (!request || seen.has(from)) continue;
          seen.add(from);
          if (from.element.kind === 'gateway') queue.push(from);
          else if (!isModel(from.element.kind)) found.add(from);
        }
      }
      return [...found];
    });
  }

  delegates(node: Node): readonly Node[] {
    return this.#cached('delegates', node.index, () => {
      const found = new Set<Node>();
      const queue = [node];
      for (const one of queue) {
        for (const { to, request, deposit } of one.out) {
          if (!(request || deposit) || found.has(to) || to === node) continue;
          if (to.element.kind !== 'agent' && to.element.kind !== 'orchestrator') continue;
          found.add(to);
          queue.push(to);
        }
      }
      return [...found];
    });
  }

  writers(node: Node): readonly Node[] {
    return unique(
      node.in
        .filter(({ deposit, handed }) => deposit || (handed && isStore(node.element.kind)))
        .map(({ from }) => from),
    );
  }

  readers(node: Node): readonly Node[] {
    if (!isStore(node.element.kind)) return [];
    return unique([
      ...node.in.filter(({ reply }) => reply).map(({ from }) => from),
      ...node.out.filter(({ handed }) => handed).map(({ to }) => to),
    ]);
  }

  reads(node: Node): readonly Node[] {
    return unique([
      ...node.out.filter(({ to, reply }) => reply && isStore(to.element.kind)).map(({ to }) => to),
      ...node.in.filter(({ handed }) => handed).map(({ from }) => from),
    ]);
  }

  mixes(node: Node): boolean {
    const { element } = node;
    if (element.scope === 'session' || element.scope === 'user') return false;
    const keeps = isStore(element.kind) ? this.readers(node).length > 0 : element.shared_cache === true;
    const people = this.users(node);
    return keeps && (people.length > 1 || people.some((one) => one.element.many === true));
  }

  approved({ element }: Node): boolean {
    return this.#approved.has(element.id);
  }

  crosses({ from, to }: Link): boolean {
    return from.element.zone !== to.element.zone;
  }

  leaves(link: Link): boolean {
    return this.crosses(link) && (link.to.trust < link.from.trust || link.to.zone.kind !== 'own');
  }

  fromUntrusted(node: Node): Path | undefined {
    return this.#cached('fromUntrusted', node.index, () => this.#fromUntrusted(node));
  }

  #fromUntrusted(node: Node): Path | undefined {
    const states = [TOTAL, RECEIVED].map((state) => 3 * node.index + state);
    const state = states.toSorted((a, b) => this.#taint[a]! - this.#taint[b]!)[0]!;
    if (this.#taint[state]! >= clean) return undefined;
    const steps: Step[] = [];
    for (let at = state; ;) {
      const before = this.#before[at];
      const here = this.graph.nodes[Math.floor(at / 3)]!;
      if (!before) {
        steps.push({ node: here });
        break;
      }
      const [earlier, { link, reply }] = before;
      if (link) steps.push({ node: here, link, ...(reply ? { reply } : {}) });
      if (earlier === -1) {
        // The data bring it: the path begins where they come from.
        steps.push({ node: reply ? link!.to : link!.from });
        break;
      }
      at = earlier;
    }
    return { steps: steps.reverse() };
  }

  fromUsers(node: Node): Path | undefined {
    return this.#cached('fromUsers', node.index, () => this.#fromUsers(node));
  }

  #fromUsers(node: Node): Path | undefined {
    if (node.element.kind === 'user') return this.at(node);
    return this.#backwards(node, ({ element }) => element.kind === 'user');
  }

  fromData(node: Node, least: DataClass): Path | undefined {
    return this.#cached(`fromData ${least}`, node.index, () => this.#fromData(node, least));
  }

  #fromData(node: Node, least: DataClass): Path | undefined {
    const floor = DataClass.options.indexOf(least);
    const wanted = (one: Data) => DataClass.options.indexOf(one.class) >= floor;
    // Kept by it; else where it is kept, along ways that let it pass; else the flow that brings it.
    if (node.holds.some(wanted)) return this.at(node);
    const own = (one: Node) =>
      one.holds.some(wanted) ||
      [...(one.element.returns ?? []), ...(one.element.tuned_on ?? [])].some((id) =>
        wanted(this.graph.data.get(id)!),
      );
    if (own(node)) return this.at(node);
    const kept = this.#backwards(node, own, (edge) => !edge.data || edge.data.some(wanted));
    if (kept) return kept;
    for (const link of node.in) if (link.carries?.some(wanted)) return this.along(link);
    for (const link of node.out)
      if (link.returns?.some(wanted))
        return { steps: [{ node: link.to }, { node: link.from, link, reply: true }] };
    for (const link of node.out) if (link.carries?.some(wanted)) return this.along(link);
    for (const link of node.in) if (link.returns?.some(wanted)) return this.along(link);
    const carrying = this.#backwards(
      node,
      (one) =>
        one.in.some((link) => link.carries?.some(wanted)) ||
        one.out.some((link) => link.returns?.some(wanted)),
      (edge) => !edge.data || edge.data.some(wanted),
    );
    return carrying;
  }

  toExit(node: Node): Path | undefined {
    return this.#cached('toExit', node.index, () => this.#toExit(node));
  }

  #toExit(node: Node): Path | undefined {
    if (this.isExit(node)) return this.at(node);
    const steps: Step[] = [];
    for (let way = this.#ways(node).find((one) => this.isExit(one.node)); way; way = way.before)
      steps.push(
        way.link
          ? { node: way.node, link: way.link, ...(way.up ? { reply: true } : {}) }
          : { node: way.node },
      );
    return steps.length > 0 ? { steps: steps.reverse() } : undefined;
  }

  toAudience(node: Node): Path | undefined {
    return this.#cached('toAudience', node.index, () => this.#toAudience(node));
  }

  #toAudience(node: Node): Path | undefined {
    return this.#forwards(
      [3 * node.index + TOTAL, 3 * node.index + SUPPLY],
      (one) => one !== node && (one.element.kind === 'user' || one.element.kind === 'web_client'),
    );
  }

  toModel(node: Node): Path | undefined {
    return this.#cached('toModel', node.index, () => this.#toModel(node));
  }

  #toModel(node: Node): Path | undefined {
    return this.#backwards(node, (one) => one !== node && isModel(one.element.kind));
  }

  between(from: Node, to: Node): Path | undefined {
    if (from === to) return this.at(from);
    return this.#forwards([3 * from.index + TOTAL, 3 * from.index + SUPPLY], (one) => one === to);
  }

  along(link: Link): Path {
    return { steps: [{ node: link.from }, { node: link.to, link }] };
  }

  at(node: Node): Path {
    return { steps: [{ node }] };
  }

  /** Shortest way of content from these states to a node that is wanted. */
  #forwards(starts: readonly number[], wanted: (node: Node) => boolean): Path | undefined {
    const before = new Map<number, readonly [number, Edge] | undefined>(
      starts.map((state) => [state, undefined]),
    );
    const queue = [...starts];
    for (let head = 0; head < queue.length; head++) {
      const state = queue[head]!;
      const node = this.graph.nodes[Math.floor(state / 3)]!;
      if (wanted(node)) {
        const steps: Step[] = [];
        for (let at = state; ;) {
          const last = before.get(at);
          const here = this.graph.nodes[Math.floor(at / 3)]!;
          const { link, reply } = last?.[1] ?? {};
          if (!last || link)
            steps.push(link ? { node: here, link, ...(reply ? { reply } : {}) } : { node: here });
          if (!last) break;
          at = last[0];
        }
        return { steps: steps.reverse() };
      }
      for (const edge of this.#edges[state]!) {
        if (before.has(edge.to)) continue;
        before.set(edge.to, [state, edge]);
        queue.push(edge.to);
      }
    }
    return undefined;
  }

  /** Shortest way of content from a node that is wanted to this one, along edges that may be used. */
  #backwards(
    node: Node,
    wanted: (node: Node) => boolean,
    usable: (edge: Edge) => boolean = () => true,
  ): Path | undefined {
    const into = this.#cached('into', 0, () => {
      const lists: (readonly [number, Edge])[][] = this.#edges.map(() => []);
      this.#edges.forEach((edges, state) => {
        for (const edge of edges) lists[edge.to]!.push([state, edge]);
      });
      return lists;
    });
    const starts = [0, 1, 2].map((state) => 3 * node.index + state);
    const next = new Map<number, readonly [number, Edge] | undefined>(
      starts.map((state) => [state, undefined]),
    );
    const queue = [...starts];
    for (let head = 0; head < queue.length; head++) {
      const state = queue[head]!;
      const here = this.graph.nodes[Math.floor(state / 3)]!;
      if (here !== node && state % 3 === SUPPLY && wanted(here)) {
        const steps: Step[] = [{ node: here }];
        for (let at = state; ;) {
          const onward = next.get(at);
          if (!onward) break;
          const [target, { link, reply }] = onward;
          if (link)
            steps.push({
              node: this.graph.nodes[Math.floor(target / 3)]!,
              link,
              ...(reply ? { reply } : {}),
            });
          at = target;
        }
        return { steps };
      }
      for (const [source, edge] of into[state]!) {
        if (next.has(source) || !usable(edge)) continue;
        next.set(source, [state, edge]);
        queue.push(source);
      }
    }
    return undefined;
  }
}

/** Trust of the text that an element supplies by itself; 4 when it makes up none. */
function ownTrust(node: Node): number {
  const { element, trust, zone } = node;
  let own: number = clean;
  if (element.origin) own = element.origin === 'own' ? clean : originTrust[element.origin];
  else if (isExternal(element.kind)) own = trust;
  else if (isStore(element.kind)) own = trust === 0 ? 0 : clean;
  else if (!isModel(element.kind) && element.kind !== 'gateway') {
    const foreign = trust <= 1 || zone.kind !== 'own';
    own = foreign ? Math.min(trust, zone.kind === 'own' ? trust : 1) : clean;
  }
  return own;
}

function contentEdges({ nodes, links }: Graph): Edge[][] {
  const edges: Edge[][] = Array.from({ length: 3 * nodes.length }, () => []);
  const add = (from: number, to: number, link?: Link, reply = false, data?: readonly Data[]) =>
    edges[from]!.push({ to, link, reply, data });
  for (const { index } of nodes) add(3 * index + SUPPLY, 3 * index + TOTAL);
  for (const link of links) {
    const a = 3 * link.from.index;
    const b = 3 * link.to.index;
    const toPerson = isExternal(link.to.element.kind);
    const fromPerson = isExternal(link.from.element.kind);
    if (link.request) add(a + TOTAL, toPerson ? b + RECEIVED : b + TOTAL, link, false, link.carries);
    if (link.deposit) add(a + TOTAL, toPerson ? b + RECEIVED : b + SUPPLY, link, false, link.carries);
    if (link.handed) add(a + SUPPLY, toPerson ? b + RECEIVED : b + SUPPLY, link, false, link.carries);
    if (link.reply) add(b + SUPPLY, fromPerson ? a + RECEIVED : a + SUPPLY, link, true, link.returns);
  }
  return edges;
}

function unique<T>(list: readonly T[]): T[] {
  return [...new Set(list)];
}
