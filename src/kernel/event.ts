import { randomUUID } from 'node:crypto';
import type { Finding } from './finding.ts';
import type { Principal } from './principal.ts';
import type { Action } from './verdict.ts';

/** OCSF version of what we write; profile `ai_operation` holds the model. */
export const ocsfVersion = '1.8.0';

/** Classes used (OCSF 1.8): class_uid and category_uid. */
const classes = {
  api_activity: { class_uid: 6003, category_uid: 6, class_name: 'API Activity' },
  detection_finding: { class_uid: 2004, category_uid: 2, class_name: 'Detection Finding' },
  compliance_finding: { class_uid: 2003, category_uid: 2, class_name: 'Compliance Finding' },
  authentication: { class_uid: 3002, category_uid: 3, class_name: 'Authentication' },
  entity_management: { class_uid: 3004, category_uid: 3, class_name: 'Entity Management' },
} as const;

export type EventClass = keyof typeof classes;

/** An OCSF event as it goes to the ledger, the live view and later the SIEM. */
export interface SecurityEvent {
  class_uid: number;
  class_name: string;
  category_uid: number;
  activity_id: number;
  type_uid: number;
  severity_id: number;
  status_id: number;
  time: number;
  message: string;
  metadata: {
    uid: string;
    version: string;
    product: { name: 'Merlon'; vendor_name: 'Merlon' };
    profiles: string[];
    tenant_uid: string;
  };
  actor?: { user?: { uid: string; type: string }; app_uid?: string };
  /** Decision of a guard: 1 allowed, 2 blocked/denied, per OCSF security_control. */
  action_id?: number;
  disposition?: Action;
  api?: { operation: string; response?: { code: number } };
  ai_model?: { name: string; ai_provider: string };
  trace?: { uid: string };
  /** What is ours and has no OCSF name. */
  unmapped: Record<string, unknown>;
}

interface EventFacts {
  kind: EventClass;
  activity: number;
  message: string;
  time: number;
  principal?: Principal;
  severity?: 1 | 2 | 3 | 4 | 5;
  ok?: boolean;
  disposition?: Action;
  api?: SecurityEvent['api'];
  model?: SecurityEvent['ai_model'];
  trace?: string;
  unmapped?: Record<string, unknown>;
}

/** UUID version 7 (RFC 9562 §5.7). Its order is that of time: an index on it grows at one end, which makes appends cheap. */
function timeOrderedId(time: number): string {
  const stamp = Math.max(0, Math.trunc(time)).toString(16).padStart(12, '0').slice(-12);
  return `${stamp.slice(0, 8)}-${stamp.slice(8)}-7${randomUUID().slice(15)}`;
}

/** Builds an OCSF event. `time` is milliseconds since the epoch; findings must be redacted before they come here. */
export function securityEvent(facts: EventFacts): SecurityEvent {
  const { kind, activity, message, time, principal, severity = 1, ok = true } = facts;
  const { class_uid, category_uid, class_name } = classes[kind];
  // Plain assignments: on the path of every request, conditional spreads cost ten times as much.
  const event: SecurityEvent = {
    class_uid,
    category_uid,
    class_name,
    activity_id: activity,
    type_uid: class_uid * 100 + activity,
    severity_id: severity,
    status_id: ok ? 1 : 2,
    time,
    message,
    metadata: {
      uid: timeOrderedId(time),
      version: ocsfVersion,
      product: { name: 'Merlon', vendor_name: 'Merlon' },
      profiles: facts.model ? ['ai_operation', 'security_control'] : ['security_control'],
      tenant_uid: principal?.tenant ?? 'default',
    },
    unmapped: facts.unmapped ?? {},
  };
  if (principal) {
    event.actor = { user: { uid: principal.id, type: principal.kind } };
    if (principal.element) event.actor.app_uid = principal.element;
  }
  if (facts.disposition) {
    event.disposition = facts.disposition;
    event.action_id = facts.disposition === 'block' || facts.disposition === 'ask' ? 2 : 1;
  }
  if (facts.api) event.api = facts.api;
  if (facts.model) event.ai_model = facts.model;
  if (facts.trace) event.trace = { uid: facts.trace };
  return event;
}

/** What may be said of a finding in an event: kind and place, never the text. */
export function redacted(finding: Finding): Omit<Finding, 'reason'> {
  const { type, detector, score, start, end } = finding;
  return { type, detector, score, start, end };
}
