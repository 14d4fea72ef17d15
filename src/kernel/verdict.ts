import { z } from 'zod';
import type { Finding } from './finding.ts';

/** What happens to content, mildest first. One enum everywhere: flows, controls, tools, events. */
export const Action = z.enum(['allow', 'alert', 'mask', 'pseudonymise', 'ask', 'block']);
export type Action = z.infer<typeof Action>;

/** The answer of a control. `text` replaces the inspected text for `mask` and `pseudonymise`. */
export type Verdict =
  | { action: 'allow'; findings?: undefined }
  | { action: 'alert'; findings: Finding[] }
  | { action: 'mask' | 'pseudonymise'; text: string; findings: Finding[] }
  | { action: 'ask' | 'block'; findings: Finding[]; reason: string };

export const allow: Verdict = { action: 'allow' };

/** The stricter of two actions. */
export function stricter(left: Action, right: Action): Action {
  return Action.options.indexOf(left) >= Action.options.indexOf(right) ? left : right;
}
