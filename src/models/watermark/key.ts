import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Problem } from '../../kernel/problem.ts';
import { Secret } from '../../kernel/secret.ts';

/** A watermark key: 32 bytes, or the layer keys of a SynthID deployment. */
export interface WatermarkKey {
  secret: Secret<Buffer>;
  /** Set when the file holds a JSON array of numbers. */
  layers?: readonly number[];
}

const keyBytes = 32;

/**
 * Reads `--key`: 64 hex digits, or a file with 64 hex digits, 32 raw bytes, or a JSON array of SynthID layer keys. Throws
 * USAGE when it is neither.
 */
export async function readKey(given: string, cwd: string): Promise<WatermarkKey> {
  const direct = hex(given);
  if (direct) return { secret: new Secret(direct) };
  let bytes: Buffer;
  try {
    bytes = await readFile(resolve(cwd, given));
  } catch (cause) {
    throw refused('it is neither 64 hex digits nor a file that can be read', cause);
  }
  if (bytes.length === keyBytes) return { secret: new Secret(bytes) };
  const text = bytes.toString('utf8').trim();
  const inFile = hex(text);
  if (inFile) return { secret: new Secret(inFile) };
  const layers = layersOf(text);
  if (layers) return { secret: new Secret(createHash('sha256').update(layers.join()).digest()), layers };
  throw refused('the file holds neither 64 hex digits, nor 32 bytes, nor a JSON array of layer keys');
}

function hex(text: string): Buffer | undefined {
  return /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : undefined;
}

function layersOf(text: string): number[] | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    if (!Array.isArray(parsed) || parsed.length === 0 || parsed.length > 256) return undefined;
    return parsed.every((key): key is number => Number.isSafeInteger(key)) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function refused(why: string, cause?: unknown): Problem {
  return new Problem('USAGE', {
    detail: `the watermark key cannot be used: ${why}`,
    fix: 'Make a key with `openssl rand -hex 32 > watermark.key` and give the name of the file.',
    cause,
  });
}
