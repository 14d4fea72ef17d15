import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { defineCommand, type Command, type Io } from '../../kernel/command.ts';
import { Problem } from '../../kernel/problem.ts';
import type { LanguageModelDeps } from '../language-model/commands.ts';

export type PrivacyLabDeps = LanguageModelDeps;

export function commands(deps: PrivacyLabDeps): Command[] {
  return [
    defineCommand({
      name: 'privacy-lab run',
      summary:
        'attack a model for what it remembers of its training text; without a target, the lab tests itself',
      options: z.object({
        model: z.string().optional().describe('Model file of `merlon language-model train`.'),
        endpoint: z
          .string()
          .optional()
          .describe('Base address of an OpenAI-compatible API, such as `http://127.0.0.1:8000/v1`.'),
        modelName: z.string().default('default').describe('Model to ask the endpoint for.'),
        keyEnv: z.string().optional().describe('Environment variable that holds the API key.'),
        logprobs: z
          .boolean()
          .default(false)
          .describe('The endpoint tells log-probabilities of the prompt (`echo`, `logprobs`).'),
        canaries: z
          .string()
          .optional()
          .describe('JSON Lines `{text, template, repeat}` of canaries in the training text.'),
        members: z.string().optional().describe('Text whose lines were in the training text.'),
        nonmembers: z.string().optional().describe('Text of the same kind whose lines were not.'),
        reference: z.string().optional().describe('Model file of a model trained on other text of the kind.'),
        samples: z.coerce
          .number()
          .int()
          .min(15)
          .max(65_535)
          .optional()
          .describe('Random secrets per canary (2047; 255 for an endpoint).'),
        seed: z.coerce.number().int().default(1).describe('The same seed gives the same result.'),
      }),
      examples: [
        'merlon privacy-lab run',
        'merlon privacy-lab run --model model.safetensors --canaries canaries.jsonl --members train.txt --nonmembers held-out.txt',
        'merlon privacy-lab run --endpoint http://127.0.0.1:8000/v1 --logprobs --members train.txt --nonmembers held-out.txt',
      ],
      async run({ options }, io) {
        const { reportLines } = await import('./report.ts');
        const cpu = (): number => {
          const { user, system } = process.cpuUsage();
          return (user + system) / 1e6;
        };
        let bar: ReturnType<Io['progress']> | undefined;
        const onProgress = (done: number, total: number, note: string): void =>
          (bar ??= io.progress('privacy lab', total)).tick(done, note);
        const text = (file: string | undefined) => (file === undefined ? undefined : readText(file, io));
        let report;
        if (options.model === undefined && options.endpoint === undefined) {
          const { selfTest } = await import('./self-test.ts');
          report = await selfTest({ seed: options.seed, epsilon: deps.epsilon, onProgress, cpu });
        } else {
          const { attackTarget } = await import('./attack-target.ts');
          const { openTarget } = await import('./open-target.ts');
          const target = await openTarget(options, io);
          report = await attackTarget(target, {
            canaries: await text(options.canaries),
            members: await text(options.members),
            nonmembers: await text(options.nonmembers),
            reference: options.reference === undefined ? undefined : await readBytes(options.reference, io),
            samples: options.samples ?? (options.endpoint === undefined ? 2047 : 255),
            seed: options.seed,
            onProgress,
            cpu,
          });
        }
        bar?.end();
        if (io.json) io.out(JSON.stringify(report));
        else for (const line of reportLines(report)) io.out(line);
        return report.checks.every(({ ok }) => ok) ? 0 : 1;
      },
    }),
  ];
}

async function readText(file: string, io: Io): Promise<string> {
  return (await readBytes(file, io)).toString('utf8');
}

async function readBytes(file: string, io: Io): Promise<Buffer> {
  try {
    return await readFile(resolve(io.cwd, file));
  } catch (cause) {
    throw new Problem('FILE_UNREADABLE', { detail: `\`${file}\` cannot be read`, facts: { file }, cause });
  }
}
