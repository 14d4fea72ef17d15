// Written by `npm run generate`. Do not edit.
import type { Control } from '../../kernel/control.ts';
import { control as budget } from './budget/control.ts';
import { control as coverageBudget } from './coverage-budget/control.ts';
import { control as hiddenContext } from './hidden-context/control.ts';
import { control as informationFlow } from './information-flow/control.ts';
import { control as outputPolicy } from './output-policy/control.ts';
import { control as parameterClamp } from './parameter-clamp/control.ts';
import { control as piiPseudonymisation } from './pii-pseudonymisation/control.ts';
import { control as promptInjection } from './prompt-injection/control.ts';
import { control as secretScan } from './secret-scan/control.ts';
import { control as toolPolicy } from './tool-policy/control.ts';

export const controls: readonly Control[] = [
  budget,
  coverageBudget,
  hiddenContext,
  informationFlow,
  outputPolicy,
  parameterClamp,
  piiPseudonymisation,
  promptInjection,
  secretScan,
  toolPolicy,
];
