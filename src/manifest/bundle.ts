import { z } from 'zod';
import { decodeBase64, parseStrictJson, Refusal } from './strict-json.ts';

export const payloadType = 'application/vnd.in-toto+json';
const mediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';

const Certificate = z.looseObject({ rawBytes: z.string().min(1) });

/** A Sigstore bundle (v0.3) around a DSSE envelope, as OpenSSF Model Signing 1.0 has it. */
const Bundle = z.strictObject({
  mediaType: z.string().regex(/^application\/vnd\.dev\.sigstore\.bundle/),
  verificationMaterial: z
    .looseObject({
      publicKey: z
        .looseObject({ hint: z.string().optional(), rawBytes: z.string().optional() })
        .refine(({ hint, rawBytes }) => hint !== undefined || rawBytes !== undefined, 'names no key')
        .optional(),
      x509CertificateChain: z.looseObject({ certificates: z.array(Certificate).min(1) }).optional(),
      certificate: Certificate.optional(),
      tlogEntries: z.array(z.looseObject({})).optional(),
    })
    .refine(
      ({ publicKey, x509CertificateChain, certificate }) =>
        [publicKey, x509CertificateChain, certificate].filter((one) => one !== undefined).length === 1,
      'must hold exactly one of `publicKey`, `x509CertificateChain` and `certificate`',
    )
    .refine(
      ({ certificate, tlogEntries }) => certificate === undefined || (tlogEntries ?? []).length > 0,
      'a certificate without an entry of a transparency log',
    ),
  dsseEnvelope: z.strictObject({
    payload: z.string().min(1),
    payloadType: z.literal(payloadType),
    signatures: z
      .array(z.strictObject({ sig: z.string().min(1), keyid: z.string().nullable().optional() }))
      .length(1, 'must hold exactly one signature'),
  }),
});

export type Method = 'key' | 'certificate' | 'sigstore';

/** A bundle after its shape is checked; nothing in it is trusted yet. */
export interface SignatureBundle {
  method: Method;
  payload: Buffer;
  signature: Buffer;
  /** How the bundle names the key, for the method `key`. */
  key?: { hint?: string; pem?: string };
  /** DER, leaf first, for the method `certificate`. */
  certificates?: Buffer[];
  /** The parsed JSON, for the Sigstore verifier. */
  json: unknown;
}

/** Reads the text of a bundle. @throws Refusal */
export function parseBundle(text: string): SignatureBundle {
  const json = parseStrictJson(text, 'the bundle');
  const parsed = Bundle.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Refusal(`the bundle is not valid: ${issue!.path.join('.') || 'it'}: ${issue!.message}`);
  }
  const { verificationMaterial: material, dsseEnvelope } = parsed.data;
  const common = {
    payload: decodeBase64(dsseEnvelope.payload, 'the payload'),
    signature: decodeBase64(dsseEnvelope.signatures[0]!.sig, 'the signature'),
    json,
  };
  if (material.publicKey) {
    const { hint, rawBytes } = material.publicKey;
    const key = {
      ...(hint ? { hint } : {}),
      ...(rawBytes ? { pem: decodeBase64(rawBytes, 'the key').toString('utf8') } : {}),
    };
    return { method: 'key', key, ...common };
  }
  if (material.x509CertificateChain) {
    const certificates = material.x509CertificateChain.certificates.map(({ rawBytes }) =>
      decodeBase64(rawBytes, 'a certificate'),
    );
    return { method: 'certificate', certificates, ...common };
  }
  return { method: 'sigstore', ...common };
}

/** The text of a bundle around one signature. */
export function bundleText(
  payload: Buffer,
  signature: Buffer,
  signer: { hint: string } | { certificates: readonly Buffer[] },
): string {
  const verificationMaterial =
    'hint' in signer
      ? { publicKey: { hint: signer.hint }, tlogEntries: [] }
      : {
          x509CertificateChain: {
            certificates: signer.certificates.map((der) => ({ rawBytes: der.toString('base64') })),
          },
          tlogEntries: [],
        };
  return JSON.stringify({
    mediaType,
    verificationMaterial,
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType,
      signatures: [{ sig: signature.toString('base64'), keyid: '' }],
    },
  });
}

/** Pre-authentication encoding of DSSE (github.com/secure-systems-lab/dsse, protocol.md). */
export function preAuthEncoding(payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `),
    payload,
  ]);
}

/** What releases before 1.0 signed by mistake: the body as Python prints bytes, and a capital V. */
export function oldPreAuthEncoding(payload: Buffer): Buffer {
  return Buffer.from(`DSSEV1 ${payloadType.length} ${payloadType} ${payload.length} ${pythonBytes(payload)}`);
}

/** `repr` of a Python bytes object. */
function pythonBytes(bytes: Buffer): string {
  const quote = bytes.includes("'") && !bytes.includes('"') ? '"' : "'";
  const named: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
  let out = `b${quote}`;
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    if (character === quote) out += `\\${quote}`;
    else if (named[character] !== undefined) out += named[character];
    else if (byte < 0x20 || byte >= 0x7f) out += `\\x${byte.toString(16).padStart(2, '0')}`;
    else out += character;
  }
  return out + quote;
}
