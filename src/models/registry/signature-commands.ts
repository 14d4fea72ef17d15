import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { defineCommand, type Command, type Io } from '../../kernel/command.ts';
import { Problem } from '../../kernel/problem.ts';
import { algorithms } from '../../manifest/digest.ts';
import { Refusal } from '../../manifest/strict-json.ts';
import type { Trust, Verification } from '../../manifest/verify.ts';

/** Options that say whom to believe; shared by `artifact verify` and `artifact add`. */
export const trustOptions = {
  key: z.string().optional().describe('PEM file of the public key that must have signed.'),
  certificateChain: z
    .string()
    .optional()
    .describe('PEM file of the certificates to which the certificate of the signer must lead.'),
  identity: z
    .string()
    .optional()
    .describe('For keyless signatures: the e-mail address or workflow URL that must have signed.'),
  issuer: z
    .string()
    .optional()
    .describe('For keyless signatures: the provider that vouches for the identity.'),
  trustedRoot: z
    .string()
    .optional()
    .describe('For keyless signatures: JSON file of another trusted root than that of the public Sigstore.'),
};

/** Whom to believe, as texts: what the registry keeps of an artefact. */
export interface TrustTexts {
  key?: string;
  roots?: string;
  identity?: { subject: string; issuer: string };
  sigstoreRoot?: string;
}

export type TrustFlags = { [name in keyof typeof trustOptions]?: string | undefined };

/** Reads what the options name. @throws Problem USAGE when nothing is trusted */
export async function readTrust(flags: TrustFlags, io: Pick<Io, 'cwd'>): Promise<TrustTexts> {
  const { key, certificateChain, identity, issuer, trustedRoot } = flags;
  if (key === undefined && certificateChain === undefined && identity === undefined) {
    throw new Problem('USAGE', {
      detail: 'nothing says whom to believe',
      fix: 'Give `--key PEM`, `--certificate-chain PEM`, or `--identity NAME --issuer URL`.',
    });
  }
  if ((identity === undefined) !== (issuer === undefined)) {
    throw new Problem('USAGE', {
      detail: '`--identity` and `--issuer` only work together',
      fix: 'Give both: the same name may be given out by several providers.',
    });
  }
  return {
    ...(key === undefined ? {} : { key: await text(key, io) }),
    ...(certificateChain === undefined ? {} : { roots: await text(certificateChain, io) }),
    ...(identity === undefined ? {} : { identity: { subject: identity, issuer: issuer! } }),
    ...(trustedRoot === undefined ? {} : { sigstoreRoot: await text(trustedRoot, io) }),
  };
}

/** @throws Problem INPUT_INVALID when a key or certificate cannot be read */
export async function trustOf({ key, roots, identity, sigstoreRoot }: TrustTexts): Promise<Trust> {
  const [{ readPublicKey }, { readCertificates }] = await Promise.all([
    import('../../manifest/keys.ts'),
    import('../../manifest/certificates.ts'),
  ]);
  return refusalsAsProblems(() => ({
    ...(key === undefined ? {} : { key: readPublicKey(key) }),
    ...(roots === undefined ? {} : { roots: readCertificates(roots) }),
    ...(identity === undefined ? {} : { identity }),
    ...(sigstoreRoot === undefined ? {} : { sigstoreRoot }),
  }));
}

/** Signing and verifying folders without any registry. */
export function signatureCommands(now: () => number): Command[] {
  return [
    defineCommand({
      name: 'artifact sign',
      summary: 'sign a model or any folder (OpenSSF Model Signing 1.0)',
      arguments: [{ name: 'dir', description: 'folder, or one file' }],
      options: z.object({
        key: z.string().describe('PEM file of the private key: curve P-256, P-384 or P-521.'),
        certificate: z
          .string()
          .optional()
          .describe(
            'PEM file of the certificate of the key, followed by those between it and the trusted one.',
          ),
        out: z.string().optional().describe('File for the signature; `model.sig` in the folder by default.'),
        hash: z.enum(algorithms).default('sha256').describe('Digest of the files.'),
        shardSize: z
          .number()
          .int()
          .positive()
          .optional()
          .describe('Bytes per shard; without it, each file has one digest.'),
        ignore: z
          .array(z.string())
          .default([])
          .describe('Path in the folder that is left out; may be repeated.'),
      }),
      examples: [
        'openssl ecparam -name prime256v1 -genkey -noout -out key.pem',
        'merlon artifact sign ./model --key key.pem',
      ],
      async run({ args, options }, io) {
        const dir = resolve(io.cwd, args['dir']!);
        const single = (await about(dir, args['dir']!)).isFile();
        const out = resolve(io.cwd, options.out ?? (single ? `${dir}.sig` : resolve(dir, 'model.sig')));
        const [{ describe, signManifest }, { readPrivateKey }, { readCertificates }, { pathBelow }] =
          await Promise.all([
            import('../../manifest/sign.ts'),
            import('../../manifest/keys.ts'),
            import('../../manifest/certificates.ts'),
            import('../../manifest/tree.ts'),
          ]);
        const keyText = await text(options.key, io);
        const certificateText =
          options.certificate === undefined ? undefined : await text(options.certificate, io);
        const own = single ? undefined : pathBelow(dir, out);
        const bar = io.progress('hashing', 100);
        const { manifest, bundle } = await refusalsAsProblems(async () => {
          const key = readPrivateKey(keyText, process.env['MERLON_SIGNING_PASSPHRASE']);
          const certificates = certificateText === undefined ? undefined : readCertificates(certificateText);
          const manifest = await describe(dir, {
            algorithm: options.hash,
            ...(options.shardSize === undefined ? {} : { shardSize: options.shardSize }),
            ignored: [...options.ignore, ...(own === undefined ? [] : [own])],
            onProgress: (done, total) => bar.tick(Math.round((100 * done) / Math.max(1, total))),
          });
          return {
            manifest,
            bundle: signManifest(manifest, { key, ...(certificates ? { certificates } : {}) }),
          };
        });
        bar.end();
        await writeWhole(out, `${bundle}\n`);
        if (io.json) {
          io.out(
            JSON.stringify({ signature: out, root: manifest.root, resources: manifest.resources.length }),
          );
        } else {
          io.out(`Signed ${manifest.resources.length} resources, root ${manifest.root}.`);
          io.out(`The signature is in ${out}.`);
        }
        return 0;
      },
    }),
    defineCommand({
      name: 'artifact verify',
      summary: 'verify that a model is what was signed, and nothing else lies beside it',
      arguments: [{ name: 'dir', description: 'folder, or one file' }],
      options: z.object({
        signature: z.string().describe('File of the signature, such as `model.sig`.'),
        ...trustOptions,
        ignore: z
          .array(z.string())
          .default([])
          .describe('Path in the folder that is left out; may be repeated.'),
      }),
      examples: ['merlon artifact verify ./model --signature model/model.sig --key public.pem'],
      async run({ args, options }, io) {
        const dir = resolve(io.cwd, args['dir']!);
        await about(dir, args['dir']!);
        const signatureFile = resolve(io.cwd, options.signature);
        const bundle = await text(options.signature, io);
        const trust = await trustOf(await readTrust(options, io));
        const { verifyModel } = await import('../../manifest/verify.ts');
        const bar = io.progress('verifying', 100);
        const answer = await verifyModel(dir, bundle, {
          trust,
          now: now(),
          signatureFile,
          ignored: options.ignore,
          onProgress: (done, total) => bar.tick(Math.round((100 * done) / Math.max(1, total))),
        });
        bar.end();
        if (io.json) io.out(JSON.stringify(answer));
        else for (const line of verdictLines(answer)) io.out(line);
        return answer.verified ? 0 : 1;
      },
    }),
  ];
}

function verdictLines({ verified, signer, reason, warnings, root }: Verification): string[] {
  return [
    verified ? `Verified: signed by ${signer}.` : `NOT verified: ${reason}.`,
    ...(verified ? [`Root ${root}.`] : []),
    ...warnings.map((warning) => `Note: ${warning}.`),
  ];
}

/** A refusal while reading what the user gave is bad input. */
export async function refusalsAsProblems<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Problem('INPUT_INVALID', { detail: error.message });
  }
}

async function about(path: string, given: string): Promise<{ isFile(): boolean }> {
  try {
    return await stat(path);
  } catch (cause) {
    throw new Problem('FILE_UNREADABLE', {
      detail: `\`${given}\` cannot be read`,
      facts: { file: given },
      cause,
    });
  }
}

/** The text of a file named on the command line. */
export async function text(file: string, { cwd }: Pick<Io, 'cwd'>): Promise<string> {
  try {
    return await readFile(resolve(cwd, file), 'utf8');
  } catch (cause) {
    throw new Problem('FILE_UNREADABLE', { detail: `\`${file}\` cannot be read`, facts: { file }, cause });
  }
}

/** Writes beside and renames, so that a file is whole or not there. */
export async function writeWhole(file: string, content: string): Promise<void> {
  const beside = `${file}.${process.pid}.part`;
  try {
    await writeFile(beside, content);
    await rename(beside, file);
  } catch (cause) {
    await rm(beside, { force: true });
    throw new Problem('FILE_UNREADABLE', { detail: `\`${file}\` cannot be written`, facts: { file }, cause });
  }
}
