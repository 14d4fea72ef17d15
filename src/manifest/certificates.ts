import { X509Certificate } from 'node:crypto';
import { readDer, type Der } from './der.ts';
import { Refusal } from './strict-json.ts';

/** What the extensions of a certificate allow (RFC 5280 §4.2.1). */
interface Allowed {
  /** A certificate authority; with it, how many authorities may follow below. */
  authority: boolean;
  pathLength: number;
  /** undefined: the extension is absent, and everything is allowed. */
  keyUsage: { digitalSignature: boolean; keyCertSign: boolean } | undefined;
  codeSigning: boolean;
}

const oid = {
  keyUsage: '551d0f',
  basicConstraints: '551d13',
  extendedKeyUsage: '551d25',
  codeSigning: '2b06010505070303',
};
/** Critical extensions that do not restrict what is decided here: names, identifiers and policies. */
const harmless = new Set(['551d0e', '551d23', '551d11', '551d20', '551d1f']);

const longestChain = 8;

/**
 * Builds a path from the leaf to one of `roots` (RFC 5280 §6, without revocation lists): names, signatures, validity at
 * `now`, authority, path length, key usage. @throws Refusal
 */
export function verifyChain(
  ders: readonly Buffer[],
  roots: readonly X509Certificate[],
  now: number,
): X509Certificate {
  const [leaf, ...others] = ders.map(readCertificate);
  const { keyUsage, codeSigning } = allowedBy(leaf!);
  if (!keyUsage || (!keyUsage.digitalSignature && !codeSigning)) {
    throw new Refusal('the certificate of the signer may not be used for signatures');
  }
  checkValid(leaf!, now);
  if (!pathTo(leaf!, others, roots, now, 0)) {
    throw new Refusal('the certificate of the signer does not lead to a trusted one');
  }
  return leaf!;
}

/** Certificates of a PEM file. @throws Refusal when there is none */
export function readCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Refusal('there is no certificate in PEM');
  return blocks.map((block) => readCertificate(block));
}

function readCertificate(source: Buffer | string): X509Certificate {
  try {
    return new X509Certificate(source);
  } catch {
    throw new Refusal('a certificate cannot be read');
  }
}

function pathTo(
  subject: X509Certificate,
  others: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  now: number,
  below: number,
): boolean {
  if (roots.some((root) => root.fingerprint256 === subject.fingerprint256) && below > 0) return true;
  if (below >= longestChain) return false;
  const issuers = [...roots, ...others].filter(
    (issuer) => issuer.fingerprint256 !== subject.fingerprint256 && mayIssue(issuer, subject, now, below),
  );
  return issuers.some((issuer) =>
    roots.includes(issuer)
      ? true
      : pathTo(
          issuer,
          others.filter((other) => other !== issuer),
          roots,
          now,
          below + 1,
        ),
  );
}

function mayIssue(issuer: X509Certificate, subject: X509Certificate, now: number, below: number): boolean {
  if (!subject.checkIssued(issuer) || !subject.verify(issuer.publicKey)) return false;
  const { authority, pathLength, keyUsage } = allowedBy(issuer);
  if (!authority || pathLength < below || (keyUsage && !keyUsage.keyCertSign)) return false;
  return Date.parse(issuer.validFrom) <= now && now <= Date.parse(issuer.validTo);
}

function checkValid({ validFrom, validTo }: X509Certificate, now: number): void {
  if (now < Date.parse(validFrom))
    throw new Refusal(`the certificate of the signer is valid from ${validFrom}`);
  if (now > Date.parse(validTo)) throw new Refusal(`the certificate of the signer expired on ${validTo}`);
}

function allowedBy({ raw }: X509Certificate): Allowed {
  const allowed: Allowed = {
    authority: false,
    pathLength: Infinity,
    keyUsage: undefined,
    codeSigning: false,
  };
  const [certificate] = readDer(raw);
  const [toBeSigned] = readDer(certificate!.body);
  const extensions = readDer(toBeSigned!.body).find(({ tag }) => tag === 0xa3);
  if (!extensions) return allowed;
  for (const extension of readDer(readDer(extensions.body)[0]!.body)) {
    const parts = readDer(extension.body);
    const critical = parts[1]?.tag === 0x01 && parts[1].body[0] !== 0;
    const id = parts[0]!.body.toString('hex');
    const [value] = readDer(parts.at(-1)!.body);
    if (id === oid.basicConstraints) readConstraints(value!, allowed);
    else if (id === oid.keyUsage) {
      const bits = value!.body[1] ?? 0;
      allowed.keyUsage = { digitalSignature: (bits & 0x80) !== 0, keyCertSign: (bits & 0x04) !== 0 };
    } else if (id === oid.extendedKeyUsage) {
      allowed.codeSigning = readDer(value!.body).some(({ body }) => body.toString('hex') === oid.codeSigning);
    } else if (critical && !harmless.has(id))
      throw new Refusal('a certificate has a critical extension that is not known');
  }
  return allowed;
}

function readConstraints({ body }: Der, allowed: Allowed): void {
  for (const { tag, body: value } of readDer(body)) {
    if (tag === 0x01) allowed.authority = value[0] !== 0;
    if (tag === 0x02) allowed.pathLength = value.readUIntBE(0, Math.min(value.length, 6));
  }
}
