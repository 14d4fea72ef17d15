import type { Plan, PlanFlow } from '../../kernel/plan.ts';
import { Problem } from '../../kernel/problem.ts';
import { stricter, type Action } from '../../kernel/verdict.ts';
import { DataClass } from '../../kernel/vocabulary.ts';
import type { ScanSummary } from './scan.ts';

/** What must happen to one column before the data may cross a flow. */
export interface ColumnDecision {
  file: string;
  column: string;
  class: DataClass;
  action: Action;
}

export interface MovementDecision {
  flow: string;
  from: string;
  to: string;
  plan: string;
  /** The strictest of all actions. */
  action: Action;
  /** What would happen if the flow were enforced, when it is only observed. */
  enforced: Action;
  reasons: string[];
  columns: ColumnDecision[];
  threats: readonly string[];
}

/**
 * May data with these findings cross a flow of the plan? Classes that the flow carries pass; what exceeds them gets the
 * flow's `excess`, column by column. Injected instructions, hidden text, conflicting labels and what could not be read are
 * never masked away: a person is asked. A flow that is not in the plan is refused.
 */
export function decideMovement(plan: Plan, flowId: string, summary: ScanSummary): MovementDecision {
  const flow = flowOf(plan, flowId);
  const allowed = new Set(flow.allow);
  const columns: ColumnDecision[] = [];
  const reasons: string[] = [];
  let action: Action = 'allow';

  const exceeding = new Map<DataClass, number>();
  for (const file of summary.files)
    for (const column of file.columns) {
      // A more sensitive class that is carried lets a less sensitive one pass too.
      if (DataClass.options.slice(DataClass.options.indexOf(column.class)).some((one) => allowed.has(one)))
        continue;
      if (column.class === 'public') continue;
      columns.push({ file: file.file, column: column.name, class: column.class, action: flow.excess });
      exceeding.set(column.class, (exceeding.get(column.class) ?? 0) + 1);
    }
  for (const [name, count] of exceeding) {
    reasons.push(
      `${count} ${count === 1 ? 'column holds' : 'columns hold'} ${name} data, which \`${flow.id}\` does not carry`,
    );
    action = stricter(action, flow.excess);
  }
  const ask = (reason: string): void => {
    reasons.push(reason);
    action = stricter(action, 'ask');
  };
  if (summary.classes.untrusted > 0)
    ask(`${summary.classes.untrusted} findings of instructions to a model or of hidden text`);
  for (const { file, poisoning } of summary.files) {
    if (poisoning && poisoning.triggers.length > 0)
      ask(`\`${file}\`: ${poisoning.triggers.length} words decide a label against the rest of their records`);
    if (poisoning && poisoning.conflicting > 0)
      ask(`\`${file}\`: ${poisoning.conflicting} texts have more than one label`);
  }
  const unread = summary.skipped.filter(({ reason }) => reason !== 'empty').length;
  if (unread > 0) ask(`${unread} files were not scanned`);
  if (summary.files.some(({ problems }) => problems.length > 0)) ask('files are not what their format says');

  return {
    flow: flow.id,
    from: flow.from,
    to: flow.to,
    plan: plan.hash,
    action: flow.mode === 'enforce' || action === 'allow' ? action : 'alert',
    enforced: action,
    reasons,
    columns,
    threats: flow.threats,
  };
}

function flowOf(plan: Plan, id: string): PlanFlow {
  const flow = plan.flows.find((one) => one.id === id);
  if (flow === undefined)
    throw new Problem('FLOW_UNDECLARED', {
      detail: `the plan has no flow \`${id}\``,
      fix: `Its flows are ${plan.flows.map((one) => `\`${one.id}\``).join(', ') || 'none'}.`,
    });
  return flow;
}
