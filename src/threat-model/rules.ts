import { z } from 'zod';
import type { ControlDescriptor } from '../kernel/control.ts';
import { Problem } from '../kernel/problem.ts';
import { levelOf, type Level } from '../kernel/severity.ts';
import { Objective } from '../kernel/vocabulary.ts';
import { includes, kindGroups, kinds, lifecycleType, type Kind } from './attributes.ts';
import {
  answerable,
  bindControls,
  guards,
  indexRoutes,
  routesOf,
  type Bound,
  type RouteIndex,
} from './bindings.ts';
import {
  compileExpression,
  compileTemplate,
  print,
  stepBudget,
  type Environment,
  type Expression,
  type Scope,
  type Type,
  type Value,
} from './expression.ts';
import type { Facts, Path } from './facts.ts';
import type { Link, Node } from './graph.ts';
import type { Decision, Model } from './model.ts';
import { nearest } from './position.ts';

export const Stride = z.enum([
  'spoofing',
  'tampering',
  'repudiation',
  'information_disclosure',
  'denial_of_service',
  'elevation_of_privilege',
]);
export type Stride = z.infer<typeof Stride>;
const Lifecycle = z.enum(lifecycleType.values);

const Kinds = z.union([z.string(), z.array(z.string()).min(1).max(kinds.length)]);
const Code = z.string().min(1).max(4_000);
const Words = z.string().min(1).max(1_000);
const Term = z.strictObject({
  name: z.string().max(60),
  value: z.union([z.int().min(-5).max(5), Code]),
  when: Code.optional(),
  why: Words,
});

/** rule.yaml, as README.md of `threats/` describes it. */
export const RuleSource = z.strictObject({
  id: z.string().regex(/^[A-Z]{2,5}-\d{2,3}$/, 'letters, a dash and digits, such as AGT-03'),
  title: Words,
  each: z.union([Kinds, z.strictObject({ from: Kinds, to: Kinds })]),
  applies: z.union([Code, z.record(z.string(), Code)]),
  where: z.array(Code).max(8).optional(),
  threat: z.strictObject({
    title: Words,
    summary: Words,
    stride: z.array(Stride).min(1),
    lifecycle: z.array(Lifecycle).min(1),
  }),
  refs: z.array(z.string().max(120)).min(1).max(64),
  score: z.strictObject({
    likelihood: z.array(Term).min(1).max(16),
    impact: z.array(Term).min(1).max(16),
  }),
  mitigated_by: z
    .strictObject({
      any: z.array(Objective).min(1).optional(),
      all: z
        .array(z.union([Objective, z.strictObject({ objective: Objective, when: Code })]))
        .min(1)
        .optional(),
    })
    .refine(({ any, all }) => any ?? all, 'one of `any` and `all`'),
  verify: z.strictObject({ probe: z.array(z.string().max(120)) }).optional(),
});
export type RuleSource = z.infer<typeof RuleSource>;

/** What a rule file holds, parsed; `file` is shown in errors. */
export interface RuleFile {
  id: string;
  source: unknown;
  file: string;
}

/** As much of a catalogue as rules need. */
export interface References {
  resolve(reference: string): { id: string; title: string; url?: string | undefined } | undefined;
}

interface CompiledTerm {
  name: string;
  value: number | Expression;
  when: Expression | undefined;
  why: (environment: Environment) => string;
}

type Subject =
  | { type: 'elements'; kinds: readonly Kind[] }
  | { type: 'flows'; from: ReadonlySet<Kind>; to: ReadonlySet<Kind> }
  | { type: 'system' };

/** A rule, checked and compiled. */
export interface Rule {
  id: string;
  title: string;
  file: string;
  subject: Subject;
  stride: readonly Stride[];
  lifecycle: RuleSource['threat']['lifecycle'];
  refs: readonly { reference: string; title?: string; url?: string }[];
  mitigatedBy: { any: readonly Objective[]; all: readonly { objective: Objective; when?: Expression }[] };
  probes: readonly string[] | undefined;
  /** As written, for pages that explain it. */
  source: RuleSource;
  applies: ReadonlyMap<Kind, Expression> | Expression;
  where: readonly Expression[];
  titleOf: (environment: Environment) => string;
  summaryOf: (environment: Environment) => string;
  likelihood: readonly CompiledTerm[];
  impact: readonly CompiledTerm[];
}

export interface ThreatTerm {
  of: 'likelihood' | 'impact';
  name: string;
  value: number;
  why: string;
}

/** A way through the diagram: ids of elements and flows in turn, elements first and last. */
export interface Witness {
  path: string[];
  /** As it is shown: `customer →chat→ bot →prompt→ llm`. */
  text: string;
  why: string;
}

export interface Threat {
  key: string;
  rule: string;
  title: string;
  /** Why it applies here, for people. */
  summary: string;
  /** Element it is about: the caller, for an interaction; `system` for the whole. */
  element: string;
  /** For an interaction: the flow and its ends. */
  flow?: string;
  from?: string;
  to?: string;
  stride: readonly Stride[];
  lifecycle: readonly string[];
  refs: readonly string[];
  likelihood: number;
  impact: number;
  risk: number;
  level: Level;
  terms: ThreatTerm[];
  witness: Witness[];
  /** The conditions that held, each with the values it looked at. */
  facts: { text: string; values: { name: string; value: string }[] }[];
  /** Attributes that are not stated and that would settle the matter, such as `bot.bounded`. */
  unknown: string[];
  /** From the model alone; assurance turns it into verified, failing, stale and so on. */
  status: 'open' | 'controlled' | 'accepted';
  statusReason: string;
  /** Controls that are bound where it matters and serve one of its objectives. */
  controls: string[];
  /** What answers it: one of `any` and every one of `all`; `missing` is what no bound control serves. */
  objectives: { any: string[]; all: string[]; missing: string[] };
  /** Flows to models on which a control can answer it. */
  routes: string[];
  /** Probes that the rule asks for; absent: any probe of its controls. */
  probes?: string[];
}

/** A threat that an assumption of the file rules out while it holds. */
export interface DisabledThreat {
  key: string;
  title: string;
  assumption: string;
  expires: string;
}

export interface FindOptions {
  controls?: readonly ControlDescriptor[];
  /** Milliseconds since the epoch; decides which assumptions and decisions still hold. */
  now?: number;
}

/** @throws Problem RULE_INVALID naming the rule file, the key and the position */
export function loadRules(
  sources: readonly RuleFile[],
  { catalogue }: { catalogue?: References } = {},
): Rule[] {
  const ids = new Set<string>();
  return sources.map((file) => {
    const rule = loadRule(file, catalogue);
    if (ids.has(rule.id))
      throw new Problem('RULE_INVALID', {
        detail: `${file.file}: id: \`${rule.id}\` is used by another rule`,
      });
    ids.add(rule.id);
    return rule;
  });
}

function loadRule({ id: folder, source, file }: RuleFile, catalogue: References | undefined): Rule {
  const parsed = RuleSource.safeParse(source);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const key = issue!.path.map(String).join('.');
    const unknown = issue!.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
    throw invalid(file, key || (unknown ?? 'file'), {
      detail: unknown ? `\`${unknown}\` is not a key of a rule` : issue!.message.toLowerCase(),
    });
  }
  const rule = parsed.data;
  if (rule.id.toLowerCase() !== folder.toLowerCase())
    throw invalid(file, 'id', { detail: `\`${rule.id}\` does not fit its folder \`${folder}\`` });
  const subject = subjectOf(rule.each, file);
  const scope = scopeOf(subject);
  const at = <T>(key: string, text: string, work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      throw invalid(file, key, {
        detail: error.detail,
        ...(error.fix ? { fix: error.fix } : {}),
        text,
        offset: Number(error.facts['offset'] ?? 0),
      });
    }
  };
  const expression = (key: string, text: string, type: Type, within = scope) =>
    at(key, text, () => compileExpression(text, within, type));
  const template = (key: string, text: string) => at(key, text, () => compileTemplate(text, scope));
  const bool: Type = { is: 'bool' };
  const terms = (name: 'likelihood' | 'impact') =>
    rule.score[name].map((term, index): CompiledTerm => {
      const key = `score.${name}.${index}`;
      return {
        name: term.name,
        value:
          typeof term.value === 'number' ? term.value : expression(`${key}.value`, term.value, { is: 'int' }),
        when: term.when === undefined ? undefined : expression(`${key}.when`, term.when, bool),
        why: template(`${key}.why`, term.why),
      };
    });
  return {
    id: rule.id,
    title: rule.title,
    file,
    subject,
    stride: rule.threat.stride,
    lifecycle: rule.threat.lifecycle,
    refs: rule.refs.map((reference, index) => resolve(reference, `refs.${index}`, file, catalogue)),
    mitigatedBy: {
      any: rule.mitigated_by.any ?? [],
      all: (rule.mitigated_by.all ?? []).map((entry, index) =>
        typeof entry === 'string'
          ? { objective: entry }
          : {
              objective: entry.objective,
              when: expression(`mitigated_by.all.${index}.when`, entry.when, bool),
            },
      ),
    },
    probes: rule.verify?.probe,
    source: rule,
    applies: appliesOf(rule, subject, scope, file, expression),
    where: (rule.where ?? []).map((text, index) => expression(`where.${index}`, text, { is: 'witness' })),
    titleOf: template('threat.title', rule.threat.title),
    summaryOf: template('threat.summary', rule.threat.summary),
    likelihood: terms('likelihood'),
    impact: terms('impact'),
  };
}

function appliesOf(
  rule: RuleSource,
  subject: Subject,
  scope: Scope,
  file: string,
  expression: (key: string, text: string, type: Type, within?: Scope) => Expression,
): Rule['applies'] {
  const bool: Type = { is: 'bool' };
  if (typeof rule.applies === 'string') return expression('applies', rule.applies, bool);
  if (subject.type !== 'elements')
    throw invalid(file, 'applies', { detail: 'conditions per kind need kinds under `each`' });
  const branches = new Map<Kind, Expression>();
  for (const [kind, text] of Object.entries(rule.applies)) {
    if (!includes(subject.kinds, kind))
      throw invalid(file, `applies.${kind}`, { detail: `\`${kind}\` is not among the kinds of \`each\`` });
    const narrow = scope.map(([name, type]) =>
      name === 'it' ? ([name, { is: 'element', kinds: [kind] }] as const) : ([name, type] as const),
    );
    branches.set(kind, expression(`applies.${kind}`, text, bool, narrow));
  }
  for (const kind of subject.kinds)
    if (!branches.has(kind))
      throw invalid(file, 'applies', { detail: `there is no condition for \`${kind}\`` });
  return branches;
}

function subjectOf(each: RuleSource['each'], file: string): Subject {
  if (each === 'system') return { type: 'system' };
  if (each === 'flow') return { type: 'flows', from: new Set(kinds), to: new Set(kinds) };
  if (typeof each === 'object' && !Array.isArray(each))
    return {
      type: 'flows',
      from: new Set(kindsOf(each.from, 'each.from', file)),
      to: new Set(kindsOf(each.to, 'each.to', file)),
    };
  return { type: 'elements', kinds: kindsOf(each, 'each', file) };
}

function kindsOf(names: string | string[], key: string, file: string): Kind[] {
  const found = [names].flat().flatMap((name) => {
    if (Object.hasOwn(kindGroups, name)) return kindGroups[name]!;
    if (includes(kinds, name)) return [name];
    const near = nearest(name, [...kinds, ...Object.keys(kindGroups), 'flow', 'system']);
    throw invalid(file, key, {
      detail: `\`${name}\` is not a kind of element`,
      ...(near ? { fix: `Did you mean \`${near}\`?` } : {}),
    });
  });
  return [...new Set(found)];
}

function scopeOf(subject: Subject): Scope {
  switch (subject.type) {
    case 'elements':
      return [
        ['it', { is: 'element', kinds: subject.kinds }],
        ['system', { is: 'system' }],
      ];
    case 'flows':
      return [
        ['it', { is: 'flow' }],
        ['from', { is: 'element', kinds: [...subject.from] }],
        ['to', { is: 'element', kinds: [...subject.to] }],
        ['system', { is: 'system' }],
      ];
    default:
      return [
        ['it', { is: 'system' }],
        ['system', { is: 'system' }],
      ];
  }
}

function resolve(
  reference: string,
  key: string,
  file: string,
  catalogue: References | undefined,
): Rule['refs'][number] {
  if (!/^[a-z][a-z0-9-]*:[A-Za-z0-9._-]+\/.+$/.test(reference))
    throw invalid(file, key, {
      detail: `\`${reference}\` has no edition`,
      fix: 'Write catalogue, edition and id, as in `owasp-llm:2026/LLM01`.',
    });
  if (!catalogue) return { reference };
  const entry = catalogue.resolve(reference);
  if (!entry) throw invalid(file, key, { detail: `no catalogue holds \`${reference}\`` });
  return { reference, title: entry.title, ...(entry.url ? { url: entry.url } : {}) };
}

function invalid(
  file: string,
  key: string,
  { detail, fix, text, offset }: { detail: string; fix?: string; text?: string; offset?: number },
): Problem {
  const facts: Record<string, unknown> = { rule: file, pointer: `/${key.replaceAll('.', '/')}` };
  let where = `${file}: ${key}`;
  if (text !== undefined && offset !== undefined) {
    const before = text.slice(0, offset).split('\n');
    const line = before.length;
    const column = before.at(-1)!.length + 1;
    Object.assign(facts, { line, column, expression: text });
    where += ` ${line}:${column}`;
  }
  return new Problem('RULE_INVALID', { detail: `${where}: ${detail}`, ...(fix ? { fix } : {}), facts });
}

// ---- finding

/** Threats of a model, worst first. Without `controls`, no control counts as bound. */
export function findThreats(
  model: Model,
  facts: Facts,
  rules: readonly Rule[],
  options: FindOptions = {},
): Threat[] {
  return examine(model, facts, rules, options).threats;
}

/** As `findThreats`, with what the file's assumptions rule out. */
export function examine(
  model: Model,
  facts: Facts,
  rules: readonly Rule[],
  { controls = [], now = Date.now() }: FindOptions = {},
): { threats: Threat[]; disabled: DisabledThreat[] } {
  const bound = bindControls(facts, controls);
  const finder = new Finder(model, facts, bound, new Date(now).toISOString().slice(0, 10));
  for (const rule of rules) finder.run(rule);
  const order = (a: Threat, b: Threat) => b.risk - a.risk || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  return { threats: finder.threats.sort(order), disabled: finder.disabled };
}

interface Surroundings {
  routes: readonly string[];
  /** Controls on one of the flows. */
  touching: ReadonlySet<Bound>;
  /** Controls that do not stand on every way to it, where they must. */
  unguarded: ReadonlySet<Bound>;
}

class Finder {
  readonly threats: Threat[] = [];
  readonly disabled: DisabledThreat[] = [];
  readonly #model: Model;
  readonly #facts: Facts;
  readonly #bound: readonly Bound[];
  readonly #routes: RouteIndex;
  readonly #surroundings: Surroundings[] = [];
  readonly #environment: Environment;
  readonly #byKind = new Map<Kind, Node[]>();
  readonly #assumptions: { id: string; expires: string; disables: string[] }[];
  readonly #decisions: Map<string, Decision>;

  constructor(model: Model, facts: Facts, bound: readonly Bound[], today: string) {
    this.#model = model;
    this.#facts = facts;
    this.#bound = bound;
    this.#routes = indexRoutes(routesOf(facts));
    for (const node of facts.graph.nodes) {
      const list = this.#byKind.get(node.element.kind);
      if (list) list.push(node);
      else this.#byKind.set(node.element.kind, [node]);
    }
    this.#assumptions = model.assumptions
      .filter(({ expires }) => today < expires)
      .map(({ id, expires, disables = [] }) => ({ id, expires, disables }));
    this.#decisions = new Map(
      model.decisions.filter(({ until }) => today < until).map((decision) => [decision.threat, decision]),
    );
    this.#environment = {
      facts,
      variables: [],
      steps: 0,
      controlled: (place, objective) => {
        const links = 'element' in place ? [...place.in, ...place.out] : [place];
        return bound.some(
          ({ control, links: covered }) =>
            control.objectives.includes(objective as Objective) && links.some((link) => covered.has(link)),
        );
      },
    };
  }

  run(rule: Rule): void {
    const { subject } = rule;
    const { system } = this.#model;
    switch (subject.type) {
      case 'system':
        this.#try(rule, [system, system], { key: 'system', element: 'system' }, [], []);
        return;
      case 'elements':
        for (const kind of subject.kinds) {
          for (const node of this.#byKind.get(kind) ?? []) {
            const { id } = node.element;
            this.#try(rule, [node, system], { key: id, element: id }, [node], []);
          }
        }
        return;
      case 'flows':
        for (const link of this.#facts.graph.links) {
          const { from, to, flow } = link;
          if (!subject.from.has(from.element.kind) || !subject.to.has(to.element.kind)) continue;
          const place = {
            key: this.#facts.graph.linkKey(link),
            element: from.element.id,
            flow: flow.id,
            from: from.element.id,
            to: to.element.id,
          };
          this.#try(rule, [link, from, to, system], place, [from, to], [link]);
        }
    }
  }

  #try(
    rule: Rule,
    variables: Value[],
    { key: place, ...where }: { key: string; element: string; flow?: string; from?: string; to?: string },
    nodes: Node[],
    links: Link[],
  ): void {
    const environment = this.#environment;
    environment.variables = variables;
    environment.steps = stepBudget;
    const applies =
      'run' in rule.applies ? rule.applies : rule.applies.get((variables[0] as Node).element.kind)!;
    if (applies.run(environment) !== true) return;
    const paths: { path: Path; why: string }[] = [];
    for (const witness of rule.where) {
      const { path } = witness.run(environment) as { path: Path | undefined };
      if (!path) return;
      paths.push({ path, why: reasonOf(witness) });
    }
    const key = `${rule.id}@${place}`;
    const title = rule.titleOf(environment);
    const assumption = this.#assumptions.find(
      ({ disables }) =>
        disables.includes(rule.id) || disables.includes(key) || disables.includes(`${rule.id}@*`),
    );
    if (assumption) {
      this.disabled.push({ key, title, assumption: assumption.id, expires: assumption.expires });
      return;
    }
    const terms: ThreatTerm[] = [
      ...termsOf('likelihood', rule.likelihood, environment),
      ...termsOf('impact', rule.impact, environment),
    ];
    const likelihood = sum(terms, 'likelihood');
    const impact = sum(terms, 'impact');
    const { facts, unknown } = explain(applies, environment, variables[0]);
    this.threats.push({
      key,
      rule: rule.id,
      title,
      summary: rule.summaryOf(environment),
      ...where,
      // Shared by all threats of the rule: large models have thousands.
      stride: rule.stride,
      lifecycle: rule.lifecycle,
      refs: rule.source.refs,
      likelihood,
      impact,
      risk: likelihood * impact,
      level: levelOf(likelihood * impact),
      terms,
      witness: paths.map(({ path, why }) => ({ ...drawn(path), why })),
      facts,
      unknown,
      ...this.#answer(
        rule,
        key,
        environment,
        nodes,
        links,
        paths.map(({ path }) => path),
      ),
      ...(rule.probes ? { probes: [...rule.probes] } : {}),
    });
  }

  /** What surrounds a node: flows where a control can answer, and which controls do. Kept, as many threats look at it. */
  #around(node: Node): Surroundings {
    const known = this.#surroundings[node.index];
    if (known) return known;
    const { links, routes } = answerable(node, this.#routes);
    const ways = [...links.filter((link) => this.#routes.links.has(link)), ...routes];
    const around = {
      routes: [...new Set(ways.map(({ flow }) => flow.id))],
      touching: new Set(
        this.#bound.filter(
          (bound) =>
            links.some((link) => bound.links.has(link)) || routes.some((link) => bound.links.has(link)),
        ),
      ),
      unguarded: new Set(this.#bound.filter((bound) => !guards(bound, node))),
    };
    this.#surroundings[node.index] = around;
    return around;
  }

  /** Which bound controls serve the objectives where the threat is, and what that makes of its status. */
  #answer(
    rule: Rule,
    key: string,
    environment: Environment,
    nodes: readonly Node[],
    links: readonly Link[],
    paths: readonly Path[],
  ): Pick<Threat, 'status' | 'statusReason' | 'controls' | 'objectives' | 'routes'> {
    const any: Objective[] = [...rule.mitigatedBy.any];
    const all = rule.mitigatedBy.all
      .filter(({ when }) => !when || when.run(environment) === true)
      .map(({ objective }) => objective);
    const wanted = new Set<string>([...any, ...all]);
    const onPaths = paths.flatMap(({ steps }) => steps);
    // A threat to the whole system is answered by a control that is on anywhere.
    const system = rule.subject.type === 'system';
    const [flow] = links;
    // A flow to a model is answered on that flow; any other flow also on the ways to models of the callers at its ends.
    const onRoute = flow !== undefined && this.#routes.links.has(flow);
    const near = flow ? [] : nodes.map((node) => this.#around(node));
    const ways = [...links];
    if (!onRoute) for (const { link } of onPaths) if (link) ways.push(link);
    if (flow && !onRoute) for (const end of nodes) ways.push(...(this.#routes.from.get(end) ?? []));
    const routes = new Set<string>(system ? [] : near.flatMap((around) => around.routes));
    for (const link of system ? this.#routes.links : ways)
      if (this.#routes.links.has(link)) routes.add(link.flow.id);
    const serving = this.#bound.filter(
      (bound) =>
        bound.control.objectives.some((one) => wanted.has(one)) &&
        near.every(({ unguarded }) => !unguarded.has(bound)) &&
        (system ||
          near.some(({ touching }) => touching.has(bound)) ||
          ways.some((link) => bound.links.has(link))),
    );
    const served = new Set<string>(serving.flatMap(({ control }) => control.objectives));
    const missing = all.filter((one) => !served.has(one));
    if (any.length > 0 && !any.some((one) => served.has(one)))
      missing.unshift(...any.filter((one) => !missing.includes(one)));
    const controls = [...new Set(serving.map(({ control }) => control.id))];
    const objectives = { any, all, missing };
    const decision = this.#decisions.get(key);
    if (decision)
      return {
        status: 'accepted',
        statusReason: `accepted by ${decision.by} until ${decision.until}: ${decision.why}`,
        controls,
        objectives,
        routes: [...routes],
      };
    const controlled = missing.length === 0;
    return {
      status: controlled ? 'controlled' : 'open',
      statusReason: controlled
        ? `answered by ${controls.join(', ')}; no evidence yet`
        : controls.length > 0
          ? `${controls.join(', ')} ${controls.length === 1 ? 'is' : 'are'} not enough: ${missing.join(', ')} missing`
          : `no control serves ${missing.join(', ')} here`,
      controls,
      objectives,
      routes: [...routes],
    };
  }
}

function termsOf(
  of: ThreatTerm['of'],
  terms: readonly CompiledTerm[],
  environment: Environment,
): ThreatTerm[] {
  return terms.flatMap(({ name, value, when, why }) => {
    if (when && when.run(environment) !== true) return [];
    const points = typeof value === 'number' ? value : Number(value.run(environment) ?? 0);
    return [{ of, name, value: points, why: why(environment) }];
  });
}

/** The terms added up, held within 1 to 5. */
function sum(terms: readonly ThreatTerm[], of: ThreatTerm['of']): number {
  const total = terms.reduce((points, term) => (term.of === of ? points + term.value : points), 0);
  return Math.max(1, Math.min(5, Math.round(total)));
}

function explain(
  applies: Expression,
  environment: Environment,
  it: Value,
): Pick<Threat, 'facts' | 'unknown'> {
  const unknown = new Set<string>();
  const facts = applies.parts.map(({ text, leaves }) => ({
    text,
    values: leaves.map((leaf) => {
      const value = leaf.run(environment);
      if (value === undefined && leaf.attribute !== undefined) {
        const variable = leaf.text.slice(0, leaf.text.indexOf('.'));
        unknown.add(variable === 'it' ? `${idOf(it)}.${leaf.attribute}` : leaf.text);
      }
      return { name: leaf.text, value: print(value) };
    }),
  }));
  return { facts, unknown: [...unknown] };
}

function idOf(value: Value): string {
  if (typeof value !== 'object' || value === null) return 'it';
  if ('element' in value) return value.element.id;
  if ('flow' in value) return value.flow.id;
  return 'system';
}

const reasons: Record<string, string> = {
  from_untrusted: 'untrusted content gets here',
  from_users: 'what users write gets here',
  from_data: 'the data get here',
  to_exit: 'it can be sent out this way',
  to_audience: 'its output is read there',
  to_model: 'a model writes what is used here',
  along: 'the flow itself',
  at: 'the place itself',
  between: 'the way between the two',
};

/** What a witness expression shows. */
function reasonOf({ text }: Expression): string {
  const end = text.indexOf('(');
  return reasons[text.slice(0, Math.max(0, end)).trim()] ?? text;
}

function drawn({ steps }: Path): Pick<Witness, 'path' | 'text'> {
  const path: string[] = [];
  let text = '';
  for (const { node, link } of steps) {
    const { id } = node.element;
    if (link) {
      path.push(link.flow.id);
      text += ` →${link.flow.implied ? '' : link.flow.id}→ `.replace('→→', '→');
    }
    path.push(id);
    text += id;
  }
  return { path, text };
}
