import type { Readable, Writable } from 'node:stream';
import type { z } from 'zod';

/** 0 done and good, 1 done and the answer is bad, 2 wrong use or bad input, 3 something needed is not there or broke. */
export type ExitCode = 0 | 1 | 2 | 3;

/** The outside world of a command. Human output is text lines; with `--json` exactly one JSON value or JSON Lines. */
export interface Io {
  stdin: Readable;
  stdout: Writable;
  cwd: string;
  env: Record<string, string | undefined>;
  json: boolean;
  /** Colour is allowed: a terminal, no NO_COLOR, no --json. */
  color: boolean;
  /** A line on standard output. */
  out(line: string): void;
  /** A line on standard error. */
  note(line: string): void;
  /** Progress bar on standard error, silent when it is not a terminal. */
  progress(label: string, total: number): { tick(done: number, note?: string): void; end(): void };
}

export interface CommandArgument {
  name: string;
  description: string;
  optional?: boolean;
  variadic?: boolean;
}

/** One command of `merlon`. Heavy code is imported inside `run`. */
export interface Command {
  /** Words, such as `model check`. */
  name: string;
  summary: string;
  arguments?: readonly CommandArgument[];
  /** Camel-case keys become `--kebab-case`; booleans are flags; arrays repeat; descriptions are the help. `--json` is always there. */
  options?: z.ZodObject;
  /** Lines for the end of `--help`. */
  examples?: readonly string[];
  // oxlint-disable-next-line typescript/no-explicit-any -- each command knows the types its own schema gives
  run(input: { args: Record<string, any>; options: any }, io: Io): Promise<ExitCode>;
}

export function defineCommand<O extends z.ZodObject>(command: {
  name: string;
  summary: string;
  arguments?: readonly CommandArgument[];
  options?: O;
  examples?: readonly string[];
  run(
    input: { args: Record<string, string | undefined> & { rest?: string[] }; options: z.infer<O> },
    io: Io,
  ): Promise<ExitCode>;
}): Command {
  return command;
}
