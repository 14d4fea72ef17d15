import { execFileSync, spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../src/adapters/open-store.ts';
import { run } from '../../src/cli/run.ts';
import { commands as execCommands } from '../../src/data/exec/commands.ts';
import { commands as datasetCommands } from '../../src/data/registry/commands.ts';
import { openDatasets, type DatasetRegistry } from '../../src/data/registry/registry.ts';
import { memoryCustody } from '../../src/data/vault/testing.ts';
import { openVault } from '../../src/data/vault/vault.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { discard } from '../../src/manifest/snapshot.ts';
import { commands as artifactCommands } from '../../src/models/registry/commands.ts';
import { openArtifacts, type ArtifactRegistry } from '../../src/models/registry/registry.ts';
import type { Store } from '../../src/ports/store.ts';
import { compileSources } from './compiled.ts';

let base: string;
let store: Store;
let datasets: DatasetRegistry;
let artifacts: ArtifactRegistry;
const program = 'openssl';
const clock = { now: () => Date.now() };
const record = (event: { metadata: { uid: string } }) => Promise.resolve({ id: event.metadata.uid });

beforeAll(async () => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'merlon-cli-')));
  store = await openStore(`sqlite:${join(base, 'merlon.db')}`);
  const cipher = await openVault({ custody: memoryCustody(), store, clock, record });
  datasets = await openDatasets({
    store,
    clock,
    record,
    cipher,
    dir: join(base, 'datasets'),
    scan: () => Promise.resolve({ findings: 0, summary: {} }),
    signingSeed: new Secret(Buffer.alloc(32, 7)),
  });
  artifacts = await openArtifacts({
    store,
    clock,
    record,
    dir: join(base, 'artifacts'),
    scan: () => Promise.resolve({ verdict: 'clean', findings: [] }),
    scanner: '1',
  });
  mkdirSync(join(base, 'model'));
  writeFileSync(join(base, 'model/weights.bin'), 'weights');
  mkdirSync(join(base, 'tickets'));
  writeFileSync(join(base, 'tickets/train.csv'), 'id,text\n1,personal words\n');
  for (const [name, curve] of [
    ['key', 'prime256v1'],
    ['other', 'secp384r1'],
  ] as const) {
    execFileSync(program, ['ecparam', '-name', curve, '-genkey', '-noout', '-out', `${name}.pem`], {
      cwd: base,
    });
    execFileSync(program, ['ec', '-in', `${name}.pem`, '-pubout', '-out', `${name}.pub`], {
      cwd: base,
      stdio: 'pipe',
    });
  }
});
afterAll(async () => {
  await store.close();
  await discard(base);
});

async function merlon(...argv: string[]): Promise<{ exit: number; out: string; notes: string }> {
  const [lines, notes]: [string[], string[]] = [[], []];
  const deps = { controlPlane: () => undefined, now: () => Date.now() };
  const openBoth = () => Promise.resolve({ datasets, artifacts, close: () => Promise.resolve() });
  const exit = await run(
    argv,
    [
      ...artifactCommands({
        ...deps,
        openArtifacts: openBoth,
        dataset: () => Promise.resolve(undefined),
        version: '0',
      }),
      ...datasetCommands({ ...deps, openDatasets: openBoth }),
      ...execCommands({ ...deps, openDatasets: openBoth }),
    ],
    {
      stdin: Readable.from([]),
      stdout: new Writable({ write: (chunk: Buffer, _, done) => (lines.push(chunk.toString()), done()) }),
      cwd: base,
      env: process.env,
      color: false,
      out: (line) => lines.push(line),
      note: (line) => notes.push(line),
      progress: () => ({ tick() {}, end() {} }),
    },
    { name: 'merlon', version: '0', description: '', epilogue: '' },
  );
  return { exit, out: lines.join('\n'), notes: notes.join('\n') };
}

test('signs a folder and verifies it, and says what is wrong with exit code 1', async () => {
  expect(await merlon('artifact', 'sign', 'model', '--key', 'key.pem')).toMatchObject({ exit: 0 });
  const verify = ['artifact', 'verify', 'model', '--signature', 'model/model.sig', '--json', '--key'];
  const good = await merlon(...verify, 'key.pub');
  expect(good.exit).toBe(0);
  expect(JSON.parse(good.out)).toMatchObject({
    verified: true,
    method: 'key',
    signer: expect.stringMatching(/^key [0-9a-f]{64}$/),
    changed: [],
    missing: [],
    unsigned: [],
    reason: null,
  });
  expect(await merlon(...verify, 'other.pub')).toMatchObject({ exit: 1 });
  writeFileSync(join(base, 'model/extra.py'), '');
  const bad = await merlon(...verify, 'key.pub');
  expect(bad.exit).toBe(1);
  expect(JSON.parse(bad.out)).toMatchObject({ verified: false, unsigned: ['extra.py'] });
  execFileSync('rm', [join(base, 'model/extra.py')]);
});

test('wrong use of sign and verify is exit code 2, and writes nothing', async () => {
  for (const argv of [
    ['artifact', 'verify', 'model', '--signature', 'model/model.sig'],
    ['artifact', 'verify', 'nothing', '--signature', 'model/model.sig', '--key', 'key.pub'],
    ['artifact', 'verify', 'model', '--signature', 'nothing', '--key', 'key.pub'],
    ['artifact', 'verify', 'model', '--signature', 'model/model.sig', '--key', 'model/weights.bin'],
    ['artifact', 'verify', 'model', '--signature', 'model/model.sig', '--identity', 'a@example.org'],
    ['artifact', 'sign', 'model', '--key', 'key.pub', '--out', 'never.sig'],
  ]) {
    expect([argv, (await merlon(...argv)).exit]).toEqual([argv, 2]);
  }
  expect(readdirSync(base)).not.toContain('never.sig');
});

test('takes a model through the registry and opens it only when promoted', async () => {
  await merlon('artifact', 'sign', 'model', '--key', 'key.pem');
  const add = [
    'artifact',
    'add',
    'model',
    '--id',
    'm@1',
    '--signature',
    'model/model.sig',
    '--key',
    'key.pub',
  ];
  expect(await merlon(...add)).toMatchObject({ exit: 0, out: expect.stringContaining('verified') });
  expect(await merlon('artifact', 'open', 'm@1')).toMatchObject({ exit: 1, out: '' });
  expect(await merlon('artifact', 'promote', 'm@1')).toMatchObject({ exit: 0 });
  const opened = await merlon('artifact', 'open', 'm@1');
  expect(opened.exit).toBe(0);
  expect(readFileSync(join(opened.out, 'weights.bin'), 'utf8')).toBe('weights');
  expect(JSON.parse((await merlon('artifact', 'bom', 'm@1', '--json')).out)).toMatchObject({
    bomFormat: 'CycloneDX',
  });
  expect((await merlon('artifact', 'list')).out).toMatch(/m@1\s+promoted\s+clean/);
  await merlon('artifact', 'revoke', 'm@1', '--reason', 'old');
  expect(await merlon('artifact', 'open', 'm@1')).toMatchObject({
    exit: 1,
    notes: expect.stringContaining('revoked'),
  });
});

test('takes data from draft to a run, encrypted at rest', async () => {
  const exec = ['exec', '--dataset', 'tickets', '--purpose', 'fine-tuning', '--out', 'made', '--json', '--'];
  await merlon('dataset', 'register', 'tickets', '--id', 'tickets', '--by', 'ana');
  expect(await merlon(...exec, 'true')).toMatchObject({
    exit: 1,
    notes: expect.stringContaining('not approved'),
  });
  expect(await merlon('dataset', 'review', 'tickets', '--by', 'ana')).toMatchObject({ exit: 3 });
  await merlon('dataset', 'review', 'tickets', '--by', 'ben');
  const until = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
  const approve = ['dataset', 'approve', 'tickets', '--purpose', 'fine-tuning', '--by', 'ben', '--expires'];
  expect(await merlon(...approve, 'soon')).toMatchObject({ exit: 2 });
  expect(await merlon(...approve, until)).toMatchObject({ exit: 0 });

  const kept = (await datasets.get('tickets')).path;
  const [name] = readdirSync(kept);
  expect(readFileSync(join(kept, name!)).includes('personal words')).toBe(false);

  const script = `import merlon_data, shutil; shutil.copy(merlon_data.path("tickets") / "train.csv", merlon_data.out() / "seen")`;
  const ran = await merlon(...exec, 'python3', '-c', script);
  expect(ran.exit).toBe(0);
  expect(JSON.parse(ran.out)).toMatchObject({ exit: 0, enforcement: 'kernel', outputs: [{ path: 'seen' }] });
  expect(readFileSync(join(base, 'made/seen'), 'utf8')).toContain('personal words');
  expect((await merlon('exec', '--dataset', 'tickets', '--purpose', 'advertising', '--', 'true')).exit).toBe(
    1,
  );
  await merlon('dataset', 'revoke', 'tickets', '--reason', 'consent withdrawn', '--by', 'ana');
  expect((await merlon('exec', '--dataset', 'tickets', '--', 'true')).exit).toBe(1);
  expect((await merlon('dataset', 'list')).out).toMatch(/tickets\s+revoked/);
});

test('runs nothing when one byte of an encrypted dataset changed', async () => {
  await merlon('dataset', 'register', 'tickets', '--id', 'broken', '--by', 'ana');
  await datasets.review('broken', { by: 'ben', note: '' });
  await datasets.approve('broken', { by: 'ben', purpose: 'p', models: [], expires: Date.now() + 86_400_000 });
  const { path } = await datasets.get('broken');
  const file = join(path, readdirSync(path)[0]!);
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  execFileSync('chmod', ['-R', 'u+w', path]);
  writeFileSync(file, bytes);
  expect((await merlon('exec', '--dataset', 'broken', '--', 'true')).exit).toBe(1);
});

test('a process killed during an approval leaves it whole or not there', async () => {
  const state = join(base, 'killed');
  mkdirSync(state);
  const sources = compileSources();
  for (let round = 0; round < 3; round += 1) {
    const child = spawn(process.execPath, [
      'test/integration/dataset-writer.mjs',
      sources,
      state,
      `r${round}`,
    ]);
    let approvals = 0;
    await new Promise<void>((done) => {
      child.stdout.on('data', (chunk: Buffer) => {
        approvals += chunk.toString().split('\n').length - 1;
        if (approvals >= 3) child.kill('SIGKILL');
      });
      child.on('close', () => done());
    });
    expect(approvals).toBeGreaterThanOrEqual(3);
  }
  const events: { message: string }[] = [];
  const reopened = await openStore(`sqlite:${join(state, 'merlon.db')}`);
  const registry = await openDatasets({
    store: reopened,
    clock,
    record: (event) => Promise.resolve(events.push(event)),
    dir: join(state, 'datasets'),
    scan: () => Promise.resolve({ findings: 0, summary: {} }),
    signingSeed: new Secret(Buffer.alloc(32, 7)),
  });
  const told = new Set([
    ...readFileSync(join(state, 'events'), 'utf8').split('\n'),
    ...events.map(({ message }) => message),
  ]);
  for (const { id, state: reached } of await registry.list()) {
    expect([id, told.has(`dataset ${id} approved by ben`)]).toEqual([id, reached === 'approved']);
    if (reached === 'approved') await registry.open(id, {}, join(state, 'view', id));
    else await expect(registry.grant(id, {})).rejects.toMatchObject({ code: 'BLOCKED' });
  }
  await reopened.close();
  rmSync(sources, { recursive: true, force: true });
}, 120_000);
