import { readFile, rename, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { defineCommand, type Command, type ExitCode, type Io } from '../../kernel/command.ts';
import type { Surface } from '../../kernel/finding.ts';
import { Problem } from '../../kernel/problem.ts';
import { Secret } from '../../kernel/secret.ts';
import type { AttackReport, Target } from './attack.ts';
import type { TextClassifier } from './classifier.ts';
import type { GateVerdict, Measure } from './harden.ts';

export interface RobustnessCommandDeps {
  /** Score of Merlon's own injection model, 0..1, and its shipped threshold. */
  injection(): Promise<{ score(text: string, surface: Surface): number; threshold: number }>;
}

const list = (text: string): string[] =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');

export function commands(deps: RobustnessCommandDeps): Command[] {
  return [
    defineCommand({
      name: 'robustness attack',
      summary:
        'change texts so that people still understand them, and count how many a model no longer finds',
      options: z.object({
        target: z
          .string()
          .default('injection')
          .describe(
            '`injection` (our own model), a base URL of an OpenAI-compatible API, a file of `robustness train`, or `command:PROGRAM`.',
          ),
        arg: z.array(z.string()).default([]).describe('Argument of the program; may be repeated.'),
        input: z
          .string()
          .describe('JSON Lines of `{text, label}`; texts with a positive label are attacked.'),
        model: z.string().optional().describe('Model of the API.'),
        keyEnv: z.string().optional().describe('Environment variable that holds the API key.'),
        surface: z
          .enum(['user', 'system', 'document', 'tool_result', 'assistant', 'tool_call'])
          .default('user')
          .describe('Where the texts would stand, for our own model.'),
        operators: z.string().optional().describe('Operators, separated by commas; all by default.'),
        queries: z
          .number()
          .int()
          .min(1)
          .max(1000)
          .default(40)
          .describe('Most questions per text in the search.'),
        operatorsOnly: z.boolean().default(false).describe('Leave out the search word by word.'),
        limit: z.number().int().min(1).default(100).describe('Most texts that are attacked.'),
        threshold: z.number().min(0).max(1).optional().describe('Score from which a text counts as found.'),
        failAbove: z
          .number()
          .min(0)
          .max(1)
          .optional()
          .describe('Exit 1 when any operator, or the search, evades more than this share.'),
        seed: z.number().int().default(1).describe('Seed of the changes.'),
      }),
      examples: [
        'merlon robustness attack --input attacks.jsonl --limit 50',
        'merlon robustness attack --target command:python3 --arg classify.py --input attacks.jsonl --fail-above 0.3',
      ],
      async run({ options }, io) {
        const { attack } = await import('./attack.ts');
        const { operatorsOf } = await import('./harden.ts');
        const { operatorIds } = await import('./operators.ts');
        const { readLabelled } = await import('./input.ts');
        const operators = operatorsOf(
          options.operators === undefined ? operatorIds : list(options.operators),
        );
        const { texts } = await readLabelled(resolve(io.cwd, options.input));
        const attacked = texts.filter(({ label }) => label === 1).slice(0, options.limit);
        if (attacked.length === 0)
          throw new Problem('INPUT_INVALID', {
            detail: `\`${options.input}\` has no text with a positive label`,
            fix: 'Mark what must be found with `"label": 1`.',
          });
        const { target, close } = await targetOf(deps, options, io);
        const bar = io.progress('attacking', attacked.length);
        try {
          const report = await attack(
            target,
            attacked.map(({ text }) => text),
            { ...options, search: !options.operatorsOnly, operators, onText: (done) => bar.tick(done) },
          );
          bar.end();
          if (io.json) io.out(JSON.stringify(report));
          else for (const line of attackLines(report)) io.out(line);
          const worst = Math.max(...report.operators.map(({ rate }) => rate), report.search?.rate ?? 0);
          return options.failAbove !== undefined && worst > options.failAbove ? 1 : 0;
        } finally {
          bar.end();
          await close();
        }
      },
    }),
    defineCommand({
      name: 'robustness train',
      summary:
        'train a text classifier against changed texts; nothing is written when the result is worse (exit 1)',
      options: z.object({
        input: z.string().describe('JSON Lines of `{text, label}`.'),
        out: z.string().describe('File of the new classifier.'),
        baseline: z
          .string()
          .optional()
          .describe('Classifier that it replaces; by default one trained on the texts as they are.'),
        heldOut: z.string().optional().describe('Operators that only the measure uses, separated by commas.'),
        trained: z.string().optional().describe('Operators that training uses, separated by commas.'),
        rounds: z.number().int().min(1).max(6).default(2).describe('Rounds of attack and training.'),
        epochs: z.number().int().min(1).max(50).default(5).describe('Passes over the texts per training.'),
        limit: z.number().int().min(200).default(20_000).describe('Most texts that are read.'),
        dimensions: z
          .number()
          .int()
          .min(1024)
          .max(1 << 22)
          .default(1 << 18)
          .describe('Hashed features; a power of two.'),
        seed: z.number().int().default(1).describe('Seed of changes and order.'),
      }),
      examples: ['merlon robustness train --input labelled.jsonl --out guard.json'],
      async run({ options }, io) {
        const { encodeClassifier } = await import('./classifier.ts');
        const { harden } = await import('./harden.ts');
        const { readLabelled } = await import('./input.ts');
        if (!Number.isInteger(Math.log2(options.dimensions)))
          throw new Problem('USAGE', {
            detail: `\`${options.dimensions}\` is not a power of two`,
            fix: 'Take 1024, 4096, 65536 or 262144.',
          });
        const { texts } = await readLabelled(resolve(io.cwd, options.input), { limit: options.limit });
        const baseline =
          options.baseline === undefined ? undefined : await readClassifier(io, options.baseline);
        const { model, ...report } = harden(texts, {
          rounds: options.rounds,
          epochs: options.epochs,
          dimensions: options.dimensions,
          seed: options.seed,
          ...(options.heldOut === undefined ? {} : { heldOut: list(options.heldOut) }),
          ...(options.trained === undefined ? {} : { trained: list(options.trained) }),
          ...(baseline === undefined ? {} : { baseline }),
          onStep: (step) => io.note(step),
        });
        if (report.verdict.passed) {
          const path = resolve(io.cwd, options.out);
          await writeFile(`${path}.new`, encodeClassifier(model));
          await rename(`${path}.new`, path);
        }
        return tell(
          io,
          report,
          report.verdict.passed ? `Written: ${options.out}` : 'Refused, nothing was written',
        );
      },
    }),
    defineCommand({
      name: 'robustness gate',
      summary: 'compare a classifier with the one it replaces, clean and attacked; exit 1 when it is worse',
      options: z.object({
        model: z.string().describe('The new classifier.'),
        baseline: z.string().describe('The classifier that it replaces.'),
        input: z.string().describe('JSON Lines of `{text, label}` that neither was trained on.'),
        limit: z.number().int().min(1).default(5000).describe('Most texts that are read.'),
        seed: z.number().int().default(1).describe('Seed of the changes.'),
      }),
      examples: ['merlon robustness gate --model new.json --baseline guard.json --input held-out.jsonl'],
      async run({ options }, io) {
        const { gate, heldOutByDefault, measure, operatorsOf, trainedByDefault } =
          await import('./harden.ts');
        const { readLabelled } = await import('./input.ts');
        const { texts } = await readLabelled(resolve(io.cwd, options.input), { limit: options.limit });
        const how = {
          trained: operatorsOf(trainedByDefault),
          heldOut: operatorsOf(heldOutByDefault),
          seed: options.seed,
        };
        const before = measure(await readClassifier(io, options.baseline), texts, how);
        const after = measure(await readClassifier(io, options.model), texts, how);
        const verdict = gate(before, after);
        return tell(io, { before, after, verdict }, verdict.passed ? 'Passed' : 'Refused');
      },
    }),
  ];
}

function tell(
  io: Io,
  report: { before: Measure; after: Measure; verdict: GateVerdict },
  outcome: string,
): ExitCode {
  const { before, after, verdict } = report;
  if (io.json) io.out(JSON.stringify(report));
  else {
    const row = (name: string, old: number, fresh: number) =>
      io.out(`${name.padEnd(34)} ${percent(old)} → ${percent(fresh)}`);
    row('clean', before.clean, after.clean);
    row('false positives', before.falsePositives, after.falsePositives);
    row('robust recall, operators held out', before.robustHeldOut, after.robustHeldOut);
    row('robust recall, trained operators', before.robustTrained, after.robustTrained);
    for (const [index, { operator, heldOut, recall }] of after.operators.entries())
      row(`  ${operator}${heldOut ? ' (held out)' : ''}`, before.operators[index]!.recall, recall);
    io.out(outcome);
    for (const reason of verdict.reasons) io.out(`  ${reason}`);
  }
  return verdict.passed ? 0 : 1;
}

interface TargetOptions {
  target: string;
  arg: string[];
  model?: string | undefined;
  keyEnv?: string | undefined;
  surface: Surface;
  threshold?: number | undefined;
}

async function targetOf(
  deps: RobustnessCommandDeps,
  options: TargetOptions,
  io: Io,
): Promise<{ target: Target; close(): Promise<void> }> {
  const { target: name, threshold } = options;
  const close = () => Promise.resolve();
  if (name === 'injection') {
    const { score, threshold: shipped } = await deps.injection();
    const target: Target = {
      name,
      threshold: threshold ?? shipped,
      score: (text) => score(text, options.surface),
    };
    return { target, close };
  }
  if (name.startsWith('command:')) {
    const { commandTarget } = await import('./command-target.ts');
    const target = commandTarget([name.slice('command:'.length), ...options.arg], {
      cwd: io.cwd,
      env: io.env,
      threshold: threshold ?? 0.5,
    });
    return { target, close: () => target.close() };
  }
  if (/^https?:\/\//.test(name)) return { target: await endpointTarget(options, io), close };
  const { classify } = await import('./classifier.ts');
  const model = await readClassifier(io, name);
  return {
    target: { name, threshold: threshold ?? model.threshold, score: (text) => classify(model, text) },
    close,
  };
}

/** A model behind an API finds a text when it refuses it, or when what stands before it does. */
async function endpointTarget({ target: url, model, keyEnv }: TargetOptions, io: Io): Promise<Target> {
  const { askEndpoint } = await import('../monitoring/endpoint.ts');
  const { isRefusal } = await import('../monitoring/signals.ts');
  if (model === undefined)
    throw new Problem('USAGE', { detail: 'an API needs `--model`', fix: 'Name the model to ask.' });
  const key = keyEnv === undefined ? undefined : io.env[keyEnv];
  return {
    name: `${url} ${model}`,
    threshold: 0.5,
    async score(text) {
      const answer = await askEndpoint({ url, model, ...(key ? { key: new Secret(key) } : {}) }, text);
      return answer.filtered || isRefusal(answer.text) ? 1 : 0;
    },
  };
}

async function readClassifier(io: Io, file: string): Promise<TextClassifier> {
  const { parseClassifier } = await import('./classifier.ts');
  let text: string;
  try {
    text = await readFile(resolve(io.cwd, file), 'utf8');
  } catch (cause) {
    throw new Problem('FILE_UNREADABLE', { detail: `\`${file}\` cannot be read`, facts: { file }, cause });
  }
  return parseClassifier(text, file);
}

function attackLines(report: AttackReport): string[] {
  const row = (
    name: string,
    family: string,
    { rate, evaded, tried, queries }: AttackReport['operators'][number],
  ) =>
    `${name.padEnd(14)} ${family.padEnd(10)} ${percent(rate)}  ${`${evaded}/${tried}`.padStart(9)}  ${String(queries).padStart(7)} queries`;
  const rows = [...report.operators]
    .sort((a, b) => b.rate - a.rate)
    .map((one) => row(one.operator, one.family, one));
  if (report.search)
    rows.push(row('search', 'all', { operator: 'search', family: 'wording', ...report.search }));
  return [
    `${report.target}: finds ${report.detected} of ${report.texts} texts as they are (threshold ${report.threshold})`,
    'OPERATOR       FAMILY     EVADED',
    ...rows,
    `Found whatever is tried: ${percent(report.robustRecall).trim()} of all texts. ${report.queries} queries.`,
  ];
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`.padStart(7);
