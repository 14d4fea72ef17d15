import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { defineCommand, type Command, type Io } from '../kernel/command.ts';
import { Problem } from '../kernel/problem.ts';
import type { LedgerEntry } from './ledger.ts';

export interface LedgerCommandDeps {
  /** The running control plane, if there is one; paths are under `/api`. */
  controlPlane(): { get<T>(path: string): Promise<T>; getText(path: string): Promise<string> } | undefined;
  /** Folder of the published ledger of this place, such as `.merlon/ledger`. */
  publishedDir(): string;
}

export function commands(deps: LedgerCommandDeps): Command[] {
  return [
    defineCommand({
      name: 'ledger verify',
      summary: 'prove with nothing but the published files that the log is whole',
      arguments: [{ name: 'dir', description: 'folder of the published ledger, such as `.merlon/ledger`' }],
      options: z.object({
        checkpoint: z
          .string()
          .optional()
          .describe('A checkpoint that was kept elsewhere: shows whether the log was cut or forked since.'),
        key: z
          .string()
          .optional()
          .describe('PEM file of the public key, kept elsewhere; without it, `key.pem` of the folder.'),
      }),
      examples: [
        'merlon ledger verify .merlon/ledger',
        'merlon ledger verify /backup/ledger --checkpoint kept/checkpoint --key kept/key.pem',
      ],
      async run({ args, options }, io) {
        const { verifyLedger } = await import('./verify.ts');
        let bar: ReturnType<Io['progress']> | undefined;
        const result = await verifyLedger(resolve(io.cwd, args['dir']!), {
          ...(options.checkpoint === undefined ? {} : { checkpoint: await read(io, options.checkpoint) }),
          ...(options.key === undefined ? {} : { publicKey: await read(io, options.key) }),
          onProgress: (entries, size) => (bar ??= io.progress('verifying', size)).tick(entries),
        });
        bar?.end();
        if (io.json) io.out(JSON.stringify(result));
        else {
          for (const { kind, index, detail } of result.problems) io.out(`${kind}  ${index}  ${detail}`);
          const verdict = result.ok
            ? 'The ledger is whole'
            : `The ledger is NOT whole: ${result.problems.length} problems`;
          io.out(`${verdict}. ${result.size} entries, root ${result.root}`);
          if (result.ok && options.key === undefined) {
            io.note(
              'The key came from the folder itself. Give --key and --checkpoint from elsewhere to exclude a forgery.',
            );
          }
        }
        return result.ok ? 0 : 1;
      },
    }),
    defineCommand({
      name: 'ledger checkpoint',
      summary: 'print the newest signed checkpoint, to be kept elsewhere',
      examples: ['merlon ledger checkpoint > /elsewhere/checkpoint'],
      async run(_input, io) {
        const note =
          (await deps.controlPlane()?.getText('/ledger/checkpoint')) ?? (await published(deps, io));
        const { parseCheckpoint } = await import('./proof/checkpoint.ts');
        const parsed = parseCheckpoint(note);
        if (!parsed) throw new Problem('LEDGER_BROKEN', { detail: 'the checkpoint is damaged' });
        if (io.json) {
          const root = Buffer.from(parsed.root).toString('base64');
          io.out(JSON.stringify({ origin: parsed.origin, size: parsed.size, root, checkpoint: note }));
        } else io.stdout.write(note);
        return 0;
      },
    }),
    defineCommand({
      name: 'ledger show',
      summary: 'print one entry of the ledger',
      arguments: [{ name: 'index', description: 'index of the entry, from 0' }],
      async run({ args }, io) {
        const index = args['index']!;
        if (!/^\d{1,15}$/.test(index)) {
          throw new Problem('USAGE', {
            detail: `\`${index}\` is not the index of an entry`,
            fix: 'Give a number from 0.',
          });
        }
        const entry = await entryAt(deps, Number(index));
        io.out(JSON.stringify(entry.event, undefined, io.json ? undefined : 2));
        return 0;
      },
    }),
  ];
}

async function entryAt(deps: LedgerCommandDeps, index: number): Promise<Pick<LedgerEntry, 'event'>> {
  const running = deps.controlPlane();
  if (running) return (await running.get<{ entry: LedgerEntry }>(`/ledger/proof/${index}`)).entry;
  const { readPublishedEntry } = await import('./verify.ts');
  const text = readPublishedEntry(deps.publishedDir(), index);
  return { event: JSON.parse(text) as LedgerEntry['event'] };
}

async function published(deps: LedgerCommandDeps, io: Io): Promise<string> {
  return read(io, `${deps.publishedDir()}/checkpoint`);
}

async function read(io: Io, file: string): Promise<string> {
  try {
    return await readFile(resolve(io.cwd, file), 'utf8');
  } catch (cause) {
    throw new Problem('FILE_UNREADABLE', { detail: `\`${file}\` cannot be read`, facts: { file }, cause });
  }
}
