/** The JSON of the control plane, by route. A generator may replace this file one day; nothing else knows the wire. */
import type { Evidence as EvidenceRecord, Status } from '../../../src/kernel/evidence.ts';
import type { Surface } from '../../../src/kernel/finding.ts';
import type { Drift, Plan } from '../../../src/kernel/plan.ts';
import type { Level } from '../../../src/kernel/severity.ts';
import type { Action } from '../../../src/kernel/verdict.ts';
import type { Mode } from '../../../src/kernel/vocabulary.ts';

export type { Action, Drift, Level, Mode, Plan, Status, Surface };

export interface Session {
  principal: { id: string; kind: string };
  /** Milliseconds since the epoch. */
  expires?: number;
}

export interface System {
  system: { id: string; name: string };
  mode: Mode;
  plan: string;
  model: string;
  /** Absent when Merlon runs without a threat model and only observes. */
  file?: string;
  dataPlane: string;
  upstream: { provider: string; kind: 'victim' | 'live' };
  started: number;
  version: string;
  counts: {
    elements: number;
    flows: number;
    threats: number;
    controls: number;
    open: number;
    verified: number;
  };
  worst: Level;
}

export interface ModelElement {
  id: string;
  name?: string;
  kind: string;
  zone?: string;
  [attribute: string]: unknown;
}

export interface ModelFlow {
  id: string;
  from: string;
  to: string;
  carries?: string[];
  channel?: string;
  tls?: boolean;
  [attribute: string]: unknown;
}

export interface ModelZone {
  id: string;
  name?: string;
  trust: number;
  kind?: string;
  parent?: string;
}

export interface ModelData {
  id: string;
  name?: string;
  class: string;
  [attribute: string]: unknown;
}

export interface Model {
  system: { id: string; name: string; owner?: string; [attribute: string]: unknown };
  zones: ModelZone[];
  elements: ModelElement[];
  flows: ModelFlow[];
  data: ModelData[];
  [section: string]: unknown;
}

export interface Observed extends Drift {
  /** YAML that would declare it; absent when it cannot be declared as it is. */
  patch?: string;
  /** Why there is no patch. */
  reason?: string;
}

export interface ModelAnswer {
  file: string;
  text: string;
  hash: string;
  model: Model;
  facts: Record<string, Record<string, unknown>>;
  observed: Observed[];
}

export interface RiskTerm {
  /** Which of the two factors the term belongs to. */
  of: 'likelihood' | 'impact';
  name: string;
  value: number;
  why: string;
}

/** A way through the diagram: ids of elements and flows in turn, in the order of the attack. */
export interface Witness {
  path: string[];
  text: string;
  why: string;
}

export interface Threat {
  key: string;
  rule: string;
  title: string;
  element: string;
  flow?: string;
  stride: string[];
  lifecycle: string[];
  refs: string[];
  likelihood: number;
  impact: number;
  risk: number;
  level: Level;
  terms: RiskTerm[];
  summary: string;
  status: Status;
  statusReason: string;
  residual: number;
  residualLevel: Level;
  witness: Witness[];
  /** The conditions of the rule that held, with the values they looked at. */
  facts?: { text: string; values: { name: string; value: string }[] }[];
  /** Attributes that the file does not state and that would settle the matter. */
  unknown?: string[];
  controls: string[];
  /** What answers it, and what of that no bound control serves. */
  objectives?: { any: string[]; all: string[]; missing: string[] };
}

export interface ThreatsAnswer {
  plan: string;
  threats: Threat[];
}

export interface Rule {
  id: string;
  title: string;
  refs: string[];
  description: string;
}

/** JSON Schema as far as settings use it. */
export interface JsonSchema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: boolean | JsonSchema;
  required?: string[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
}

export type Decisions = Record<Action, number>;

export interface ControlBinding {
  on: string[];
  settings: Record<string, unknown>;
  threats: string[];
}

export interface Control {
  id: string;
  title: string;
  area: 'data' | 'model' | 'access' | 'soc';
  point: string;
  objectives: string[];
  mitigates: string[];
  summary: string;
  readme: string;
  settingsSchema: JsonSchema;
  bindings: ControlBinding[];
  decisions: Decisions;
  probes: string[];
}

export interface ExchangeFinding {
  type: string;
  detector: string;
  control: string;
  surface: Surface;
  pointer: string;
  start: number;
  end: number;
  score: number;
}

export interface ExchangeSegment {
  surface: Surface;
  /** Text with secrets and personal data masked. */
  preview: string;
  marks: { start: number; end: number; type: string }[];
}

export interface Exchange {
  id: string;
  at: number;
  client: string;
  route: string;
  model: string;
  status: number;
  action: Action;
  stream: boolean;
  latencyMs: number;
  tokens: { prompt: number; completion: number };
  findings: ExchangeFinding[];
  segments: ExchangeSegment[];
  /** Why it was refused or changed, for people. */
  reason?: string;
  flow: string;
  threats: string[];
}

export interface Receipt {
  id: string;
  at: number;
  decision: Action;
  plan: string;
  flow: string;
  controls: { id: string; action: Action }[];
  threats: string[];
  /** `text` is the entry exactly as it was hashed; without it, that is the event as JSON. */
  entry: { index: number; hash: string; text?: string; event: Record<string, unknown> };
  proof: { size: number; index: number; hashes: string[] };
  /** Signed note (C2SP tlog-checkpoint). */
  checkpoint: string;
  publicKey: string;
}

export interface Approval {
  id: string;
  agent: string;
  tool: string;
  /** JSON text exactly as the model wrote it. */
  arguments: string;
  reason: string;
  threats: string[];
  at: number;
  state: 'pending' | 'approved' | 'denied' | 'used';
  decided?: number;
}

export interface ClientKey {
  id: string;
  client: string;
  env?: string;
  created: number;
  lastUsed?: number;
  revoked?: number;
}

export interface LedgerAnswer {
  size: number;
  root: string;
  checkpoint: string;
  publicKey: string;
}

export interface Evidence extends EvidenceRecord {
  title: string;
}

export interface Residual {
  key: string;
  status: Status;
  inherent: number;
  residual: number;
  level: Level;
  reason: string;
}

export interface EvidenceAnswer {
  plan: string;
  probes: Evidence[];
  missing: string[];
  residual: Residual[];
}

export type VerifyMessage =
  | { kind: 'start'; probes: number; cases: number }
  | { kind: 'case'; probe: string; name: string; phase: 'off' | 'on' | 'harmless'; result: string }
  | { kind: 'probe'; evidence: EvidenceRecord }
  | { kind: 'done'; summary: unknown };
