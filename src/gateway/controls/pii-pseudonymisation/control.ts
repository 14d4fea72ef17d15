import { z } from 'zod';
import { defineControl, type ControlContext, type Segment } from '../../../kernel/control.ts';
import { allow } from '../../../kernel/verdict.ts';
import { heldName, Pseudonyms } from './pseudonyms.ts';

const Settings = z.strictObject({
  types: z
    .array(z.string())
    .default([])
    .describe(
      'Types of personal data that are replaced, such as `email_address`. Empty: all that are recognised.',
    ),
  except: z.array(z.string()).default([]).describe('Types that stay as they are, such as `ip_address`.'),
  threshold: z.number().min(0).max(1).default(0.5).describe('Lowest confidence that counts.'),
});

const memo = 'pii-pseudonymisation';

export const control = defineControl({
  id: 'pii-pseudonymisation',
  title: 'Pseudonyms for personal data',
  area: 'data',
  point: 'message',
  objectives: ['dlp-in'],
  mitigates: ['owasp-llm:2026/LLM02', 'atlas:5.6.0/AML.T0057'],
  surfaces: ['user', 'system', 'document', 'tool_result', 'assistant', 'tool_call'],
  settings: Settings,

  inspect(segment, { types, except, threshold }, context) {
    if (answering(segment)) return restored(segment, context);
    const findings = context.services
      .inspect(segment.text, segment.surface, ['pii'])
      .filter(
        ({ type, score }) =>
          score >= threshold && !except.includes(type) && (types.length === 0 || types.includes(type)),
      );
    if (findings.length === 0) return allow;
    const known = context.memo.get(memo);
    const hidden = (pseudonyms: Pseudonyms) => ({
      action: 'pseudonymise' as const,
      text: pseudonyms.hide(segment.text, findings, segment.surface === 'tool_call'),
      findings,
    });
    return known instanceof Pseudonyms ? hidden(known) : opened(context).then(hidden);
  },

  stream: {
    window: 0,
    hold: (text) => heldName(text),
  },
});

/** Earlier answers that the client sends again are part of the request, and are hidden like everything else in it. */
function answering({ phase, pointer }: Segment): boolean {
  return phase === undefined ? pointer.startsWith('/choices') : phase === 'answer';
}

/** Restoring is preparation, not a decision: no findings. */
function restored({ text, surface }: Segment, { memo: exchange }: ControlContext) {
  const known = exchange.get(memo);
  const pseudonyms = known instanceof Pseudonyms ? known : new Pseudonyms(Buffer.alloc(0));
  const out = pseudonyms.restore(text, surface === 'tool_call');
  return out === text ? allow : { action: 'pseudonymise' as const, text: out, findings: [] };
}

/** The names of this exchange, under a key that only this conversation of this tenant has. */
async function opened({
  memo: exchange,
  services,
  principal,
  conversation,
}: ControlContext): Promise<Pseudonyms> {
  const key = await services.scopedKey(`pseudonyms:${principal.tenant}:${conversation}`);
  // Two texts of one exchange may come here before the first key is there: both must end with the same map.
  const known = exchange.get(memo);
  if (known instanceof Pseudonyms) return known;
  const pseudonyms = new Pseudonyms(key);
  exchange.set(memo, pseudonyms);
  return pseudonyms;
}
