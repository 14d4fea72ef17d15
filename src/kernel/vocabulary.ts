import { z } from 'zod';

/** The words of the threat model file that other capabilities speak too (DESIGN §3). */
export const DataClass = z.enum(['public', 'internal', 'confidential', 'restricted']);
export type DataClass = z.infer<typeof DataClass>;

export const SideEffect = z.enum(['none', 'read', 'internal_write', 'external_write', 'code_execution']);
export type SideEffect = z.infer<typeof SideEffect>;

export const Mode = z.enum(['observe', 'enforce']);
export type Mode = z.infer<typeof Mode>;

/** Zone trust: 0 hostile, 4 own core. */
export type Trust = 0 | 1 | 2 | 3 | 4;

/** Order on data classes: the more sensitive of two. */
export function widest(classes: Iterable<DataClass>): DataClass {
  let top = 0;
  for (const one of classes) top = Math.max(top, DataClass.options.indexOf(one));
  return DataClass.options[top]!;
}

export const Objective = z.enum([
  'in-guard',
  'in-norm',
  'in-seg',
  'out-guard',
  'out-dlp',
  'out-enc',
  'out-link',
  'ground',
  'dlp-in',
  'secret-scan',
  'vault',
  'crypt',
  'retention',
  'resid',
  'dp',
  'rag-acl',
  'rag-scan',
  'prov',
  'mem-val',
  'sess-iso',
  'tool-policy',
  'tool-lp',
  'taint',
  'hitl',
  'sandbox',
  'egress',
  'bounds',
  'rate',
  'agt-msg',
  'authn',
  'authz',
  'agt-id',
  'pam',
  'manifest-pin',
  'registry-allow',
  'mdl-scan',
  'mdl-sign',
  'aibom',
  'ds-scan',
  'eval-gate',
  'wm',
  'log-chain',
  'soc-rule',
  'inventory',
  'classify',
  'disclose',
]);
/** What a control is for. Rules name objectives, controls serve them: a new control touches no rule. */
export type Objective = z.infer<typeof Objective>;

export const objectiveTitles: Record<Objective, string> = {
  'in-guard': 'Input injection and jailbreak detection',
  'in-norm': 'Input normalisation and size limits',
  'in-seg': 'Untrusted content is segregated and labelled',
  'out-guard': 'Output content policy',
  'out-dlp': 'Output and argument data-loss prevention',
  'out-enc': 'Output encoding and schema validation',
  'out-link': 'Link, image and markdown egress filter',
  ground: 'Grounding, citation check, abstention',
  'dlp-in': 'Tokenise or pseudonymise before the model',
  'secret-scan': 'Secret scan of prompts, templates and ingest',
  vault: 'Vaulted, short-lived, rotated credentials',
  crypt: 'Encryption in transit and at rest',
  retention: 'Retention limits, log redaction, erasure propagation',
  resid: 'Provider terms, zero retention, residency routing',
  dp: 'Differential privacy and score masking',
  'rag-acl': 'Document ACL and tenant filter at retrieval',
  'rag-scan': 'Scan of documents at ingest',
  prov: 'Source and dataset provenance',
  'mem-val': 'Validated memory writes',
  'sess-iso': 'Session, memory, cache and tenant isolation',
  'tool-policy': 'Tool allow-list and argument policy',
  'tool-lp': 'Least-privilege, on-behalf-of tool tokens',
  taint: 'Information-flow control',
  hitl: 'Human approval of the raw action',
  sandbox: 'Isolated execution',
  egress: 'Network segmentation and egress allow-list',
  bounds: 'Step, loop and cost bounds, kill switch',
  rate: 'Rate limits, quotas, queues',
  'agt-msg': 'Signed inter-agent messages',
  authn: 'Authentication',
  authz: 'Authorization outside the model',
  'agt-id': 'Workload and agent identity',
  pam: 'Just-in-time privileged access',
  'manifest-pin': 'Pinned, signed manifests, configuration, templates',
  'registry-allow': 'Allow-listed registries, packages, routes',
  'mdl-scan': 'Model file scan, safe formats only',
  'mdl-sign': 'Model signing, pinning, attestation',
  aibom: 'AI bill of materials, signed images',
  'ds-scan': 'Dataset scan and outlier review',
  'eval-gate': 'Regression, trigger and bias evaluation gate',
  wm: 'Watermark or content credentials',
  'log-chain': 'Tamper-evident AI trace',
  'soc-rule': 'Detection and response rule',
  inventory: 'Inventory and discovery',
  classify: 'Use-case classification, owner, impact assessment',
  disclose: 'Disclosure to users, UX limits',
};
