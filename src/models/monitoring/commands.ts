import { readFile, rename, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { defineCommand, type Command, type Io } from '../../kernel/command.ts';
import { systemClock } from '../../kernel/clock.ts';
import { Problem } from '../../kernel/problem.ts';
import { Secret } from '../../kernel/secret.ts';
import type { SeriesState } from './monitor.ts';

export interface MonitoringCommandDeps {
  /** The running control plane. @throws Problem CONTROL_PLANE_UNREACHABLE; paths are under `/api` */
  controlPlane(at: Pick<Io, 'cwd' | 'env'>): {
    get<T>(path: string): Promise<T>;
    post<T>(path: string, body: unknown): Promise<T>;
  };
}

export function commands(deps: MonitoringCommandDeps): Command[] {
  return [
    defineCommand({
      name: 'monitor show',
      summary: 'how models behave in traffic, and what drifted (exit 1 when something did)',
      examples: ['merlon monitor show', 'merlon monitor show --json | jq .series[0].signals'],
      async run(_input, io) {
        const answer = await deps
          .controlPlane(io)
          .get<{ series: SeriesState[]; unwatched: number }>('/monitoring');
        if (io.json) io.out(JSON.stringify(answer));
        else {
          if (answer.series.length === 0) io.note('No traffic yet: send some through the data plane.');
          for (const line of answer.series.flatMap(seriesLines)) io.out(line);
        }
        return answer.series.some(({ state }) => state === 'drifting') ? 1 : 0;
      },
    }),
    defineCommand({
      name: 'monitor relearn',
      summary: 'learn what is normal anew, after a change that was meant',
      arguments: [
        { name: 'client', description: 'client element, as `monitor show` names it' },
        { name: 'model', description: 'model, as `monitor show` names it' },
      ],
      async run({ args }, io) {
        const body = { client: args['client'], model: args['model'] };
        const answer = await deps.controlPlane(io).post('/monitoring/reference', body);
        io.out(io.json ? JSON.stringify(answer) : `${body.model} as used by ${body.client} is learnt anew.`);
        return 0;
      },
    }),
    defineCommand({
      name: 'monitor canary',
      summary: 'ask a model fixed questions and tell whether it is still the same one (exit 1 when not)',
      options: z.object({
        url: z.string().describe('Base URL of an OpenAI-compatible API, such as http://127.0.0.1:4200/v1.'),
        model: z.string().describe('Name of the model.'),
        baseline: z.string().describe('File of the fingerprint; made when it does not exist.'),
        learn: z.boolean().default(false).describe('Take the model as it now answers for the known one.'),
        times: z.number().int().min(2).max(20).default(4).describe('How often each question is asked.'),
        keyEnv: z.string().optional().describe('Environment variable that holds the API key.'),
      }),
      examples: [
        'merlon monitor canary --url https://api.example.com/v1 --model m-1 --baseline m-1.json --key-env API_KEY',
      ],
      async run({ options }, io) {
        const { canaryPrompts, compareFingerprints, fingerprint, promptsHash } = await import('./canary.ts');
        const { askEndpoint } = await import('./endpoint.ts');
        const path = resolve(io.cwd, options.baseline);
        const known = options.learn ? undefined : await readBaseline(path, promptsHash(canaryPrompts));
        const key = options.keyEnv === undefined ? undefined : io.env[options.keyEnv];
        if (options.keyEnv !== undefined && !key)
          throw new Problem('USAGE', {
            detail: `the variable \`${options.keyEnv}\` is not set`,
            fix: 'Set it to the API key.',
          });
        const bar = io.progress('asking', canaryPrompts.length * options.times);
        let asked = 0;
        const print = await fingerprint(
          async (prompt) => {
            const answer = await askEndpoint(
              { url: options.url, model: options.model, ...(key ? { key: new Secret(key) } : {}) },
              prompt,
            );
            bar.tick(++asked);
            return answer;
          },
          { times: options.times, clock: systemClock },
        );
        bar.end();
        if (!known) {
          await writeFile(`${path}.new`, JSON.stringify(print));
          await rename(`${path}.new`, path);
          io.out(
            io.json
              ? JSON.stringify({ learnt: true })
              : `Learnt how ${options.model} answers: ${options.baseline}`,
          );
          return 0;
        }
        const verdict = compareFingerprints(known, print);
        if (io.json) io.out(JSON.stringify(verdict));
        else {
          io.out(
            `${verdict.changed ? 'The model CHANGED' : 'The model answers as before'}: distance ${verdict.distance.toFixed(3)}, p ${verdict.p.toPrecision(2)}`,
          );
          for (const reason of verdict.reasons) io.out(`  ${reason}`);
          for (const { prompt, distance } of verdict.prompts) io.out(`  ${distance.toFixed(2)}  ${prompt}`);
        }
        return verdict.changed ? 1 : 0;
      },
    }),
  ];
}

const Baseline = z.object({
  format: z.literal('merlon-canary/1'),
  at: z.number(),
  prompts: z.string(),
  answers: z.array(
    z.array(
      z.object({
        features: z.array(z.tuple([z.number(), z.number()])),
        length: z.number(),
        refused: z.boolean(),
        promptTokens: z.number().optional(),
        model: z.string().optional(),
        systemFingerprint: z.string().optional(),
      }),
    ),
  ),
});

async function readBaseline(path: string, prompts: string): Promise<z.infer<typeof Baseline> | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Problem('FILE_UNREADABLE', { detail: `\`${path}\` cannot be read`, cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const read = Baseline.safeParse(value);
  if (!read.success || read.data.prompts !== prompts)
    throw new Problem('INPUT_INVALID', {
      detail: `\`${path}\` is no fingerprint of these questions`,
      fix: 'Make a new one with `--learn`.',
    });
  return read.data;
}

function seriesLines({ client, model, state, reference, open, signals, windows }: SeriesState): string[] {
  const lines = [
    `${client} → ${model}: ${state}, ${windows.length} windows shown, reference of ${reference.exchanges} exchanges, ${open} in the open window`,
  ];
  for (const signal of signals) {
    const latest = signal.latest;
    const value = (one: typeof latest) =>
      one === undefined
        ? '–'
        : (one.shares
            ?.slice(0, 3)
            .map(([category, share]) => `${category} ${Math.round(share * 100)} %`)
            .join(', ') ??
          `median ${(one.median ?? 0).toPrecision(3)}${signal.unit === undefined ? '' : ` ${signal.unit}`}`);
    const mark = signal.drifting ? '!' : ' ';
    const effect = latest?.effect === undefined ? '' : `  effect ${latest.effect.toFixed(3)}`;
    lines.push(`${mark} ${signal.title.padEnd(20)} ${value(signal.reference)} → ${value(latest)}${effect}`);
  }
  return lines;
}
