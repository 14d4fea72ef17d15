import type { MessageControl, Segment } from '../kernel/control.ts';
import { Problem } from '../kernel/problem.ts';
import type { Verdict } from '../kernel/verdict.ts';
import { apply, judge, type InspectionDeps, type Run } from './inspection.ts';
import type { Binding } from './policy.ts';

/**
 * One control on one lane of a stream. It keeps the end of what it has let through, as it let it through, then what is not
 * yet decided; `hold` of the control says how much of the end waits. A control that cannot stream holds everything.
 */
class Stage {
  #sent = '';
  #pending = '';
  readonly #binding: Binding<MessageControl>;

  constructor(binding: Binding<MessageControl>) {
    this.#binding = binding;
  }

  get held(): number {
    return this.#pending.length;
  }

  async push(deps: InspectionDeps, run: Run, segment: Segment, text: string, last: boolean): Promise<string> {
    const { control, settings } = this.#binding;
    const { stream } = control;
    this.#pending += text;
    if (this.#pending === '' || (!stream && !last)) return '';
    const sent = this.#sent;
    const all = sent + this.#pending;
    let cut = all.length;
    if (stream && !last) {
      const hold = await judge(deps, run, this.#binding, () => stream.hold(all, settings, run.context));
      // In observe mode a control that fails gives no number: it holds nothing.
      cut = Math.max(sent.length, all.length - (Number.isFinite(hold) ? Math.max(0, hold) : 0));
      const before = all.charCodeAt(cut - 1);
      if (cut > sent.length && cut < all.length && before >= 0xd800 && before < 0xdc00) cut--;
      if (cut <= sent.length) return '';
    }
    const subject = { ...segment, text: all.slice(0, cut) };
    const verdict = await judge(deps, run, this.#binding, () =>
      control.inspect(subject, settings, run.context),
    );
    const out = apply(run, this.#binding, subject, sinceLast(verdict, sent.length, run));
    if (!out.startsWith(sent)) {
      run.reason ??= `${control.id}: a match reaches into text that has gone out`;
      throw new Problem('BLOCKED', { detail: 'the answer was cut by a policy of this gateway' });
    }
    const window = stream?.window ?? 0;
    this.#sent = window === 0 ? '' : out.slice(-window);
    this.#pending = all.slice(cut);
    return out.slice(sent.length);
  }
}

/** Findings that lie within what has gone out were told before. A refusal stands: had it been told, nothing would follow. */
function sinceLast(verdict: Verdict, sent: number, run: Run): Verdict {
  if (sent === 0 || verdict.action === 'allow' || verdict.findings.length === 0) return verdict;
  const findings = verdict.findings.filter((finding) => finding.end > sent);
  if (findings.length > 0) return { ...verdict, findings };
  if ('text' in verdict) return { ...verdict, findings };
  return verdict.action === 'alert' || run.route.mode === 'observe' ? { action: 'allow' } : verdict;
}

/** One text of a streamed answer, such as the content of choice 0: all controls, one behind the other. */
export class Lane {
  readonly #stages: Stage[];
  readonly #segment: Segment;

  constructor(bindings: readonly Binding<MessageControl>[], segment: Segment) {
    this.#stages = bindings.map((binding) => new Stage(binding));
    this.#segment = segment;
  }

  get held(): number {
    return this.#stages.reduce((sum, stage) => sum + stage.held, 0);
  }

  /** What may go out now. With `last`, everything that waited is decided. */
  async push(deps: InspectionDeps, run: Run, text: string, last: boolean): Promise<string> {
    let out = text;
    for (const stage of this.#stages) out = await stage.push(deps, run, this.#segment, out, last);
    return out;
  }
}
