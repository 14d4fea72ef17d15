// Written by `npm run generate`. Do not edit.
import type { Probe } from '../../kernel/probe.ts';
import { probe as budget } from './budget/probe.ts';
import { probe as coverageBudget } from './coverage-budget/probe.ts';
import { probe as hiddenContext } from './hidden-context/probe.ts';
import { probe as informationFlow } from './information-flow/probe.ts';
import { probes as outputPolicy } from './output-policy/probe.ts';
import { probes as parameterClamp } from './parameter-clamp/probe.ts';
import { probe as piiPseudonymisation } from './pii-pseudonymisation/probe.ts';
import { probes as promptInjection } from './prompt-injection/probe.ts';
import { probes as secretScan } from './secret-scan/probe.ts';
import { probes as toolPolicy } from './tool-policy/probe.ts';

export const probes: readonly Probe[] = [
  budget,
  coverageBudget,
  hiddenContext,
  informationFlow,
  ...outputPolicy,
  ...parameterClamp,
  piiPseudonymisation,
  ...promptInjection,
  ...secretScan,
  ...toolPolicy,
];
