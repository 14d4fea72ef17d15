import { z } from 'zod';
import type { Control } from '../kernel/control.ts';
import type { SecurityEvent } from '../kernel/event.ts';
import type { Plan } from '../kernel/plan.ts';
import type { Probe } from '../kernel/probe.ts';
import { Problem } from '../kernel/problem.ts';
import { defineRoute, type Route } from '../kernel/route.ts';
import { Action } from '../kernel/verdict.ts';
import type { GatewayStore } from './store.ts';

export interface GatewayRoutesDeps {
  plan(): Plan;
  controls: readonly Control[];
  probes: readonly Pick<Probe, 'id' | 'control'>[];
  /** README of a control, as text; undefined when it has none. */
  readme(control: string): string | undefined;
  store: GatewayStore;
  ledger: {
    readonly publicKey: string;
    byId(
      id: string,
    ): Promise<{ index: number; hash: string; event: SecurityEvent; text: string } | undefined>;
    inclusion(index: number): Promise<{
      index: number;
      size: number;
      hashes: string[];
      checkpoint: { note: string };
    }>;
  };
}

const nothing = { allow: 0, alert: 0, mask: 0, pseudonymise: 0, ask: 0, block: 0 };

/** What the control plane says of the data plane. */
export function routes(deps: GatewayRoutesDeps): Route[] {
  const { store, ledger } = deps;
  return [
    defineRoute({
      method: 'GET',
      path: '/controls',
      action: 'control:read',
      summary: 'Controls, where they are bound and what they decided',
      handle: () => Promise.resolve({ controls: describe(deps) }),
    }),
    defineRoute({
      method: 'GET',
      path: '/traffic',
      action: 'traffic:read',
      summary: 'Recent exchanges, newest first, texts masked',
      query: z.object({
        before: z.string().max(100).optional(),
        limit: z.coerce.number().int().min(1).max(500).default(50),
        action: Action.optional(),
      }),
      handle: async ({ query }) => ({ exchanges: await store.recent(query) }),
    }),
    defineRoute({
      method: 'GET',
      path: '/traffic/stream',
      action: 'traffic:read',
      summary: 'Exchanges as they are decided',
      handle: ({ signal }) => store.follow(signal),
    }),
    defineRoute({
      method: 'GET',
      path: '//receipts/:id',
      action: 'receipt:read',
      summary: 'What was decided in one exchange, with the proof that it is in the ledger',
      async handle({ params, principal }) {
        const entry = await ledger.byId(params['id']!);
        // A client reads the receipts of its own requests; those of others do not exist for it.
        const foreign =
          principal.kind === 'client' && entry?.event.actor?.app_uid !== (principal.element ?? principal.id);
        if (!entry || foreign || entry.event.class_uid !== 6003)
          throw new Problem('NOT_FOUND', {
            detail: `there is no receipt \`${params['id']!.slice(0, 60)}\``,
            fix: 'Take the id from the header `x-merlon-receipt` of an answer.',
          });
        const { event } = entry;
        const { plan, flow, controls, threats } = event.unmapped;
        const { checkpoint, ...proof } = await ledger.inclusion(entry.index);
        return {
          id: event.metadata.uid,
          at: event.time,
          decision: event.disposition,
          plan,
          flow,
          controls,
          threats,
          entry: { index: entry.index, hash: entry.hash, text: entry.text, event },
          proof,
          checkpoint: checkpoint.note,
          publicKey: ledger.publicKey,
        };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/drift',
      action: 'model:read',
      summary: 'What was used and is not in the threat model',
      handle: () => Promise.resolve({ drift: store.drift.list() }),
    }),
    defineRoute({
      method: 'GET',
      path: '/approvals',
      action: 'approval:read',
      summary: 'Tool calls that wait for a person, and those decided',
      handle: () => Promise.resolve({ approvals: store.approvals.list() }),
    }),
    defineRoute({
      method: 'POST',
      path: '/approvals/:id',
      action: 'approval:decide',
      summary: 'Approves or denies one exact tool call',
      body: z.strictObject({ decision: z.enum(['approved', 'denied', 'approve', 'deny']) }),
      async handle({ params, body }) {
        const decision = body.decision.startsWith('approve') ? 'approved' : 'denied';
        const approval = store.approvals.decide(params['id']!, decision);
        await store.flush();
        return approval;
      },
    }),
  ];
}

function describe(deps: GatewayRoutesDeps): unknown[] {
  const decisions = deps.store.decisions();
  return deps.controls.map((control) => {
    const text = deps.readme(control.id) ?? '';
    return {
      id: control.id,
      title: control.title,
      area: control.area,
      point: control.point,
      objectives: control.objectives,
      mitigates: control.mitigates,
      summary: summaryOf(text),
      readme: text,
      settingsSchema: z.toJSONSchema(control.settings, { io: 'input' }),
      bindings: deps
        .plan()
        .inspectors.filter((inspector) => inspector.control === control.id)
        .map(({ on, settings, threats }) => ({ on, settings, threats })),
      decisions: decisions[control.id] ?? nothing,
      probes: deps.probes.filter((probe) => probe.control === control.id).map((probe) => probe.id),
    };
  });
}

/** The first paragraph below the title. */
function summaryOf(readme: string): string {
  const paragraph = readme.split(/\n\s*\n/).find((one) => one.trim() !== '' && !one.startsWith('#'));
  return paragraph?.trim().replaceAll('\n', ' ') ?? '';
}
