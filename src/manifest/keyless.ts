import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { toTrustMaterial as ToTrustMaterial } from '@sigstore/verify';
import { z } from 'zod';
import type { SignatureBundle } from './bundle.ts';
import { decodeBase64, Refusal } from './strict-json.ts';

const require = createRequire(import.meta.url);

type TrustedRoot = Parameters<typeof ToTrustMaterial>[0];

/** Who must have signed: the identity in the certificate and who vouched for it. */
export interface Identity {
  /** Subject alternative name: an e-mail address or the URL of a workflow. */
  subject: string;
  /** URL of the OpenID provider. */
  issuer: string;
}

const publicGood = 'https://tuf-repo-cdn.sigstore.dev';

/** The trusted root of the public Sigstore that came with this release; no network. */
function seededRoot(): string {
  const file = require.resolve('@sigstore/tuf/seeds.json');
  const seeds = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { targets: Record<string, string> }>;
  return Buffer.from(seeds[publicGood]!.targets['trusted_root.json']!, 'base64').toString('utf8');
}

const Bytes = z.string().transform((text) => decodeBase64(text, 'the trusted root'));
const Range = z.looseObject({
  start: z.iso.datetime().transform((at) => new Date(at)),
  end: z.iso
    .datetime()
    .transform((at) => new Date(at))
    .optional(),
});
const Log = z.looseObject({
  baseUrl: z.string(),
  publicKey: z.looseObject({ rawBytes: Bytes, keyDetails: z.string(), validFor: Range.optional() }),
  logId: z.looseObject({ keyId: Bytes }),
});
const Authority = z.looseObject({
  certChain: z.looseObject({ certificates: z.array(z.looseObject({ rawBytes: Bytes })) }),
  validFor: Range.optional(),
});
/** The JSON of a Sigstore trusted root (sigstore_trustroot.proto), as far as verification reads it. */
const Root = z.looseObject({
  tlogs: z.array(Log),
  ctlogs: z.array(Log),
  certificateAuthorities: z.array(Authority),
  timestampAuthorities: z.array(Authority).default([]),
});

function readRoot(text: string): TrustedRoot {
  const parsed = Root.safeParse(JSON.parse(text));
  if (!parsed.success) throw new Refusal('the trusted root of Sigstore cannot be read');
  // PKCS #1 keys are the only ones that the verifier reads in another way; no log of ours has one.
  const log = ({ publicKey, logId, baseUrl }: z.infer<typeof Log>): object => {
    if (!publicKey.keyDetails.startsWith('PKIX_'))
      throw new Refusal('a log of the trusted root has an old key');
    return { baseUrl, publicKey: { ...publicKey, keyDetails: 0 }, logId };
  };
  const { tlogs, ctlogs, certificateAuthorities, timestampAuthorities } = parsed.data;
  return {
    tlogs: tlogs.map(log),
    ctlogs: ctlogs.map(log),
    certificateAuthorities,
    timestampAuthorities,
  } as unknown as TrustedRoot;
}

/**
 * Verifies a keyless signature without a network: certificate of the Sigstore authority, transparency log, certificate
 * log, signature, identity. `trustedRoot` is the JSON of another Sigstore's root. @throws Refusal
 */
export async function verifyKeyless(
  { json }: SignatureBundle,
  identity: Identity,
  trustedRoot?: string,
): Promise<void> {
  const [{ bundleFromJSON }, { toSignedEntity, toTrustMaterial, Verifier }] = await Promise.all([
    import('@sigstore/bundle'),
    import('@sigstore/verify'),
  ]);
  const material = toTrustMaterial(readRoot(trustedRoot ?? seededRoot()));
  try {
    new Verifier(material).verify(toSignedEntity(bundleFromJSON(json)), {
      subjectAlternativeName: exactly(identity.subject),
      extensions: { issuer: identity.issuer },
    });
  } catch (error) {
    throw new Refusal(
      `the keyless signature does not hold: ${error instanceof Error ? error.message : 'it failed'}`,
    );
  }
}

/** The verifier takes the identity as a regular expression. */
function exactly(text: string): string {
  return `^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
}
