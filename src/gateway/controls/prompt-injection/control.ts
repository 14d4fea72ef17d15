import { z } from 'zod';
import { defineControl, type ControlServices } from '../../../kernel/control.ts';
import type { Finding, Surface } from '../../../kernel/finding.ts';
import { allow } from '../../../kernel/verdict.ts';

const threshold = z.number().min(0).max(1);

const Settings = z.strictObject({
  action: z
    .enum(['block', 'ask', 'alert'])
    .default('block')
    .describe(
      'What happens to text that tries to command the model: `block` refuses the exchange, `ask` waits for a person, `alert` only reports.',
    ),
  threshold: threshold
    .default(0.5)
    .describe(
      'Score that counts as an attack, the same for every surface. 0.5 is the shipped operating point: 1 % false positives on the calibration texts. Lower finds more and refuses more.',
    ),
  thresholds: z
    .strictObject({
      user: threshold.optional().describe('For what people type.'),
      document: threshold.optional().describe('For retrieved documents.'),
      tool_result: threshold.optional().describe('For what tools return.'),
    })
    .default({})
    .describe('Thresholds of single surfaces, where they differ from `threshold`.'),
});

/** Where the detector itself stops reporting. */
const shipped = 0.5;

export const control = defineControl({
  id: 'prompt-injection',
  title: 'Prompt injection and jailbreak detection',
  area: 'model',
  point: 'message',
  objectives: ['in-guard', 'in-norm', 'rag-scan'],
  mitigates: [
    'owasp-llm:2026/LLM01',
    'owasp-asi:2026/ASI01',
    'atlas:5.6.0/AML.T0051.000',
    'atlas:5.6.0/AML.T0051.001',
    'atlas:5.6.0/AML.T0054',
  ],
  surfaces: ['user', 'document', 'tool_result'],
  settings: Settings,
  pure: true,

  inspect({ text, surface }, { action, threshold, thresholds }, { services }) {
    const bar = thresholds[surface as keyof typeof thresholds] ?? threshold;
    const findings = judge(text, surface, bar, services);
    if (findings.length === 0) return allow;
    if (action === 'alert') return { action, findings };
    return { action, findings, reason: 'the text tries to command the model' };
  },
});

function judge(text: string, surface: Surface, bar: number, services: ControlServices): Finding[] {
  const findings = services.inspect(text, surface, ['injection']).filter(({ score }) => score >= bar);
  if (findings.length > 0 || bar >= shipped) return findings;
  const score = services.scores?.(text, surface)['prompt_injection'] ?? 0;
  if (score < bar || score === 0) return [];
  return [{ type: 'prompt_injection', detector: 'injection', score, start: 0, end: text.length }];
}
