import { z } from 'zod';
import { defineControl } from '../../../kernel/control.ts';
import type { Finding } from '../../../kernel/finding.ts';
import { allow } from '../../../kernel/verdict.ts';

const Settings = z.strictObject({
  action: z
    .enum(['mask', 'block'])
    .default('mask')
    .describe(
      'What happens to a text that holds a secret: `mask` removes the secret, `block` refuses the exchange.',
    ),
  threshold: z
    .number()
    .min(0)
    .max(1)
    .default(0.6)
    .describe(
      'Lowest confidence that counts. Known key formats have 0.95, assignments to telling names 0.6 to 0.8.',
    ),
  allowed: z.array(z.string()).default([]).describe('Rules that are not applied, such as `generic-api-key`.'),
});

/** What stands in place of a secret. Neither it nor its parts look like a secret, and it is harmless inside JSON. */
export const removed = '[secret removed]';

/** Names that introduce a value and have already gone out: how far a rule looks back. */
const introduction = 512;

export const control = defineControl({
  id: 'secret-scan',
  title: 'Secret scan',
  area: 'data',
  point: 'message',
  objectives: ['secret-scan', 'out-dlp'],
  mitigates: ['owasp-llm:2026/LLM02', 'atlas:5.6.0/AML.T0057'],
  surfaces: ['user', 'system', 'document', 'tool_result', 'assistant', 'tool_call'],
  settings: Settings,
  pure: true,

  inspect({ text, surface }, { action, threshold, allowed }, { services }) {
    const findings = services
      .inspect(text, surface, ['secret'])
      .filter(
        ({ score, detector }) => score >= threshold && !allowed.includes(detector.replace(/^secret\//, '')),
      );
    if (findings.length === 0) return allow;
    if (action === 'block') return { action, findings, reason: 'the text holds a secret' };
    return { action, text: mask(text, findings), findings };
  },

  stream: {
    window: introduction,
    hold: (text, _settings, { services }) => services.hold?.(text, ['secret']) ?? text.length,
  },
});

function mask(text: string, findings: readonly Finding[]): string {
  let out = '';
  let at = 0;
  for (const { start, end } of findings) {
    if (start < at) continue;
    out += text.slice(at, start) + removed;
    at = end;
  }
  return out + text.slice(at);
}
