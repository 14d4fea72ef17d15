import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';
import { defineRoute, type Route } from '../../kernel/route.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { DatasetRegistry } from './registry.ts';

export interface DatasetRouteDeps {
  datasets: DatasetRegistry;
}

const Use = z.strictObject({ purpose: z.string().optional(), model: z.string().optional() });

/** Signed-in people act under their own name; the owner of the control token says whose name it is. */
function nameOf(principal: Principal, said: string): string {
  return principal.kind === 'local' ? said : principal.id;
}

export function routes({ datasets }: DatasetRouteDeps): Route[] {
  const id = (params: Record<string, string>): string => params['id']!;
  return [
    defineRoute({
      method: 'GET',
      path: '/datasets',
      action: 'dataset:list',
      summary: 'Datasets with state, scan, review and approval',
      handle: async () => ({ datasets: await datasets.list() }),
    }),
    defineRoute({
      method: 'POST',
      path: '/datasets',
      action: 'dataset:register',
      summary: 'Copies a folder of this machine into the registry and scans it',
      body: z.strictObject({
        id: z.string().max(100),
        path: z.string().describe('Absolute path on the machine of the control plane.'),
        author: z.string(),
      }),
      handle: async ({ body, principal }) =>
        datasets.register({ ...body, author: nameOf(principal, body.author) }, principal),
    }),
    defineRoute({
      method: 'GET',
      path: '/datasets/:id',
      action: 'dataset:list',
      summary: 'One dataset',
      handle: async ({ params }) => datasets.get(id(params)),
    }),
    defineRoute({
      method: 'POST',
      path: '/datasets/:id/review',
      action: 'dataset:review',
      summary: 'Says that somebody looked at the scan',
      body: z.strictObject({ by: z.string(), note: z.string().default('') }),
      handle: async ({ params, body, principal }) =>
        datasets.review(id(params), { ...body, by: nameOf(principal, body.by) }, principal),
    }),
    defineRoute({
      method: 'POST',
      path: '/datasets/:id/approve',
      action: 'dataset:approve',
      summary: 'Lets runs read a dataset, for a purpose and until a day',
      body: z.strictObject({
        by: z.string(),
        purpose: z.string(),
        models: z.array(z.string()).default([]),
        expires: z.number(),
      }),
      handle: async ({ params, body, principal }) =>
        datasets.approve(id(params), { ...body, by: nameOf(principal, body.by) }, principal),
    }),
    defineRoute({
      method: 'POST',
      path: '/datasets/:id/revoke',
      action: 'dataset:revoke',
      summary: 'Ends all use of a dataset',
      body: z.strictObject({ by: z.string(), reason: z.string().min(1) }),
      handle: async ({ params, body, principal }) =>
        datasets.revoke(id(params), { ...body, by: nameOf(principal, body.by) }, principal),
    }),
    defineRoute({
      method: 'POST',
      path: '/datasets/:id/grant',
      action: 'dataset:use',
      summary: 'Whether a dataset may be read for a use',
      body: Use,
      handle: async ({ params, body, principal }) => datasets.grant(id(params), body, principal),
    }),
    defineRoute({
      method: 'POST',
      path: '/datasets/:id/open',
      action: 'dataset:use',
      summary: 'Puts a verified copy of an approved dataset into a new folder of this machine',
      body: z.strictObject({ ...Use.shape, target: z.string() }),
      async handle({ params, body: { target, ...use }, principal }) {
        // It writes where it is told to: only for the owner of this machine, who could write there anyway.
        if (principal.kind !== 'local') {
          throw new Problem('FORBIDDEN', {
            detail: 'datasets are opened on the machine of the registry only',
          });
        }
        return datasets.open(id(params), use, target, principal);
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/datasets/receipts',
      action: 'dataset:use',
      summary: 'Signs the receipt of a run and appends it to the ledger',
      body: z.strictObject({ receipt: z.record(z.string(), z.unknown()) }),
      handle: async ({ body, principal }) => datasets.receipt(body.receipt, principal),
    }),
  ];
}
