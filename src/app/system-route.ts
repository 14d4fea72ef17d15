import { z } from 'zod';
import type { Status } from '../kernel/evidence.ts';
import { defineRoute, type Route } from '../kernel/route.ts';
import { Level } from '../kernel/severity.ts';
import { Mode } from '../kernel/vocabulary.ts';
import type { Analysis } from '../threat-model/analyze.ts';
import { version } from './assets.ts';

interface SystemDeps {
  analysis(): Analysis;
  file: string | undefined;
  dataPlane: string;
  upstream: { provider: string; kind: 'victim' | 'live' };
  started: number;
  /** Status and residual level of each threat. */
  assessed(): Promise<readonly { status: Status; level: Level }[]>;
}

const Answer = z.object({
  system: z.object({ id: z.string(), name: z.string() }),
  mode: Mode,
  plan: z.string(),
  model: z.string(),
  file: z.string().optional(),
  dataPlane: z.string(),
  upstream: z.object({ provider: z.string(), kind: z.enum(['victim', 'live']) }),
  started: z.number(),
  version: z.string(),
  counts: z.object({
    elements: z.number(),
    flows: z.number(),
    threats: z.number(),
    controls: z.number(),
    open: z.number(),
    verified: z.number(),
  }),
  worst: Level,
});

/** What runs, in numbers. */
export function systemRoute(deps: SystemDeps): Route {
  return defineRoute({
    method: 'GET',
    path: '/system',
    action: 'system:read',
    summary: 'What runs, in numbers',
    response: Answer,
    async handle() {
      const { model, threats, plan } = deps.analysis();
      const assessed = await deps.assessed();
      const worst = Level.options.findLast((level) => assessed.some((one) => one.level === level)) ?? 'low';
      return {
        system: plan.system,
        mode: plan.mode,
        plan: plan.hash,
        model: plan.model,
        ...(deps.file === undefined ? {} : { file: deps.file }),
        dataPlane: deps.dataPlane,
        upstream: deps.upstream,
        started: deps.started,
        version: version(),
        counts: {
          elements: model.elements.length,
          flows: model.flows.length,
          threats: threats.length,
          controls: plan.inspectors.length,
          open: assessed.filter(({ status }) => status === 'open').length,
          verified: assessed.filter(({ status }) => status === 'verified').length,
        },
        worst,
      };
    },
  });
}
