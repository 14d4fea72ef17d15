import { z } from 'zod';
import { contentHash } from '../kernel/hash.ts';
import { DataClass } from '../kernel/vocabulary.ts';
import {
  attributesOf,
  dataAttributes,
  type elementAttributes,
  flowAttributes,
  kinds,
  systemAttributes,
  zoneAttributes,
  type Attribute,
  type AttributeType,
  type Kind,
  type Values,
} from './attributes.ts';

/** Most of each that a file may hold. Far above real systems, low enough that every analysis stays quick. */
export const limits = {
  bytes: 4 * 1024 * 1024,
  depth: 24,
  nodes: 400_000,
  aliases: 100,
  elements: 5_000,
  flows: 20_000,
  list: 5_000,
} as const;

export const slugPattern = /^[a-z0-9](?:[a-z0-9]|[-_.](?=[a-z0-9]))*$/;
const Slug = z
  .string()
  .max(64)
  .regex(slugPattern, 'a slug: lower-case letters, digits, and - _ . between them');
const Text = z.string().min(1).max(2_000);
const Day = z.iso.date();
const unknownWord = 'unknown';

function schemaOf(type: AttributeType): z.ZodType {
  switch (type.type) {
    case 'bool':
      return z.literal([true, false, unknownWord]);
    case 'text':
      return Text;
    case 'int':
      return z.int().min(type.min).max(type.max);
    case 'enum':
      return z.enum([...type.values, unknownWord]);
    case 'duration':
      return z
        .string()
        .max(40)
        .regex(
          new RegExp(`^(?:${type.of.values.join('|')}|unknown|P(?=.)(?:\\d+[YMWD])*(?:T(?:\\d+[HMS])+)?)$`),
          `one of ${type.of.values.join(', ')}, or a duration such as P30D`,
        );
    case 'element':
    case 'data':
      return Slug;
    default:
      switch (type.of.type) {
        case 'enum':
          return z.array(z.enum(type.of.values)).max(limits.list);
        case 'text':
          return z.array(Text).max(limits.list);
        default:
          return z.array(Slug).max(limits.list);
      }
  }
}

function optional(attributes: [string, Attribute][]): Record<string, z.ZodType> {
  return Object.fromEntries(
    attributes.map(([name, { value, doc }]) => [name, schemaOf(value).optional().describe(doc)]),
  );
}

const note = Text.optional().describe('A remark for readers.');

function elementSchema(kind: Kind) {
  return z.strictObject({
    id: Slug.describe('Unique among elements and flows. The stable name in threats, decisions and evidence.'),
    kind: z.literal(kind).describe('What it is.'),
    name: Text.optional().describe('Shown in diagrams. Default: the id.'),
    zone: Slug.optional().describe('Trust zone that it lies in.'),
    note,
    ...optional(attributesOf(kind)),
  });
}

const byKind = new Map(kinds.map((kind) => [kind, elementSchema(kind)]));

/** Schema of one element of a kind; unknown keys are refused. */
export function elementSchemaOf(kind: Kind): z.ZodObject {
  return byKind.get(kind)!;
}

export const FlowSource = z.strictObject({
  id: Slug.describe('Unique among elements and flows.'),
  from: Slug.describe('Element that calls, sends or is read.'),
  to: Slug.describe('Element that is called, receives or is written.'),
  note,
  ...optional(Object.entries(flowAttributes)),
});

export const DataSource = z.strictObject({
  id: Slug,
  note,
  ...optional(Object.entries(dataAttributes)),
  class: DataClass.describe(dataAttributes.class.doc),
});

export const ZoneSource = z.strictObject({
  id: Slug,
  note,
  ...optional(Object.entries(zoneAttributes)),
  trust: z.int().min(0).max(4).describe(zoneAttributes.trust.doc),
});

export const SystemSource = z.strictObject({
  id: Slug.describe('Short name of the system.'),
  note,
  ...optional(Object.entries(systemAttributes)),
});

export const ControlBinding = z.strictObject({
  use: Slug.describe('Id of a control.'),
  on: z
    .array(Slug)
    .max(limits.list)
    .optional()
    .describe('Flows, or elements for all their flows. Default: everywhere.'),
  settings: z.record(z.string(), z.unknown()).optional().describe("The control's settings."),
  note,
});

export const Assumption = z.strictObject({
  id: Slug,
  text: Text.describe('What is taken for granted.'),
  owner: Text.describe('Who answers for it.'),
  expires: Day.describe('From this day on it no longer counts (UTC).'),
  disables: z
    .array(z.string().max(200))
    .max(limits.list)
    .optional()
    .describe('Rule ids or threat keys that do not apply while it holds.'),
});

export const Decision = z.strictObject({
  threat: z
    .string()
    .max(200)
    .regex(/^[A-Z]+-\d+@[^@\s]+$/, 'a threat key such as AGT-02@bot')
    .describe('Key of the threat.'),
  do: z.literal('accept').describe('Accept the risk.'),
  by: Text.describe('Who decided.'),
  until: Day.describe('From this day on the threat is open again (UTC).'),
  why: Text.describe('Reason.'),
});

export const Binding = z.strictObject({
  upstream: Slug.optional().describe('Name of an upstream in merlon.yaml; for models.'),
  model: Text.optional().describe('Model name that is sent upstream; for models.'),
  client: Slug.optional().describe('Name of the client key; for elements that call models.'),
  function: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'a function name')
    .optional()
    .describe('Function name on the wire; for tools. Default: the id.'),
});

const sections = {
  schema: z.literal('merlon/v1').describe('Version of this format.'),
  system: SystemSource.describe('What is being built.'),
  catalogues: z
    .record(Slug, Text)
    .optional()
    .describe('Editions of the outside catalogues that this file was written against.'),
  data: z
    .array(DataSource)
    .max(limits.list)
    .optional()
    .describe('Kinds of data, and how sensitive they are.'),
  zones: z.array(ZoneSource).max(limits.list).optional().describe('Trust zones.'),
  flows: z.array(FlowSource).max(limits.flows).optional().describe('Who talks to whom, and what about.'),
  controls: z
    .array(ControlBinding)
    .max(limits.list)
    .optional()
    .describe('Question 3: what we do, where, with which settings.'),
  assumptions: z
    .array(Assumption)
    .max(limits.list)
    .optional()
    .describe('What is taken for granted, until when.'),
  decisions: z.array(Decision).max(limits.list).optional().describe('Risks that somebody accepted.'),
  bindings: z.record(Slug, Binding).optional().describe('Which running thing an element is.'),
  extensions: z
    .record(Slug, z.unknown())
    .optional()
    .describe('Kept as it is: what an imported file held besides.'),
} as const;

/** The file with elements left to `elementSchemaOf`, so that each one's problems name its own kind. */
export const Skeleton = z.strictObject({
  ...sections,
  elements: z.array(z.unknown()).max(limits.elements),
});

const ModelFile = z.strictObject({
  ...sections,
  elements: z
    .array(
      z.discriminatedUnion(
        'kind',
        kinds.map((kind) => elementSchema(kind)) as unknown as [z.ZodObject, ...z.ZodObject[]],
      ),
    )
    .max(limits.elements)
    .describe('External entities, processes and data stores.'),
});

/** JSON Schema (2020-12) of threat-model.yaml, with a description for every key. */
export function modelJsonSchema(): Record<string, unknown> {
  return {
    ...(z.toJSONSchema(ModelFile, { io: 'input' }) as Record<string, unknown>),
    title: 'Merlon threat model',
    description: 'One file that says what is being built, what can go wrong and what is done about it.',
  };
}

export interface Element extends Values<typeof elementAttributes> {
  id: string;
  kind: Kind;
  name: string;
  /** Empty when the file names none. */
  zone: string;
  note?: string;
}

export interface Flow extends Omit<Values<typeof flowAttributes>, 'name' | 'channel' | 'reply'> {
  id: string;
  from: string;
  to: string;
  name: string;
  channel: NonNullable<Values<typeof flowAttributes>['channel']>;
  reply: boolean;
  note?: string;
  /** Not drawn: follows from `tools`, `memory`, `via`, `writers`, `prompts` or `contributors`. */
  implied?: true;
}

export interface Data extends Omit<Values<typeof dataAttributes>, 'name' | 'class' | 'categories'> {
  id: string;
  name: string;
  class: DataClass;
  categories: string[];
  note?: string;
}

export interface Zone extends Omit<Values<typeof zoneAttributes>, 'name' | 'trust' | 'kind'> {
  id: string;
  name: string;
  trust: 0 | 1 | 2 | 3 | 4;
  kind: 'own' | 'third_party' | 'public';
  note?: string;
}

export interface System extends Omit<Values<typeof systemAttributes>, 'name'> {
  id: string;
  name: string;
  note?: string;
}

export type ControlBinding = z.infer<typeof ControlBinding>;
export type Assumption = z.infer<typeof Assumption>;
export type Decision = z.infer<typeof Decision>;
export type Binding = z.infer<typeof Binding>;

/** A threat model whose references all resolve, with names and defaults filled in and `unknown` left out. */
export interface Model {
  schema: 'merlon/v1';
  system: System;
  catalogues: Record<string, string>;
  data: Data[];
  zones: Zone[];
  elements: Element[];
  flows: Flow[];
  controls: ControlBinding[];
  assumptions: Assumption[];
  decisions: Decision[];
  bindings: Record<string, Binding>;
  extensions: Record<string, unknown>;
}

type Loose = Record<string, unknown>;

/** Leaves out what is `unknown`: absent and unknown are the same. */
function known(source: Loose): Loose {
  return Object.fromEntries(
    Object.entries(source).filter(([, value]) => value !== unknownWord && value !== undefined),
  );
}

// A date or a version number in the name, and not `latest`: the provider cannot move it.
const snapshot = /\d{4}-?\d{2}-?\d{2}|@sha256:|-\d{3,}$|[-:@]v?\d+\.\d+\.\d+/;

function completeElement(source: Loose, model: Loose): Element {
  const element = { name: source['id'], zone: '', ...known(source) } as unknown as Element;
  const system = model['system'] as Loose;
  const zone = ((model['zones'] ?? []) as Loose[]).find(({ id }) => id === element.zone);
  const loose = element as unknown as Loose;
  const set = (key: keyof Element, value: unknown) => {
    if (loose[key] === undefined && value !== undefined && value !== unknownWord) loose[key] = value;
  };
  set('lifecycle', system['lifecycle']);
  set('region', zone?.['region'] ?? system['region']);
  if (element.retention && !['none', 'limited', 'indefinite'].includes(element.retention))
    element.retention = 'limited';
  switch (element.kind) {
    case 'user':
      set('many', true);
      break;
    case 'app':
    case 'agent':
    case 'orchestrator':
    case 'soc_assistant':
      set('autonomy', system['autonomy']);
      break;
    case 'browser_tool':
      set('side_effect', 'external_write');
      set('origin', 'public');
      break;
    case 'code_sandbox':
      set('side_effect', 'code_execution');
      break;
    case 'retriever':
      set('side_effect', 'read');
      break;
    case 'model':
    case 'judge_model':
    case 'embedding_model': {
      const bound = ((model['bindings'] ?? {}) as Record<string, Loose>)[element.id]?.['model'];
      set('modality', ['text']);
      if (element.hosting === 'provider_api') set('billing', 'per_token');
      if (typeof bound === 'string' && snapshot.test(bound)) set('alias_pinned', true);
      break;
    }
    default:
  }
  return element;
}

function completeFlow(source: Loose): Flow {
  const flow = { name: source['id'], channel: 'api', ...known(source) } as unknown as Flow;
  flow.reply ??= flow.channel !== 'message' && flow.channel !== 'document';
  return flow;
}

function completeData(source: Loose): Data {
  const data = { name: source['id'], categories: [], ...known(source) } as unknown as Data;
  const personal = data.categories.some((one) => ['personal', 'special', 'payment', 'health'].includes(one));
  if (personal && !data.categories.includes('personal')) data.categories = ['personal', ...data.categories];
  if (personal) data.subject_rights ??= true;
  return data;
}

/** Fills in names and defaults. `source` is a file that passed the schemas. */
export function completeModel(source: Loose): Model {
  const list = (key: string) => (source[key] ?? []) as Loose[];
  const zones = list('zones').map(
    (zone) => ({ name: zone['id'], kind: 'own', ...known(zone) }) as unknown as Zone,
  );
  const elements = list('elements').map((element) => completeElement(element, source));
  const byId = new Map(elements.map((element) => [element.id, element]));
  for (const element of elements) {
    if (element.zone === '' && element.via) element.zone = byId.get(element.via)?.zone ?? '';
  }
  const system = known(source['system'] as Loose);
  return {
    schema: 'merlon/v1',
    system: { name: system['id'], ...system } as unknown as System,
    catalogues: (source['catalogues'] ?? {}) as Record<string, string>,
    data: list('data').map(completeData),
    zones,
    elements,
    flows: list('flows').map(completeFlow),
    controls: list('controls') as unknown as ControlBinding[],
    assumptions: list('assumptions') as unknown as Assumption[],
    decisions: list('decisions') as unknown as Decision[],
    bindings: (source['bindings'] ?? {}) as Record<string, Binding>,
    extensions: (source['extensions'] ?? {}) as Record<string, unknown>,
  };
}

const byId = <T extends { id: string }>(list: readonly T[]) =>
  [...list].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));

/** Content hash of a model: the order in which things stand in the file does not count, nor do remarks. */
export function modelHash(model: Model): string {
  const bare = <T extends { note?: string | undefined }>(one: T): T => ({ ...one, note: undefined });
  return contentHash({
    ...model,
    system: bare(model.system),
    data: byId(model.data).map(bare),
    zones: byId(model.zones).map(bare),
    elements: byId(model.elements).map(bare),
    flows: byId(model.flows).map(bare),
    controls: model.controls.map(bare),
    extensions: undefined,
  });
}
