import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { defineCommand, type Command, type ExitCode, type Io } from '../../kernel/command.ts';
import { Plan } from '../../kernel/plan.ts';
import { Problem } from '../../kernel/problem.ts';
import { DataClass } from '../../kernel/vocabulary.ts';
import { reaches } from './classes.ts';
import type { ScanAssets } from './detect.ts';
import type { DatasetFinding, ScanSummary } from './scan.ts';

export interface DatasetScanDeps {
  /** The models and rules of `assets/inspection`, as bytes and parsed JSON, so that threads can have them too. */
  assets(): Promise<ScanAssets>;
  version: string;
  /** Compiles the threat model in a file; for `dataset check --model`. */
  compile(file: string): Promise<Plan>;
}

/** Findings that a report for people shows; all are counted, and JSON has all. */
const shown = 1_000;
const batch = 65_536;

export function commands(deps: DatasetScanDeps): Command[] {
  return [
    defineCommand({
      name: 'dataset scan',
      summary: 'find personal data, secrets, injected instructions and signs of poisoning in data',
      arguments: [
        { name: 'path', description: 'file or folder: JSONL, JSON, CSV, Parquet, text, Markdown, gzip, ZIP' },
      ],
      options: z.strictObject({
        failOn: DataClass.optional().describe(
          'Exit with 1 when a finding has this data class or one above it, or is untrusted.',
        ),
        sarif: z.boolean().default(false).describe('Print SARIF 2.1.0 instead.'),
        html: z.string().optional().describe('Also write a report for people to this file.'),
        exhaustive: z
          .boolean()
          .default(false)
          .describe(
            'Have the models read everything, however large. Without it, what is sampled is said in the summary.',
          ),
        threads: z.coerce
          .number()
          .int()
          .min(0)
          .max(16)
          .optional()
          .describe('Threads; by default as many as there are processors, at most 2.'),
      }),
      examples: [
        'merlon dataset scan data/train.jsonl --fail-on confidential',
        'merlon dataset scan data/ --json > findings.jsonl',
      ],
      run: async ({ args, options }, io) => scan(deps, args['path']!, options, io),
    }),
    defineCommand({
      name: 'dataset check',
      summary: 'may this data move along a flow of the threat model: allow, mask, pseudonymise, ask or block',
      arguments: [{ name: 'path', description: 'file or folder, as for `dataset scan`' }],
      options: z.strictObject({
        flow: z.string().describe('Flow that the data should move along.'),
        model: z.string().default('threat-model.yaml').describe('Threat model file.'),
        plan: z.string().optional().describe('Compiled plan (JSON) to use instead of a model.'),
        exhaustive: z.boolean().default(false).describe('Have the models read everything, however large.'),
      }),
      examples: ['merlon dataset check export.csv --flow training --model threat-model.yaml'],
      run: async ({ args, options }, io) => check(deps, args['path']!, options, io),
    }),
  ];
}

interface Options {
  failOn?: DataClass | undefined;
  sarif: boolean;
  html?: string | undefined;
  exhaustive: boolean;
  threads?: number | undefined;
}

async function check(
  deps: DatasetScanDeps,
  path: string,
  options: { flow: string; model: string; plan?: string | undefined; exhaustive: boolean },
  io: Io,
): Promise<ExitCode> {
  const plan =
    options.plan === undefined
      ? await deps.compile(resolve(io.cwd, options.model))
      : await readPlan(resolve(io.cwd, options.plan));
  const [{ scanDataset }, { openPool, mostThreads }, { decideMovement }] = await Promise.all([
    import('./scan.ts'),
    import('./pool.ts'),
    import('./policy.ts'),
  ]);
  const pool = openPool(await deps.assets(), Math.min(mostThreads, availableParallelism()));
  const bars = progress(io);
  let summary: ScanSummary;
  try {
    summary = await scanDataset(resolve(io.cwd, path), {
      pool,
      exhaustive: options.exhaustive,
      onProgress: bars.tick,
      onFinding: async () => undefined,
    });
  } finally {
    bars.end();
    await pool.close();
  }
  const decision = decideMovement(plan, options.flow, summary);
  if (io.json) io.out(JSON.stringify(decision));
  else {
    const { visible } = await import('./mask.ts');
    io.out(`${decision.from} → ${decision.to} (${decision.flow}): ${decision.action}`);
    for (const reason of decision.reasons) io.out(`  ${visible(reason)}`);
    for (const one of decision.columns)
      io.out(`  ${visible(`${one.file}: ${one.column}`)}: ${one.class}, ${one.action}`);
    if (decision.enforced !== decision.action)
      io.out(`  The flow is only observed; enforced, it would be: ${decision.enforced}`);
  }
  return decision.action === 'allow' || decision.action === 'alert' ? 0 : 1;
}

async function readPlan(file: string): Promise<Plan> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new Problem('FILE_UNREADABLE', {
      detail: `\`${file}\` cannot be read as JSON`,
      facts: { file },
      cause,
    });
  }
  const plan = Plan.safeParse(value);
  if (plan.success) return plan.data;
  const [issue] = plan.error.issues;
  throw new Problem('INPUT_INVALID', {
    detail: `\`${file}\` is no plan: \`${issue?.path.join('.')}\` ${issue?.message}`,
    fix: 'Write one with `merlon plan --json`.',
    facts: { file },
  });
}

async function scan(deps: DatasetScanDeps, path: string, options: Options, io: Io): Promise<ExitCode> {
  const [{ scanDataset }, { openPool, mostThreads }] = await Promise.all([
    import('./scan.ts'),
    import('./pool.ts'),
  ]);
  const lines = io.json && !options.sarif;
  const kept: DatasetFinding[] = [];
  let bad = false;
  let out = '';
  const flush = async (): Promise<void> => {
    const text = out;
    out = '';
    if (text !== '' && !io.stdout.write(text)) await once(io.stdout, 'drain');
  };
  const pool = openPool(
    await deps.assets(),
    options.threads ?? Math.min(mostThreads, availableParallelism()),
  );
  const bars = progress(io);
  let summary: ScanSummary;
  try {
    summary = await scanDataset(resolve(io.cwd, path), {
      pool,
      exhaustive: options.exhaustive,
      onProgress: bars.tick,
      async onFinding(finding) {
        bad ||= options.failOn !== undefined && reaches(finding.class, options.failOn);
        if (kept.length < shown) kept.push(finding);
        if (!lines) return;
        out += `${JSON.stringify(finding)}\n`;
        if (out.length >= batch) await flush();
      },
    });
  } finally {
    bars.end();
    await pool.close();
  }
  await flush();
  if (options.html !== undefined) {
    const { toHtml } = await import('./report/html.ts');
    await writeFile(resolve(io.cwd, options.html), toHtml(summary, kept));
  }
  if (options.sarif) {
    const { toSarif } = await import('./report/sarif.ts');
    io.out(JSON.stringify(toSarif(summary, kept, deps.version), null, io.json ? 0 : 2));
  } else if (lines) io.out(JSON.stringify({ summary }));
  else {
    const { toText } = await import('./report/text.ts');
    for (const line of toText(summary, kept)) io.out(line);
  }
  return bad ? 1 : 0;
}

function progress(io: Io): { tick(file: string, done: number, size: number): void; end(): void } {
  let bar: ReturnType<Io['progress']> | undefined;
  let current = '';
  return {
    tick(file, done, size) {
      if (file !== current) {
        bar?.end();
        bar = io.progress(file, size);
        current = file;
      }
      bar?.tick(Math.min(done, size));
    },
    end: () => bar?.end(),
  };
}
