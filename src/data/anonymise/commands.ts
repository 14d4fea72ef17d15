import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { defineCommand, type Command } from '../../kernel/command.ts';
import type { Finding } from '../../kernel/finding.ts';
import { Problem } from '../../kernel/problem.ts';
import type { Secret } from '../../kernel/secret.ts';

export interface AnonymiseCommandDeps {
  /** 32 bytes for one purpose (always below `data/pseudonyms/`), derived from key custody; called only when a column needs it. */
  pseudonymKey(purpose: string): Promise<Secret<Buffer>>;
  /** Detectors of personal data and secrets in free text; the shipped personal-data detectors by default. */
  detect?(text: string): readonly Pick<Finding, 'type' | 'start' | 'end'>[];
  locate?(dataset: string): Promise<{ file: string; id: string } | undefined>;
}

export function commands(deps: AnonymiseCommandDeps): Command[] {
  return [
    defineCommand({
      name: 'dataset anonymize',
      summary: 'write a table in which nobody stands out: k-anonymity, l-diversity, t-closeness, pseudonyms',
      arguments: [{ name: 'file', description: 'CSV, JSON Lines or a registered dataset' }],
      options: z.object({
        config: z
          .string()
          .describe('YAML: a role per column and the goals. See docs/guides/anonymisation.md.'),
        out: z
          .string()
          .describe('File to write, CSV or JSON Lines by its name; only when the goals are met.'),
        report: z.string().optional().describe('Also write the risk and utility report as JSON.'),
      }),
      examples: [
        'merlon dataset anonymize people.csv --config anonymize.yaml --out people-k5.csv --report risk.json',
      ],
      async run({ args, options }, io) {
        const { parse } = await import('yaml');
        const { parseConfig } = await import('./config.ts');
        const { anonymise } = await import('./anonymise.ts');
        const { Pseudonyms } = await import('./pseudonyms.ts');
        const { detectPii } = await import('../../inspection/pii/detector.ts');
        const { Secret } = await import('../../kernel/secret.ts');
        const { readTable, readRecords, writeWhole, printTable, formatFor } = await import('./table.ts');
        const dataset = args['file']!;
        const input = (await deps.locate?.(dataset))?.file ?? resolve(io.cwd, dataset);
        const file = resolve(io.cwd, options.config);
        const out = resolve(io.cwd, options.out);
        if (out === input)
          throw new Problem('USAGE', { detail: '`--out` is the input', fix: 'Name another file.' });
        let yaml: unknown;
        try {
          yaml = parse(await readFile(file, 'utf8'));
        } catch (error) {
          throw new Problem('CONFIG_INVALID', {
            detail: `\`${options.config}\` cannot be read as YAML`,
            facts: { file },
            cause: error,
          });
        }
        const config = parseConfig(yaml, file);
        const table = await readTable(input);
        const keyed = Object.values(config.columns).some(
          ({ do: treatment }) => treatment === 'pseudonym' || treatment === 'redact',
        );
        const key = keyed
          ? await deps.pseudonymKey(`data/pseudonyms/${config.purpose}`)
          : new Secret(Buffer.alloc(0));
        const bar = io.progress('lattice', 0);
        const { table: result, report } = await anonymise(table, config, {
          pseudonyms: new Pseudonyms(key),
          detect: deps.detect ?? detectPii,
          hierarchyRows: (name) => readRecords(resolve(dirname(file), name)),
          onNode: (done) => bar.tick(done),
        });
        bar.end();
        if (result) await writeWhole(out, printTable({ ...result, format: formatFor(out, table.format) }));
        if (options.report !== undefined)
          await writeWhole(resolve(io.cwd, options.report), `${JSON.stringify(report, undefined, 2)}\n`);
        if (io.json) io.out(JSON.stringify({ ...(result && { out }), ...report }));
        else if (!report.met) io.out(`The goals cannot be met: ${report.reason!}. Nothing was written.`);
        else {
          const { risk, utility } = report;
          io.out(`${options.out}: ${utility!.rows} rows, ${utility!.suppressed} taken out`);
          io.out(
            `highest risk ${percent(risk!.before.prosecutor.highest)} → ${percent(risk!.after.prosecutor.highest)}, ` +
              `unique rows ${percent(risk!.before.uniqueness)} → ${percent(risk!.after.uniqueness)}, information lost ${percent(utility!.ncp)}`,
          );
          const task = utility!.task;
          if (task)
            io.out(
              `predicting ${task.label}: accuracy ${percent(task.original.accuracy)} → ${percent(task.anonymised.accuracy)}, ` +
                `AUC ${task.original.auc.toFixed(3)} → ${task.anonymised.auc.toFixed(3)} (always the majority: ${percent(task.majority)})`,
            );
        }
        return report.met ? 0 : 1;
      },
    }),
  ];
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`;
