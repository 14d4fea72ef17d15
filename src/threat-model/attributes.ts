import { DataClass, SideEffect } from '../kernel/vocabulary.ts';

/**
 * The vocabulary of the threat model file, said once: the parser's schema, the JSON Schema, the types and the
 * expression language of the rules are all made from these tables.
 */

export const externals = ['user', 'human_review', 'third_party'] as const;
export const processes = [
  'app',
  'web_client',
  'gateway',
  'orchestrator',
  'agent',
  'tool',
  'mcp_server',
  'browser_tool',
  'code_sandbox',
  'retriever',
  'doc_ingest',
  'training_pipeline',
  'ci_cd',
  'judge_model',
  'model',
  'embedding_model',
  'soc_assistant',
] as const;
export const stores = [
  'db',
  'vector_store',
  'memory',
  'cache',
  'dataset',
  'model_registry',
  'prompt_template',
  'logging',
  'secrets',
  'accelerator_host',
] as const;
export const kinds = [...externals, ...processes, ...stores] as const;
export type Kind = (typeof kinds)[number];

/** Kinds that call models and tools. */
export const callerKinds = ['app', 'agent', 'orchestrator', 'soc_assistant'] as const satisfies Kind[];
export const modelKinds = ['model', 'judge_model', 'embedding_model'] as const satisfies Kind[];
/** Kinds that a caller can name under `tools`. */
export const toolKinds = [
  'tool',
  'browser_tool',
  'code_sandbox',
  'retriever',
  'mcp_server',
] as const satisfies Kind[];

/** Names that stand for several kinds in `each`. */
export const kindGroups: Record<string, readonly Kind[]> = {
  external: externals,
  process: processes,
  store: stores,
  any: kinds,
};

/** `includes` that takes any string. */
export function includes<T extends string>(list: readonly T[], value: string): value is T {
  return (list as readonly string[]).includes(value);
}

interface EnumType {
  type: 'enum';
  values: readonly string[];
  /** Members can be compared with `<`. */
  ordered?: boolean;
  /** An enum of the same name is one type, such as `class`. */
  name: string;
}

type Scalar = { type: 'bool' } | { type: 'text' } | { type: 'int'; min: number; max: number } | EnumType;
type Target = { type: 'element'; kinds: readonly Kind[] } | { type: 'data' };

export type AttributeType =
  | Scalar
  | Target
  | { type: 'set'; of: Target | { type: 'text' } | EnumType }
  | { type: 'duration'; of: EnumType };

export interface Attribute {
  doc: string;
  value: AttributeType;
  /** Kinds that have it; all kinds when absent. */
  kinds?: readonly Kind[];
}

function choice<const V extends readonly string[]>(
  name: string,
  values: V,
  ordered = false,
): { type: 'enum'; name: string; values: V; ordered: boolean } {
  return { type: 'enum', name, values, ordered };
}

const bool = { type: 'bool' } as const;
const text = { type: 'text' } as const;
const dataSet = { type: 'set', of: { type: 'data' } } as const;
const elementSet = <const K extends readonly Kind[]>(of: K) =>
  ({ type: 'set', of: { type: 'element', kinds: of } }) as const;

export const classType = choice('class', DataClass.options, true);
export const sideEffectType = choice('side_effect', SideEffect.options, true);
export const autonomyType = choice('autonomy', ['none', 'low', 'medium', 'high'], true);
export const impactLevelType = choice('impact_level', ['none', 'low', 'medium', 'high'], true);
export const lifecycleType = choice('lifecycle', ['design', 'data', 'train', 'deploy', 'run', 'retire']);
export const kindType = choice('kind', kinds);
const originType = choice('origin', ['own', 'partner', 'user', 'public']);
const audienceType = choice('audience', ['public', 'customer', 'employee', 'admin']);
const retentionType = choice('retention', ['none', 'limited', 'indefinite']);
const hostingType = choice('hosting', ['provider_api', 'managed_dedicated', 'self_hosted', 'on_device']);

const callers = callerKinds;
const models = modelKinds;
const tools = toolKinds;
const authority = [...callers, ...tools] as const;
const consumers = [...callers, 'ci_cd'] as const;

/** Attributes of elements. Every one is optional; absent and `unknown` are the same. */
export const elementAttributes = {
  owner: { value: text, doc: 'Who answers for it.' },
  region: { value: text, doc: "Where it runs, such as `eu`. Falls back to the zone's, then the system's." },
  lifecycle: { value: lifecycleType, doc: "Stage it is in. Falls back to the system's." },
  trust: {
    value: { type: 'int', min: 0, max: 4 },
    doc: 'Overrides the trust of its zone, 0 hostile to 4 own core.',
  },
  holds: { value: dataSet, doc: 'Data that it keeps, or can hand out by itself.' },
  origin: { value: originType, doc: 'Who writes the text that it supplies: mail, web pages, tickets.' },
  internet_facing: { value: bool, doc: 'Reachable from the internet.' },
  inventoried: { value: bool, doc: "Listed in the organisation's inventory." },
  supplier: { value: choice('supplier', ['own', 'vendor', 'community']), doc: 'Who publishes it.' },
  signed: { value: bool, doc: 'Image, package or weights are signed, and the signature is checked.' },

  many: { kinds: ['user'], value: bool, doc: 'Stands for more than one person. Default true.' },
  audience: { kinds: ['user'], value: audienceType, doc: 'Who these people are.' },
  approves: {
    kinds: ['human_review'],
    value: elementSet(tools),
    doc: 'Tools whose calls a person approves here.',
  },
  shows_raw: {
    kinds: ['human_review'],
    value: bool,
    doc: 'Shows the exact call, not a summary by the agent.',
  },
  medium: {
    kinds: ['human_review'],
    value: choice('medium', ['ui', 'message', 'voice', 'video']),
    doc: 'How the person is asked.',
  },
  sanctioned: { kinds: ['third_party'], value: bool, doc: 'The organisation allows its use.' },
  ai_service: { kinds: ['third_party'], value: bool, doc: 'It is an AI service of others.' },

  tools: { kinds: callers, value: elementSet(tools), doc: 'Tools that it may call.' },
  memory: { kinds: callers, value: elementSet(['memory']), doc: 'Memory that it reads and writes.' },
  prompts: {
    kinds: [...callers, ...models],
    value: elementSet(['prompt_template']),
    doc: 'Prompt templates that it uses.',
  },
  autonomy: {
    kinds: callers,
    value: autonomyType,
    doc: "How far it acts without a person. Falls back to the system's.",
  },
  identity: {
    kinds: authority,
    value: choice('identity', ['none', 'shared', 'service', 'workload', 'on_behalf_of']),
    doc: 'With whose authority it acts.',
  },
  identity_state: {
    kinds: authority,
    value: choice('identity_state', ['active', 'unused', 'orphaned']),
    doc: 'Whether its identity is used and still has an owner.',
  },
  scopes_granted: { kinds: authority, value: { type: 'set', of: text }, doc: 'Permissions that it holds.' },
  scopes_used: {
    kinds: authority,
    value: { type: 'set', of: text },
    doc: 'Permissions that its tasks need.',
  },
  bounded: { kinds: callers, value: bool, doc: 'Steps, time and cost are bounded.' },
  secrets_in_config: {
    kinds: authority,
    value: bool,
    doc: 'Its configuration or environment holds credentials.',
  },
  config_writable: {
    kinds: [...callers, 'prompt_template', 'mcp_server'],
    value: choice('config_writable', ['owner', 'team', 'anyone']),
    doc: 'Who may change its configuration.',
  },
  traced: { kinds: [...callers, ...models], value: bool, doc: 'Prompt, tool calls and decision are traced.' },
  history_from_client: {
    kinds: [...callers, 'web_client'],
    value: bool,
    doc: "The client sends the conversation's history.",
  },
  prompt_assembly: {
    kinds: [...callers, 'gateway'],
    value: choice('prompt_assembly', ['roles', 'template', 'concatenation']),
    doc: 'How a prompt is put together.',
  },
  executes_output: { kinds: consumers, value: bool, doc: 'Runs what a model wrote: shell, eval, template.' },
  parses_output: { kinds: consumers, value: bool, doc: 'Reads structured output of a model.' },
  validates_output: { kinds: consumers, value: bool, doc: 'Checks structured output against a schema.' },
  installs_suggestions: {
    kinds: consumers,
    value: bool,
    doc: 'Installs packages or opens links that a model names.',
  },
  shows_citations: { kinds: [...callers, 'web_client'], value: bool, doc: 'Shows sources beside an answer.' },
  dependencies: {
    kinds: [...callers, 'training_pipeline', 'gateway'],
    value: bool,
    doc: 'Has third-party packages.',
  },
  image: {
    kinds: [...callers, ...models, 'gateway', 'accelerator_host'],
    value: bool,
    doc: 'Started from a registry image.',
  },
  renders: {
    kinds: ['web_client'],
    value: choice('renders', ['text', 'markdown', 'html']),
    doc: 'As what it shows answers.',
  },
  auto_fetch: { kinds: ['web_client'], value: bool, doc: 'Loads images or previews links by itself.' },
  guard: { kinds: ['gateway', ...models], value: bool, doc: 'Content is filtered before it gets here.' },
  normalises: {
    kinds: ['gateway', ...models],
    value: bool,
    doc: 'Text is normalised before it is filtered.',
  },
  relay: { kinds: ['gateway', ...models], value: bool, doc: 'Requests pass a reseller or router of others.' },

  via: {
    kinds: ['tool', 'browser_tool', 'code_sandbox', 'retriever'],
    value: { type: 'element', kinds: ['mcp_server'] },
    doc: 'MCP server that offers it.',
  },
  side_effect: {
    kinds: tools,
    value: sideEffectType,
    doc: 'Worst effect of a call. browser_tool: external_write, code_sandbox: code_execution, retriever: read.',
  },
  reversible: { kinds: tools, value: bool, doc: 'What it did can be undone.' },
  egress: { kinds: authority, value: bool, doc: 'Can open connections to hosts of its choice.' },
  url_from_model: { kinds: tools, value: bool, doc: 'Requests an address that the model chose.' },
  text_to_query: { kinds: [...tools, 'db'], value: bool, doc: 'Runs queries that a model wrote.' },
  returns: { kinds: tools, value: dataSet, doc: 'Data in its answers.' },
  isolation: {
    kinds: ['code_sandbox', 'doc_ingest'],
    value: choice('isolation', ['none', 'process', 'container', 'microvm']),
    doc: 'What keeps it apart from its host.',
  },
  transport: {
    kinds: ['mcp_server'],
    value: choice('transport', ['stdio', 'http_local', 'http_remote']),
    doc: 'How it is reached.',
  },
  manifest_pinned: { kinds: ['mcp_server'], value: bool, doc: 'Its tool descriptions are pinned by hash.' },
  installed_from: {
    kinds: ['mcp_server'],
    value: choice('installed_from', ['registry', 'source', 'bundled']),
    doc: 'Where its program comes from.',
  },
  token_passthrough: { kinds: ['mcp_server'], value: bool, doc: 'Hands tokens of its callers on.' },
  launch_checked: {
    kinds: ['mcp_server'],
    value: bool,
    doc: 'Others cannot change the command and arguments that start it.',
  },
  origin_checked: { kinds: ['mcp_server'], value: bool, doc: 'Refuses foreign Origin and Host headers.' },
  acl: {
    kinds: ['retriever', 'vector_store', 'db'],
    value: bool,
    doc: 'Its documents have access rules that differ by reader.',
  },
  enforces_acl: {
    kinds: ['retriever', 'vector_store', 'db'],
    value: bool,
    doc: 'Access rules of documents are applied at query time.',
  },
  tenancy: {
    kinds: [...stores, ...models, 'retriever'],
    value: choice('tenancy', ['single', 'multi']),
    doc: 'Whether several tenants share it.',
  },
  writers: { kinds: stores, value: elementSet(kinds), doc: 'Exactly the elements that may write to it.' },
  scope: {
    kinds: ['memory', 'cache'],
    value: choice('scope', ['session', 'user', 'tenant', 'shared']),
    doc: 'Who shares an entry.',
  },

  hosting: { kinds: [...models, 'model_registry'], value: hostingType, doc: 'Who runs it, and where.' },
  trained_by: {
    kinds: models,
    value: choice('trained_by', ['supplier', 'partner', 'self', 'community']),
    doc: 'Who trained it.',
  },
  tuned: { kinds: models, value: bool, doc: 'You tuned it.' },
  tuned_on: { kinds: models, value: dataSet, doc: 'Data it was tuned on.' },
  weights_open: { kinds: models, value: bool, doc: 'Anyone can download its weights.' },
  proprietary: { kinds: models, value: bool, doc: 'Its weights or behaviour are worth stealing.' },
  weights_format: {
    kinds: [...models, 'model_registry'],
    value: choice('weights_format', ['safetensors', 'gguf', 'onnx', 'pickle', 'keras', 'other']),
    doc: 'File format of the weights.',
  },
  modality: {
    kinds: models,
    value: { type: 'set', of: choice('modality', ['text', 'image', 'audio', 'video', 'document']) },
    doc: 'What it reads. Default [text].',
  },
  alias_pinned: {
    kinds: models,
    value: bool,
    doc: 'Requests name a fixed snapshot. True when the binding names a dated or numbered one.',
  },
  retention: {
    kinds: [...models, 'logging', 'memory', 'cache'],
    value: { type: 'duration', of: retentionType },
    doc: 'How long it keeps what it is given: none, limited, indefinite, or a duration such as `P30D` (limited).',
  },
  trains_on_inputs: { kinds: models, value: bool, doc: 'Its supplier trains on what is sent.' },
  safety_policy: { kinds: models, value: bool, doc: 'It is told or trained to refuse some requests.' },
  returns_scores: {
    kinds: models,
    value: bool,
    doc: 'Answers hold log-probabilities, scores or raw vectors.',
  },
  parameters_from_client: { kinds: models, value: bool, doc: 'Clients set its request parameters.' },
  billing: {
    kinds: models,
    value: choice('billing', ['per_token', 'flat', 'own']),
    doc: 'How it is paid. Default per_token for provider_api.',
  },
  public_api: { kinds: models, value: bool, doc: 'Outsiders can query it.' },
  tuning_api: { kinds: models, value: bool, doc: 'Clients can tune it.' },
  shared_cache: {
    kinds: [...models, 'accelerator_host'],
    value: bool,
    doc: 'Tenants share its prefix or key-value cache.',
  },

  interactive: { kinds: ['training_pipeline'], value: bool, doc: 'Has notebooks or shells.' },
  user_feedback: { kinds: ['training_pipeline'], value: bool, doc: "Users' ratings train the model." },
  contributors: {
    kinds: ['training_pipeline', 'dataset'],
    value: elementSet(kinds),
    doc: 'Elements whose content becomes training data.',
  },
  eval_readable: {
    kinds: ['training_pipeline'],
    value: bool,
    doc: 'The trainer can read the evaluation set.',
  },
  standing_access: {
    kinds: ['training_pipeline', 'model_registry', 'secrets', 'db'],
    value: bool,
    doc: 'Administrators always have access.',
  },
  licence: { kinds: ['dataset'], value: text, doc: 'Licence it is used under.' },
  consent: { kinds: ['dataset'], value: bool, doc: 'There is a legal basis for its use.' },
  purpose: {
    kinds: ['dataset'],
    value: choice('purpose', ['train', 'tune', 'evaluate']),
    doc: 'What it is for.',
  },
  hash_pinned: { kinds: ['dataset', 'model_registry'], value: bool, doc: 'Files are pinned by hash.' },
  public: { kinds: ['prompt_template'], value: bool, doc: 'Anyone may know it.' },
  file: { kinds: ['prompt_template', 'dataset'], value: text, doc: 'Path of the file in this repository.' },
  content: {
    kinds: ['logging'],
    value: choice('log_content', ['none', 'metadata', 'redacted', 'full']),
    doc: 'What of prompts and answers is written.',
  },
  raw: { kinds: ['logging'], value: bool, doc: 'Model text is written unescaped.' },
  tamper_evident: { kinds: ['logging'], value: bool, doc: 'Changes to it show.' },
  shared: { kinds: ['accelerator_host'], value: bool, doc: 'Tenants share it.' },
} as const satisfies Record<string, Attribute>;

/** Attributes of flows, ids and ends apart. */
export const flowAttributes = {
  name: { value: text, doc: 'Shown in diagrams. Default: the id.' },
  carries: { value: dataSet, doc: 'Data that go towards `to`. Unstated: whatever `from` holds or reaches.' },
  returns: { value: dataSet, doc: 'Data that come back with the reply.' },
  channel: {
    value: choice('channel', ['chat', 'api', 'message', 'document', 'tool', 'voice']),
    doc: 'Default api. `message` and `document` go one way.',
  },
  reply: { value: bool, doc: 'Content comes back. Default true, except on `message` and `document`.' },
  access: {
    value: choice('access', ['read', 'write', 'read_write']),
    doc: 'For flows that end at a store. Unstated: from its `writers`, else both.',
  },
  tls: { value: bool, doc: 'Encrypted in transit.' },
  auth: {
    value: choice('auth', ['none', 'static_key', 'session', 'oauth', 'oidc', 'mtls', 'signed']),
    doc: 'How the caller proves who it is.',
  },
  principal: {
    value: choice('principal', ['none', 'shared', 'workload', 'user']),
    doc: 'Whose identity the callee sees.',
  },
  sender_verified: { value: bool, doc: 'Senders of messages are authenticated.' },
  integrity: { value: bool, doc: 'Messages are signed or sequence-checked end to end.' },
  format: {
    value: choice('format', ['text', 'markdown', 'html', 'json', 'query', 'code', 'binary']),
    doc: 'What the content is.',
  },
  excess: {
    value: choice('excess', ['allow', 'alert', 'mask', 'pseudonymise', 'ask', 'block']),
    doc: 'What happens to data that `carries` does not allow. Default mask.',
  },
  mode: { value: choice('mode', ['observe', 'enforce']), doc: "Default: the system's mode." },
} as const satisfies Record<string, Attribute>;

export const dataAttributes = {
  name: { value: text, doc: 'Shown in tables. Default: the id.' },
  class: { value: classType, doc: 'How sensitive it is.' },
  categories: {
    value: {
      type: 'set',
      of: choice('category', [
        'personal',
        'special',
        'credential',
        'payment',
        'health',
        'source_code',
        'intellectual_property',
        'identifier',
        'public_record',
      ]),
    },
    doc: 'What it is. special, payment and health are personal too.',
  },
  subjects: { value: text, doc: 'Whose data it is, such as customers.' },
  region: { value: text, doc: 'Where it must stay.' },
  retention: { value: text, doc: 'How long it is kept, as an ISO 8601 duration.' },
  origin: { value: originType, doc: 'Who writes it.' },
  subject_rights: { value: bool, doc: 'People may ask for its erasure. Default true for personal data.' },
} as const satisfies Record<string, Attribute>;

export const zoneAttributes = {
  name: { value: text, doc: 'Shown in diagrams. Default: the id.' },
  trust: {
    value: { type: 'int', min: 0, max: 4 },
    doc: '0 hostile, 1 third party, 2 own, 3 protected, 4 own core.',
  },
  kind: { value: choice('zone_kind', ['own', 'third_party', 'public']), doc: 'Who runs it. Default own.' },
  parent: { value: text, doc: 'Zone that encloses it.' },
  region: { value: text, doc: 'Where it lies.' },
} as const satisfies Record<string, Attribute>;

export const systemAttributes = {
  name: { value: text, doc: 'Shown everywhere. Default: the id.' },
  owner: { value: text, doc: 'Team or person who answers for it.' },
  purpose: { value: text, doc: 'What it is for, in a sentence.' },
  region: { value: text, doc: 'Where it runs.' },
  lifecycle: { value: lifecycleType, doc: 'Stage it is in.' },
  autonomy: { value: autonomyType, doc: 'How far it acts without a person.' },
  ai_act_class: {
    value: choice('ai_act_class', ['prohibited', 'high', 'limited', 'minimal']),
    doc: 'Risk class under the EU AI Act.',
  },
  audience: { value: audienceType, doc: 'Widest circle of its users.' },
  decision_impact: { value: impactLevelType, doc: 'What hangs on its answers.' },
  about_persons: { value: bool, doc: 'It takes or prepares decisions about people.' },
  discloses_ai: { value: bool, doc: 'Users are told that they deal with an AI.' },
  marks_output: { value: bool, doc: 'Generated content is marked as such.' },
  aibom: { value: bool, doc: 'There is an AI bill of materials.' },
  kill_switch: { value: bool, doc: 'It can be stopped at once.' },
  mode: {
    value: choice('mode', ['observe', 'enforce']),
    doc: 'What happens to what the model does not allow.',
  },
  detections: { value: bool, doc: 'Detection rules for attacks on it are live.' },
  impact_assessed: { value: bool, doc: 'An impact assessment exists.' },
} as const satisfies Record<string, Attribute>;

type ValueOf<T> = T extends { type: 'bool' }
  ? boolean
  : T extends { type: 'int' }
    ? number
    : T extends { type: 'enum'; values: readonly (infer V)[] }
      ? V
      : T extends { type: 'duration'; of: infer E }
        ? ValueOf<E>
        : T extends { type: 'set'; of: { type: 'enum'; values: readonly (infer V)[] } }
          ? V[]
          : T extends { type: 'set' }
            ? string[]
            : string;

/** Values of a table of attributes; absent means unknown. */
export type Values<T extends Record<string, Attribute>> = {
  -readonly [K in keyof T]?: ValueOf<T[K]['value']>;
};

export function elementAttribute(name: string): Attribute | undefined {
  return Object.hasOwn(elementAttributes, name)
    ? elementAttributes[name as keyof typeof elementAttributes]
    : undefined;
}

export function attributesOf(kind: Kind): [string, Attribute][] {
  return Object.entries(elementAttributes as Record<string, Attribute>).filter(
    ([, attribute]) => attribute.kinds?.includes(kind) ?? true,
  );
}
