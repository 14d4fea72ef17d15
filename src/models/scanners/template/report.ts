import type { ScanContext } from '../contract.ts';
import { judgeTemplate } from './rules.ts';

/** Judges a chat template that stands at `offset` of the source and reports what it could do. */
export function reportTemplate(text: string, offset: number, context: ScanContext): void {
  for (const { rule, weight, evidence, why } of judgeTemplate(text))
    context.report({ rule, weight, offset, evidence, why });
}
