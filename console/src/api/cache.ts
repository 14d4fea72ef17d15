import { QueryClient } from '@tanstack/react-query';
import { ApiProblem } from './client.ts';

/** Refusals are final; only an absent or broken control plane is asked again. */
function worthRetrying(failures: number, problem: Error): boolean {
  const refused = problem instanceof ApiProblem && problem.status >= 400 && problem.status < 500;
  return !refused && failures < 2;
}

export const queryClient: QueryClient = new QueryClient({
  defaultOptions: {
    queries: { retry: worthRetrying, staleTime: 2_000, refetchOnWindowFocus: true },
  },
});
