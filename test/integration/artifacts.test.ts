import { generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../src/adapters/open-store.ts';
import type { SecurityEvent } from '../../src/kernel/event.ts';
import { describe, signManifest } from '../../src/manifest/sign.ts';
import { discard } from '../../src/manifest/snapshot.ts';
import { bomEditions, bomOf } from '../../src/models/registry/bom.ts';
import {
  openArtifacts,
  type ArtifactRegistry,
  type ScanVerdict,
} from '../../src/models/registry/registry.ts';
import type { Store } from '../../src/ports/store.ts';

let base: string;
let store: Store;
let registry: ArtifactRegistry;
let events: SecurityEvent[] = [];
let now = Date.UTC(2026, 10, 22);
let verdict: ScanVerdict = 'clean';
let ledgerWorks = true;
let count = 0;
const day = 86_400_000;
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const trust = { key: publicKey.export({ type: 'spki', format: 'pem' }).toString() };

const open = (scanner = 'scanners/1'): Promise<ArtifactRegistry> =>
  openArtifacts({
    store,
    clock: { now: () => now },
    record: (event) => {
      if (!ledgerWorks) return Promise.reject(new Error('the ledger is full'));
      events.push(event);
      return Promise.resolve();
    },
    dir: join(base, 'artifacts'),
    scan: () => Promise.resolve({ verdict, findings: [] }),
    scanner,
  });

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'merlon-artifacts-'));
  store = await openStore(`sqlite:${join(base, 'merlon.db')}`);
  registry = await open();
});
afterAll(async () => {
  await store.close();
  await discard(base);
});

async function model(): Promise<{ id: string; path: string; bundle: string }> {
  const id = `model-${(count += 1)}`;
  const path = join(base, id);
  mkdirSync(join(path, 'sub'), { recursive: true });
  writeFileSync(join(path, 'config.json'), '{"model_type":"tiny","architectures":["TinyForCausalLM"]}');
  writeFileSync(join(path, 'sub/model.safetensors'), `weights of ${id}`);
  return { id, path, bundle: signManifest(await describe(path), { key: privateKey }) };
}

const states = (id: string): unknown[] =>
  events
    .filter((event) => (event.unmapped['entity'] as { uid: string }).uid === id)
    .map((event) => (event.unmapped['entity'] as { state: string }).state);

test('takes a model from added over scanned and verified to promoted, each with its event', async () => {
  const { id, path, bundle } = await model();
  expect(await registry.add({ id, path, bundle, trust })).toMatchObject({ state: 'verified' });
  expect(await registry.gate(id)).toEqual({ ok: false, reason: `\`${id}\` is verified, not promoted` });
  expect(await registry.promote(id, undefined)).toMatchObject({ state: 'promoted' });
  expect(await registry.gate(id)).toMatchObject({ ok: true });
  expect(states(id)).toEqual(['added', 'scanned', 'verified', 'promoted']);
});

test('keeps a copy of its own that does not change with the source', async () => {
  const { id, path, bundle } = await model();
  await registry.add({ id, path, bundle, trust });
  await registry.promote(id, undefined);
  writeFileSync(join(path, 'sub/model.safetensors'), 'poison');
  expect(await registry.gate(id)).toMatchObject({ ok: true });
  const { path: copy } = await registry.get(id);
  expect(statSync(join(copy, 'sub/model.safetensors')).mode & 0o777).toBe(0o444);
});

test('the gate closes when the copy changes, or something unsigned lies beside', async () => {
  for (const change of ['config.json', 'evil.py']) {
    const { id, path, bundle } = await model();
    await registry.add({ id, path, bundle, trust });
    await registry.promote(id, undefined);
    const file = join((await registry.get(id)).path, change);
    chmodSync(dirname(file), 0o755);
    if (existsSync(file)) chmodSync(file, 0o644);
    writeFileSync(file, 'x');
    expect(await registry.gate(id)).toMatchObject({ ok: false, reason: expect.stringContaining(change) });
  }
});

test('the gate closes when the scan is old, of other scanners, or the artefact is revoked', async () => {
  const { id, path, bundle } = await model();
  await registry.add({ id, path, bundle, trust });
  await registry.promote(id, undefined);
  expect(await (await open('scanners/2')).gate(id)).toMatchObject({
    ok: false,
    reason: expect.stringContaining('other scanners'),
  });
  now += 31 * day;
  expect(await registry.gate(id)).toMatchObject({
    ok: false,
    reason: expect.stringContaining('last scanned'),
  });
  await registry.add({ id, path });
  expect(await registry.gate(id)).toMatchObject({ ok: true });
  await registry.revoke(id, 'weights leaked');
  expect(await registry.gate(id)).toMatchObject({ ok: false, reason: expect.stringContaining('revoked') });
  await expect(registry.add({ id, path })).rejects.toMatchObject({ code: 'CONFLICT' });
});

test.each<ScanVerdict>(['malicious', 'error', 'suspicious'])('does not promote what is %s', async (found) => {
  const { id, path, bundle } = await model();
  verdict = found;
  await registry.add({ id, path, bundle, trust }).finally(() => (verdict = 'clean'));
  await expect(registry.promote(id, undefined)).rejects.toMatchObject({ code: 'BLOCKED' });
  if (found === 'suspicious') await registry.promote(id, 'the custom code was read');
  expect((await registry.gate(id)).ok).toBe(found === 'suspicious');
});

test('takes back what a later scan finds malicious', async () => {
  const { id, path, bundle } = await model();
  await registry.add({ id, path, bundle, trust });
  await registry.promote(id, undefined);
  verdict = 'malicious';
  await registry.add({ id, path }).finally(() => (verdict = 'clean'));
  expect(await registry.gate(id)).toMatchObject({ ok: false, reason: expect.stringContaining('scanned') });
});

test('does not promote what nobody signed, and does not believe a signature over something else', async () => {
  const { id, path } = await model();
  const other = await model();
  await expect(registry.add({ id, path, bundle: other.bundle, trust })).rejects.toMatchObject({
    code: 'BLOCKED',
  });
  expect(await registry.get(id)).toMatchObject({ state: 'scanned', signature: null });
  await expect(registry.promote(id, undefined)).rejects.toMatchObject({ code: 'BLOCKED' });
});

test('an id stands for one content', async () => {
  const [one, two] = [await model(), await model()];
  await registry.add({ id: one.id, path: one.path });
  await expect(registry.add({ id: one.id, path: two.path })).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(registry.add({ id: '../x', path: two.path })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

test('nothing opens while its event is not in the ledger, and the event comes later', async () => {
  const { id, path, bundle } = await model();
  await registry.add({ id, path, bundle, trust });
  ledgerWorks = false;
  await expect(registry.promote(id, undefined)).rejects.toThrow('full');
  await expect(registry.gate(id)).rejects.toThrow('full');
  ledgerWorks = true;
  expect(await (await open()).gate(id)).toMatchObject({ ok: true });
  expect(states(id).at(-1)).toBe('promoted');
});

const schemas = resolve(process.env['MERLON_SHARED'] ?? '../shared', 'schemas/cyclonedx');
for (const edition of bomEditions) {
  test.skipIf(!existsSync(schemas))(
    `writes a bill of materials that is valid CycloneDX ${edition}`,
    async () => {
      const { id, path, bundle } = await model();
      await registry.add({ id: `${id}@2`, path, bundle, trust, datasets: ['tickets', 'unknown'] });
      const bom = bomOf(await registry.get(`${id}@2`), {
        edition,
        version: '0.1.0',
        datasets: [
          {
            id: 'tickets',
            name: 'Support tickets',
            root: 'ab'.repeat(32),
            classification: 'confidential',
            owner: 'dpo',
            state: 'approved',
          },
          { id: 'unknown', name: 'unknown' },
        ],
      });
      const read = (name: string): object => JSON.parse(readFileSync(join(schemas, name), 'utf8')) as object;
      const ajv = new Ajv.default({ strict: false, validateFormats: true, logger: false });
      addFormats.default(ajv);
      for (const name of ['spdx.schema.json', 'jsf-0.82.schema.json']) ajv.addSchema(read(name));
      // Edition 1.7 refers to a registry of algorithms for cryptographic assets; a model has none.
      ajv.addSchema({
        $id: 'http://cyclonedx.org/schema/cryptography-defs.schema.json',
        definitions: { algorithmFamiliesEnum: { type: 'string' }, ellipticCurvesEnum: { type: 'string' } },
      });
      const valid = ajv.compile(read(`bom-${edition}.schema.json`));
      expect([valid(bom), valid.errors]).toEqual([true, null]);
      expect(JSON.stringify(bom)).toContain('TinyForCausalLM');
    },
  );
}
