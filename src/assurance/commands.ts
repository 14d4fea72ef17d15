import { z } from 'zod';
import { defineCommand, type Command } from '../kernel/command.ts';

/** What the commands of question 4 need. */
export interface AssuranceCommandDeps {
  /** Resolves when the process is told to stop. */
  untilStopped(): Promise<void>;
}

export function commands(deps: AssuranceCommandDeps): Command[] {
  return [
    defineCommand({
      name: 'victim',
      summary: 'start the reference victim, an OpenAI-compatible endpoint that obeys everything',
      options: z.object({
        port: z.coerce
          .number()
          .int()
          .min(0)
          .max(65_535)
          .default(4200)
          .describe('Port to listen on, 0 for a free one.'),
      }),
      examples: ['merlon victim --port 4200', 'merlon up --upstream http://127.0.0.1:4200/v1'],
      async run({ options }, io) {
        const { startVictim } = await import('./victim/victim.ts');
        const victim = await startVictim({ port: options.port, remember: 0 });
        if (io.json) io.out(JSON.stringify({ url: `${victim.url}/v1` }));
        else {
          io.out(`The victim listens on ${victim.url}/v1`);
          io.note(
            'It obeys every instruction that it reads: use it for tests, and let nothing but this machine reach it.',
          );
        }
        await deps.untilStopped();
        await victim.close();
        return 0;
      },
    }),
  ];
}
