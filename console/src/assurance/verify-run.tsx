import { useQueryClient } from '@tanstack/react-query';
import { createContext, useCallback, useContext, useMemo, useRef, useState, type ReactNode } from 'react';
import { streams } from '../api/client.ts';
import { advance, begin, idle, type Run } from './run.ts';

interface VerifyRun {
  run: Run;
  start: (only?: readonly string[]) => void;
  stop: () => void;
}

const VerifyRunContext = createContext<VerifyRun | undefined>(undefined);

/** One run at a time, and it goes on while its owner looks at other pages. */
export function VerifyRunProvider({ children }: { children: ReactNode }) {
  const cache = useQueryClient();
  const [run, setRun] = useState<Run>(idle);
  const stopper = useRef<AbortController>(undefined);

  const start = useCallback(
    (only?: readonly string[]) => {
      stopper.current?.abort();
      const stopping = new AbortController();
      stopper.current = stopping;
      setRun(begin(only));
      const follow = async () => {
        try {
          for await (const message of streams.verify(only, stopping.signal)) {
            setRun((before) => advance(before, message));
          }
          setRun((before) => (before.phase === 'running' ? { ...before, phase: 'done', share: 1 } : before));
        } catch (problem) {
          if (stopping.signal.aborted) setRun((before) => ({ ...before, phase: 'stopped' }));
          else setRun((before) => ({ ...before, phase: 'failed', problem }));
        }
        await cache.invalidateQueries();
      };
      void follow();
    },
    [cache],
  );
  const stop = useCallback(() => stopper.current?.abort(), []);
  const value = useMemo(() => ({ run, start, stop }), [run, start, stop]);
  return <VerifyRunContext value={value}>{children}</VerifyRunContext>;
}

export function useVerifyRun(): VerifyRun {
  const value = useContext(VerifyRunContext);
  if (!value) throw new Error('no verify run around this component');
  return value;
}
