import { z } from 'zod';
import { defineRoute, type Route } from '../../kernel/route.ts';
import type { Canaries } from './canaries.ts';
import type { Monitor } from './monitor.ts';

export interface MonitoringRoutesDeps {
  monitor: Pick<Monitor, 'list' | 'relearn'>;
  canaries: Pick<Canaries, 'list'>;
}

export function routes({ monitor, canaries }: MonitoringRoutesDeps): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/monitoring',
      action: 'monitoring:read',
      summary: 'How models behave in traffic, per client and model: signals, windows and drift',
      handle: async () => ({ ...monitor.list(), canaries: await canaries.list() }),
    }),
    defineRoute({
      method: 'POST',
      path: '/monitoring/reference',
      action: 'monitoring:relearn',
      summary: 'Learns what is normal anew, after a change that was meant',
      body: z.strictObject({ client: z.string().max(200), model: z.string().max(200) }),
      async handle({ body }) {
        await monitor.relearn(body.client, body.model);
        return { client: body.client, model: body.model, state: 'learning' };
      },
    }),
  ];
}
