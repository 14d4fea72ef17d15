import { randomBytes } from 'node:crypto';
import {
  copyFile,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeAtomically } from './atomic-file.ts';
import { chunkBytes, sealedBytes } from './chunks.ts';
import { containerSize, emptySlot, headerBytes, readHeader, slotOffset } from './container.ts';
import { memoryCustody } from './testing.ts';
import { openVault, type Vault } from './vault.ts';

let dir: string;
let vault: Vault;
const custody = memoryCustody();
const at = (name: string): string => join(dir, name);
const portable = { portable: true };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'merlon-vault-'));
  vault = await openVault({ custody, clock: { now: () => 1 }, record: async () => ({ id: 'e' }) });
});
afterAll(() => rm(dir, { recursive: true }));

test('carries files of every size through, with one thread and with several', async () => {
  for (const size of [0, 1, chunkBytes, 16 * chunkBytes, 16 * chunkBytes + 1, 5_000_000]) {
    const plain = randomBytes(size);
    await writeFile(at('plain'), plain);
    for (const threads of [1, 3]) {
      const made = await vault.encryptFile(at('plain'), at('sealed'), {
        ...portable,
        threads,
        replace: true,
      });
      expect(made).toMatchObject({ bytes: size, size: containerSize(size), keeping: 'portable' });
      expect((await stat(at('sealed'))).size).toBe(containerSize(size));
      const opened = await vault.decryptFile(at('sealed'), at('again'), { threads, replace: true });
      expect(opened).toEqual({ object: made.object, bytes: size });
      expect((await readFile(at('again'))).equals(plain)).toBe(true);
      // What threads wrote is what a stream writes.
      expect((await vault.open(await readFile(at('sealed')))).reveal().equals(plain)).toBe(true);
    }
  }
});

test('adds at most 0.03 % to what is large', () => {
  for (const size of [50e6, 1e9, 1e12])
    expect((containerSize(size) - size) / size).toBeLessThanOrEqual(0.0003);
});

test('tells how far it is, up to the end', async () => {
  await writeFile(at('plain'), randomBytes(3_000_000));
  const seen: number[] = [];
  await vault.encryptFile(at('plain'), at('told'), { ...portable, onProgress: (bytes) => seen.push(bytes) });
  expect(seen.at(-1)).toBe(3_000_000);
});

test('makes files that only their owner may read', async () => {
  await writeFile(at('plain'), 'x');
  await vault.encryptFile(at('plain'), at('private.vault'), portable);
  await vault.decryptFile(at('private.vault'), at('private'));
  for (const name of ['private.vault', 'private']) expect((await stat(at(name))).mode & 0o777).toBe(0o600);
});

test('leaves a file that is there alone unless it may be replaced', async () => {
  await writeFile(at('plain'), 'new');
  await writeFile(at('taken'), 'old');
  await expect(vault.encryptFile(at('plain'), at('taken'), portable)).rejects.toMatchObject({
    code: 'CONFLICT',
  });
  expect(await readFile(at('taken'), 'utf8')).toBe('old');
});

test('writes nothing when a chunk is damaged, and names the chunk', async () => {
  await writeFile(at('plain'), randomBytes(40 * chunkBytes));
  await vault.encryptFile(at('plain'), at('hurt.vault'), { ...portable, replace: true });
  const bytes = await readFile(at('hurt.vault'));
  bytes[headerBytes + 33 * sealedBytes + 5]! ^= 1;
  await writeFile(at('hurt.vault'), bytes);
  for (const threads of [1, 2]) {
    await expect(vault.decryptFile(at('hurt.vault'), at('hurt'), { threads })).rejects.toThrow('chunk 33');
    await expect(vault.verifyFile(at('hurt.vault'), { threads })).rejects.toMatchObject({
      code: 'OBJECT_DAMAGED',
    });
  }
  expect((await readdir(dir)).filter((name) => name.includes('hurt'))).toEqual(['hurt.vault']);
});

test('refuses what is no regular file, and says why a file cannot be opened', async () => {
  await expect(vault.encryptFile(dir, at('x'), portable)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(vault.decryptFile(at('nowhere'), at('x'))).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  await expect(vault.encryptFile(at('plain'), at('no/folder'), portable)).rejects.toMatchObject({
    code: 'FILE_UNREADABLE',
  });
});

test('removes what a killed process left of the same file, and nothing of a living one', async () => {
  const dead = '.out.999999999.0123456789ab.part';
  const living = `.out.${process.pid}.0123456789ab.part`;
  await writeFile(at(dead), 'rest');
  await writeFile(at(living), 'rest');
  await writeAtomically(at('out'), { replace: false }, (handle) => handle.writeFile('whole'));
  const names = await readdir(dir);
  expect(names).not.toContain(dead);
  expect(names).toContain(living);
  expect(await readFile(at('out'), 'utf8')).toBe('whole');
});

test('wraps a key again in place: other recipients, the same chunks', async () => {
  const plain = randomBytes(200_000);
  await writeFile(at('plain'), plain);
  const made = await vault.encryptFile(at('plain'), at('moved'), portable);
  await symlink(at('moved'), at('link'));
  const before = await readFile(at('moved'));
  expect(await vault.rewrap(at('moved'))).toBe('current');
  for (let round = 0; round < 3; round += 1) {
    const keyId = await custody.rotate();
    expect(await vault.rewrap(at('link'))).toBe('rewrapped');
    const about = await vault.inspect(at('moved'));
    expect(about).toMatchObject({
      object: made.object,
      bytes: 200_000,
      recipients: [{ keyId, current: true }],
    });
    const after = await readFile(at('moved'));
    expect(after.subarray(headerBytes).equals(before.subarray(headerBytes))).toBe(true);
    expect((await vault.open(after)).reveal().equals(plain)).toBe(true);
  }
  // Nothing of the file needs the older root keys any more.
  custody.forget(made.keyId);
  await vault.decryptFile(at('moved'), at('moved.plain'));
});

test('opens a file whose rewrap was interrupted at any step, and mends it', async () => {
  const plain = randomBytes(1000);
  await writeFile(at('plain'), plain);
  await vault.encryptFile(at('plain'), at('cut'), portable);
  const before = await readFile(at('cut'));
  await custody.rotate();
  await copyFile(at('cut'), at('done'));
  await vault.rewrap(at('done'));
  const after = await readFile(at('done'));
  const slot = (from: Buffer, place: 0 | 1): Buffer =>
    from.subarray(slotOffset(place), slotOffset(place) + emptySlot.length);

  // Both lists are there: the new one was written, the old one not yet emptied.
  const both = Buffer.from(before);
  slot(after, 1).copy(both, slotOffset(1));
  await writeFile(at('cut'), both);
  expect((await vault.open(both)).reveal().equals(plain)).toBe(true);
  expect(await vault.rewrap(at('cut'))).toBe('current');
  expect((await readFile(at('cut'))).equals(after)).toBe(true);

  // The new list is half on the disk: strict readers say so, rewrap mends.
  const torn = Buffer.from(before);
  slot(after, 1).subarray(0, 100).copy(torn, slotOffset(1));
  await writeFile(at('cut'), torn);
  await expect(vault.open(torn)).rejects.toThrow('unreadable');
  expect(await vault.rewrap(at('cut'))).toBe('rewrapped');
  const mended = await readFile(at('cut'));
  expect((await vault.open(mended)).reveal().equals(plain)).toBe(true);
  expect(readHeader(mended.subarray(0, headerBytes)).slots.filter(Boolean)).toHaveLength(1);
});

test('says that a file changed while it was read', async () => {
  for (const [size, message] of [
    [10, 'shorter'],
    [4_000_000, 'changed'],
  ] as const) {
    await writeFile(at('plain'), randomBytes(3_000_000));
    const meddling = {
      ...custody,
      wrap: async (...asked: Parameters<typeof custody.wrap>) => {
        await truncate(at('plain'), size);
        return custody.wrap(...asked);
      },
    };
    const other = await openVault({
      custody: meddling,
      clock: { now: () => 1 },
      record: async () => ({ id: 'e' }),
    });
    const changed = other.encryptFile(at('plain'), at('changed'), portable);
    await expect(changed).rejects.toThrow(message);
    expect(await readdir(dir)).not.toContain('changed');
  }
});

test('needs a store for everything but portable objects, and says so', async () => {
  await expect(vault.seal(Buffer.from('x'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(vault.seal(Buffer.from('x'), { person: 'a', portable: true })).rejects.toMatchObject({
    code: 'USAGE',
  });
});
