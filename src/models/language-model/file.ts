import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';
import { byteModel, type ByteModel } from './model.ts';
import { emptyWeights, parts } from './network.ts';
import { digestKey, encodeSafetensors, parseHeader } from './safetensors.ts';

const format = 'merlon-byte-lm/1';

const Shape = z.strictObject({
  context: z.int().min(1).max(256),
  embedding: z.int().min(1).max(512),
  hidden: z.int().min(4).max(4096).multipleOf(4),
});

const Training = z.strictObject({
  seed: z.number(),
  lines: z.int(),
  epochs: z.int().optional(),
  private: z
    .strictObject({ sigma: z.number(), clip: z.number(), rate: z.number(), steps: z.int() })
    .optional(),
});

/** A safetensors file: weights as F32, shape and training in the metadata, SHA-256 of the weights beside them. */
export function encodeModel({ shape, weights, training }: ByteModel): Buffer {
  return encodeSafetensors(
    { format, shape: JSON.stringify(shape), training: JSON.stringify(training) },
    parts(shape).map((part) => ({
      name: part.name,
      dtype: 'F32',
      shape: part.shape,
      data: Float32Array.from(weights[part.name]),
    })),
  );
}

/** Throws INPUT_INVALID when the file is another format, or its weights are not those that were saved. */
export function decodeModel(bytes: Buffer): ByteModel {
  const { metadata, tensors, dataStart } = parseHeader(bytes, bytes.length);
  if (metadata['format'] !== format)
    throw refused('it is not a byte-level language model of `merlon language-model train`');
  const data = bytes.subarray(dataStart);
  if (createHash('sha256').update(data).digest('hex') !== metadata[digestKey])
    throw refused('its weights are not those that were saved');
  const shape = Shape.safeParse(json(metadata['shape']));
  const training = Training.safeParse(json(metadata['training']));
  if (!shape.success || !training.success) throw refused('its metadata is damaged');
  const weights = emptyWeights(shape.data);
  for (const part of parts(shape.data)) {
    const tensor = tensors.find(({ name }) => name === part.name);
    if (tensor?.dtype !== 'F32' || JSON.stringify(tensor.shape) !== JSON.stringify(part.shape))
      throw refused(`tensor \`${part.name}\` is missing or has another shape`);
    const target = weights[part.name];
    for (let i = 0; i < target.length; i++) target[i] = data.readFloatLE(tensor.start + 4 * i);
  }
  if (tensors.length !== parts(shape.data).length) throw refused('it holds tensors that no model has');
  return byteModel(shape.data, weights, training.data);
}

function json(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

function refused(why: string): Problem {
  return new Problem('INPUT_INVALID', {
    detail: `the model file cannot be used: ${why}`,
    fix: 'Train it again with `merlon language-model train`.',
  });
}
