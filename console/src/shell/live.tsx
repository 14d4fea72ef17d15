import { useQueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useState, type ReactNode } from 'react';
import { ApiProblem, queries, streams } from '../api/client.ts';
import { newestFirst } from '../gateway/exchanges.ts';

export type Connection = 'connecting' | 'live' | 'lost';

const ConnectionContext = createContext<Connection>('connecting');

/** Follows the traffic for as long as somebody is signed in, so that every page shows the present. */
export function LiveTraffic({ children }: { children: ReactNode }) {
  const cache = useQueryClient();
  const [connection, setConnection] = useState<Connection>('connecting');

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    let attempt = 0;
    const follow = async () => {
      try {
        const opened = () => {
          // Whatever was decided while nobody listened is fetched once more.
          if (attempt > 0) void cache.invalidateQueries({ queryKey: queries.traffic().queryKey });
          attempt = 0;
          setConnection('live');
        };
        for await (const exchange of streams.traffic(stop.signal, opened)) {
          cache.setQueryData(queries.traffic().queryKey, (seen) => newestFirst(seen ?? [], exchange));
        }
      } catch (problem) {
        if (stop.signal.aborted) return;
        if (problem instanceof ApiProblem && problem.status === 401) {
          void cache.invalidateQueries({ queryKey: queries.session().queryKey });
          return;
        }
      }
      if (stop.signal.aborted) return;
      setConnection('lost');
      attempt += 1;
      timer = setTimeout(() => void follow(), Math.min(10_000, 500 * 2 ** attempt));
    };
    void follow();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [cache]);

  return <ConnectionContext value={connection}>{children}</ConnectionContext>;
}

export function useConnection(): Connection {
  return useContext(ConnectionContext);
}
