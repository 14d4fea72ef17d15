import type { Evidence } from '../../kernel/evidence.ts';
import type { Plan } from '../../kernel/plan.ts';
import type { Level } from '../../kernel/severity.ts';
import type { Residual } from '../status.ts';

export type ReportFormat = 'html' | 'md' | 'json' | 'sarif';

/** A threat as a report shows it. */
export interface ReportThreat {
  key: string;
  rule: string;
  title: string;
  summary: string;
  element: string;
  flow?: string;
  stride: readonly string[];
  lifecycle: readonly string[];
  refs: readonly string[];
  likelihood: number;
  impact: number;
  risk: number;
  level: Level;
  terms: readonly { of: 'likelihood' | 'impact'; name: string; value: number; why: string }[];
  witness: readonly { path: readonly string[]; text: string; why: string }[];
  controls: readonly string[];
}

/** What question 1 holds, as far as a report shows it. */
export interface ReportModel {
  system: { id: string; name: string; owner?: string; lifecycle?: string; autonomy?: string };
  zones: readonly { id: string; name?: string; trust: number; kind?: string; parent?: string }[];
  elements: readonly {
    id: string;
    name?: string;
    kind: string;
    zone: string;
    hosting?: string;
    holds?: readonly string[];
  }[];
  flows: readonly {
    id: string;
    name?: string;
    from: string;
    to: string;
    carries?: readonly string[];
    channel?: string;
    tls?: boolean;
  }[];
  data: readonly {
    id: string;
    name?: string;
    class: string;
    categories?: readonly string[];
    region?: string;
  }[];
  assumptions: readonly {
    id: string;
    text: string;
    owner?: string;
    expires?: string;
    disables?: readonly string[];
  }[];
  decisions: readonly { threat: string; do: string; by: string; until: string; why: string }[];
}

/** Everything that a report tells, as plain data. */
export interface ReportInput {
  /** Milliseconds since the epoch. */
  at: number;
  /** Version of Merlon. */
  version: string;
  /** The threat model file, as it is called. */
  file: string;
  /** Lines and columns of elements and flows in the file, for SARIF. */
  places?: Readonly<Record<string, { line: number; column: number }>>;
  model: ReportModel;
  plan: Plan;
  threats: readonly ReportThreat[];
  /** Threats that an assumption rules out. */
  disabled?: readonly { key: string; title: string; assumption: string; expires: string }[];
  controls: readonly { id: string; title: string; area: string; point: string; summary?: string }[];
  evidence: readonly (Evidence & { title?: string })[];
  residual: readonly Residual[];
  /** Titles of catalogue references, with addresses where there are such. */
  references?: Readonly<Record<string, { title: string; url?: string }>>;
  /** Diagram of the model as SVG text; drawn from the model when it is not given. */
  diagram?: string;
  /** Head of the ledger that the evidence stands in. */
  ledger?: { size: number; root: string };
}
