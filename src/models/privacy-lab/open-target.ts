import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Io } from '../../kernel/command.ts';
import { Problem } from '../../kernel/problem.ts';
import { Secret } from '../../kernel/secret.ts';
import { decodeModel } from '../language-model/file.ts';
import { endpointTarget } from './endpoint.ts';
import { modelTarget, type Target } from './target.ts';

export interface TargetOptions {
  model?: string | undefined;
  endpoint?: string | undefined;
  modelName: string;
  keyEnv?: string | undefined;
  logprobs: boolean;
}

/** The model file or the endpoint that the options name; both at once is USAGE. */
export async function openTarget(options: TargetOptions, io: Pick<Io, 'cwd' | 'env'>): Promise<Target> {
  if (options.model !== undefined && options.endpoint !== undefined)
    throw new Problem('USAGE', {
      detail: '`--model` and `--endpoint` exclude each other',
      fix: 'Attack one target at a time.',
    });
  if (options.model !== undefined) {
    let bytes: Buffer;
    try {
      bytes = await readFile(resolve(io.cwd, options.model));
    } catch (cause) {
      throw new Problem('FILE_UNREADABLE', { detail: `\`${options.model}\` cannot be read`, cause });
    }
    return modelTarget(options.model, decodeModel(bytes));
  }
  const key = options.keyEnv === undefined ? undefined : io.env[options.keyEnv];
  if (options.keyEnv !== undefined && !key)
    throw new Problem('USAGE', {
      detail: `the environment has no \`${options.keyEnv}\``,
      fix: 'Set the variable to the API key of the endpoint.',
    });
  return endpointTarget({
    url: options.endpoint!,
    model: options.modelName,
    logprobs: options.logprobs,
    ...(key ? { key: new Secret(key) } : {}),
  });
}
