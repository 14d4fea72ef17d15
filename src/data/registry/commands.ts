import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { defineCommand, type Command, type Io } from '../../kernel/command.ts';
import { Problem } from '../../kernel/problem.ts';
import type { Dataset, DatasetRegistry } from './registry.ts';

/** What the commands need of a running control plane; paths are under `/api`. */
export interface DatasetControlPlane {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
}

export interface DatasetCommandDeps {
  /** The control plane that runs on this folder, if one does. */
  controlPlane(): DatasetControlPlane | undefined;
  /** The registry straight from the store, when no control plane runs. */
  openDatasets(): Promise<{ datasets: DatasetRegistry; close(): Promise<void> }>;
}

const by = z.string().optional().describe('Name of the person who does it; your login name by default.');
const idArgument = [{ name: 'id', description: 'id in the registry' }];

/** Works on the registry of the running control plane, or on the store. */
export async function usingDatasets<T>(
  deps: DatasetCommandDeps,
  work: (datasets: DatasetRegistry) => Promise<T>,
): Promise<T> {
  const running = deps.controlPlane();
  if (running) return work(remote(running));
  const { datasets, close } = await deps.openDatasets();
  try {
    return await work(datasets);
  } finally {
    await close();
  }
}

export function commands(deps: DatasetCommandDeps): Command[] {
  const using = <T>(work: (datasets: DatasetRegistry) => Promise<T>): Promise<T> => usingDatasets(deps, work);
  return [
    defineCommand({
      name: 'dataset register',
      summary: 'take data into the registry: copy and scan',
      arguments: [{ name: 'path', description: 'folder, or one file' }],
      options: z.object({ id: z.string().describe('Id in the registry, such as `tickets@2`.'), by }),
      examples: ['merlon dataset register ./tickets --id tickets --by ana'],
      async run({ args, options }, io) {
        const path = resolve(io.cwd, args['path']!);
        show(await using((all) => all.register({ id: options.id, path, author: person(options.by) })), io);
        return 0;
      },
    }),
    defineCommand({
      name: 'dataset review',
      summary: 'say that you looked at the scan of a dataset',
      arguments: idArgument,
      options: z.object({ by, note: z.string().default('').describe('What you say about the findings.') }),
      async run({ args, options }, io) {
        const review = { by: person(options.by), note: options.note };
        show(await using((all) => all.review(args['id']!, review)), io);
        return 0;
      },
    }),
    defineCommand({
      name: 'dataset approve',
      summary: 'let runs read a dataset, for a purpose and until a day',
      arguments: idArgument,
      options: z.object({
        purpose: z.string().describe('What it may be used for, such as `fine-tuning`.'),
        model: z
          .array(z.string())
          .default([])
          .describe('Model that may be trained on it; may be repeated; any without.'),
        expires: z.string().describe('Last day, such as `2027-06-30`.'),
        by,
      }),
      examples: ['merlon dataset approve tickets --purpose fine-tuning --expires 2027-06-30 --by ben'],
      async run({ args, options }, io) {
        const { purpose, model: models } = options;
        const approval = { purpose, models, expires: endOf(options.expires), by: person(options.by) };
        show(await using((all) => all.approve(args['id']!, approval)), io);
        return 0;
      },
    }),
    defineCommand({
      name: 'dataset revoke',
      summary: 'end all use of a dataset',
      arguments: idArgument,
      options: z.object({ reason: z.string().describe('Why; it stands in the ledger.'), by }),
      async run({ args, options }, io) {
        const revocation = { by: person(options.by), reason: options.reason };
        show(await using((all) => all.revoke(args['id']!, revocation)), io);
        return 0;
      },
    }),
    defineCommand({
      name: 'dataset list',
      summary: 'list the datasets with state and approval',
      async run(_input, io) {
        const datasets = await using((all) => all.list());
        if (io.json) io.out(JSON.stringify({ datasets }));
        else if (datasets.length === 0)
          io.note('No datasets yet: `merlon dataset register PATH --id ID` adds one.');
        else for (const line of table(datasets)) io.out(line);
        return 0;
      },
    }),
    defineCommand({
      name: 'dataset show',
      summary: 'print one dataset: content, scan, review, approval',
      arguments: idArgument,
      async run({ args }, io) {
        const dataset = await using((all) => all.get(args['id']!));
        io.out(JSON.stringify(dataset, undefined, io.json ? undefined : 2));
        return 0;
      },
    }),
  ];
}

/** The registry of a running control plane. */
function remote(running: DatasetControlPlane): DatasetRegistry {
  const at = (id: string, verb = ''): string => `/datasets/${encodeURIComponent(id)}${verb}`;
  return {
    register: (request) => running.post('/datasets', request),
    review: (id, review) => running.post(at(id, '/review'), review),
    approve: (id, approval) => running.post(at(id, '/approve'), approval),
    revoke: (id, revocation) => running.post(at(id, '/revoke'), revocation),
    list: async () => (await running.get<{ datasets: Dataset[] }>('/datasets')).datasets,
    get: (id) => running.get(at(id)),
    grant: (id, use) => running.post(at(id, '/grant'), use),
    open: (id, use, target) => running.post(at(id, '/open'), { ...use, target }),
    receipt: (receipt) => running.post('/datasets/receipts', { receipt }),
  };
}

function person(said: string | undefined): string {
  return said ?? userInfo().username;
}

function endOf(date: string): number {
  const at = /^\d{4}-\d\d-\d\d$/.test(date) ? Date.parse(`${date}T23:59:59.999Z`) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new Problem('USAGE', { detail: `\`${date}\` is not a date`, fix: 'Write it as `2027-06-30`.' });
}

function show(dataset: Dataset, io: Pick<Io, 'json' | 'out'>): void {
  if (io.json) {
    io.out(JSON.stringify(dataset));
    return;
  }
  const { id, state, root, files, scan, approval } = dataset;
  io.out(`${id} is ${state}: ${files} files, content ${root}.`);
  if (scan) io.out(`The scan has ${scan.findings} findings.`);
  if (approval)
    io.out(`Approved for ${approval.purpose} until ${day(approval.expires)} by ${approval.approver}.`);
}

function table(datasets: readonly Dataset[]): string[] {
  const rows = [
    ['ID', 'STATE', 'FILES', 'FINDINGS', 'AUTHOR', 'PURPOSE', 'UNTIL'],
    ...datasets.map(({ id, state, files, scan, author, approval }) => [
      id,
      state,
      String(files),
      scan ? String(scan.findings) : '',
      author,
      approval?.purpose ?? '',
      approval ? day(approval.expires) : '',
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
