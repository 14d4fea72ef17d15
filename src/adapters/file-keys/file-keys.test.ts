import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Secret } from '../../kernel/secret.ts';
import { keyCustodyConformance } from '../../ports/key-custody.conformance.ts';
import { openFileKeys } from './file-keys.ts';

const passphrase = new Secret('a passphrase of seven words, or so');

for (const [label, secret] of [
  ['keys in a file', undefined],
  ['keys in a file under a passphrase', passphrase],
] as const) {
  keyCustodyConformance(label, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'merlon-keys-'));
    const reopen = () => openFileKeys(dir, secret);
    return { custody: await reopen(), reopen, drop: () => rm(dir, { recursive: true }) };
  });
}

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'merlon-keys-'));
});
afterAll(() => rm(dir, { recursive: true }));

test('makes one root key when two processes begin at once, and leaves one private file', async () => {
  const place = join(dir, 'new');
  const [one, two] = await Promise.all([openFileKeys(place), openFileKeys(place)]);
  expect(await one.currentKey()).toBe(await two.currentKey());
  expect(await readdir(place)).toEqual(['root.json']);
  expect((await stat(join(place, 'root.json'))).mode & 0o777).toBe(0o600);
  expect((await stat(place)).mode & 0o777).toBe(0o700);
});

test('still unwraps and derives after a rotation', async () => {
  const place = join(dir, 'rotated');
  const keys = await openFileKeys(place);
  const key = new Secret(Buffer.alloc(32, 5));
  const old = await keys.wrap(key, 'c');
  const derived = (await keys.derive('p')).reveal();
  const id = await keys.rotate();
  expect(await keys.currentKey()).toBe(id);
  expect(id).not.toBe(old.keyId);
  const again = await openFileKeys(place);
  expect(await again.currentKey()).toBe(id);
  expect((await again.unwrap(old.keyId, old.wrapped, 'c')).reveal()).toEqual(key.reveal());
  expect((await again.derive('p')).reveal()).toEqual(derived);
});

test('sees at once what another process rotated, and loses none of versions made at once', async () => {
  const place = join(dir, 'shared');
  const [one, two] = [await openFileKeys(place), await openFileKeys(place)];
  const id = await one.rotate();
  expect(await two.currentKey()).toBe(id);
  const key = new Secret(Buffer.alloc(32, 5));
  const { keyId, wrapped } = await two.wrap(key, 'c');
  expect(keyId).toBe(id);
  const made = await Promise.all([one.rotate(), two.rotate(), one.rotate()]);
  const versions = (await openFileKeys(place)).versions();
  expect(new Set((await versions).map((version) => version.id))).toEqual(
    new Set([...(await one.versions()).slice(0, 1).map((version) => version.id), id, ...made]),
  );
  expect((await one.unwrap(keyId, wrapped, 'c')).reveal()).toEqual(key.reveal());
  expect(await readdir(place)).toEqual(['root.json']);
  // A process that was killed in the middle does not hold up others.
  await writeFile(join(place, 'root.json.lock'), '999999999');
  await two.rotate();
});

test('encrypts a file that was open as soon as there is a passphrase, and asks for it from then on', async () => {
  const place = join(dir, 'upgraded');
  const before = await (await openFileKeys(place)).derive('p');
  const open = JSON.parse(await readFile(join(place, 'root.json'), 'utf8')) as {
    versions: { key: string }[];
  };
  const after = await (await openFileKeys(place, passphrase)).derive('p');
  expect(after.reveal()).toEqual(before.reveal());
  expect(await readFile(join(place, 'root.json'), 'utf8')).not.toContain(open.versions[0]!.key);
  await expect(openFileKeys(place)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await expect(openFileKeys(place, new Secret('another'))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

test('refuses a file that others may read, and one that is damaged', async () => {
  const place = join(dir, 'refused');
  await openFileKeys(place);
  const file = join(place, 'root.json');
  await chmod(file, 0o640);
  await expect(openFileKeys(place)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await chmod(file, 0o600);
  await writeFile(file, '{"schema":"merlon-root-keys/v1"');
  await expect(openFileKeys(place)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});
