import { z } from 'zod';
import { defineRoute, type Route } from '../../kernel/route.ts';
import { bomEditions, bomOf, type BomDataset, type BomEdition } from './bom.ts';
import type { Artifact, ArtifactRegistry } from './registry.ts';

export interface ArtifactRouteDeps {
  artifacts: ArtifactRegistry;
  /** What is known of a dataset that a model names. */
  dataset(id: string): Promise<BomDataset | undefined>;
  version: string;
}

const Trust = z.strictObject({
  key: z.string().optional(),
  roots: z.string().optional(),
  identity: z.strictObject({ subject: z.string(), issuer: z.string() }).optional(),
  sigstoreRoot: z.string().optional(),
});

/** The bill of materials of an artefact, with what is known of its datasets. */
export async function bomWithDatasets(
  artifact: Artifact,
  edition: BomEdition,
  { dataset, version }: Pick<ArtifactRouteDeps, 'dataset' | 'version'>,
): Promise<Record<string, unknown>> {
  const datasets = await Promise.all(
    artifact.datasets.map(async (id) => (await dataset(id)) ?? { id, name: id }),
  );
  return bomOf(artifact, { edition, datasets, version });
}

export function routes(deps: ArtifactRouteDeps): Route[] {
  const { artifacts } = deps;
  const id = (params: Record<string, string>): string => params['id']!;
  return [
    defineRoute({
      method: 'GET',
      path: '/artifacts',
      action: 'artifact:list',
      summary: 'Artefacts with state, scan and signature',
      handle: async () => ({ artifacts: await artifacts.list() }),
    }),
    defineRoute({
      method: 'POST',
      path: '/artifacts',
      action: 'artifact:add',
      summary: 'Copies a folder of this machine into the registry, scans it and verifies its signature',
      body: z.strictObject({
        id: z.string().max(100),
        path: z.string().describe('Absolute path on the machine of the control plane.'),
        bundle: z.string().optional(),
        trust: Trust.optional(),
        ignored: z.array(z.string()).optional(),
        datasets: z.array(z.string()).optional(),
      }),
      handle: async ({ body, principal }) => artifacts.add(body, principal),
    }),
    defineRoute({
      method: 'GET',
      path: '/artifacts/:id',
      action: 'artifact:list',
      summary: 'One artefact',
      handle: async ({ params }) => artifacts.get(id(params)),
    }),
    defineRoute({
      method: 'POST',
      path: '/artifacts/:id/promote',
      action: 'artifact:promote',
      summary: 'Lets a verified and clean artefact be loaded',
      body: z.strictObject({ accept: z.string().min(1).optional() }),
      handle: async ({ params, body, principal }) => artifacts.promote(id(params), body.accept, principal),
    }),
    defineRoute({
      method: 'POST',
      path: '/artifacts/:id/revoke',
      action: 'artifact:revoke',
      summary: 'Ends all use of an artefact',
      body: z.strictObject({ reason: z.string().min(1) }),
      handle: async ({ params, body, principal }) => artifacts.revoke(id(params), body.reason, principal),
    }),
    defineRoute({
      method: 'GET',
      path: '/artifacts/:id/gate',
      action: 'artifact:open',
      summary: 'The load gate: verifies everything now and says whether the artefact may be loaded',
      handle: async ({ params }) => artifacts.gate(id(params)),
    }),
    defineRoute({
      method: 'GET',
      path: '/artifacts/:id/bom',
      action: 'artifact:list',
      summary: 'The CycloneDX bill of materials',
      query: z.object({ edition: z.enum(bomEditions).default('1.6') }),
      handle: async ({ params, query }) =>
        bomWithDatasets(await artifacts.get(id(params)), query.edition, deps),
    }),
  ];
}
