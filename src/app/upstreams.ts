import type { Upstream } from '../gateway/upstream.ts';
import type { Plan } from '../kernel/plan.ts';
import { Secret } from '../kernel/secret.ts';
import { upstreamKey, type Config } from './config.ts';

export interface Chosen {
  upstreams: Record<string, Upstream>;
  /** Some name leads to the reference victim, because nothing else is known for it. */
  victim: boolean;
}

/**
 * Where each upstream name leads: `--upstream`, then merlon.yaml, then OpenAI when its key is in the environment, else the
 * reference victim, so that everything can be tried with no key and no network.
 */
export async function chooseUpstreams(input: {
  plan: Plan;
  config: Config;
  folder: string;
  env: Record<string, string | undefined>;
  override: string | undefined;
  victim: string;
  /** Opens a container of the vault that holds a key. */
  openContainer(container: Uint8Array): Promise<Secret<Buffer>>;
}): Promise<Chosen> {
  const { plan, config, folder, env, override } = input;
  const names = new Set([
    ...Object.keys(config.upstreams),
    ...plan.routes.map(({ upstream }) => upstream.provider),
    'default',
  ]);
  const upstreams: Record<string, Upstream> = {};
  let victim = false;
  for (const name of names) {
    const configured = config.upstreams[name];
    if (override !== undefined) upstreams[name] = withKey(override, env['OPENAI_API_KEY']);
    else if (configured) {
      const key = await upstreamKey(name, configured, folder, env, input.openContainer);
      upstreams[name] = { baseUrl: configured.baseUrl, ...(key ? { key } : {}) };
    } else if (env['OPENAI_API_KEY'] && (name === 'openai' || name === 'default')) {
      upstreams[name] = withKey(env['OPENAI_BASE_URL'] ?? 'https://api.openai.com/v1', env['OPENAI_API_KEY']);
    } else {
      upstreams[name] = { baseUrl: `${input.victim}/v1` };
      victim = true;
    }
  }
  return { upstreams, victim };
}

function withKey(baseUrl: string, key: string | undefined): Upstream {
  return { baseUrl, ...(key ? { key: new Secret(key) } : {}) };
}
