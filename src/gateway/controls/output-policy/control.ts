import { z } from 'zod';
import { defineControl, type ControlContext, type Segment } from '../../../kernel/control.ts';
import type { Finding } from '../../../kernel/finding.ts';
import { allow } from '../../../kernel/verdict.ts';
import { heldForLinks, removeLinks } from './links.ts';

const Settings = z.strictObject({
  links: z
    .enum(['remove', 'alert'])
    .default('remove')
    .describe(
      'What happens to links and images that point to undeclared hosts: taken out of the text, or only reported.',
    ),
  allowedHosts: z
    .array(z.string())
    .default([])
    .describe(
      'Host names that links and images may point to, such as `docs.example.com`. Subdomains need their own entry. Relative links always stay.',
    ),
  activeMarkup: z
    .enum(['remove', 'keep'])
    .default('remove')
    .describe(
      'Tags that run or embed something (`script`, `iframe`, event handlers). Keep them only where answers are shown as plain text or as code.',
    ),
  harm: z
    .enum(['alert', 'block', 'off'])
    .default('alert')
    .describe(
      'What happens when an answer looks like phishing, malware, fraud, disinformation or impersonation.',
    ),
  threshold: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Score of harmful use that counts, 0.5 as shipped. Higher finds less and is wrong less often.'),
});

export const control = defineControl({
  id: 'output-policy',
  title: 'Output policy',
  area: 'model',
  point: 'message',
  objectives: ['out-guard', 'out-link', 'out-enc'],
  mitigates: [
    'owasp-llm:2026/LLM02',
    'owasp-llm:2026/LLM10',
    'owasp-llm:2026/LLM07',
    'atlas:5.6.0/AML.T0057',
  ],
  surfaces: ['assistant'],
  settings: Settings,

  inspect(segment, { links, allowedHosts, activeMarkup, harm, threshold }, context) {
    // Earlier answers that the client sends again have been judged when they were given.
    if (segment.phase === 'request') return allow;
    const harmful = harm === 'off' ? [] : harmIn(segment, threshold, context);
    if (harm === 'block' && harmful.length > 0)
      return { action: 'block', findings: harmful, reason: 'the answer looks like harmful content' };
    const { text, findings } = removeLinks(segment.text, {
      allowedHosts,
      keepActiveMarkup: activeMarkup === 'keep',
    });
    const all = [...findings, ...harmful];
    if (links === 'remove' && text !== segment.text) return { action: 'mask', text, findings: all };
    return all.length === 0 ? allow : { action: 'alert', findings: all };
  },

  // What has gone out is never looked at again: a link waits until it is whole.
  stream: { window: 0, hold: (text, { links }) => (links === 'alert' ? 0 : heldForLinks(text)) },
});

/** How much of an answer the harm model sees at once, and how much new text is worth another look, in UTF-16 units. */
const span = 4000;
const news = 150;

interface Answer {
  text: string;
  unseen: number;
  told: Set<string>;
}

/** Findings of harmful use, each kind told once per answer. In a stream the text gathers until a sentence ends. */
function harmIn(
  { text, pointer }: Segment,
  threshold: number,
  { memo, services }: ControlContext,
): Finding[] {
  const key = `output-policy ${pointer}`;
  const answer = (memo.get(key) as Answer | undefined) ?? { text: '', unseen: 0, told: new Set() };
  memo.set(key, answer);
  answer.text = (answer.text + text).slice(-span - text.length);
  answer.unseen += text.length;
  if (answer.unseen < 40 || (text.length < 40 && (answer.unseen < news || !/[.!?\n。]/.test(text))))
    return [];
  answer.unseen = 0;
  return services
    .inspect(answer.text, 'assistant', ['harm'])
    .filter(({ score, type }) => score >= threshold && !answer.told.has(type))
    .map((finding) => {
      answer.told.add(finding.type);
      return { ...finding, start: 0, end: text.length };
    });
}
