import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';

/** One tensor of a safetensors file: `start` and `end` are offsets into its data section, in bytes. */
export interface Tensor {
  name: string;
  dtype: string;
  shape: number[];
  start: number;
  end: number;
}

export interface SafetensorsHeader {
  metadata: Record<string, string>;
  /** In the order of their data. */
  tensors: Tensor[];
  /** Where the data section starts in the file. */
  dataStart: number;
}

/** Metadata key of the SHA-256 of the data section, in lower-case hex. */
export const digestKey = 'merlon.data.sha256';

/** The reference reader refuses headers above this. */
const headerLimit = 100_000_000;

const TensorEntry = z.strictObject({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

const bytesOf: Record<string, number> = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
};

/** Length of the header from the first eight bytes of a file. */
export function headerLength(prefix: Buffer, fileSize: number): number {
  if (prefix.length < 8) throw broken('it is shorter than eight bytes');
  const length = prefix.readBigUInt64LE(0);
  if (length > BigInt(Math.min(headerLimit, fileSize - 8)))
    throw broken('its header is longer than the file or the limit');
  return Number(length);
}

/** Reads a header strictly: tensors must fill the data section without gap or overlap. `bytes` holds at least the header. */
export function parseHeader(bytes: Buffer, fileSize: number): SafetensorsHeader {
  const length = headerLength(bytes, fileSize);
  const dataStart = 8 + length;
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, dataStart)));
  } catch (cause) {
    throw broken('its header is not JSON', cause);
  }
  const header = z.record(z.string(), z.unknown()).safeParse(parsed);
  if (!header.success) throw broken('its header is not an object');
  const { __metadata__: metadata = {}, ...entries } = header.data;
  const texts = z.record(z.string(), z.string()).safeParse(metadata);
  if (!texts.success) throw broken('its metadata is not text by name');
  const tensors = Object.entries(entries)
    .map(([name, value]): Tensor => {
      const entry = TensorEntry.safeParse(value);
      if (!entry.success) throw broken(`tensor \`${name}\` has no valid dtype, shape and data_offsets`);
      const { dtype, shape, data_offsets: offsets } = entry.data;
      const [start, end] = offsets;
      const size = bytesOf[dtype];
      if (size === undefined) throw broken(`tensor \`${name}\` has the unknown type \`${dtype}\``);
      if (end - start !== shape.reduce((product, one) => product * one, size))
        throw broken(`tensor \`${name}\` does not have the size that its shape asks for`);
      return { name, dtype, shape, start, end };
    })
    .sort((left, right) => left.start - right.start || left.end - right.end);
  let reached = 0;
  for (const { name, start, end } of tensors) {
    if (start !== reached) throw broken(`tensor \`${name}\` overlaps another or leaves a gap`);
    reached = end;
  }
  if (dataStart + reached !== fileSize) throw broken('its size is not that of its tensors');
  return { metadata: texts.data, tensors, dataStart };
}

/** A whole file; the data's digest is added to the metadata. */
export function encodeSafetensors(
  metadata: Record<string, string>,
  tensors: readonly { name: string; dtype: 'F32'; shape: number[]; data: Float32Array }[],
): Buffer {
  let offset = 0;
  const entries = tensors.map(({ name, dtype, shape, data }) => {
    const start = offset;
    offset += data.byteLength;
    return [name, { dtype, shape, data_offsets: [start, offset] }] as const;
  });
  const data = Buffer.concat(
    tensors.map((one) => Buffer.from(one.data.buffer, one.data.byteOffset, one.data.byteLength)),
  );
  const json = JSON.stringify({
    __metadata__: { ...metadata, [digestKey]: createHash('sha256').update(data).digest('hex') },
    ...Object.fromEntries(entries),
  });
  // Padded with spaces so that the data starts at a multiple of eight, as the format asks.
  const header = Buffer.from(json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, data]);
}

/** SHA-256 of a whole file, in lower-case hex. */
export function contentDigest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function broken(why: string, cause?: unknown): Problem {
  return new Problem('INPUT_INVALID', {
    detail: `the file is not a valid safetensors file: ${why}`,
    fix: 'Give a file in the safetensors format.',
    cause,
  });
}
