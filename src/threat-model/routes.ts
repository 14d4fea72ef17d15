import { z } from 'zod';
import type { Drift } from '../kernel/plan.ts';
import { Problem } from '../kernel/problem.ts';
import { defineRoute, type Route } from '../kernel/route.ts';
import { levelOf } from '../kernel/severity.ts';
import { describeFacts, type Analysis } from './analyze.ts';
import { modelHash } from './model.ts';
import { proposePatch } from './observed.ts';
import type { Rule } from './rules.ts';

/** What assurance knows of a threat; the rest of the answer comes from the model. */
export interface Assessed {
  key: string;
  status: string;
  residual: number;
  level: string;
  reason: string;
}

export interface ThreatModelRouteDeps {
  /** The model that is live now. */
  current(): { file: string; text: string; analysis: Analysis };
  rules: readonly Rule[];
  /** What was seen at run time and is not in the model. */
  observed(): Promise<readonly Drift[]>;
  /** Status by evidence; threats without an entry keep what the model says. */
  assessed(): Promise<readonly Assessed[]>;
  /** Replaces the file and loads it; `from` is the text the change was made on. @throws Problem CONFLICT when it changed since */
  write(change: { from: string; to: string }): Promise<void>;
}

const ObservedThing = z.strictObject({
  kind: z.enum(['flow', 'model', 'tool']),
  client: z.string().max(200).describe('Element that was using it.'),
  name: z.string().max(200).describe('What was used.'),
});

/** Questions 1 and 2, and the plan, for the console and for programs. */
export function routes(deps: ThreatModelRouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/model',
      action: 'model:read',
      summary: 'The threat model, what follows from it, and what was observed but is not in it',
      async handle() {
        const { file, text, analysis } = deps.current();
        const observed = await deps.observed();
        return {
          file,
          text,
          hash: modelHash(analysis.model),
          model: analysis.model,
          facts: describeFacts(analysis.facts),
          observed: observed.map((drift) => ({ ...drift, ...patchOf(text, drift, file) })),
        };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/model/observed',
      action: 'model:write',
      summary: 'Write what was observed into the file, as the patch proposes',
      body: ObservedThing,
      async handle({ body }) {
        const { file, text } = deps.current();
        const patched = proposePatch(text, body, file);
        await deps.write({ from: text, to: patched.text });
        return { hash: modelHash(deps.current().analysis.model) };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/threats',
      action: 'threats:read',
      summary: 'Threats with their witnesses, risk terms and status by evidence',
      async handle() {
        const { analysis } = deps.current();
        const known = new Map((await deps.assessed()).map((one) => [one.key, one]));
        return {
          plan: analysis.plan.hash,
          threats: analysis.threats.map((threat) => {
            const assessed = known.get(threat.key);
            return {
              ...threat,
              status: assessed?.status ?? threat.status,
              residual: assessed?.residual ?? threat.risk,
              residualLevel: assessed?.level ?? levelOf(threat.risk),
              statusReason: assessed?.reason ?? threat.statusReason,
            };
          }),
          disabled: analysis.disabled,
        };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/rules',
      action: 'threats:read',
      summary: 'The rules, with their references',
      handle() {
        return Promise.resolve({
          rules: deps.rules.map(({ id, title, stride, lifecycle, refs, mitigatedBy, source }) => ({
            id,
            title,
            description: source.threat.summary,
            stride,
            lifecycle,
            refs,
            each: source.each,
            applies: source.applies,
            where: source.where ?? [],
            mitigatedBy: { any: mitigatedBy.any, all: mitigatedBy.all.map(({ objective }) => objective) },
          })),
        });
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/plan',
      action: 'plan:read',
      summary: 'The plan in force',
      handle: () => Promise.resolve(deps.current().analysis.plan),
    }),
  ];
}

/** The patch, or why there is none. */
function patchOf(text: string, drift: Drift, file: string): { patch?: string; reason?: string } {
  try {
    return { patch: proposePatch(text, drift, file).patch };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { reason: error.detail };
  }
}
