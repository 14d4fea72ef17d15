import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { Problem } from '../kernel/problem.ts';
import { Secret } from '../kernel/secret.ts';

const port = (fallback: number) => z.number().int().min(0).max(65_535).default(fallback);
const host = z
  .string()
  .default('127.0.0.1')
  .describe('Address to listen on. Everything but loopback should have `tls`, or be behind it.');

const Upstream = z.strictObject({
  baseUrl: z
    .url()
    .describe(
      'Base URL of an OpenAI-compatible API, such as `https://api.openai.com/v1`. Plain http only on loopback.',
    ),
  keyFrom: z
    .strictObject({
      env: z.string().optional().describe('Name of the environment variable that holds the key.'),
      file: z.string().optional().describe('Path of a file that holds the key.'),
      vault: z
        .string()
        .optional()
        .describe('Path of a container that holds the key, made by `merlon vault encrypt`.'),
    })
    .optional()
    .describe('Where the API key comes from. Keys never stand in this file.'),
});

const Price = z.strictObject({
  prompt: z.number().min(0).describe('US dollars per million prompt tokens.'),
  completion: z.number().min(0).describe('US dollars per million completion tokens.'),
});

const Source = z.strictObject({
  env: z.string().optional().describe('Name of the environment variable that holds it.'),
  file: z.string().optional().describe('Path of a file that holds it.'),
});

const Custody = z.discriminatedUnion('provider', [
  z.strictObject({
    provider: z
      .literal('file')
      .describe('A file in the state folder, under MERLON_KEY_PASSPHRASE when that is set.'),
  }),
  z.strictObject({
    provider: z.literal('azure-key-vault'),
    vaultUrl: z.url().describe('Such as `https://NAME.vault.azure.net`.'),
    key: z.string().describe('Name of the key in it.'),
    algorithm: z
      .enum(['RSA-OAEP-256', 'A256KW'])
      .default('RSA-OAEP-256')
      .describe('RSA-OAEP-256 for RSA keys, A256KW for symmetric keys of a Managed HSM.'),
    tenantId: z.string().describe('Directory (tenant) of the application.'),
    clientId: z.string().describe('Application that may `wrapKey` and `unwrapKey`.'),
    clientSecretFrom: Source.describe('Where the client secret of the application comes from.'),
    authority: z
      .url()
      .default('https://login.microsoftonline.com')
      .describe('Where access tokens come from; another one for sovereign clouds.'),
  }),
  z.strictObject({
    provider: z.literal('openbao'),
    url: z.url().describe('Address of OpenBao, or of a server with the same transit interface.'),
    mount: z.string().default('transit').describe('Where the transit engine is mounted.'),
    key: z.string().describe('Name of the transit key, of type aes256-gcm96 with `derived=true`.'),
    namespace: z.string().optional().describe('Namespace, where the server has some.'),
    tokenFrom: Source.describe('Where the token comes from.'),
  }),
]);

/** `merlon.yaml`. Unknown keys are errors; every default is safe; with no file at all everything works. */
export const Config = z.strictObject({
  dataPlane: z
    .strictObject({
      port: port(4000).describe('Port for applications (the OpenAI-compatible gateway).'),
      host,
      maxConcurrent: z
        .number()
        .int()
        .min(1)
        .default(512)
        .describe('Requests in flight at once; more are answered 503 with Retry-After.'),
      maxPerClient: z
        .number()
        .int()
        .min(1)
        .default(256)
        .describe('Requests of one client in flight at once; more are answered 429 with Retry-After.'),
      maxBodyBytes: z.number().int().min(1024).default(8_388_608).describe('Largest request body in bytes.'),
      upstreamTimeoutMs: z
        .number()
        .int()
        .min(100)
        .default(300_000)
        .describe('Longest time an upstream may take for one answer.'),
    })
    .prefault({})
    .describe('The listener for applications.'),
  controlPlane: z
    .strictObject({ port: port(4100).describe('Port for people: console and control API.'), host })
    .prefault({})
    .describe('The listener for people.'),
  state: z
    .string()
    .default('.merlon')
    .describe('Folder for state, relative to the threat model: database, ledger, keys, control token.'),
  store: z
    .string()
    .regex(/^(embedded|postgres:\/\/\S+)$/, 'expected `embedded` or a `postgres://` URL')
    .default('embedded')
    .describe('`embedded` (SQLite in the state folder) or a `postgres://` URL.'),
  custody: Custody.prefault({ provider: 'file' }).describe(
    'Who holds the root key: it wraps the keys of the vault and never leaves its place.',
  ),
  tls: z
    .strictObject({
      certFile: z
        .string()
        .describe('PEM file of the certificate and its chain, relative to the configuration.'),
      keyFile: z.string().describe('PEM file of its private key.'),
    })
    .optional()
    .describe('Both listeners speak TLS 1.3, and nothing else, with this certificate.'),
  upstreams: z
    .record(z.string(), Upstream)
    .default({})
    .describe('Model providers by name; `bindings` of the threat model point to these names.'),
  prices: z.record(z.string(), Price).default({}).describe('Prices by model name, for cost budgets.'),
  evidenceTtlDays: z.number().min(0.01).default(14).describe('Age in days after which evidence is stale.'),
  log: z
    .enum(['silent', 'error', 'warn', 'info', 'debug'])
    .default('warn')
    .describe('Level of the log on standard error.'),
});
export type Config = z.infer<typeof Config>;

/**
 * Reads `merlon.yaml` (beside the threat model, when there is one) and lays `MERLON_…` over it: `MERLON_DATA_PLANE__PORT`
 * sets `dataPlane.port`.
 * @throws Problem CONFIG_INVALID naming file, line and key
 */
export function loadConfig({
  folder,
  file,
  env,
}: {
  folder: string;
  file?: string;
  env: Record<string, string | undefined>;
}): Config {
  const path = file === undefined ? join(folder, 'merlon.yaml') : resolve(folder, file);
  if (file !== undefined && !existsSync(path)) {
    throw new Problem('FILE_UNREADABLE', { detail: `there is no configuration file \`${file}\`` });
  }
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const document = parseDocument(text, { prettyErrors: true });
  const broken = document.errors[0];
  if (broken) {
    const { line, col } = broken.linePos?.[0] ?? { line: 1, col: 1 };
    throw new Problem('CONFIG_INVALID', {
      detail: broken.message.split('\n')[0]!,
      facts: { file: path, line, column: col },
    });
  }
  const given: unknown = overlay(document.toJS({ maxAliasCount: 10 }) ?? {}, env);
  const parsed = Config.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new Problem('CONFIG_INVALID', {
    detail: `\`${issue.path.join('.') || path}\`: ${issue.message}`,
    fix: 'See docs/reference/configuration.md for the keys.',
    facts: { file: path },
  });
}

/** Keys that start with MERLON_ but are not settings. */
const notSettings = new Set([
  'MERLON_SHARED',
  'MERLON_STATE',
  'MERLON_KEY_PASSPHRASE',
  'MERLON_CHROMIUM',
  'MERLON_E2E_URL',
  'MERLON_E2E_TOKEN',
]);

function overlay(base: unknown, env: Record<string, string | undefined>): unknown {
  if (typeof base !== 'object' || base === null) return base;
  const result = structuredClone(base) as Record<string, unknown>;
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('MERLON_') || value === undefined || notSettings.has(name)) continue;
    const path = name
      .slice('MERLON_'.length)
      .split('__')
      .map((word) => word.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
    let place = result;
    for (const key of path.slice(0, -1)) {
      const next = place[key];
      place = (typeof next === 'object' && next !== null ? next : (place[key] = {})) as Record<
        string,
        unknown
      >;
    }
    place[path.at(-1)!] = /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  }
  return result;
}

/**
 * The key of an upstream; `openContainer` is the vault's.
 * @throws Problem CONFIG_INVALID when the named variable, file or container is not there
 */
export async function upstreamKey(
  name: string,
  config: Config['upstreams'][string],
  folder: string,
  env: Record<string, string | undefined>,
  openContainer: (container: Uint8Array) => Promise<Secret<Buffer>>,
): Promise<Secret | undefined> {
  const { keyFrom } = config;
  if (keyFrom?.env !== undefined) {
    const value = env[keyFrom.env];
    if (!value)
      throw new Problem('CONFIG_INVALID', {
        detail: `upstream \`${name}\`: the environment has no \`${keyFrom.env}\``,
      });
    return new Secret(value);
  }
  const path = keyFrom?.vault ?? keyFrom?.file;
  if (path === undefined) return undefined;
  const place = resolve(folder, path);
  if (!existsSync(place))
    throw new Problem('CONFIG_INVALID', {
      detail: `upstream \`${name}\`: there is no key file \`${path}\``,
    });
  const bytes = readFileSync(place);
  const text = keyFrom?.vault === undefined ? bytes : (await openContainer(bytes)).reveal();
  return new Secret(text.toString('utf8').trim());
}

/**
 * Certificate and private key of both listeners, when TLS is configured.
 * @throws Problem CONFIG_INVALID when a file is not there
 */
export function tlsFiles(
  { tls }: Pick<Config, 'tls'>,
  folder: string,
): { cert: Buffer; key: Buffer; certPath: string } | undefined {
  if (!tls) return undefined;
  const read = (file: string): Buffer => {
    try {
      return readFileSync(resolve(folder, file));
    } catch (cause) {
      throw new Problem('CONFIG_INVALID', {
        detail: `\`tls\`: \`${file}\` cannot be read`,
        fix: 'Give PEM files, relative to the configuration.',
        cause,
      });
    }
  };
  const certPath = resolve(folder, tls.certFile);
  return { cert: read(tls.certFile), key: read(tls.keyFile), certPath };
}
