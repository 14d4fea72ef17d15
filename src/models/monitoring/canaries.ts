import type { Clock } from '../../kernel/clock.ts';
import type { SecurityEvent } from '../../kernel/event.ts';
import {
  canaryEvent,
  canaryPrompts,
  compareFingerprints,
  fingerprint,
  promptsHash,
  type Ask,
  type CanaryVerdict,
  type Fingerprint,
} from './canary.ts';
import type { MonitorStore } from './store.ts';

export interface CanaryTarget {
  /** Model as the provider names it. */
  name: string;
  provider: string;
}

export interface CanaryState extends CanaryTarget {
  learnt: number;
  checked?: number;
  verdict?: CanaryVerdict;
}

export interface Canaries {
  /** Asks the canary prompts. The first time, or after new prompts, it learns; then it compares, and records an alarm when a change is new. */
  check(target: CanaryTarget, ask: Ask): Promise<CanaryState>;
  /** Takes the model as it now answers for the known one. */
  relearn(target: CanaryTarget, ask: Ask): Promise<CanaryState>;
  list(): Promise<CanaryState[]>;
}

interface Kept {
  state: CanaryState;
  print: Fingerprint;
}

/** Fingerprints of models behind provider APIs, kept in the store. */
export function openCanaries({
  store: rows,
  clock,
  record,
}: {
  store: Pick<MonitorStore, 'canary' | 'canaries' | 'saveCanary'>;
  clock: Clock;
  record(event: SecurityEvent): Promise<unknown>;
}): Canaries {
  const keyOf = ({ provider, name }: CanaryTarget) => JSON.stringify([provider, name]);

  async function learn(target: CanaryTarget, ask: Ask): Promise<CanaryState> {
    const print = await fingerprint(ask, { clock, times: 6 });
    const state: CanaryState = { ...target, learnt: print.at };
    await rows.saveCanary(keyOf(target), JSON.stringify({ state, print } satisfies Kept));
    return state;
  }

  return {
    relearn: learn,
    async check(target, ask) {
      const row = await rows.canary(keyOf(target));
      const kept = row && (JSON.parse(row.body) as Kept);
      if (!kept || kept.print.prompts !== promptsHash(canaryPrompts)) return learn(target, ask);
      const now = await fingerprint(ask, { clock, times: 3 });
      const verdict = compareFingerprints(kept.print, now);
      const state: CanaryState = { ...kept.state, checked: now.at, verdict };
      if (verdict.changed && kept.state.verdict?.changed !== true)
        await record(canaryEvent(target, verdict, now.at));
      await rows.saveCanary(keyOf(target), JSON.stringify({ state, print: kept.print } satisfies Kept));
      return state;
    },
    list: async () => (await rows.canaries()).map(({ body }) => (JSON.parse(body) as Kept).state),
  };
}
