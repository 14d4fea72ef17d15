import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { ShadowTarget } from '../assurance/drive.ts';
import { startVictim } from '../assurance/victim/victim.ts';
import { createGateway } from '../gateway/gateway.ts';
import { passingServices } from '../gateway/store.ts';
import type { Upstream } from '../gateway/upstream.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Control, ControlServices } from '../kernel/control.ts';
import type { Plan } from '../kernel/plan.ts';
import { defaultTenant } from '../kernel/principal.ts';
import { startRecorder } from './recorder.ts';

interface ShadowDeps {
  controls: readonly Control[];
  services: ControlServices;
  clock: Clock;
  onError(where: string, error: unknown): void;
}

/**
 * The same gateway code on an ephemeral loopback port: a key of its own, counters that nobody else sees, nothing in the
 * ledger, and behind it the victim, or a recorder before the live upstreams.
 */
export async function startShadow(
  plan: Plan,
  { client }: { client: string },
  deps: ShadowDeps,
  live?: Readonly<Record<string, Upstream>>,
): Promise<ShadowTarget> {
  const key = `probe-${randomBytes(24).toString('base64url')}`;
  const names = [...new Set(plan.routes.map(({ upstream }) => upstream.provider))];
  const behind = live ? await startRecorder(live) : await victimAs(names);
  const gateway = createGateway({
    plan,
    controls: deps.controls,
    services: { ...deps.services, ...passingServices(() => deps.clock.now()) },
    ledger: { append: (event) => Promise.resolve({ index: 0, id: event.metadata.uid }) },
    authenticate: (presented) =>
      presented.length === key.length && timingSafeEqual(Buffer.from(presented), Buffer.from(key))
        ? { kind: 'client', id: client, tenant: defaultTenant, element: client, credential: 'probe' }
        : undefined,
    upstreams: behind.upstreams,
    ...(names[0] === undefined ? {} : { defaultUpstream: names[0] }),
    onError: deps.onError,
    clock: deps.clock,
  });
  const { url } = await gateway.listen({ port: 0 });
  return {
    url,
    key,
    upstreamSeen: behind.seen,
    async close() {
      await gateway.close();
      await behind.close();
    },
  };
}

async function victimAs(names: readonly string[]) {
  const victim = await startVictim({ port: 0 });
  return {
    upstreams: Object.fromEntries(names.map((name) => [name, { baseUrl: `${victim.url}/v1` }])),
    seen: () => victim.seen(),
    close: () => victim.close(),
  };
}
