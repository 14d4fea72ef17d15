import { z } from 'zod';
import { defineRoute, type Route } from '../../kernel/route.ts';
import { Budget, type Budgets } from './budget.ts';
import { PrivacyEvent } from './events.ts';

export interface PrivacyDeps {
  budgets: Budgets;
}

export function routes({ budgets }: PrivacyDeps): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/privacy/budgets',
      action: 'privacy:read',
      summary: 'Privacy budgets of datasets, what was spent and for what',
      query: z.object({
        dataset: z.string().optional().describe('Only this one, also when it was never asked.'),
      }),
      response: z.object({ budgets: z.array(Budget) }),
      handle: async ({ query: { dataset } }) => ({
        budgets: dataset === undefined ? await budgets.list() : [await budgets.get(dataset)],
      }),
    }),
    defineRoute({
      method: 'PUT',
      path: '/privacy/budgets',
      action: 'privacy:write',
      summary: 'Set what a dataset may lose in all',
      body: z.strictObject({ dataset: z.string().min(1), epsilon: z.number(), delta: z.number() }),
      response: Budget,
      handle: async ({ body: { dataset, epsilon, delta }, principal }) =>
        budgets.set(dataset, { epsilon, delta }, principal.id),
    }),
    defineRoute({
      method: 'POST',
      path: '/privacy/reservations',
      action: 'privacy:spend',
      summary: 'Spend from a budget before the data is touched',
      body: z.strictObject({ dataset: z.string().min(1), cost: PrivacyEvent, purpose: z.string().max(500) }),
      response: z.object({ id: z.string(), spent: z.number(), left: z.number() }),
      handle: async ({ body, principal }) => budgets.reserve({ ...body, requester: principal.id }),
    }),
    defineRoute({
      method: 'POST',
      path: '/privacy/reservations/:id/release',
      action: 'privacy:spend',
      summary: 'Mark a reservation as answered',
      response: z.object({ id: z.string() }),
      async handle({ params }) {
        const id = params['id']!;
        await budgets.release(id);
        return { id };
      },
    }),
  ];
}

/** What `remoteBudgets` needs of a running control plane; paths are under `/api`. */
export interface PrivacyControlPlane {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  put<T>(path: string, body: unknown): Promise<T>;
}

/** The budgets of a running control plane, which is the only writer of its ledger. */
export function remoteBudgets(plane: PrivacyControlPlane): Budgets {
  return {
    list: async () => (await plane.get<{ budgets: Budget[] }>('/privacy/budgets')).budgets,
    get: async (dataset) =>
      (await plane.get<{ budgets: Budget[] }>(`/privacy/budgets?dataset=${encodeURIComponent(dataset)}`))
        .budgets[0]!,
    set: (dataset, { epsilon, delta }) => plane.put('/privacy/budgets', { dataset, epsilon, delta }),
    reserve: ({ dataset, cost, purpose }) => plane.post('/privacy/reservations', { dataset, cost, purpose }),
    async release(id) {
      await plane.post(`/privacy/reservations/${encodeURIComponent(id)}/release`, {});
    },
  };
}
