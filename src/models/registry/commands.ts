import { resolve } from 'node:path';
import { z } from 'zod';
import { defineCommand, type Command } from '../../kernel/command.ts';
import type { BomDataset } from './bom.ts';
import { bomEditions } from './bom.ts';
import type { AddArtifact, Artifact, ArtifactRegistry } from './registry.ts';
import { readTrust, signatureCommands, text, trustOptions, type TrustFlags } from './signature-commands.ts';

/** What the commands need of a running control plane; paths are under `/api`. */
export interface ArtifactControlPlane {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
}

export interface ArtifactCommandDeps {
  /** The control plane that runs on this folder, if one does. */
  controlPlane(): ArtifactControlPlane | undefined;
  /** The registry straight from the store, when no control plane runs. */
  openArtifacts(): Promise<{ artifacts: ArtifactRegistry; close(): Promise<void> }>;
  dataset(id: string): Promise<BomDataset | undefined>;
  now(): number;
  /** Of Merlon. */
  version: string;
}

export function commands(deps: ArtifactCommandDeps): Command[] {
  const using = async <T>(work: (artifacts: ArtifactRegistry) => Promise<T>): Promise<T> => {
    const running = deps.controlPlane();
    if (running) return work(remote(running));
    const { artifacts, close } = await deps.openArtifacts();
    try {
      return await work(artifacts);
    } finally {
      await close();
    }
  };
  const show = (artifact: Artifact, io: { json: boolean; out(line: string): void }): void => {
    if (io.json) io.out(JSON.stringify(artifact));
    else for (const line of lines(artifact)) io.out(line);
  };

  return [
    ...signatureCommands(deps.now),
    defineCommand({
      name: 'artifact add',
      summary: 'take a model into the registry: copy, scan, and verify its signature',
      arguments: [{ name: 'dir', description: 'folder, or one file' }],
      options: z.object({
        id: z.string().describe('Id in the registry, such as `support-model@2`.'),
        signature: z.string().optional().describe('File of the signature.'),
        ...trustOptions,
        dataset: z
          .array(z.string())
          .default([])
          .describe('Id of a dataset it was trained on; may be repeated.'),
      }),
      examples: [
        'merlon artifact add ./model --id support-model@2 --signature model/model.sig --key public.pem',
      ],
      async run({ args, options }, io) {
        const path = resolve(io.cwd, args['dir']!);
        const request: AddArtifact = { id: options.id, path, datasets: options.dataset };
        if (options.signature !== undefined) {
          const { pathBelow } = await import('../../manifest/tree.ts');
          const own = pathBelow(path, resolve(io.cwd, options.signature));
          request.bundle = await text(options.signature, io);
          request.trust = await readTrust(options as TrustFlags, io);
          if (own !== undefined) request.ignored = [own];
        }
        const artifact = await using((artifacts) => artifacts.add(request));
        show(artifact, io);
        return artifact.scan?.verdict === 'clean' ? 0 : 1;
      },
    }),
    defineCommand({
      name: 'artifact promote',
      summary: 'let a verified and clean artefact be loaded',
      arguments: [{ name: 'id', description: 'id in the registry' }],
      options: z.object({
        accept: z.string().optional().describe('Why a suspicious artefact may be loaded all the same.'),
      }),
      async run({ args, options }, io) {
        show(await using((artifacts) => artifacts.promote(args['id']!, options.accept)), io);
        return 0;
      },
    }),
    defineCommand({
      name: 'artifact revoke',
      summary: 'end all use of an artefact',
      arguments: [{ name: 'id', description: 'id in the registry' }],
      options: z.object({ reason: z.string().describe('Why; it stands in the ledger.') }),
      async run({ args, options }, io) {
        show(await using((artifacts) => artifacts.revoke(args['id']!, options.reason)), io);
        return 0;
      },
    }),
    defineCommand({
      name: 'artifact list',
      summary: 'list the artefacts with state, scan and signer',
      async run(_input, io) {
        const artifacts = await using((registry) => registry.list());
        if (io.json) io.out(JSON.stringify({ artifacts }));
        else if (artifacts.length === 0)
          io.note('No artefacts yet: `merlon artifact add DIR --id ID` adds one.');
        else for (const line of table(artifacts)) io.out(line);
        return 0;
      },
    }),
    defineCommand({
      name: 'artifact open',
      summary: 'the load gate: print the path of an artefact that may be loaded, after verifying it',
      arguments: [{ name: 'id', description: 'id in the registry' }],
      examples: ['serve --model "$(merlon artifact open support-model@2)"'],
      async run({ args }, io) {
        const id = args['id']!;
        const answer = await using(async (artifacts) => {
          const gate = await artifacts.gate(id);
          return gate.ok ? { ...gate, path: (await artifacts.get(id)).path } : gate;
        });
        if (io.json) io.out(JSON.stringify(answer));
        else if ('path' in answer) io.out(answer.path);
        else io.note(`Not opened: ${answer.reason}.`);
        return answer.ok ? 0 : 1;
      },
    }),
    defineCommand({
      name: 'artifact bom',
      summary: 'print the CycloneDX ML bill of materials of an artefact',
      arguments: [{ name: 'id', description: 'id in the registry' }],
      options: z.object({ edition: z.enum(bomEditions).default('1.6').describe('CycloneDX edition.') }),
      async run({ args, options }, io) {
        const { bomWithDatasets } = await import('./routes.ts');
        const artifact = await using((artifacts) => artifacts.get(args['id']!));
        const bom = await bomWithDatasets(artifact, options.edition, deps);
        io.out(JSON.stringify(bom, undefined, io.json ? undefined : 2));
        return 0;
      },
    }),
  ];
}

/** The registry of a running control plane. */
function remote(running: ArtifactControlPlane): ArtifactRegistry {
  const at = (id: string, verb = ''): string => `/artifacts/${encodeURIComponent(id)}${verb}`;
  return {
    add: (request) => running.post('/artifacts', request),
    promote: (id, accept) => running.post(at(id, '/promote'), accept === undefined ? {} : { accept }),
    revoke: (id, reason) => running.post(at(id, '/revoke'), { reason }),
    list: async () => (await running.get<{ artifacts: Artifact[] }>('/artifacts')).artifacts,
    get: (id) => running.get(at(id)),
    gate: (id) => running.get(at(id, '/gate')),
  };
}

function lines({ id, state, root, scan, signature, revoked }: Artifact): string[] {
  return [
    `${id} is ${state}${revoked === null ? '' : `: ${revoked}`}.`,
    `Content ${root}.`,
    ...(scan ? [`Scan: ${scan.verdict}, ${scan.findings.length} findings.`] : []),
    signature
      ? `Signed by ${signature.signer}.`
      : 'Not signed: `merlon artifact add` again with `--signature`.',
  ];
}

function table(artifacts: readonly Artifact[]): string[] {
  const rows = [
    ['ID', 'STATE', 'SCAN', 'SIGNER', 'CHANGED'],
    ...artifacts.map(({ id, state, scan, signature, changed }) => [
      id,
      state,
      scan?.verdict ?? 'none',
      signature?.signer ?? 'none',
      new Date(changed).toISOString().slice(0, 16).replace('T', ' '),
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
