import { resolve } from 'node:path';
import { z } from 'zod';
import { defineCommand, type Command, type Io } from '../../kernel/command.ts';
import { Problem } from '../../kernel/problem.ts';
import { defaultBudget, type Budgets } from './budget.ts';
import { Query } from './query.ts';
import { systemRandom, type RandomSource } from './random.ts';

export interface PrivacyCommandDeps {
  /** The budgets of the running control plane (`remoteBudgets`), else those of the store. */
  openBudgets(): Promise<{ budgets: Budgets; close(): Promise<void> }>;
  /** File and budget name of a registered dataset; undefined for what is a path. */
  locate?(dataset: string): Promise<{ file: string; id: string } | undefined>;
  random?: RandomSource;
}

const budgetOptions = {
  budget: z
    .string()
    .optional()
    .describe('Name of the budget; by default the content hash. Use one name for all versions of a dataset.'),
};

export function commands(deps: PrivacyCommandDeps): Command[] {
  return [
    defineCommand({
      name: 'dataset query',
      summary: 'answer one question about a dataset with differential privacy, from its budget',
      arguments: [{ name: 'file', description: 'CSV, JSON Lines or a registered dataset', optional: true }],
      options: z.object({
        dataset: z.string().optional().describe('The dataset, when it is not the argument.'),
        query: z
          .string()
          .optional()
          .describe('The question as JSON: {"kind":"mean","column":"age","bounds":[0,100],"where":{}}.'),
        count: z.boolean().default(false).describe('How many rows.'),
        sum: z.string().optional().describe('Sum of this column; needs --bounds.'),
        mean: z.string().optional().describe('Mean of this column; needs --bounds.'),
        histogram: z.string().optional().describe('Rows per value of this column; needs --values.'),
        quantile: z.string().optional().describe('Quantile of this column; needs --bounds.'),
        q: z.coerce.number().optional().describe('Which quantile, 0 to 1; 0.5 by default.'),
        bounds: z
          .string()
          .optional()
          .describe('LOW,HIGH: values are clamped to it. Never taken from the data.'),
        values: z.string().optional().describe('Values of a histogram, separated by commas.'),
        where: z.array(z.string()).default([]).describe('COL=VALUE: only rows with this value. May repeat.'),
        epsilon: z.string().describe('ε of this answer, as a decimal.'),
        delta: z.coerce.number().min(0).lt(1).default(0).describe('δ of this answer; 0 gives Laplace noise.'),
        ...budgetOptions,
      }),
      examples: [
        'merlon dataset query people.csv --count --where city=Graz --epsilon 0.5',
        'merlon dataset query people.csv --mean age --bounds 0,100 --epsilon 0.2 --json',
      ],
      async run({ args, options }, io) {
        const { planQuery } = await import('./query.ts');
        const { parseRational } = await import('./rational.ts');
        const { readTable, recordsOf, requireColumn } = await import('../anonymise/table.ts');
        const { file, name } = await placeOf(deps, args['file'] ?? options.dataset, options.budget, io);
        const query = queryOf(options);
        const plan = planQuery(query, parseRational(options.epsilon), options.delta);
        const table = await readTable(file);
        for (const column of [...('column' in query ? [query.column] : []), ...Object.keys(query.where)])
          requireColumn(table, column);
        const dataset = name ?? table.digest;
        const { budgets, close } = await deps.openBudgets();
        try {
          const { id, spent, left } = await budgets.reserve({
            dataset,
            cost: plan.cost,
            purpose: `query ${query.kind}`,
            requester: requesterOf(io),
          });
          const { value, noise } = plan.answer(recordsOf(table), deps.random ?? systemRandom());
          await budgets.release(id);
          if (io.json) {
            const { delta } = await budgets.get(dataset);
            io.out(
              JSON.stringify({
                dataset,
                query,
                value,
                noise,
                epsilon: Number(options.epsilon),
                delta: options.delta,
                budget: { spent, left, delta },
                spent,
                left,
                reservation: id,
              }),
            );
          } else {
            if (typeof value === 'number') io.out(String(value));
            else for (const [key, count] of Object.entries(value)) io.out(`${key}\t${count}`);
            io.note(
              `±${Number(noise.scale.toPrecision(4))} (one standard deviation); ε ${show(spent)} spent, ${show(left)} left`,
            );
          }
          return 0;
        } finally {
          await close();
        }
      },
    }),
    defineCommand({
      name: 'dataset synthesize',
      summary: 'write a synthetic table that keeps what predicts the label, with differential privacy',
      arguments: [{ name: 'file', description: 'CSV, JSON Lines or a registered dataset' }],
      options: z.object({
        label: z.string().describe('Column that a model is to predict.'),
        epsilon: z.string().describe('ε of the whole table, as a decimal.'),
        delta: z.coerce.number().gt(0).lt(1).default(defaultBudget.delta).describe('δ of the whole table.'),
        rows: z.coerce
          .number()
          .int()
          .positive()
          .max(10_000_000)
          .optional()
          .describe('By default a private estimate of how many there are.'),
        bounds: z
          .array(z.string())
          .default([])
          .describe(
            'COL=LOW,HIGH for a column of mostly distinct numbers. May repeat. Never taken from the data.',
          ),
        out: z.string().describe('File to write, CSV or JSON Lines by its name.'),
        skipEvaluation: z
          .boolean()
          .default(false)
          .describe('Do not compare models trained on both. The comparison reads the data without noise.'),
        ...budgetOptions,
      }),
      examples: [
        'merlon dataset synthesize people.csv --label income --epsilon 1 --delta 1e-6 --out people-synthetic.csv',
      ],
      async run({ args, options }, io) {
        const { planSynthesis } = await import('./synthesis.ts');
        const { evaluateSynthesis } = await import('./evaluation.ts');
        const { parseRational, toNumber } = await import('./rational.ts');
        const { readTable, writeWhole, printTable, formatFor } = await import('../anonymise/table.ts');
        const { file, name } = await placeOf(deps, args['file'], options.budget, io);
        const out = resolve(io.cwd, options.out);
        if (out === file)
          throw new Problem('USAGE', { detail: '`--out` is the input', fix: 'Name another file.' });
        const epsilon = toNumber(parseRational(options.epsilon));
        const table = await readTable(file);
        const plan = planSynthesis({
          columns: table.columns,
          label: options.label,
          epsilon,
          delta: options.delta,
          bounds: Object.fromEntries(options.bounds.map((text) => rangeOf(text, table.columns))),
        });
        const dataset = name ?? table.digest;
        const { budgets, close } = await deps.openBudgets();
        try {
          const { id, spent, left } = await budgets.reserve({
            dataset,
            cost: plan.cost,
            purpose: `synthesize for ${options.label}`,
            requester: requesterOf(io),
          });
          const random = deps.random ?? systemRandom();
          const model = plan.fit(table.rows, random);
          const rows = model.sample(options.rows ?? model.rows, random);
          await writeWhole(
            out,
            printTable({ columns: table.columns, rows, format: formatFor(out, table.format) }),
          );
          await budgets.release(id);
          const report = options.skipEvaluation
            ? undefined
            : evaluateSynthesis(table.columns, table.rows, rows, options.label);
          if (io.json)
            io.out(
              JSON.stringify({
                dataset,
                out,
                rows: rows.length,
                tree: model.tree,
                unknown: model.unknown,
                ...(report && { utility: report }),
                epsilon,
                delta: options.delta,
                spent,
                left,
                reservation: id,
              }),
            );
          else {
            io.out(`${options.out}: ${rows.length} synthetic rows`);
            if (report)
              io.out(
                `predicting ${report.label} on real rows: accuracy ${show(report.real.accuracy)} trained on real, ` +
                  `${show(report.synthetic.accuracy)} on synthetic; AUC ${show(report.real.auc)}, ${show(report.synthetic.auc)} (majority ${show(report.majority)})`,
              );
            if (model.unknown.length > 0)
              io.note(
                `Nothing in ${model.unknown.join(', ')} is frequent enough to be known; for numbers give --bounds COL=LOW,HIGH.`,
              );
            io.note(`ε ${show(spent)} spent, ${show(left)} left`);
          }
          return 0;
        } finally {
          await close();
        }
      },
    }),
    defineCommand({
      name: 'dataset budget',
      summary: 'show or set what a dataset may lose in all',
      arguments: [{ name: 'file', description: 'CSV, JSON Lines or a registered dataset', optional: true }],
      options: z.object({
        epsilon: z.coerce.number().optional().describe('Sets ε in all.'),
        delta: z.coerce.number().optional().describe('Sets the δ at which ε is counted.'),
        ...budgetOptions,
      }),
      examples: ['merlon dataset budget people.csv --epsilon 2 --delta 1e-6', 'merlon dataset budget'],
      async run({ args, options }, io) {
        const { budgets, close } = await deps.openBudgets();
        try {
          let shown;
          if (args['file'] === undefined && options.budget === undefined) {
            if (options.epsilon !== undefined || options.delta !== undefined)
              throw new Problem('USAGE', { detail: 'which dataset?', fix: 'Give a file or --budget NAME.' });
            shown = await budgets.list();
          } else {
            let dataset = options.budget;
            if (dataset === undefined) {
              const place = await placeOf(deps, args['file'], undefined, io);
              const { readTable } = await import('../anonymise/table.ts');
              dataset = place.name ?? (await readTable(place.file)).digest;
            }
            const now = await budgets.get(dataset);
            shown = [
              options.epsilon === undefined && options.delta === undefined
                ? now
                : await budgets.set(
                    dataset,
                    { epsilon: options.epsilon ?? now.epsilon, delta: options.delta ?? now.delta },
                    requesterOf(io),
                  ),
            ];
          }
          if (io.json) io.out(JSON.stringify({ budgets: shown }));
          else {
            if (shown.length === 0) io.note('No budgets yet: the first `merlon dataset query` opens one.');
            for (const { dataset, epsilon, delta, spent, left, spends } of shown)
              io.out(
                `${dataset}  ε ${epsilon} at δ ${delta}: ${show(spent)} spent in ${spends.length} releases, ${show(left)} left`,
              );
          }
          return 0;
        } finally {
          await close();
        }
      },
    }),
  ];
}

/** The file of a dataset, and the name of its budget where one is known without reading it. */
export async function placeOf(
  deps: Pick<PrivacyCommandDeps, 'locate'>,
  dataset: string | undefined,
  budget: string | undefined,
  io: Pick<Io, 'cwd'>,
): Promise<{ file: string; name: string | undefined }> {
  if (dataset === undefined)
    throw new Problem('USAGE', {
      detail: 'which dataset?',
      fix: 'Give a file: `merlon dataset query people.csv …`.',
    });
  const known = await deps.locate?.(dataset);
  return { file: known?.file ?? resolve(io.cwd, dataset), name: budget ?? known?.id };
}

export const requesterOf = ({ env }: Pick<Io, 'env'>): string => env['USER'] ?? env['LOGNAME'] ?? 'cli';

interface QueryOptions {
  query?: string | undefined;
  count: boolean;
  sum?: string | undefined;
  mean?: string | undefined;
  histogram?: string | undefined;
  quantile?: string | undefined;
  q?: number | undefined;
  bounds?: string | undefined;
  values?: string | undefined;
  where: string[];
}

/** @throws Problem USAGE or INPUT_INVALID that shows how a question is asked */
export function queryOf(options: QueryOptions): Query {
  const asked = (['sum', 'mean', 'histogram', 'quantile'] as const).filter(
    (kind) => options[kind] !== undefined,
  );
  const questions = asked.length + Number(options.count) + Number(options.query !== undefined);
  if (questions !== 1)
    throw new Problem('USAGE', {
      detail: questions === 0 ? 'what is the question?' : 'one question at a time',
      fix: 'Use one of --count, --sum COL, --mean COL, --histogram COL, --quantile COL or --query JSON.',
    });
  let raw: unknown;
  if (options.query === undefined) {
    const kind = asked[0];
    const where = Object.fromEntries(options.where.map(condition));
    raw =
      kind === undefined
        ? { kind: 'count', where }
        : {
            kind,
            column: options[kind],
            where,
            ...(options.bounds !== undefined && { bounds: options.bounds.split(',').map(Number) }),
            ...(kind === 'histogram' && { values: options.values?.split(',') }),
            ...(kind === 'quantile' && options.q !== undefined && { q: options.q }),
          };
  } else {
    try {
      raw = JSON.parse(options.query);
    } catch {
      throw new Problem('INPUT_INVALID', {
        detail: '`--query` is not JSON',
        fix: `Write it like '{"kind":"count","where":{"city":"Graz"}}'.`,
      });
    }
  }
  const parsed = Query.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Problem('INPUT_INVALID', {
    detail: `the question: ${issue?.path.join('.') || 'kind'}: ${issue?.message ?? 'invalid'}`,
    fix: 'Sums, means and quantiles need --bounds LOW,HIGH, histograms need --values A,B,C.',
  });
}

function condition(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new Problem('USAGE', { detail: `\`${text}\` is not COL=VALUE`, fix: 'Write `--where city=Graz`.' });
}

function rangeOf(text: string, columns: readonly string[]): [string, [number, number]] {
  const [column, range] = condition(text);
  const [low, high, ...more] = range.split(',').map(Number);
  if (!(low! < high!) || more.length > 0)
    throw new Problem('USAGE', {
      detail: `\`${text}\` is not COL=LOW,HIGH`,
      fix: 'Write `--bounds income=0,200000`.',
    });
  if (!columns.includes(column))
    throw new Problem('INPUT_INVALID', { detail: `there is no column \`${column}\`` });
  return [column, [low!, high!]];
}

const show = (epsilon: number): string => Number(epsilon.toPrecision(6)).toString();
