import { Command as Commander, CommanderError, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import type { Command, ExitCode, Io } from '../kernel/command.ts';
import { Problem } from '../kernel/problem.ts';
import { problems } from '../kernel/problems.ts';

interface Property {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: string[];
  items?: Property;
}

const kebab = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const groups: Record<string, string> = {
  model: 'Question 1: what are we working on?',
  catalogue: 'Catalogues: list, show, compare',
  key: 'Client keys of the gateway',
  ledger: 'The tamper-evident log',
  access: 'Sign-in to the console',
  vault: 'Encryption: containers, keys, shredding',
  dataset: 'Datasets: scan, approve, anonymise, query with a privacy budget',
  artifact: 'Model files: scan, sign, verify, registry with a load gate',
  monitor: 'How models behave in traffic, and what drifted',
  watermark: 'Text watermarks and fingerprints of weights',
  'language-model': 'The embedded language model of the labs',
  'privacy-lab': 'What a model remembers of its training text',
  robustness: 'Attack and harden text classifiers',
  encrypted: 'Scoring of text that the server cannot read',
};

/**
 * Interprets the commands that capabilities declare. Never throws: a Problem becomes its text and exit code, anything
 * else is a bug, shown as such with exit code 3.
 */
export async function run(
  argv: readonly string[],
  commands: readonly Command[],
  io: Omit<Io, 'json'>,
  about: { name: string; version: string; description: string; epilogue: string },
): Promise<ExitCode> {
  let exit: ExitCode = 0;
  const program = new Commander(about.name)
    .description(about.description)
    .version(about.version, '-V, --version')
    .showHelpAfterError(`Run \`${about.name} --help\` for the commands.`)
    .addHelpText('after', `\n${about.epilogue}`);
  const quiet = (one: Commander) =>
    one.exitOverride().configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.note(text.trimEnd()),
    });
  quiet(program);

  const parents = new Map<string, Commander>();
  for (const command of commands) {
    const words = command.name.split(' ');
    let parent = program;
    for (let depth = 1; depth < words.length; depth += 1) {
      const group = words.slice(0, depth).join(' ');
      parent =
        parents.get(group) ??
        quiet(parent.command(words[depth - 1]!).description(groups[group] ?? `Commands of ${group}`));
      parents.set(group, parent);
    }
    const spec = quiet(parent.command(words.at(-1)!).description(command.summary));
    declare(spec, command);
    spec.action(async (...given: unknown[]) => {
      const raw = spec.opts<Record<string, unknown>>();
      const names = command.arguments ?? [];
      const args = Object.fromEntries(names.map((one, index) => [one.name, given[index]]));
      exit = await command.run(
        { args, options: parseOptions(command, raw) },
        { ...io, json: raw['json'] === true },
      );
    });
  }

  try {
    await program.parseAsync(['node', about.name, ...argv]);
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return report(error, io, argv.includes('--json'));
  }
}

function declare(spec: Commander, command: Command): void {
  for (const { name, description, optional, variadic } of command.arguments ?? []) {
    const body = variadic ? `${name}...` : name;
    spec.argument(optional ? `[${body}]` : `<${body}>`, description);
  }
  const schema = z.toJSONSchema(command.options ?? z.object({}), { io: 'input', unrepresentable: 'any' });
  const required = new Set(schema.required ?? []);
  for (const [key, property] of Object.entries((schema.properties ?? {}) as Record<string, Property>)) {
    const value =
      property.type === 'boolean'
        ? ''
        : property.type === 'array'
          ? ` <${kebab(key)}...>`
          : ` <${kebab(key)}>`;
    const option = new Option(`--${kebab(key)}${value}`, property.description ?? '');
    if (property.enum) option.choices(property.enum);
    if (property.type === 'number' || property.type === 'integer') option.argParser(number);
    if (property.default !== undefined) option.default(property.default);
    if (required.has(key)) option.makeOptionMandatory();
    spec.addOption(option);
  }
  spec.option('--json', 'one JSON value, or JSON Lines where a stream is natural');
  if (command.examples)
    spec.addHelpText('after', `\nExamples:\n${command.examples.map((line) => `  ${line}`).join('\n')}`);
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('a number is expected.');
  return value;
}

function parseOptions(command: Command, raw: Record<string, unknown>): unknown {
  if (!command.options) return {};
  const { json: _, ...given } = raw;
  const parsed = command.options.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new Problem('USAGE', {
    detail: `\`--${kebab(issue.path.join('.'))}\`: ${issue.message}`,
    fix: `Run \`merlon ${command.name} --help\` for the options.`,
  });
}

function report(error: unknown, io: Omit<Io, 'json'>, json: boolean): ExitCode {
  if (error instanceof Problem) {
    if (json) io.note(JSON.stringify(error));
    else {
      const { file, line, column, excerpt } = error.facts;
      const place =
        typeof file === 'string'
          ? [file, ...[line, column].filter((part) => typeof part === 'number')].join(':')
          : undefined;
      io.note(`error: ${place === undefined ? '' : `${place}: `}${error.detail}`);
      if (typeof excerpt === 'string') io.note(excerpt);
      if (error.fix) io.note(`fix: ${error.fix}`);
      io.note(`code: ${error.code}`);
    }
    return problems[error.code].exit;
  }
  io.note(
    `this is an error of ours, please report it:\n${error instanceof Error ? error.stack : String(error)}`,
  );
  return 3;
}
