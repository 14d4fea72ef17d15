import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { defineCommand, type Command, type ExitCode, type Io } from '../../kernel/command.ts';
import { Problem } from '../../kernel/problem.ts';
import type { Shredded } from './keeper.ts';
import type { FileOptions, Inspection, Vault } from './vault.ts';

export interface VaultCommandDeps {
  /** The running control plane, if there is one; paths are under `/api`. It alone writes the ledger while it runs. */
  controlPlane(): { post<T>(path: string, body: unknown): Promise<T> } | undefined;
  /** The vault on the state folder of this place. Its `record` may open the ledger only when nothing else has it. */
  openVault(): Promise<{ vault: Vault; close(): Promise<void> }>;
}

const extension = '.vault';
const fileArgument = {
  name: 'file',
  description: 'the file; `-` or nothing is standard input',
  optional: true,
};
const filesArgument = { name: 'file', description: 'containers', variadic: true };
const shared = {
  out: z
    .string()
    .optional()
    .describe('Where to write; `-` is standard output, which is also where standard input goes.'),
  force: z.boolean().default(false).describe('Replace a file that is already there.'),
  threads: z
    .number()
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe('Worker threads for a file; by its size when not given.'),
};

export function commands(deps: VaultCommandDeps): Command[] {
  return [
    defineCommand({
      name: 'vault encrypt',
      summary: 'encrypt a file or standard input with AES-256-GCM under a key of its own',
      arguments: [fileArgument],
      options: z.object({
        ...shared,
        subject: z
          .string()
          .optional()
          .describe(
            'The person whom the content is about: `vault shred --subject` destroys it, wherever copies are.',
          ),
        portable: z
          .boolean()
          .default(false)
          .describe(
            'Opens with the custodian of the root key alone, without this store; cannot be shredded by its key.',
          ),
      }),
      examples: [
        'merlon vault encrypt customers.csv --subject "customer 4711"',
        'pg_dump crm | merlon vault encrypt > crm.sql.vault',
      ],
      run: ({ args, options }, io) =>
        withVault(deps, async (vault) => {
          const { from, to } = places(io, args['file'], options.out, (name) => name + extension);
          const how = {
            ...(options.subject === undefined ? {} : { person: options.subject }),
            portable: options.portable,
          };
          if (from === undefined || to === undefined || !(await isFile(from))) {
            const { chunks, ...made } = await vault.encryptStream(sourceOf(io, from), how);
            await deliver(io, chunks, to, options.force);
            return tell(io, to, { ...made, out: to ?? '-' }, `Encrypted as object ${made.object}.`);
          }
          const size = (await stat(from)).size;
          const made = await withProgress(io, 'encrypting', size, options, (file) =>
            vault.encryptFile(from, to, { ...how, ...file }),
          );
          return tell(
            io,
            to,
            { ...made, out: to },
            `Encrypted ${made.bytes} bytes into ${to}, object ${made.object}.`,
          );
        }),
    }),
    defineCommand({
      name: 'vault decrypt',
      summary: 'decrypt a container; a damaged one writes no file, and no unverified byte to standard output',
      arguments: [fileArgument],
      options: z.object(shared),
      examples: [
        'merlon vault decrypt customers.csv.vault',
        'merlon vault decrypt < crm.sql.vault | psql crm',
      ],
      run: ({ args, options }, io) =>
        withVault(deps, async (vault) => {
          const { from, to } = places(io, args['file'], options.out, withoutExtension);
          if (from === undefined || to === undefined || !(await isFile(from))) {
            const { chunks, object } = await vault.decryptStream(sourceOf(io, from));
            await deliver(io, chunks, to, options.force);
            return tell(io, to, { object, out: to ?? '-' }, `Decrypted object ${object}.`);
          }
          const size = (await stat(from)).size;
          const made = await withProgress(io, 'decrypting', size, options, (file) =>
            vault.decryptFile(from, to, file),
          );
          return tell(io, to, { ...made, out: to }, `Decrypted ${made.bytes} bytes into ${to}.`);
        }),
    }),
    defineCommand({
      name: 'vault rewrap',
      summary: 'wrap keys again under the current root key, in place; contents are not touched',
      arguments: [{ ...filesArgument, optional: true }],
      options: z.object({
        newKey: z.boolean().default(false).describe('Make a new root key version first.'),
      }),
      examples: ['merlon vault rewrap --new-key data/*.vault'],
      run: ({ args, options }, io) =>
        withVault(deps, async (vault) => {
          const running = deps.controlPlane();
          const rotated = await (running
            ? running.post<{ keyId: string; keys: number }>('/vault/rotate', { newVersion: options.newKey })
            : vault.rotate({ newVersion: options.newKey }));
          const files = listed(args['file']);
          const bar = io.progress('rewrapping', files.length);
          const results: Rewrapped[] = Array.from({ length: files.length });
          let next = 0;
          let done = 0;
          // Each waits for the disk once: many at a time wait together.
          const worker = async (): Promise<void> => {
            for (let index = next++; index < files.length; index = next++) {
              const file = files[index]!;
              results[index] = await rewrapped(vault, file, resolve(io.cwd, file));
              bar.tick((done += 1), file);
            }
          };
          await Promise.all(Array.from({ length: 16 }, worker));
          bar.end();
          if (io.json) io.out(JSON.stringify({ ...rotated, files: results }));
          else {
            for (const one of results) {
              io.out(`${one.result.padEnd(9)}  ${one.file}${one.problem ? `  ${one.problem.detail}` : ''}`);
            }
            io.note(
              `${rotated.keys} keys of the store were wrapped again; the root key is ${rotated.keyId}.`,
            );
          }
          return results.some(({ result }) => result === 'failed') ? 1 : 0;
        }),
    }),
    defineCommand({
      name: 'vault inspect',
      summary: 'show what a container says of itself, and whether its key still exists',
      arguments: [filesArgument],
      options: z.object({
        verify: z.boolean().default(false).describe('Read everything and check every chunk too.'),
      }),
      run: ({ args, options }, io) =>
        withVault(deps, async (vault) => {
          let worst: ExitCode = 0;
          for (const file of listed(args['file'])) {
            const path = resolve(io.cwd, file);
            const about = await vault.inspect(path);
            let whole: boolean | undefined;
            let problem: Problem | undefined;
            if (options.verify) {
              try {
                await withProgress(io, 'verifying', about.size, {}, (how) => vault.verifyFile(path, how));
                whole = true;
              } catch (error) {
                if (!(error instanceof Problem)) throw error;
                whole = false;
                problem = error;
              }
            }
            if (whole === false || about.bytes === undefined || about.key !== 'open') worst = 1;
            if (io.json)
              io.out(
                JSON.stringify({
                  file,
                  ...about,
                  ...(whole === undefined ? {} : { whole }),
                  ...(problem ? { problem } : {}),
                }),
              );
            else for (const line of described(file, about, whole, problem)) io.out(line);
          }
          return worst;
        }),
    }),
    defineCommand({
      name: 'vault shred',
      summary: 'destroy the key of one object, or of a person and everything bound to the person',
      arguments: [{ name: 'file', description: 'a container whose object is meant', optional: true }],
      options: z.object({
        subject: z.string().optional().describe('The person, named as at `vault encrypt --subject`.'),
        object: z.string().optional().describe('Id of an object whose container is not at hand.'),
      }),
      examples: ['merlon vault shred customers.csv.vault', 'merlon vault shred --subject "customer 4711"'],
      run: ({ args, options }, io) =>
        withVault(deps, async (vault) => {
          const { subject, object } = options;
          const file = args['file'];
          if ([file, subject, object].filter((one) => one !== undefined).length !== 1) {
            throw new Problem('USAGE', {
              detail: 'exactly one of a file, `--subject` and `--object` says what to shred',
              fix: 'Run `merlon vault shred --help` for examples.',
            });
          }
          const path = file === undefined ? undefined : resolve(io.cwd, file);
          const about = path === undefined ? undefined : await vault.inspect(path);
          if (about?.keeping === 'portable') {
            throw new Problem('INPUT_INVALID', {
              detail: `\`${file}\` is portable: no key of its own exists that could be destroyed`,
              fix: 'Delete every copy of the file.',
            });
          }
          const id = object ?? about?.object;
          const what = subject === undefined ? { object: id! } : { person: subject };
          const running = deps.controlPlane();
          const done = await (running
            ? running.post<Shredded>('/vault/shred', what)
            : subject === undefined
              ? vault.shredObject(id!)
              : vault.shredPerson(subject));
          // Only now: a header without keys whose key lives on would be lost by accident.
          if (path !== undefined) await vault.wipeHeader(path);
          if (io.json) io.out(JSON.stringify(done));
          else {
            const when = new Date(done.at).toISOString();
            io.out(
              `${done.before ? 'Was already destroyed' : 'Destroyed'} at ${when}; ${done.objects} objects can be opened by nobody.`,
            );
            io.out(`Ledger event ${done.event}`);
          }
          return 0;
        }),
    }),
  ];
}

interface Rewrapped {
  file: string;
  result: 'rewrapped' | 'current' | 'failed';
  problem?: Problem;
}

async function rewrapped(vault: Vault, file: string, path: string): Promise<Rewrapped> {
  try {
    return { file, result: await vault.rewrap(path) };
  } catch (problem) {
    if (problem instanceof Problem) return { file, result: 'failed', problem };
    throw problem;
  }
}

async function withVault(
  deps: VaultCommandDeps,
  work: (vault: Vault) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { vault, close } = await deps.openVault();
  try {
    return await work(vault);
  } finally {
    await close();
  }
}

/** Where from and where to; undefined is a standard stream. */
function places(
  io: Io,
  file: string | undefined,
  out: string | undefined,
  byDefault: (name: string) => string,
): { from: string | undefined; to: string | undefined } {
  const from = file === undefined || file === '-' ? undefined : resolve(io.cwd, file);
  if (out === '-') return { from, to: undefined };
  if (out !== undefined) return { from, to: resolve(io.cwd, out) };
  return { from, to: from === undefined ? undefined : byDefault(from) };
}

function withoutExtension(name: string): string {
  if (name.endsWith(extension)) return name.slice(0, -extension.length);
  throw new Problem('USAGE', {
    detail: `\`${name}\` does not end in \`${extension}\`, so it is not clear where to write`,
    fix: 'Give `--out FILE`, or `--out -` for standard output.',
  });
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    // Opening it says why, in the words that every other file gets.
    () => true,
  );
}

function sourceOf(io: Io, from: string | undefined): AsyncIterable<Uint8Array> {
  return from === undefined
    ? (io.stdin as AsyncIterable<Uint8Array>)
    : createReadStream(from, { highWaterMark: 1 << 20 });
}

async function deliver(
  io: Io,
  chunks: AsyncIterable<Buffer>,
  to: string | undefined,
  replace: boolean,
): Promise<void> {
  if (to !== undefined) {
    const { writeAtomically } = await import('./atomic-file.ts');
    await writeAtomically(to, { replace }, async (target) => {
      for await (const chunk of chunks) await target.writeFile(chunk);
    });
    return;
  }
  if ((io.stdout as { isTTY?: boolean }).isTTY) {
    throw new Problem('USAGE', {
      detail: 'this would write bytes to the terminal',
      fix: 'Redirect standard output, or give `--out FILE`.',
    });
  }
  await pipeline(chunks, io.stdout, { end: false });
}

async function withProgress<T>(
  io: Io,
  label: string,
  total: number,
  options: { force?: boolean; threads?: number | undefined },
  work: (how: FileOptions) => Promise<T>,
): Promise<T> {
  const bar = io.progress(label, total);
  try {
    return await work({
      replace: options.force ?? false,
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      onProgress: (bytes) => bar.tick(bytes),
    });
  } finally {
    bar.end();
  }
}

/** Standard output holds either the bytes or the answer, never both. */
function tell(io: Io, to: string | undefined, answer: unknown, line: string): ExitCode {
  if (to === undefined) io.note(io.json ? JSON.stringify(answer) : line);
  else io.out(io.json ? JSON.stringify(answer) : line);
  return 0;
}

function listed(files: unknown): string[] {
  return Array.isArray(files) ? (files as string[]) : [];
}

function described(
  file: string,
  about: Inspection,
  whole: boolean | undefined,
  problem: Problem | undefined,
): string[] {
  const { bytes, chunks } = about;
  return [
    file,
    `  object    ${about.object}, made ${new Date(about.created).toISOString()}`,
    `  content   ${bytes === undefined ? 'cut off' : `${bytes} bytes in ${chunks} chunks (AES-256-GCM, STREAM)`}`,
    ...about.recipients.map(
      ({ keyId, current }) =>
        `  root key  ${keyId}${current ? '' : ' (not the current one: run `merlon vault rewrap`)'}`,
    ),
    `  key       ${about.keeping === 'portable' ? 'portable: the custodian alone opens it' : { open: 'kept in the store', shredded: 'DESTROYED', unknown: 'not in this store' }[about.key]}`,
    ...(about.person === undefined ? [] : [`  person    key ${about.person}`]),
    ...(whole === undefined ? [] : [`  verified  ${whole ? 'every chunk' : `NO: ${problem?.detail ?? ''}`}`]),
  ];
}
