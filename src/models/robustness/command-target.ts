import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';
import type { Target } from './attack.ts';

const Answer = z.object({ id: z.number(), score: z.number().min(0).max(1) });

/** How long a classifier may take for one text, and how much it may write in one line. */
const answerMs = 60_000;
const stopMs = 2000;

export interface CommandTarget extends Target {
  close(): Promise<void>;
}

/**
 * A classifier that is a program: reads `{"id", "text"}`, writes `{"id", "score"}` with a score of 0..1, one JSON object per
 * line. It is started without a shell and gets of the environment only what programs need to run.
 */
export function commandTarget(
  [program, ...args]: readonly [string, ...string[]],
  { cwd, env, threshold }: { cwd: string; env: Record<string, string | undefined>; threshold: number },
): CommandTarget {
  const child = spawn(program, args, {
    cwd,
    env: Object.fromEntries(['PATH', 'HOME', 'LANG', 'TMPDIR'].map((name) => [name, env[name]])),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const waiting = new Map<number, { resolve(score: number): void; reject(error: Problem): void }>();
  let ended: Problem | undefined;
  let next = 0;
  const broken = (detail: string, cause?: unknown) =>
    new Problem('INPUT_INVALID', {
      detail: `the classifier \`${program}\` ${detail}`,
      fix: 'It must answer each line `{"id": 1, "text": "…"}` with a line `{"id": 1, "score": 0.5}`.',
      cause,
    });
  const end = (problem: Problem): void => {
    ended ??= problem;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  child.once('error', (error) => end(broken('cannot be started', error)));
  child.once('exit', (code) => end(broken(`ended with ${code ?? 'a signal'}`)));
  child.stdin.on('error', () => undefined);
  createInterface({ input: child.stdout }).on('line', (line) => {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      value = undefined;
    }
    const answer = Answer.safeParse(value);
    if (!answer.success) {
      end(broken('wrote a line that is no answer'));
      child.kill('SIGKILL');
      return;
    }
    waiting.get(answer.data.id)?.resolve(answer.data.score);
    waiting.delete(answer.data.id);
  });

  return {
    name: program,
    threshold,
    score(text) {
      if (ended) return Promise.reject(ended);
      const id = ++next;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          end(broken(`did not answer within ${answerMs / 1000} s`));
          child.kill('SIGKILL');
        }, answerMs);
        const settle =
          <T>(done: (value: T) => void) =>
          (value: T): void => {
            clearTimeout(timer);
            done(value);
          };
        waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
        child.stdin.write(`${JSON.stringify({ id, text })}\n`);
      });
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
      await gone;
      clearTimeout(timer);
    },
  };
}
