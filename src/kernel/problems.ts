/**
 * Every code a Problem may carry. Codes are stable: clients switch on them. docs/reference/problems.md is made from this.
 * `exit` is the exit code of the command line: 2 wrong use or bad input, 3 something needed is not there or broke.
 */
export const problems = {
  INPUT_INVALID: { status: 400, exit: 2, title: 'the input is not valid' },
  USAGE: { status: 400, exit: 2, title: 'the command was used wrongly' },
  MODEL_INVALID: { status: 422, exit: 2, title: 'the threat model is not valid' },
  RULE_INVALID: { status: 422, exit: 2, title: 'a threat rule is not valid' },
  REFERENCE_INVALID: { status: 422, exit: 2, title: 'a catalogue reference is not valid' },
  CONFIG_INVALID: { status: 422, exit: 2, title: 'the configuration is not valid' },
  FILE_UNREADABLE: { status: 404, exit: 2, title: 'a file cannot be read' },
  TOO_LARGE: { status: 413, exit: 2, title: 'the input is larger than the limit' },
  UNAUTHENTICATED: { status: 401, exit: 3, title: 'no valid credential' },
  FORBIDDEN: { status: 403, exit: 3, title: 'not allowed' },
  FLOW_UNDECLARED: { status: 403, exit: 3, title: 'the threat model has no such flow' },
  BLOCKED: { status: 400, exit: 1, title: 'blocked by a control' },
  NOT_FOUND: { status: 404, exit: 2, title: 'there is no such thing' },
  CONFLICT: { status: 409, exit: 2, title: 'it changed in the meantime' },
  BUDGET_SPENT: { status: 429, exit: 3, title: 'the budget is spent' },
  OVERLOADED: { status: 503, exit: 3, title: 'too much work at once' },
  UPSTREAM_UNREACHABLE: { status: 502, exit: 3, title: 'the upstream cannot be reached' },
  UPSTREAM_TIMEOUT: { status: 504, exit: 3, title: 'the upstream did not answer in time' },
  CONTROL_PLANE_UNREACHABLE: { status: 502, exit: 3, title: 'no running Merlon was found' },
  STORE_FAILED: { status: 500, exit: 3, title: 'the store failed' },
  LEDGER_BROKEN: { status: 500, exit: 1, title: 'the ledger is not whole' },
  OBJECT_DAMAGED: { status: 422, exit: 1, title: 'an encrypted object is damaged or forged' },
  OBJECT_SHREDDED: { status: 410, exit: 1, title: 'the key of an encrypted object was destroyed' },
  CUSTODY_UNREACHABLE: { status: 502, exit: 3, title: 'the custodian of the keys cannot be used' },
  ASSET_MISSING: { status: 500, exit: 3, title: 'a run-time artefact is missing' },
  INTERNAL: { status: 500, exit: 3, title: 'an error of ours' },
} as const satisfies Record<string, { status: number; exit: number; title: string }>;

export type ProblemCode = keyof typeof problems;
