import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe as group, expect, test } from 'vitest';
import { Secret } from '../kernel/secret.ts';
import { Blake3 } from './blake3.ts';
import { oldPreAuthEncoding, parseBundle, preAuthEncoding } from './bundle.ts';
import { readCertificates } from './certificates.ts';
import { algorithms } from './digest.ts';
import { keyFromSeed, readPrivateKey, readPublicKey } from './keys.ts';
import { describe, shardsOf, signManifest, signStatement } from './sign.ts';
import { parseStatement, statementOf, type Manifest } from './statement.ts';
import { parseStrictJson, Refusal } from './strict-json.ts';
import { verifyModel, type Trust, type Verification } from './verify.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- tests bend a statement in every way
type Loose = any;

let base: string;
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const now = Date.UTC(2026, 10, 22);
let count = 0;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'merlon-manifest-'));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

function model(
  files: Record<string, string> = { 'config.json': '{}', 'sub/weights.bin': 'w'.repeat(250) },
): string {
  const dir = join(base, `model-${(count += 1)}`);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  return dir;
}

async function signed(dir: string, options: Parameters<typeof describe>[1] = {}): Promise<string> {
  return signManifest(await describe(dir, options), { key: privateKey });
}

const check = (dir: string, bundle: string, trust: Trust = { key: publicKey }): Promise<Verification> =>
  verifyModel(dir, bundle, { trust, now });

group('signing a folder', () => {
  test.each(algorithms)('verifies what was signed with %s, in files and in shards', async (algorithm) => {
    const dir = model();
    for (const shardSize of [undefined, 100]) {
      const bundle = await signed(dir, { algorithm, ...(shardSize ? { shardSize } : {}) });
      expect(await check(dir, bundle)).toMatchObject({ verified: true, method: 'key', reason: null });
    }
  });

  test.each(['P-256', 'P-384', 'P-521'])('signs with a key of the curve %s', async (namedCurve) => {
    const pair = generateKeyPairSync('ec', { namedCurve });
    const dir = model();
    const bundle = signManifest(await describe(dir), { key: pair.privateKey });
    expect(await check(dir, bundle, { key: pair.publicKey })).toMatchObject({ verified: true });
    expect(await check(dir, bundle)).toMatchObject({
      verified: false,
      reason: expect.stringContaining('key'),
    });
  });

  test('names what changed, what is missing and what nobody signed', async () => {
    const dir = model({ 'a.txt': 'a', 'b.txt': 'b', 'c.txt': 'c' });
    const bundle = await signed(dir);
    writeFileSync(join(dir, 'a.txt'), 'A');
    rmSync(join(dir, 'b.txt'));
    writeFileSync(join(dir, 'evil.py'), '');
    expect(await check(dir, bundle)).toMatchObject({
      verified: false,
      changed: ['a.txt'],
      missing: ['b.txt'],
      unsigned: ['evil.py'],
    });
  });

  test('says which shard changed', async () => {
    const dir = model();
    const bundle = await signed(dir, { shardSize: 100 });
    writeFileSync(join(dir, 'sub/weights.bin'), `${'w'.repeat(150)}X${'w'.repeat(99)}`);
    expect(await check(dir, bundle)).toMatchObject({ changed: ['sub/weights.bin:100:200'] });
  });

  test('warns of empty files, which shards cannot sign', async () => {
    const dir = model({ 'a.bin': 'a', 'empty.txt': '' });
    const answer = await check(dir, await signed(dir, { shardSize: 100 }));
    expect(answer).toMatchObject({ verified: true, warnings: [expect.stringContaining('empty.txt')] });
    expect(await check(dir, await signed(dir))).toMatchObject({ verified: true, warnings: [] });
  });

  test('keeps its own signature and what is ignored out, and warns of the latter', async () => {
    const dir = model({ 'a.txt': 'a', 'notes/n.txt': 'n', '.git/HEAD': 'h' });
    const bundle = await signed(dir, { ignored: ['notes', 'model.sig'] });
    writeFileSync(join(dir, 'model.sig'), bundle);
    const answer = await verifyModel(dir, bundle, {
      trust: { key: publicKey },
      now,
      signatureFile: join(dir, 'model.sig'),
    });
    expect(answer).toMatchObject({ verified: true });
    expect(answer.warnings.join()).toContain('notes/n.txt');
  });

  test('refuses what could be loaded from a place that the signer left out', async () => {
    const dir = model({ 'a.txt': 'a', 'notes/hook.py': '' });
    expect(await check(dir, await signed(dir, { ignored: ['notes'] }))).toMatchObject({
      verified: false,
      reason: expect.stringContaining('notes/hook.py'),
    });
  });

  test('refuses links and devices, when signing and when verifying', async () => {
    const dir = model();
    const bundle = await signed(dir);
    symlinkSync('/etc/passwd', join(dir, 'link'));
    expect(await check(dir, bundle)).toMatchObject({
      verified: false,
      reason: expect.stringContaining('link'),
    });
    await expect(signed(dir)).rejects.toBeInstanceOf(Refusal);
    rmSync(join(dir, 'link'));
    const server = createServer();
    await new Promise<void>((done) => server.listen(join(dir, 'pipe'), done));
    expect(await check(dir, bundle)).toMatchObject({
      verified: false,
      reason: expect.stringContaining('pipe'),
    });
    await new Promise((done) => server.close(done));
  });

  test('signs a single file under its name', async () => {
    const file = join(model(), 'config.json');
    const bundle = await signed(file);
    expect(await check(file, bundle)).toMatchObject({ verified: true });
  });
});

group('certificates', () => {
  const program = 'openssl';
  const openssl = (...parameters: string[]): void => {
    execFileSync(program, parameters, { cwd: base, stdio: 'pipe' });
  };
  const issue = (name: string, issuer: string | undefined, extensions: string, days = '30'): void => {
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
    writeFileSync(join(base, `${name}.cnf`), `[req]\ndistinguished_name=dn\n[dn]\n[e]\n${extensions}\n`);
    openssl(
      'req',
      '-new',
      '-key',
      `${name}.key`,
      '-subj',
      `/CN=${name}`,
      '-config',
      `${name}.cnf`,
      '-out',
      `${name}.csr`,
    );
    const by = issuer
      ? ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial']
      : ['-signkey', `${name}.key`];
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...by,
      '-days',
      days,
      '-extfile',
      `${name}.cnf`,
      '-extensions',
      'e',
      '-out',
      `${name}.pem`,
    );
  };
  const pem = (...names: string[]): string =>
    names.map((name) => readFileSync(join(base, `${name}.pem`), 'utf8')).join('');
  const ca = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign';
  const leaf = 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature';

  beforeAll(() => {
    issue('root', undefined, ca);
    issue('narrow', undefined, 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign');
    issue('middle', 'root', ca);
    issue('below-narrow', 'narrow', ca);
    issue('signer', 'middle', leaf);
    issue('wrong-use', 'middle', 'basicConstraints=CA:FALSE\nkeyUsage=critical,keyEncipherment');
    issue('below-signer', 'signer', leaf);
    issue('too-deep', 'below-narrow', leaf);
    issue('odd', 'middle', `${leaf}\n1.2.3.4=critical,DER:0500`);
  });

  const run = async (name: string, chain: string[], root: string, at = Date.now()): Promise<Verification> => {
    const dir = model();
    const bundle = signManifest(await describe(dir), {
      key: readPrivateKey(readFileSync(join(base, `${name}.key`), 'utf8')),
      certificates: readCertificates(pem(name, ...chain)),
    });
    return verifyModel(dir, bundle, { trust: { roots: readCertificates(pem(root)) }, now: at });
  };

  test('leads from the signer over those between to a trusted one', async () => {
    expect(await run('signer', ['middle'], 'root')).toMatchObject({ verified: true, signer: 'CN=signer' });
    expect(await run('signer', ['middle', 'root'], 'root')).toMatchObject({ verified: true });
  });

  test.each([
    ['one between is missing', 'signer', [], 'root', 'does not lead'],
    ['another root is trusted', 'signer', ['middle'], 'narrow', 'does not lead'],
    ['it may not sign', 'wrong-use', ['middle'], 'root', 'may not be used'],
    ['its issuer is no authority', 'below-signer', ['signer', 'middle'], 'root', 'does not lead'],
    ['the path is longer than allowed', 'too-deep', ['below-narrow'], 'narrow', 'does not lead'],
    ['a critical extension is unknown', 'odd', ['middle'], 'root', 'critical extension'],
  ])('refuses when %s', async (_why, name, chain, root, reason) => {
    expect(await run(name, chain, root)).toMatchObject({
      verified: false,
      reason: expect.stringContaining(reason),
    });
  });

  test('refuses a certificate before and after its time', async () => {
    const day = 86_400_000;
    for (const at of [Date.now() - 40 * day, Date.now() + 40 * day]) {
      expect(await run('signer', ['middle'], 'root', at)).toMatchObject({
        verified: false,
        method: 'certificate',
      });
    }
  });
});

group('statements', () => {
  const manifest: Manifest = {
    name: 'm',
    method: 'files',
    algorithm: 'sha256',
    allowSymlinks: false,
    ignored: [],
    resources: [{ path: 'a', digest: '00'.repeat(32) }],
    root: createHash('sha256').update(Buffer.alloc(32)).digest('hex'),
    old: false,
  };
  const changed = (change: (statement: Record<string, Loose>) => void): Buffer => {
    const statement = JSON.parse(statementOf(manifest)) as Record<string, Loose>;
    change(statement);
    return Buffer.from(JSON.stringify(statement));
  };

  test('reads what it wrote', () => {
    expect(parseStatement(Buffer.from(statementOf(manifest)))).toEqual(manifest);
  });

  test.each<[string, (statement: Record<string, Loose>) => void]>([
    ['two subjects', (s) => s['subject'].push(s['subject'][0])],
    ['no resource', (s) => (s['predicate'].resources = [])],
    ['another predicate', (s) => (s['predicateType'] = 'https://slsa.dev/provenance/v1')],
    ['a digest in capitals', (s) => (s['predicate'].resources[0].digest = 'AA'.repeat(32))],
    ['a short digest', (s) => (s['predicate'].resources[0].digest = '00')],
    ['a digest of another algorithm', (s) => (s['predicate'].resources[0].algorithm = 'blake3')],
    ['a shard size without shards', (s) => (s['predicate'].serialization.shard_size = 1)],
    ['an unknown member', (s) => (s['predicate'].extra = true)],
    ...['/a', 'a//b', '../a', 'a/./b', 'a/', 'a\\b', 'a\u0000', 'c:/a'].map(
      (name): [string, (statement: Record<string, Loose>) => void] => [
        `the name ${JSON.stringify(name)}`,
        (s) => (s['predicate'].resources[0].name = name),
      ],
    ),
  ])('refuses %s', (_what, change) => {
    expect(() => parseStatement(changed(change))).toThrow(Refusal);
  });

  test('reads shard names from their last two colons', async () => {
    const dir = model({ 'a:1:2': 'x'.repeat(5) });
    const bundle = await signed(dir, { shardSize: 2 });
    expect(parseStatement(parseBundle(bundle).payload).resources.at(-1)).toMatchObject({
      path: 'a:1:2',
      range: { start: 4, end: 5 },
    });
    expect(await check(dir, bundle)).toMatchObject({ verified: true });
  });

  test('covers every file with shards, and has none for an empty one', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.integer({ min: 1, max: 3000 }), (bytes, size) => {
        const shards = shardsOf(bytes, size);
        expect(shards[0]?.start ?? 0).toBe(0);
        expect(shards.at(-1)?.end ?? 0).toBe(bytes);
        shards.slice(1).forEach(({ start }, index) => expect(start).toBe(shards[index]!.end));
      }),
    );
  });
});

group('hostile input', () => {
  test('a bundle of any bytes is refused, never believed and never a crash', async () => {
    const dir = model();
    const good = await signed(dir);
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.string({ maxLength: 3 }), async (at, put) => {
        const bundle = good.slice(0, at) + put + good.slice(at + 1);
        const answer = await check(dir, bundle);
        // Only a change that means the same may pass.
        if (answer.verified) {
          const { payload, signature } = parseBundle(bundle);
          expect([payload, signature]).toEqual([parseBundle(good).payload, parseBundle(good).signature]);
        }
      }),
      { numRuns: 150 },
    );
    await fc.assert(
      fc.asyncProperty(fc.json(), async (text) => {
        expect((await check(dir, text)).verified).toBe(false);
      }),
    );
  });

  test('a statement of another kind is no manifest, although its signature holds', async () => {
    const dir = model();
    const other = signStatement(JSON.stringify({ _type: 'x', predicateType: 'y' }), { key: privateKey });
    expect(await check(dir, other)).toMatchObject({ verified: false });
  });

  test('finds members that stand twice, however they are written', () => {
    expect(() => parseStrictJson('{"a":{"b":1,"\\u0062":2}}', 'it')).toThrow('`b` twice');
    expect(parseStrictJson('[{"a":"{\\"a\\":1"},{"a":[]}]', 'it')).toEqual([{ a: '{"a":1' }, { a: [] }]);
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseStrictJson(text, 'it')).toEqual(JSON.parse(text));
      }),
    );
  });
});

test('encodes before signing as DSSE has it, and as old releases did', () => {
  const payload = Buffer.from('{"a":"ü\n"}');
  expect(preAuthEncoding(payload).toString()).toBe(
    `DSSEv1 28 application/vnd.in-toto+json 11 ${payload.toString()}`,
  );
  expect(oldPreAuthEncoding(payload).toString()).toBe(
    `DSSEV1 28 application/vnd.in-toto+json 11 b'{"a":"\\xc3\\xbc\\n"}'`,
  );
});

test('makes the same key of the same seed', () => {
  const seed = new Secret(Buffer.alloc(32, 7));
  const key = keyFromSeed(seed);
  expect(keyFromSeed(seed).equals(key)).toBe(true);
  expect(key.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
  expect(readPrivateKey(key.export({ type: 'pkcs8', format: 'pem' }).toString()).equals(key)).toBe(true);
});

test('takes keys of the three curves only', () => {
  const { publicKey: other } = generateKeyPairSync('ed25519');
  expect(() => readPublicKey(other.export({ type: 'spki', format: 'pem' }).toString())).toThrow(Refusal);
  expect(() => readPublicKey('nothing')).toThrow(Refusal);
});

// Reference values of the BLAKE3 specification's test vectors: bytes 0, 1, … 250, 0, … hashed.
test.each([
  [0, 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
  [1, '2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213'],
  [1024, '42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7'],
  [1025, 'd00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444'],
  [31744, '62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47'],
])('hashes %i bytes to the BLAKE3 of its specification', (length, digest) => {
  const bytes = Uint8Array.from({ length }, (_, i) => i % 251);
  const whole = new Blake3().update(bytes).digest().toString('hex');
  expect(whole).toBe(digest);
  const parts = new Blake3();
  for (let at = 0; at < length; at += 700) parts.update(bytes.subarray(at, at + 700));
  expect(parts.digest().toString('hex')).toBe(digest);
});
