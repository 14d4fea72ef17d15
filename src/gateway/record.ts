import { createHmac, type KeyObject } from 'node:crypto';
import { redacted, securityEvent, type SecurityEvent } from '../kernel/event.ts';
import type { Surface } from '../kernel/finding.ts';
import type { Action } from '../kernel/verdict.ts';
import type { PlacedFinding, Run } from './inspection.ts';

/** A text of an exchange for the console. It is masked before it is stored or shown. */
export interface ExchangeText {
  surface: Surface;
  pointer: string;
  text: string;
}

/** What happened in one exchange, as it is told to the live view and kept for the console. */
export interface Exchange {
  /** Id of its receipt. */
  id: string;
  /** Milliseconds since the epoch. */
  at: number;
  tenant: string;
  client: string;
  /** Path of the data plane. */
  route: string;
  model: string;
  status: number;
  action: Action;
  stream: boolean;
  latencyMs: number;
  tokens: { prompt: number; completion: number };
  flow: string;
  plan: string;
  threats: readonly string[];
  controls: readonly { id: string; action: Action }[];
  findings: readonly PlacedFinding[];
  reason?: string;
  /** Beginnings of the texts, not yet masked. */
  texts: readonly ExchangeText[];
}

/** Text beyond this is not shown in the console, in UTF-16 units. */
export const previewUnits = 600;
const previewTexts = 24;

/** The beginnings of the last texts of a request; history is seldom what one wants to see. */
export function previews(texts: readonly ExchangeText[]): ExchangeText[] {
  return texts
    .slice(-previewTexts)
    .map(({ surface, pointer, text }) => ({ surface, pointer, text: text.slice(0, previewUnits) }));
}

/**
 * The OCSF event of an exchange: API Activity with the model as `ai_operation`. Of texts it holds a keyed hash and the
 * length; findings have lost what they matched.
 */
export function exchangeEvent(exchange: Exchange, run: Run, prompt: PromptMark): SecurityEvent {
  const denied = exchange.action === 'block' || exchange.action === 'ask';
  const event = securityEvent({
    kind: 'api_activity',
    // 1 create, 99 other: OCSF has no activity for a refusal, so status and disposition say it.
    activity: 1,
    message: denied ? 'exchange refused' : 'exchange passed',
    time: exchange.at,
    principal: run.principal,
    severity: denied ? 4 : exchange.action === 'allow' ? 1 : 3,
    ok: !denied && exchange.status < 400,
    disposition: exchange.action,
    api: { operation: exchange.route, response: { code: exchange.status } },
    model: { name: exchange.model, ai_provider: run.route.upstream.provider },
    unmapped: {
      plan: exchange.plan,
      flow: exchange.flow,
      conversation: run.context.conversation,
      controls: exchange.controls,
      threats: exchange.threats,
      findings: exchange.findings.map((finding) => ({
        ...redacted(finding),
        control: finding.control,
        surface: finding.surface,
        pointer: finding.pointer,
      })),
      prompt,
      tokens: exchange.tokens,
      stream: exchange.stream,
      latency_ms: exchange.latencyMs,
      ...(exchange.reason ? { reason: exchange.reason } : {}),
    },
  });
  event.metadata.uid = exchange.id;
  return event;
}

/** Stands for a prompt in an event: equal prompts are seen to be equal, and nobody without the key can guess them. */
export interface PromptMark {
  hmac: string;
  length: number;
}

export function promptMark(body: Buffer | string, key: KeyObject): PromptMark {
  return {
    hmac: createHmac('sha256', key).update(body).digest('base64url'),
    length: typeof body === 'string' ? Buffer.byteLength(body) : body.length,
  };
}
