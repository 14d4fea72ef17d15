import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../src/adapters/open-store.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { verifyLedger } from '../../src/ledger/verify.ts';
import { compileSources } from './compiled.ts';

const rounds = 20;

let compiled: string;
let state: string;

beforeAll(() => {
  compiled = compileSources();
  state = mkdtempSync(join(tmpdir(), 'merlon-crash-'));
}, 60_000);

afterAll(() => {
  rmSync(compiled, { recursive: true, force: true });
  rmSync(state, { recursive: true, force: true });
});

test('lets a statement end when the process exits in the middle of it', () => {
  const script = `
    const { openStore } = await import(${JSON.stringify(pathToFileURL(join(compiled, 'adapters/open-store.js')).href)});
    const store = await openStore('sqlite::memory:');
    const sql = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000) SELECT count(*) AS c FROM n';
    void store.prepare(sql).all();
    setTimeout(() => process.exit(0), 20);`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  // The driver aborts a process (134) that takes a busy thread down with it.
  expect(run).toMatchObject({ status: 0, signal: null, stderr: '' });
});

/** Lets a writer work for some time after its first (0) or second (1) line, kills it and returns what it had acknowledged. */
async function killed(line: 0 | 1, workMs: number): Promise<Map<number, string>> {
  const writer = spawn(process.execPath, [join(import.meta.dirname, 'crash-writer.mjs'), compiled, state], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged = new Map<number, string>();
  const lines = createInterface({ input: writer.stdout });
  const begun = new Promise<void>((resolve, reject) => {
    let seen = 0;
    lines.on('line', () => {
      if (seen === line) resolve();
      seen += 1;
    });
    writer.once('exit', () => reject(new Error('the writer ended by itself')));
  });
  lines.on('line', (line) => {
    const [, index, id] = /^(\d+) (\S+)$/.exec(line) ?? [];
    if (index !== undefined) acknowledged.set(Number(index), id!);
  });
  const ended = new Promise<void>((resolve) => lines.once('close', () => resolve()));
  await begun;
  await sleep(workMs);
  writer.kill('SIGKILL');
  await ended;
  return acknowledged;
}

test(`keeps every acknowledged event when it is killed, ${rounds} times`, { timeout: 180_000 }, async () => {
  const all = new Map<number, string>();
  let size = 0;
  for (let round = 0; round < rounds; round += 1) {
    // Mostly under load, and now and then while it opens the store and repairs the files.
    const acknowledged = await killed(round % 4 === 0 ? 0 : 1, Math.random() * 300);
    for (const [index, id] of acknowledged) {
      expect(all.has(index)).toBe(false);
      all.set(index, id);
    }

    const store = await openStore(`sqlite:${join(state, 'merlon.db')}`);
    const dir = join(state, 'ledger');
    const ledger = await openLedger({
      store,
      key: new Secret(Buffer.alloc(32, 7)),
      clock: systemClock,
      dir,
    });
    expect(ledger.size).toBeGreaterThanOrEqual(size + acknowledged.size);
    for (let from = size; from < ledger.size; from += 1000) {
      for (const { index, id } of await ledger.entries(from, 1000)) {
        expect(id).toBe(all.get(index) ?? id);
        acknowledged.delete(index);
      }
    }
    expect([...acknowledged]).toEqual([]);
    size = ledger.size;
    await ledger.close();
    await store.close();
    expect(await verifyLedger(dir, { publicKey: ledger.publicKey })).toMatchObject({
      ok: true,
      size,
      problems: [],
    });
  }
  expect(all.size).toBeGreaterThan(1000);
});
