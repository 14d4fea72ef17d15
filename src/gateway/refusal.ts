import type { ServerResponse } from 'node:http';
import { Problem } from '../kernel/problem.ts';
import type { ProblemCode } from '../kernel/problems.ts';

/** An answer of ours in the provider's own envelope, so that the client's library raises its usual error. */
export interface Refusal {
  status: number;
  type: string;
  code: string;
  message: string;
  retryAfterS?: number;
}

const forms: Partial<Record<ProblemCode, [type: string, code: string]>> = {
  INPUT_INVALID: ['invalid_request_error', 'invalid_request'],
  TOO_LARGE: ['invalid_request_error', 'request_too_large'],
  UNAUTHENTICATED: ['invalid_request_error', 'invalid_api_key'],
  FORBIDDEN: ['permission_error', 'forbidden'],
  FLOW_UNDECLARED: ['permission_error', 'flow_undeclared'],
  BLOCKED: ['invalid_request_error', 'content_policy_violation'],
  NOT_FOUND: ['invalid_request_error', 'not_found'],
  BUDGET_SPENT: ['rate_limit_error', 'rate_limit_exceeded'],
  OVERLOADED: ['server_error', 'overloaded'],
  UPSTREAM_UNREACHABLE: ['server_error', 'upstream_unreachable'],
  UPSTREAM_TIMEOUT: ['server_error', 'upstream_timeout'],
};

/**
 * How a problem is said to a client of the data plane. Blocked content gets one fixed sentence: the reason, the rule and
 * the matched text stay with the receipt.
 */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof Problem))
    return { status: 500, type: 'server_error', code: 'internal_error', message: 'internal error' };
  const [type, code] = forms[error.code] ?? ['server_error', 'internal_error'];
  const given = error.facts['code'];
  const retry = error.facts['retryAfterS'];
  return {
    status: error.status,
    type,
    code: typeof given === 'string' ? given : code,
    message: error.status >= 500 && !forms[error.code] ? 'internal error' : error.detail,
    ...(typeof retry === 'number' ? { retryAfterS: retry } : {}),
  };
}

/** The error body of OpenAI's API. */
function envelope({ message, type, code }: Refusal): string {
  return JSON.stringify({ error: { message, type, param: null, code } });
}

export function blocked(): Problem {
  return new Problem('BLOCKED', {
    detail: 'the content was refused by a policy of this gateway',
    fix: 'Ask the operator; the receipt of this answer names the control.',
  });
}

/** Answers with the provider's error envelope. */
export function refuseWith(response: ServerResponse, error: unknown, receipt?: string): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const refusal = refusalOf(error);
  const body = envelope(refusal);
  response.writeHead(refusal.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(receipt ? { 'x-merlon-receipt': receipt } : {}),
    ...(refusal.retryAfterS === undefined ? {} : { 'retry-after': String(refusal.retryAfterS) }),
    // A body that was not read to its end must not be taken for the next request.
    ...(response.req.complete ? {} : { connection: 'close' }),
  });
  response.end(body);
}
