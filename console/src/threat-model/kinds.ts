import type { IconName } from '../ui/icon.tsx';

/** How an element kind is drawn: its icon, and the DFD kind that gives its outline. */
interface KindLook {
  icon: IconName;
  base: 'external' | 'process' | 'store';
}

const looks: Record<string, KindLook> = {
  user: { icon: 'person', base: 'external' },
  human_review: { icon: 'reviewer', base: 'external' },
  third_party: { icon: 'building', base: 'external' },
  external: { icon: 'building', base: 'external' },
  app: { icon: 'window', base: 'process' },
  web_client: { icon: 'window', base: 'process' },
  gateway: { icon: 'gate', base: 'process' },
  orchestrator: { icon: 'gear', base: 'process' },
  agent: { icon: 'agent', base: 'process' },
  tool: { icon: 'wrench', base: 'process' },
  mcp_server: { icon: 'plug', base: 'process' },
  browser_tool: { icon: 'globe', base: 'process' },
  code_sandbox: { icon: 'code', base: 'process' },
  retriever: { icon: 'search', base: 'process' },
  doc_ingest: { icon: 'document', base: 'process' },
  training_pipeline: { icon: 'training', base: 'process' },
  ci_cd: { icon: 'gear', base: 'process' },
  judge_model: { icon: 'judge', base: 'process' },
  model: { icon: 'model', base: 'process' },
  embedding_model: { icon: 'vectors', base: 'process' },
  soc_assistant: { icon: 'shield', base: 'process' },
  process: { icon: 'gear', base: 'process' },
  db: { icon: 'database', base: 'store' },
  vector_store: { icon: 'vectors', base: 'store' },
  memory: { icon: 'list', base: 'store' },
  cache: { icon: 'database', base: 'store' },
  dataset: { icon: 'database', base: 'store' },
  model_registry: { icon: 'model', base: 'store' },
  prompt_template: { icon: 'document', base: 'store' },
  logging: { icon: 'list', base: 'store' },
  secrets: { icon: 'key', base: 'store' },
  accelerator_host: { icon: 'chip', base: 'store' },
  store: { icon: 'database', base: 'store' },
};

/** Kinds that a newer engine knows and this console does not are drawn as processes. */
export function lookOf(kind: string): KindLook {
  return looks[kind] ?? { icon: 'gear', base: 'process' };
}
