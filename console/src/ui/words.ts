import type { Action, Level, Status } from '../api/types.ts';
import type { Tone } from './tokens.ts';

/** `3 threats`, `1 threat`, `no threats`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  if (count === 0) return `no ${many}`;
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/** How long ago, coarsely: people compare ages, they do not compute with them. Times are milliseconds. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 5) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  if (hours < 48) return `${hours} h ago`;
  return `${Math.round(hours / 24)} days ago`;
}

/** The part of a content hash that people compare by eye. */
export function shortHash(hash: string): string {
  return hash.replace(/^sha256:/, '').slice(0, 12);
}

/** `k/n` and the bound, such as `0/24, at most 13.8 %`. */
export function rate(successes: number, n: number, upper?: number): string {
  const bound = upper === undefined ? '' : `, at most ${percent(upper)}`;
  return `${successes}/${n}${bound}`;
}

export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

/** Ids of the model and of the wire as words: `external_write` becomes `external write`. */
export function spaced(id: string): string {
  return id.replaceAll('_', ' ');
}

export const levelWords: Record<Level, { word: string; tone: Tone }> = {
  low: { word: 'low', tone: 'low' },
  medium: { word: 'medium', tone: 'medium' },
  high: { word: 'high', tone: 'high' },
  critical: { word: 'critical', tone: 'critical' },
};

export const levels: readonly Level[] = ['critical', 'high', 'medium', 'low'];

export const statusWords: Record<Status, { word: string; tone: Tone; means: string }> = {
  open: { word: 'open', tone: 'high', means: 'nothing is bound that answers this threat' },
  controlled: {
    word: 'controlled',
    tone: 'low',
    means: 'a control is live, but no attack has tested it yet',
  },
  verified: {
    word: 'verified',
    tone: 'good',
    means: 'the attack succeeds with the control off and fails with it on, within the bound',
  },
  failing: { word: 'failing', tone: 'critical', means: 'the attack still succeeds with the control on' },
  inconclusive: { word: 'inconclusive', tone: 'medium', means: 'the attack never reached its target' },
  stale: { word: 'stale', tone: 'medium', means: 'what the evidence rests on has changed, or it is too old' },
  accepted: {
    word: 'accepted',
    tone: 'none',
    means: 'a person accepted this risk, with a reason and an end date',
  },
  utility_failure: {
    word: 'breaks harmless use',
    tone: 'high',
    means: 'the control stops harmless cases as well',
  },
  no_probe: { word: 'no probe', tone: 'none', means: 'no attack has been run for this threat' },
};

/** Statuses in the order in which they ask for attention. */
export const statuses: readonly Status[] = [
  'failing',
  'utility_failure',
  'open',
  'stale',
  'inconclusive',
  'no_probe',
  'controlled',
  'accepted',
  'verified',
];

export const actionWords: Record<Action, { word: string; past: string; tone: Tone }> = {
  allow: { word: 'allow', past: 'allowed', tone: 'none' },
  alert: { word: 'alert', past: 'alerted', tone: 'medium' },
  mask: { word: 'mask', past: 'masked', tone: 'low' },
  pseudonymise: { word: 'pseudonymise', past: 'pseudonymised', tone: 'low' },
  ask: { word: 'ask', past: 'asked', tone: 'high' },
  block: { word: 'block', past: 'blocked', tone: 'critical' },
};

/** `information_disclosure` as a heading. */
export function strideWord(name: string): string {
  const words = spaced(name);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const catalogueWords: Record<string, string> = {
  atlas: 'MITRE ATLAS',
  avid: 'AVID',
  ccpa: 'CCPA',
  cosai: 'CoSAI',
  cwe: 'CWE',
  'eu-ai-act': 'EU AI Act',
  gdpr: 'GDPR',
  'iso-42001': 'ISO 42001',
  linddun: 'LINDDUN',
  maestro: 'MAESTRO',
  'nist-ai-100-2': 'NIST AI 100-2',
  'nist-ai-600-1': 'NIST AI 600-1',
  'nist-ai-rmf': 'NIST AI RMF',
  'owasp-agentic-threats': 'OWASP Agentic Threats',
  'owasp-ai-exchange': 'OWASP AI Exchange',
  'owasp-aisvs': 'OWASP AISVS',
  'owasp-asi': 'OWASP Agentic',
  'owasp-llm': 'OWASP LLM Top 10',
  'owasp-mcp': 'OWASP MCP',
};

/** Splits `owasp-llm:2026/LLM01` for display; what does not look like a reference is shown as it is. */
export function referenceParts(reference: string): { catalogue: string; edition: string; id: string } {
  const match = /^([^:/]+):([^/]+)\/(.+)$/.exec(reference);
  if (!match) return { catalogue: reference, edition: '', id: '' };
  return { catalogue: catalogueWords[match[1]!] ?? match[1]!, edition: match[2]!, id: match[3]! };
}
