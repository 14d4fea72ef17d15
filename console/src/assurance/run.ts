import type { Evidence, VerifyMessage } from '../api/types.ts';

type CaseMessage = Extract<VerifyMessage, { kind: 'case' }>;

/** What is known of a run of the probes while it runs. */
export interface Run {
  phase: 'idle' | 'running' | 'done' | 'stopped' | 'failed';
  /** Probe ids that were asked for; undefined means all. */
  only: readonly string[] | undefined;
  probes: number;
  cases: number;
  casesDone: number;
  /** 0..1. */
  share: number;
  /** Newest first, the last few. */
  recent: CaseMessage[];
  finished: { probe: string; status: Evidence['status'] }[];
  problem: unknown;
}

export const idle: Run = {
  phase: 'idle',
  only: undefined,
  probes: 0,
  cases: 0,
  casesDone: 0,
  share: 0,
  recent: [],
  finished: [],
  problem: undefined,
};

export function begin(only: readonly string[] | undefined): Run {
  return { ...idle, phase: 'running', only };
}

/** The run after one message of the server. */
export function advance(run: Run, message: VerifyMessage): Run {
  switch (message.kind) {
    case 'start':
      return { ...run, probes: message.probes, cases: message.cases };
    case 'case': {
      const casesDone = run.casesDone + 1;
      return {
        ...run,
        casesDone,
        // The server may repeat a case; a bar that runs past its end helps nobody.
        share: run.cases === 0 ? 0 : Math.min(1, casesDone / run.cases),
        recent: [message, ...run.recent].slice(0, 6),
      };
    }
    case 'probe':
      return {
        ...run,
        finished: [...run.finished, { probe: message.evidence.probe, status: message.evidence.status }],
      };
    default:
      return { ...run, phase: 'done', share: 1 };
  }
}
