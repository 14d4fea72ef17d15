import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFileKeys } from '../../src/adapters/file-keys/file-keys.ts';
import { openStore } from '../../src/adapters/open-store.ts';
import { openVault } from '../../src/data/vault/vault.ts';
import { compileSources } from './compiled.ts';

let compiled: string;
let dir: string;
const plain = randomBytes(6_000_000);

beforeAll(async () => {
  compiled = compileSources();
  dir = mkdtempSync(join(tmpdir(), 'merlon-vault-crash-'));
  await writeFile(join(dir, 'plain'), plain);
}, 60_000);
afterAll(() => {
  for (const path of [compiled, dir]) rmSync(path, { recursive: true, force: true });
});

async function withVault<T>(work: (vault: Awaited<ReturnType<typeof openVault>>) => Promise<T>): Promise<T> {
  const store = await openStore(`sqlite:${join(dir, 'merlon.db')}`);
  const custody = await openFileKeys(join(dir, 'keys'));
  try {
    const record = async () => ({ id: 'later' });
    return await work(await openVault({ custody, store, clock: { now: () => 1 }, record }));
  } finally {
    await store.close();
  }
}

/** Lets the process work for a moment after it has done each thing once, and kills it. */
async function killed(workMs: number): Promise<string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'crash-vault.mjs'), compiled, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const reading = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    const seen = new Set<string>();
    reading.on('line', (line) => {
      lines.push(line);
      seen.add(line.split(' ')[0]!);
      if (seen.size === 3) resolve();
    });
    child.once('exit', () => reject(new Error('the process ended by itself')));
  });
  await sleep(workMs);
  child.kill('SIGKILL');
  await new Promise<void>((resolve) => reading.once('close', resolve));
  return lines;
}

test('loses nothing and half-writes nothing when it is killed while it encrypts, rotates and shreds', async () => {
  await withVault((vault) => vault.encryptFile(join(dir, 'plain'), join(dir, 'moved.vault')));
  for (let round = 0; round < 6; round += 1) {
    const lines = await killed(Math.random() * 120);
    await withVault(async (vault) => {
      for (const name of ['plain.vault', 'moved.vault']) {
        const container = await readFile(join(dir, name));
        expect((await vault.open(container)).reveal().equals(plain), name).toBe(true);
      }
      const shredded = lines.filter((line) => line.startsWith('shredded '));
      expect(shredded.length).toBeGreaterThan(0);
      for (const line of shredded) {
        const opening = vault.open(Buffer.from(line.split(' ')[1]!, 'base64'));
        await expect(opening).rejects.toMatchObject({ code: 'OBJECT_SHREDDED' });
      }
      expect(['rewrapped', 'current']).toContain(await vault.rewrap(join(dir, 'moved.vault')));
    });
  }
  // The next run cleans up after the killed ones.
  await withVault((vault) =>
    vault.encryptFile(join(dir, 'plain'), join(dir, 'plain.vault'), { replace: true }),
  );
  expect((await readdir(dir)).filter((name) => name.endsWith('.part'))).toEqual([]);
}, 120_000);
