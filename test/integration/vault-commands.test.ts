import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allCommands } from '../../src/app/commands.ts';
import { loadConfig } from '../../src/app/config.ts';
import { openCustody } from '../../src/app/custody.ts';
import { chooseUpstreams } from '../../src/app/upstreams.ts';
import { run } from '../../src/cli/run.ts';
import { openVault } from '../../src/data/vault/vault.ts';
import type { Plan } from '../../src/kernel/plan.ts';
import type { Secret } from '../../src/kernel/secret.ts';
import { verifyLedger } from '../../src/ledger/verify.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'merlon-vault-cli-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** Runs `merlon` with these words in the test's folder. */
async function merlon(
  argv: string[],
  stdin: Buffer[] = [],
): Promise<{ code: number; bytes: Buffer; out: string[]; err: string }> {
  const parts: Buffer[] = [];
  const [out, err]: [string[], string[]] = [[], []];
  const stdout = new Writable({
    write(chunk: Buffer, _, done) {
      parts.push(Buffer.from(chunk));
      done();
    },
  });
  const env = { MERLON_STATE: join(dir, '.merlon') };
  const io = {
    stdin: Readable.from(stdin),
    stdout,
    cwd: dir,
    env,
    color: false,
    out: (line: string) => out.push(line),
    note: (line: string) => err.push(line),
    progress: () => ({ tick() {}, end() {} }),
  };
  const about = { name: 'merlon', version: '0', description: '', epilogue: '' };
  const code = await run(argv, allCommands({ cwd: dir, env }), io, about);
  return { code, bytes: Buffer.concat(parts), out, err: err.join('\n') };
}

const json = (result: { out: string[] }): Record<string, unknown> =>
  JSON.parse(result.out[0]!) as Record<string, unknown>;

test('carries a file through encrypt, inspect and decrypt', async () => {
  const plain = randomBytes(300_000);
  await writeFile(join(dir, 'a.bin'), plain);
  const made = await merlon(['vault', 'encrypt', 'a.bin', '--json']);
  expect(made.code).toBe(0);
  expect(json(made)).toMatchObject({ keeping: 'kept', bytes: 300_000, out: join(dir, 'a.bin.vault') });
  const about = await merlon(['vault', 'inspect', 'a.bin.vault', '--verify', '--json']);
  expect(about.code).toBe(0);
  expect(json(about)).toMatchObject({ format: 'MRLV1', key: 'open', bytes: 300_000, chunks: 5, whole: true });
  expect((await merlon(['vault', 'decrypt', 'a.bin.vault'])).code).toBe(2);
  expect((await merlon(['vault', 'decrypt', 'a.bin.vault', '--out', 'b.bin'])).code).toBe(0);
  expect((await readFile(join(dir, 'b.bin'))).equals(plain)).toBe(true);
  expect((await merlon(['vault', 'decrypt', 'b.bin'])).code).toBe(2);
});

test('carries a stream through standard input and output', async () => {
  const pieces = Array.from({ length: 7 }, () => randomBytes(50_000));
  const sealed = await merlon(['vault', 'encrypt'], pieces);
  expect(sealed).toMatchObject({ code: 0, out: [] });
  const opened = await merlon(['vault', 'decrypt', '-'], [sealed.bytes]);
  expect(opened.code).toBe(0);
  expect(opened.bytes.equals(Buffer.concat(pieces))).toBe(true);
  // Cut between two chunks: what came out is right, and the end says that something is missing.
  const cut = await merlon(['vault', 'decrypt'], [sealed.bytes.subarray(0, sealed.bytes.length - 30_000)]);
  expect(cut.code).toBe(1);
  expect(opened.bytes.subarray(0, cut.bytes.length).equals(cut.bytes)).toBe(true);
  expect(cut.err).toContain('OBJECT_DAMAGED');
});

test('leaves nothing behind of a damaged container', async () => {
  await writeFile(join(dir, 'c.txt'), 'text');
  await merlon(['vault', 'encrypt', 'c.txt', '--out', 'c.vault']);
  const bytes = await readFile(join(dir, 'c.vault'));
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(join(dir, 'c.vault'), bytes);
  const refused = await merlon(['vault', 'decrypt', 'c.vault', '--out', 'c.out']);
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('chunk 0')]);
  expect((await readdir(dir)).filter((name) => name.includes('c.out'))).toEqual([]);
  expect((await merlon(['vault', 'inspect', 'c.vault', '--verify'])).code).toBe(1);
});

test('destroys a person, one object, and says so in the ledger', async () => {
  await writeFile(join(dir, 'ada.txt'), 'about Ada');
  for (const name of ['one', 'two']) {
    await merlon(['vault', 'encrypt', 'ada.txt', '--out', `${name}.vault`, '--subject', 'Ada']);
  }
  await merlon(['vault', 'encrypt', 'ada.txt', '--out', 'other.vault']);
  const backup = await readFile(join(dir, 'other.vault'));
  const ada = await merlon(['vault', 'shred', '--subject', 'Ada', '--json']);
  expect(ada.code).toBe(0);
  expect(json(ada)).toMatchObject({ kind: 'person', objects: 2, before: false });
  expect(await merlon(['vault', 'decrypt', 'one.vault', '--out', '-'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('OBJECT_SHREDDED'),
  });
  const other = await merlon(['vault', 'shred', 'other.vault', '--json']);
  expect(other.code).toBe(0);
  await writeFile(join(dir, 'restored.vault'), backup);
  for (const name of ['other.vault', 'restored.vault']) {
    expect((await merlon(['vault', 'decrypt', name, '--out', 'x'])).code).toBe(1);
  }
  const ledger = await verifyLedger(join(dir, '.merlon/ledger'));
  expect(ledger.ok).toBe(true);
  expect((await merlon(['vault', 'shred'])).code).toBe(2);
  expect((await merlon(['vault', 'shred', '--subject', 'Nobody'])).code).toBe(2);
  await merlon(['vault', 'encrypt', 'ada.txt', '--out', 'portable.vault', '--portable']);
  expect((await merlon(['vault', 'shred', 'portable.vault'])).code).toBe(2);
});

test('moves many containers to a new root key, and names those it cannot', async () => {
  await mkdir(join(dir, 'many'));
  await writeFile(join(dir, 'many/plain'), 'text');
  const files = Array.from({ length: 20 }, (_, n) => `many/${n}.vault`);
  for (const file of files) await merlon(['vault', 'encrypt', 'many/plain', '--out', file]);
  const done = await merlon(['vault', 'rewrap', '--new-key', ...files, 'many/plain', '--json']);
  expect(done.code).toBe(1);
  const { keyId, files: results } = json(done) as {
    keyId: string;
    files: { file: string; result: string }[];
  };
  expect(results.map(({ result }) => result)).toEqual([...files.map(() => 'rewrapped'), 'failed']);
  const about = json(await merlon(['vault', 'inspect', files[3]!, '--json']));
  expect(about).toMatchObject({ recipients: [{ keyId, current: true }] });
  expect((await merlon(['vault', 'decrypt', files[3]!, '--out', '-'])).bytes.toString()).toBe('text');
});

test('gives nothing to someone with the state folder but without the passphrase of the root key', async () => {
  const state = join(dir, 'guarded');
  const passphrase = { MERLON_KEY_PASSPHRASE: 'five words of a passphrase' };
  await openCustody({ provider: 'file' }, { state, env: passphrase });
  await expect(openCustody({ provider: 'file' }, { state, env: {} })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  });
  await expect(
    openCustody({ provider: 'file' }, { state, env: { MERLON_KEY_PASSPHRASE: 'another' } }),
  ).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

test('takes the key of an upstream out of a container', async () => {
  const state = join(dir, '.merlon');
  const custody = await openCustody({ provider: 'file' }, { state, env: {} });
  const vault = await openVault({ custody, clock: { now: () => 1 } });
  await writeFile(
    join(dir, 'provider.key.vault'),
    await vault.seal(Buffer.from('sk-in-the-vault\n'), { portable: true }),
  );
  await writeFile(
    join(dir, 'upstreams.yaml'),
    'upstreams: {live: {baseUrl: "https://api.example.com/v1", keyFrom: {vault: provider.key.vault}}}\n',
  );
  const choose = (open: (container: Uint8Array) => Promise<Secret<Buffer>>) =>
    chooseUpstreams({
      plan: { routes: [] } as unknown as Plan,
      config: loadConfig({ folder: dir, file: 'upstreams.yaml', env: {} }),
      folder: dir,
      env: {},
      override: undefined,
      victim: 'http://127.0.0.1:1',
      openContainer: open,
    });
  const { upstreams } = await choose((container) => vault.open(container));
  expect(upstreams['live']?.key?.reveal()).toBe('sk-in-the-vault');
  const bytes = await readFile(join(dir, 'provider.key.vault'));
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(join(dir, 'provider.key.vault'), bytes);
  await expect(choose((container) => vault.open(container))).rejects.toMatchObject({
    code: 'OBJECT_DAMAGED',
  });
});
