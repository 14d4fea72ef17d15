import { z } from 'zod';
import { defineRoute, Raw, type Route } from '../kernel/route.ts';
import type { Assurance } from './assurance.ts';
import type { ReportFormat, ReportInput } from './report/input.ts';

export interface AssuranceRouteDeps {
  assurance: Assurance;
  /** All that a report shows, as plain data. */
  reportInput(): Promise<ReportInput>;
}

const VerifyBody = z.strictObject({
  only: z
    .array(z.string().max(300))
    .max(500)
    .optional()
    .describe('Ids of probes, controls or threats; none means all.'),
  live: z
    .boolean()
    .optional()
    .describe('Attack the configured upstream instead of the reference victim. Costs tokens.'),
});

const ReportQuery = z.strictObject({
  format: z.enum(['html', 'md', 'json', 'sarif']).default('html').describe('html, md, json or sarif.'),
});

const types: Record<ReportFormat, { type: string; extension: string }> = {
  html: { type: 'text/html; charset=utf-8', extension: 'html' },
  md: { type: 'text/markdown; charset=utf-8', extension: 'md' },
  json: { type: 'application/json; charset=utf-8', extension: 'json' },
  sarif: { type: 'application/sarif+json; charset=utf-8', extension: 'sarif' },
};

/** Question 4 for the console and for programs. */
export function routes({ assurance, reportInput }: AssuranceRouteDeps): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/evidence',
      action: 'evidence:read',
      summary: 'Newest evidence per probe, probes without evidence, residual risk by threat',
      handle: () => assurance.evidence(),
    }),
    defineRoute({
      method: 'POST',
      path: '/verify',
      action: 'evidence:create',
      summary: 'Attack the running plan with each control off and on; progress as server-sent events',
      body: VerifyBody,
      handle: ({ body, signal, principal }) => assurance.verify({ ...body, signal, principal }),
    }),
    defineRoute({
      method: 'GET',
      path: '/report',
      action: 'report:read',
      summary: 'The report on all four questions',
      query: ReportQuery,
      async handle({ query: { format } }) {
        const { report } = await import('./report/report.ts');
        const input = await reportInput();
        const { type, extension } = types[format];
        return new Raw(report(input, format), type, {
          'content-disposition': `inline; filename="${input.plan.system.id}-report.${extension}"`,
        });
      },
    }),
  ];
}
