import { terminal } from '../cli/io.ts';
import { run as runCommands } from '../cli/run.ts';
import type { ExitCode } from '../kernel/command.ts';
import { version } from './assets.ts';
import { allCommands } from './commands.ts';

/** The command line. Resolves with the exit code once everything is closed. */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  const io = terminal();
  return runCommands(argv, allCommands(io), io, {
    name: 'merlon',
    version: version(),
    description: 'Secures generative-AI applications from their threat model: from threat to proof.',
    epilogue:
      'Exit codes: 0 done and good, 1 done and the answer is bad, 2 wrong use or bad input, 3 something needed is not there or broke.',
  });
}
