import { pino, type Logger } from 'pino';
import { Problem } from '../kernel/problem.ts';

/** One JSON line per event on standard error. Errors of ours keep their stack here and nowhere else. */
export function openLog(level: string): Logger {
  return pino(
    { level, base: undefined, serializers: { error: describe } },
    pino.destination({ dest: 2, sync: true }),
  );
}

function describe(error: unknown): unknown {
  if (error instanceof Problem)
    return { ...error.toJSON(), cause: error.cause instanceof Error ? error.cause.stack : error.cause };
  return error instanceof Error ? { name: error.name, message: error.message, stack: error.stack } : error;
}
