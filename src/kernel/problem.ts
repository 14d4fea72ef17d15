import { problems, type ProblemCode } from './problems.ts';

interface Facts {
  /** What is wrong with what the user gave us: lower case, no full stop, their words in backticks. */
  detail: string;
  /** What to do about it. */
  fix?: string;
  /** Where: `file`, `line`, `column`, `pointer` and whatever else a program may want to read. */
  facts?: Record<string, unknown>;
  /** For our log; never leaves the process. */
  cause?: unknown;
}

/** The one error type that crosses modules. Anything thrown that is not a Problem is a bug. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly detail: string;
  readonly fix: string | undefined;
  readonly facts: Record<string, unknown>;

  constructor(code: ProblemCode, { detail, fix, facts = {}, cause }: Facts) {
    super(detail, { cause });
    this.code = code;
    this.detail = detail;
    this.fix = fix;
    this.facts = facts;
  }

  get status(): number {
    return problems[this.code].status;
  }

  get title(): string {
    return problems[this.code].title;
  }

  /** Problem details (RFC 9457 §3). `cause` stays inside. */
  toJSON(): Record<string, unknown> {
    return {
      type: `https://merlon.dev/problems/${this.code}`,
      title: this.title,
      status: this.status,
      code: this.code,
      detail: this.detail,
      ...(this.fix === undefined ? {} : { fix: this.fix }),
      ...this.facts,
    };
  }
}
