import { createHash } from 'node:crypto';
import { z } from 'zod';
import { defineControl, type ControlContext, type ControlServices } from '../../../kernel/control.ts';
import { distance, simHash, type SimHash } from './sim-hash.ts';

const Settings = z.strictObject({
  variantsPerHour: z
    .int()
    .min(1)
    .default(120)
    .describe(
      'Most new variants of earlier prompts (the same question with a part changed) of one client per hour.',
    ),
  distinctPerDay: z
    .int()
    .min(1)
    .default(20_000)
    .describe('Most different prompts of one client per UTC day.'),
  nearBits: z
    .int()
    .min(0)
    .max(24)
    .default(14)
    .describe('Differing bits of 64-bit SimHashes up to which two prompts count as variants.'),
});

const hourMs = 3_600_000;
const dayMs = 86_400_000;

/** Prompts remembered per client, and clients remembered. The counts themselves are kept by the store. */
const promptsKept = 1024;
const clientsKept = 256;

interface Memory {
  exact: Set<string>;
  hashes: Map<string, SimHash>;
}

const memories = new WeakMap<ControlServices, Map<string, Memory>>();

export const control = defineControl({
  id: 'coverage-budget',
  title: 'Budget of coverage per client',
  area: 'model',
  point: 'request',
  objectives: ['rate', 'dp'],
  mitigates: ['atlas:5.6.0/AML.T0024', 'owasp-llm:2026/LLM06'],
  settings: Settings,

  review(_body, settings, context) {
    const prompt = context.segments.findLast(({ surface }) => surface === 'user')?.text.trim() ?? '';
    if (prompt === '') return { action: 'allow' };
    const { services } = context;
    const { counters } = services;
    const client = nameOf(context);
    const memory = memoryOf(services, client);
    const digest = createHash('sha256').update(prompt).digest('base64').slice(0, 22);
    // What was asked before tells nothing new.
    if (memory.exact.has(digest)) return { action: 'allow' };

    const now = services.now();
    const hash = simHash(prompt);
    const variant = [...memory.hashes.values()].some((one) => distance(one, hash) <= settings.nearBits);
    const spent = (what: string, windowMs: number) => ({
      action: 'block' as const,
      reason: `the budget of ${what} is spent`,
      code: 'BUDGET_SPENT' as const,
      retryAfterS: Math.ceil((windowMs - (now % windowMs)) / 1000),
      findings: [
        { type: 'systematic_sweep', detector: 'coverage-budget', score: 1, start: 0, end: prompt.length },
      ],
    });
    if (variant && counters.total(`variants/${client}`, hourMs) >= settings.variantsPerHour)
      return spent('variants of earlier prompts', hourMs);
    if (counters.total(`distinct/${client}`, dayMs) >= settings.distinctPerDay)
      return spent('different prompts', dayMs);

    if (variant) counters.add(`variants/${client}`, hourMs, 1);
    counters.add(`distinct/${client}`, dayMs, 1);
    remember(memory, digest, hash);
    return { action: 'allow' };
  },
});

const nameOf = ({ principal }: ControlContext): string =>
  `${principal.tenant}/${principal.element ?? principal.id}`;

function memoryOf(services: ControlServices, client: string): Memory {
  let clients = memories.get(services);
  if (!clients) {
    clients = new Map();
    memories.set(services, clients);
  }
  let memory = clients.get(client);
  if (!memory) {
    memory = { exact: new Set(), hashes: new Map() };
    clients.set(client, memory);
    if (clients.size > clientsKept) clients.delete(clients.keys().next().value!);
  }
  return memory;
}

function remember({ exact, hashes }: Memory, digest: string, hash: SimHash): void {
  exact.add(digest);
  hashes.set(digest, hash);
  if (exact.size <= promptsKept) return;
  const oldest = exact.values().next().value!;
  exact.delete(oldest);
  hashes.delete(oldest);
}
