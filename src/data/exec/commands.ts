import { z } from 'zod';
import { defineCommand, type Command } from '../../kernel/command.ts';
import { usingDatasets, type DatasetCommandDeps } from '../registry/commands.ts';

export interface ExecCommandDeps extends DatasetCommandDeps {
  now(): number;
}

export function commands(deps: ExecCommandDeps): Command[] {
  return [
    defineCommand({
      name: 'exec',
      summary: 'run a command that can read approved datasets and no other data',
      arguments: [{ name: 'rest', description: 'the command, after `--`', variadic: true }],
      options: z.object({
        dataset: z.array(z.string()).min(1).describe('Id of an approved dataset; may be repeated.'),
        purpose: z.string().optional().describe('What for: must be the purpose of the approval.'),
        model: z
          .string()
          .optional()
          .describe('Id of the model that is trained, where the approval names models.'),
        out: z.string().optional().describe('New folder for what the run makes; `runs/<run>` by default.'),
        code: z
          .array(z.string())
          .default([])
          .describe('File or folder that is code beside those with names of code; may be repeated.'),
        env: z
          .array(z.string())
          .default([])
          .describe('Variable that the command also gets; may be repeated.'),
        allowAdvisory: z
          .boolean()
          .default(false)
          .describe(
            'Run also where the kernel cannot keep the command from other data; the receipt says so.',
          ),
      }),
      examples: [
        'merlon exec --dataset tickets --purpose fine-tuning -- python train.py',
        'merlon exec --dataset tickets --dataset faq --out model -- python train.py --epochs 3',
      ],
      async run({ args, options }, io) {
        const { execute } = await import('./exec.ts');
        const { dataset: datasets, env: passed, ...rest } = options;
        const result = await usingDatasets(deps, (registry) =>
          execute(registry, {
            ...rest,
            datasets,
            passed,
            command: args.rest ?? [],
            cwd: io.cwd,
            env: io.env,
            now: deps.now,
            // With --json, standard output holds the one answer.
            output: io.json ? (chunk) => process.stderr.write(chunk) : 'inherit',
          }),
        );
        if (io.json) io.out(JSON.stringify(result));
        else {
          const { run, exit, enforcement, out, outputs } = result;
          io.note(`Run ${run} ended with ${exit}; ${outputs.length} files in ${out}; receipt in the ledger.`);
          if (enforcement === 'advisory')
            io.note('ADVISORY: nothing kept the command from reading other data.');
        }
        return result.exit === 0 ? 0 : 1;
      },
    }),
    defineCommand({
      name: 'dataset helper',
      summary: 'write `merlon_data.py`, with which scripts and notebooks find the datasets of a run',
      async run(_input, io) {
        const { writePythonHelper } = await import('./exec.ts');
        const file = await writePythonHelper(io.cwd);
        io.out(io.json ? JSON.stringify({ file }) : file);
        return 0;
      },
    }),
  ];
}
