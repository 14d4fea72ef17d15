import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../src/adapters/open-store.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { securityEvent, type SecurityEvent } from '../../src/kernel/event.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { decodeBundle, encodeBundle } from '../../src/ledger/tiles.ts';
import { verifyLedger, type LedgerProblem, type Verification } from '../../src/ledger/verify.ts';

const key = new Secret(Buffer.alloc(32, 7));
const event = (n: number): SecurityEvent =>
  securityEvent({ kind: 'api_activity', activity: 1, message: `event ${n}`, time: n });

/** Writes logs of these sizes one after the other and keeps a copy of each; returns the key. */
async function publishLog(dir: string, sizes: readonly number[], first = event): Promise<string> {
  const store = await openStore('sqlite::memory:');
  const ledger = await openLedger({ store, key, clock: systemClock, dir });
  for (const size of sizes) {
    const from = ledger.size;
    await Promise.all(
      Array.from({ length: size - from }, (_, n) =>
        ledger.append(from + n === 0 ? first(0) : event(from + n)),
      ),
    );
    await ledger.published();
    cpSync(join(dir, 'checkpoint'), join(dir, '..', `checkpoint-${size}`));
  }
  await ledger.close();
  await store.close();
  return ledger.publicKey;
}

function filesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
    .sort();
}

const kinds = ({ problems }: Verification): LedgerProblem['kind'][] => problems.map(({ kind }) => kind);

describe('verifying a published ledger', () => {
  const size = 700;
  let root: string;
  let dir: string;
  let publicKey: string;

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'merlon-verify-'));
    dir = join(root, 'whole');
    publicKey = await publishLog(dir, [300, 512, size]);
  });
  afterAll(() => rmSync(root, { recursive: true }));

  const copies = { count: 0 };
  const damaged = async (damage: (dir: string) => void, options = {}): Promise<Verification> => {
    copies.count += 1;
    const copy = join(root, `copy-${copies.count}`);
    cpSync(dir, copy, { recursive: true });
    damage(copy);
    const result = await verifyLedger(copy, options);
    rmSync(copy, { recursive: true });
    return result;
  };
  const kept = (n: number): string => readFileSync(join(root, `checkpoint-${n}`), 'utf8');

  test('finds nothing wrong with a whole one', async () => {
    const result = await verifyLedger(dir, { publicKey, checkpoint: kept(300) });
    expect(result).toMatchObject({ ok: true, size, problems: [] });
    expect(kept(size)).toContain(result.root);
    for (const checkpoint of [kept(512), kept(size)]) {
      expect((await verifyLedger(dir, { checkpoint })).ok).toBe(true);
    }
  });

  test('finds every flipped bit, in whatever file', async () => {
    const files = filesOf(dir);
    expect(files).toHaveLength(2 + 2 * 3 + 1);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), fc.nat(), fc.nat(7), async (file, at, bit) => {
        const result = await damaged((copy) => {
          const bytes = readFileSync(join(copy, file));
          bytes[at % bytes.length]! ^= 1 << bit;
          writeFileSync(join(copy, file), bytes);
        });
        expect(result.ok).toBe(false);
      }),
      { numRuns: 100 },
    );
  });

  test('finds a flip in each byte of a small one, down to the padding of the key', async () => {
    const small = join(root, 'small', 'log');
    await publishLog(small, [2]);
    for (const file of ['checkpoint', 'key.pem', 'tile/0/000.p/2']) {
      const bytes = readFileSync(join(small, file));
      for (let at = 0; at < bytes.length; at += 1) {
        bytes[at]! ^= 1;
        writeFileSync(join(small, file), bytes);
        expect((await verifyLedger(small)).ok, `${file}, byte ${at}`).toBe(false);
        bytes[at]! ^= 1;
      }
      writeFileSync(join(small, file), bytes);
    }
    expect((await verifyLedger(small)).ok).toBe(true);
  });

  test('names the entry that was changed', async () => {
    const result = await damaged((copy) => {
      const file = join(copy, 'tile/entries/001');
      const { entries } = decodeBundle(readFileSync(file));
      const changed = entries.map((entry, i) =>
        i === 44 ? Buffer.from(entry.toString().replace('event 300', 'event 999')) : entry,
      );
      writeFileSync(file, encodeBundle(changed));
    });
    expect(result.problems).toMatchObject([{ kind: 'entry', index: 300 }, { kind: 'root' }]);
  });

  test('names two entries that changed places', async () => {
    const result = await damaged((copy) => {
      const file = join(copy, 'tile/entries/000');
      const { entries } = decodeBundle(readFileSync(file));
      [entries[3], entries[200]] = [entries[200]!, entries[3]!];
      writeFileSync(file, encodeBundle(entries));
    });
    expect(result.problems).toMatchObject([
      { kind: 'order', index: 3 },
      { kind: 'order', index: 200 },
      { kind: 'root' },
    ]);
  });

  test('names the place from which a bundle is one entry short', async () => {
    const result = await damaged((copy) => {
      const file = join(copy, 'tile/entries/000');
      const { entries } = decodeBundle(readFileSync(file));
      writeFileSync(file, encodeBundle(entries.toSpliced(9, 1)));
    });
    expect(result.problems[0]).toMatchObject({ kind: 'entry', index: 9 });
  });

  test('tells a changed hash from a changed entry', async () => {
    const result = await damaged((copy) => {
      const file = join(copy, 'tile/0/001');
      const bytes = readFileSync(file);
      bytes[32 * 5]! ^= 1;
      writeFileSync(file, bytes);
    });
    expect(result.problems).toMatchObject([{ kind: 'tile', index: 261 }]);
  });

  test('finds each file that is gone', async () => {
    for (const file of filesOf(dir)) {
      const result = await damaged((copy) => rmSync(join(copy, file)));
      expect(kinds(result), file).toContain('missing');
    }
  });

  test('finds a file that does not belong, and two that changed names', async () => {
    const added = await damaged((copy) => writeFileSync(join(copy, 'tile/0/note'), 'x'));
    expect(kinds(added)).toEqual(['unexpected']);
    const swapped = await damaged((copy) => {
      renameSync(join(copy, 'tile/entries/000'), join(copy, 'x'));
      renameSync(join(copy, 'tile/entries/001'), join(copy, 'tile/entries/000'));
      renameSync(join(copy, 'x'), join(copy, 'tile/entries/001'));
    });
    expect(swapped.problems[0]).toMatchObject({ kind: 'order', index: 0 });
    const longer = await damaged((copy) =>
      writeFileSync(join(copy, 'tile/0/000'), Buffer.alloc(32), { flag: 'a' }),
    );
    expect(longer.ok).toBe(false);
  });

  test('finds a log that was cut, against a checkpoint kept elsewhere', async () => {
    const shorter = join(root, 'shorter', 'log');
    await publishLog(shorter, [300]);
    // By itself it is whole; only what was kept shows that there was more.
    expect((await verifyLedger(shorter, { publicKey })).ok).toBe(true);
    const result = await verifyLedger(shorter, { publicKey, checkpoint: kept(512) });
    expect(result.problems).toMatchObject([{ kind: 'truncated', index: 300 }]);
  });

  test('finds a log that was forked, against a checkpoint kept elsewhere', async () => {
    const fork = join(root, 'fork', 'log');
    await publishLog(fork, [size], () => event(9999));
    expect((await verifyLedger(fork, { publicKey })).ok).toBe(true);
    for (const n of [300, 512, size]) {
      const result = await verifyLedger(fork, { publicKey, checkpoint: kept(n) });
      expect(result.problems).toMatchObject([{ kind: 'fork', index: n }]);
    }
  });

  test('trusts neither a log nor a kept checkpoint of another key', async () => {
    const other = await openStore('sqlite::memory:');
    const place = join(root, 'other', 'log');
    const ledger = await openLedger({
      store: other,
      key: new Secret(Buffer.alloc(32, 8)),
      clock: systemClock,
      dir: place,
    });
    await ledger.append(event(0));
    await ledger.close();
    await other.close();
    expect(kinds(await verifyLedger(place, { publicKey }))).toEqual(['key', 'checkpoint']);
    const foreign = readFileSync(join(place, 'checkpoint'), 'utf8');
    expect(kinds(await verifyLedger(dir, { publicKey, checkpoint: foreign }))).toEqual(['checkpoint']);
  });

  test('ignores what a crash left over: files on their way, and tiles past the head', async () => {
    const result = await damaged((copy) => {
      writeFileSync(join(copy, '.tmp', 'tile-0-002'), 'half');
      cpSync(join(root, 'checkpoint-512'), join(copy, 'checkpoint'));
    });
    expect(result).toMatchObject({ ok: true, size: 512 });
  });

  test(
    'verifies three levels of tiles, and publishes all of a log that is closed in a hurry',
    { timeout: 90_000 },
    async () => {
      const place = join(root, 'large', 'log');
      const store = await openStore('sqlite::memory:');
      const ledger = await openLedger({ store, key, clock: systemClock, dir: place });
      const appended = Promise.allSettled(Array.from({ length: 67_000 }, (_, n) => ledger.append(event(n))));
      await ledger.close();
      await store.close();
      const refused = (await appended).filter((one) => one.status === 'rejected');
      expect(ledger.size).toBe(67_000 - refused.length);
      expect(ledger.size).toBeGreaterThanOrEqual(65_536);
      // The queue is bounded, and says so.
      expect(refused[0]?.reason).toMatchObject({ code: 'OVERLOADED' });
      const result = await verifyLedger(place, { publicKey });
      expect(result).toMatchObject({ ok: true, size: ledger.size, problems: [] });
      const tile = join(place, 'tile/1/000');
      const bytes = readFileSync(tile);
      bytes[32 * 7]! ^= 1;
      writeFileSync(tile, bytes);
      expect((await verifyLedger(place)).problems).toMatchObject([{ kind: 'tile', index: 7 * 256 }]);
    },
  );

  test('verifies an empty log, and refuses a folder that is none', async () => {
    const empty = join(root, 'empty', 'log');
    await publishLog(empty, [0]);
    expect(await verifyLedger(empty, { publicKey })).toMatchObject({ ok: true, size: 0 });
    await expect(verifyLedger(join(root, 'nothing'))).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    await expect(verifyLedger(dir, { publicKey: 'nonsense' })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    expect((await verifyLedger(join(root, 'shorter'))).ok).toBe(false);
  });
});
