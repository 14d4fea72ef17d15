import { z } from 'zod';
import { defineControl } from '../../../kernel/control.ts';
import type { Finding } from '../../../kernel/finding.ts';

const Settings = z.strictObject({
  logprobs: z
    .boolean()
    .default(false)
    .describe('Whether clients may ask for log-probabilities. They are what model extraction feeds on.'),
  logitBias: z.boolean().default(false).describe('Whether clients may bias single tokens.'),
  seed: z.boolean().default(true).describe('Whether clients may fix the seed.'),
  echo: z.boolean().default(false).describe('Whether the prompt may be echoed in the answer.'),
  maxChoices: z.int().min(1).default(4).describe('Most answers to one prompt (`n`, `best_of`).'),
  maxTokens: z
    .int()
    .min(1)
    .default(8192)
    .describe('Longest answer a client may ask for, in tokens (`max_tokens`, `max_completion_tokens`).'),
  requireMaxTokens: z
    .boolean()
    .default(false)
    .describe('Set the longest answer also where a client names none.'),
  maxTemperature: z.number().min(0).default(2).describe('Highest `temperature`.'),
  maxTools: z.int().min(0).default(64).describe('Most tools one request may offer; more are refused.'),
  maxStops: z.int().min(0).default(4).describe('Most stop sequences.'),
  over: z
    .enum(['clamp', 'block'])
    .default('clamp')
    .describe('What happens to a value beyond its bound: `clamp` corrects it, `block` refuses the request.'),
});

export const control = defineControl({
  id: 'parameter-clamp',
  title: 'Parameter clamp',
  area: 'model',
  point: 'request',
  objectives: ['dp', 'bounds'],
  mitigates: ['owasp-llm:2026/LLM06', 'atlas:5.6.0/AML.T0024', 'atlas:5.6.0/AML.T0034'],
  settings: Settings,

  review(body, settings) {
    const changed: Record<string, unknown> = {};
    const findings: Finding[] = [];
    const put = (key: string, value: unknown, reason: string): void => {
      changed[key] = value;
      findings.push({
        type: 'parameter_out_of_bounds',
        detector: 'parameter-clamp',
        score: 1,
        start: 0,
        end: 0,
        reason,
      });
    };
    const given = (key: string): boolean => body[key] !== undefined && body[key] !== null;
    const strip = (key: string, allowed: boolean): void => {
      if (!allowed && given(key) && body[key] !== false) put(key, undefined, `\`${key}\` is not allowed`);
    };
    // A bound that a value of another type walks around is no bound.
    const cap = (key: string, most: number): void => {
      if (given(key) && !(typeof body[key] === 'number' && body[key] <= most))
        put(key, most, `\`${key}\` is at most ${most}`);
    };
    strip('logprobs', settings.logprobs);
    strip('top_logprobs', settings.logprobs);
    strip('logit_bias', settings.logitBias);
    strip('seed', settings.seed);
    strip('echo', settings.echo);
    cap('n', settings.maxChoices);
    cap('best_of', settings.maxChoices);
    cap('max_tokens', settings.maxTokens);
    cap('max_completion_tokens', settings.maxTokens);
    cap('temperature', settings.maxTemperature);
    if (settings.requireMaxTokens && !given('max_tokens') && !given('max_completion_tokens'))
      put('max_completion_tokens', settings.maxTokens, 'an answer needs a longest length');
    const { stop } = body;
    if (Array.isArray(stop) && stop.length > settings.maxStops)
      put(
        'stop',
        settings.maxStops === 0 ? undefined : stop.slice(0, settings.maxStops),
        'too many stop sequences',
      );
    const offered = [body['tools'], body['functions']].flatMap((one) => (Array.isArray(one) ? one : []));
    if (offered.length > settings.maxTools)
      return { action: 'block', reason: `more than ${settings.maxTools} tools are offered`, findings };
    if (findings.length === 0) return { action: 'allow' };
    if (settings.over === 'block')
      return { action: 'block', reason: findings.map((one) => one.reason).join(', '), findings };
    const next = { ...body, ...changed };
    for (const key of Object.keys(changed)) if (changed[key] === undefined) delete next[key];
    return { action: 'mask', body: next, findings };
  },
});
