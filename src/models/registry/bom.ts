import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Artifact } from './registry.ts';

/** CycloneDX editions that `bomOf` writes. */
export const bomEditions = ['1.6', '1.7'] as const;
export type BomEdition = (typeof bomEditions)[number];

/** What the bill of materials says of a dataset that a model was trained on. */
export interface BomDataset {
  id: string;
  name: string;
  /** Content identity, hex, when the dataset is registered here. */
  root?: string;
  classification?: string;
  owner?: string;
  state?: string;
}

/** A CycloneDX ML bill of materials: the model, its files with digests, its datasets and what was decided about it. */
export function bomOf(
  artifact: Artifact,
  {
    edition,
    datasets,
    version,
  }: { edition: BomEdition; datasets: readonly BomDataset[]; /** Of Merlon. */ version: string },
): Record<string, unknown> {
  const { id, root, resources, scan, signature, state, changed } = artifact;
  const [name, release] = id.split('@');
  const modelRef = `model:${id}`;
  const card = modelCard(artifact, datasets);
  return {
    $schema: `http://cyclonedx.org/schema/bom-${edition}.schema.json`,
    bomFormat: 'CycloneDX',
    specVersion: edition,
    serialNumber: `urn:uuid:${uuidOf(`${id} ${root} ${changed}`)}`,
    version: 1,
    metadata: {
      timestamp: new Date(changed).toISOString(),
      tools: { components: [{ type: 'application', name: 'Merlon', version }] },
      component: { type: 'machine-learning-model', 'bom-ref': `subject:${id}`, name },
    },
    components: [
      {
        type: 'machine-learning-model',
        'bom-ref': modelRef,
        name,
        ...(release ? { version: release } : {}),
        hashes: [{ alg: 'SHA-256', content: root }],
        modelCard: card,
        components: resources.map(({ path, digest }) => ({
          type: 'file',
          'bom-ref': `${modelRef}/${path}`,
          name: path,
          hashes: [{ alg: 'SHA-256', content: digest }],
        })),
        properties: [
          property('state', state),
          ...(scan
            ? [
                property('scan:verdict', scan.verdict),
                property('scan:at', new Date(scan.at).toISOString()),
                property('scan:scanner', scan.scanner),
              ]
            : []),
          ...(signature
            ? [property('signature:method', signature.method), property('signature:signer', signature.signer)]
            : []),
        ],
      },
      ...datasets.map(datasetComponent),
    ],
    dependencies: [
      { ref: `subject:${id}`, dependsOn: [modelRef] },
      { ref: modelRef, dependsOn: datasets.map(({ id }) => `dataset:${id}`) },
    ],
  };
}

function modelCard(artifact: Artifact, datasets: readonly BomDataset[]): Record<string, unknown> {
  const { model_type: family, architectures } = readConfig(artifact);
  const architecture: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  return {
    modelParameters: {
      ...(typeof family === 'string' ? { architectureFamily: family } : {}),
      ...(typeof architecture === 'string' ? { modelArchitecture: architecture } : {}),
      ...(datasets.length > 0 ? { datasets: datasets.map(({ id }) => ({ ref: `dataset:${id}` })) } : {}),
    },
  };
}

/** What a Hugging Face repository says of its architecture. */
function readConfig({ path, resources }: Artifact): Record<string, unknown> {
  if (!resources.some((resource) => resource.path === 'config.json')) return {};
  try {
    const config: unknown = JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'));
    return typeof config === 'object' && config !== null ? (config as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function datasetComponent({
  id,
  name,
  root,
  classification,
  owner,
  state,
}: BomDataset): Record<string, unknown> {
  return {
    type: 'data',
    'bom-ref': `dataset:${id}`,
    name: id,
    ...(root ? { hashes: [{ alg: 'SHA-256', content: root }] } : {}),
    data: [
      {
        type: 'dataset',
        name,
        ...(classification ? { classification } : {}),
        ...(owner ? { governance: { owners: [{ contact: { name: owner } }] } } : {}),
      },
    ],
    properties: [property('dataset:state', state ?? 'not registered')],
  };
}

function property(name: string, value: string): { name: string; value: string } {
  return { name: `merlon:${name}`, value };
}

/** A UUID (RFC 9562 §5.8) that is the same for the same text. */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
