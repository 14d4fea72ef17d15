import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { openFileKeys } from '../adapters/file-keys/file-keys.ts';
import { Problem } from '../kernel/problem.ts';
import { Secret } from '../kernel/secret.ts';
import type { KeyCustody } from '../ports/key-custody.ts';
import type { Config } from './config.ts';

type Env = Record<string, string | undefined>;

/** The custodian of the root key that the configuration names. Adapters are loaded when they are needed. */
export async function openCustody(
  custody: Config['custody'],
  { state, env }: { state: string; env: Env },
): Promise<KeyCustody> {
  const folder = join(state, 'keys');
  const secret = (from: { env?: string; file?: string }): Secret => secretFrom(from, dirname(state), env);
  if (custody.provider === 'azure-key-vault') {
    const { openAzureKeys } = await import('../adapters/azure-keys/azure-keys.ts');
    const { provider: _, clientSecretFrom, ...options } = custody;
    return openAzureKeys({
      ...options,
      clientSecret: secret(clientSecretFrom),
      seed: join(folder, 'seed.json'),
    });
  }
  if (custody.provider === 'openbao') {
    const { openBaoKeys } = await import('../adapters/openbao/openbao.ts');
    const { provider: _, tokenFrom, ...options } = custody;
    return openBaoKeys({ ...options, token: secret(tokenFrom), seed: join(folder, 'seed.json') });
  }
  const passphrase = env['MERLON_KEY_PASSPHRASE'];
  return openFileKeys(folder, passphrase ? new Secret(passphrase) : undefined);
}

function secretFrom({ env: name, file }: { env?: string; file?: string }, folder: string, env: Env): Secret {
  const value = name === undefined ? file && contents(resolve(folder, file)) : env[name];
  if (value) return new Secret(value);
  throw new Problem('CONFIG_INVALID', {
    detail: `\`custody\`: its secret is not in \`${name ?? file ?? 'nothing'}\``,
    fix: 'Name an environment variable with `env` or a file with `file` that holds it.',
  });
}

function contents(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
