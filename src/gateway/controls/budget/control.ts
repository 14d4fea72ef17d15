import { z } from 'zod';
import {
  defineControl,
  type ControlContext,
  type ControlServices,
  type RequestVerdict,
} from '../../../kernel/control.ts';

const Settings = z.strictObject({
  requestsPerMinute: z.int().min(1).default(600).describe('Most requests of one client in any minute.'),
  tokensPerDay: z
    .int()
    .min(1)
    .default(20_000_000)
    .describe('Most tokens of one client per UTC day, prompts and answers together.'),
  costPerDay: z
    .number()
    .min(0)
    .default(200)
    .describe('Most US dollars of one client per UTC day, by the configured price list.'),
  concurrentStreams: z.int().min(1).default(128).describe('Most streamed answers of one client at once.'),
});

/**
 * A minute slides: the one before counts for the part of it that still lies within the last sixty seconds, so that nobody
 * gets two budgets around a full minute. Its counter is named by the minute and kept for the hour.
 */
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;
const unitsPerToken = 4;

/** Streams under way, per running gateway: what is under way ends with the process, so it is not kept anywhere. */
const underWay = new WeakMap<ControlServices, Map<string, number>>();

const estimateKey = 'budget.estimate';
const streamKey = 'budget.stream';

export const control = defineControl({
  id: 'budget',
  title: 'Budgets per client',
  area: 'access',
  point: 'request',
  objectives: ['rate', 'bounds'],
  mitigates: ['owasp-llm:2026/LLM06', 'atlas:5.6.0/AML.T0029', 'atlas:5.6.0/AML.T0034'],
  settings: Settings,

  review(body, settings, context) {
    const { services, memo } = context;
    const { counters } = services;
    const now = services.now();
    const name = nameOf(context);
    const spent = (what: string, retryAfterS: number): RequestVerdict => ({
      action: 'block',
      reason: `the budget of ${what} is spent`,
      code: 'BUDGET_SPENT',
      retryAfterS,
      findings: [{ type: 'budget_spent', detector: 'budget', score: 1, start: 0, end: 0 }],
    });

    const minute = Math.floor(now / minuteMs);
    const before = 1 - (now % minuteMs) / minuteMs;
    const of = (index: number): string => `requests/${name}/${index}`;
    const requests = counters.total(of(minute), hourMs) + counters.total(of(minute - 1), hourMs) * before;
    if (requests + 1 > settings.requestsPerMinute) return spent('requests', 5);
    const untilTomorrow = Math.ceil((dayMs - (now % dayMs)) / 1000);
    const estimate = estimateOf(body, context);
    if (counters.total(`tokens/${name}`, dayMs) + estimate > settings.tokensPerDay)
      return spent('tokens', untilTomorrow);
    if (counters.total(`cost/${name}`, dayMs) >= settings.costPerDay) return spent('cost', untilTomorrow);
    if (body['stream'] === true) {
      const streams = streamsOf(services);
      const running = streams.get(name) ?? 0;
      if (running >= settings.concurrentStreams) return spent('streams at once', 1);
      streams.set(name, running + 1);
      memo.set(streamKey, true);
    }
    counters.add(of(minute), hourMs, 1);
    // What is under way counts as spent until it is known, so that many requests at once cannot spend it twice.
    counters.add(`tokens/${name}`, dayMs, estimate);
    memo.set(estimateKey, estimate);
    return { action: 'allow' };
  },

  settle({ promptTokens, completionTokens, cost }, _settings, context) {
    const { services, memo } = context;
    const name = nameOf(context);
    const estimate = memo.get(estimateKey);
    if (typeof estimate !== 'number') return;
    services.counters.add(`tokens/${name}`, dayMs, promptTokens + completionTokens - estimate);
    if (cost > 0) services.counters.add(`cost/${name}`, dayMs, cost);
    if (memo.get(streamKey) === true) {
      const streams = streamsOf(services);
      streams.set(name, Math.max(0, (streams.get(name) ?? 1) - 1));
    }
  },
});

const nameOf = ({ principal }: ControlContext): string =>
  `${principal.tenant}/${principal.element ?? principal.id}`;

function streamsOf(services: ControlServices): Map<string, number> {
  let streams = underWay.get(services);
  if (!streams) {
    streams = new Map();
    underWay.set(services, streams);
  }
  return streams;
}

function estimateOf(body: Record<string, unknown>, { segments }: ControlContext): number {
  const units = segments.reduce((sum, segment) => sum + segment.text.length, 0);
  const asked = body['max_completion_tokens'] ?? body['max_tokens'];
  return Math.ceil(units / unitsPerToken) + (typeof asked === 'number' ? Math.min(asked, 4096) : 256);
}
