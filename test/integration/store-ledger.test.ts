import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { securityEvent, type SecurityEvent } from '../../src/kernel/event.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { openLedger, type Ledger } from '../../src/ledger/ledger.ts';
import { fromBase64 } from '../../src/ledger/proof/base64.ts';
import { openCheckpoint, publicKeyFromPem } from '../../src/ledger/proof/checkpoint.ts';
import { verifyConsistency } from '../../src/ledger/proof/proof.ts';
import { checkReceipt } from '../../src/ledger/proof/receipt.ts';
import type { Store } from '../../src/ports/store.ts';
import { postgresExpected, postgresTestStore, sqliteTestStore, type TestStore } from './stores.ts';

const key = new Secret(Buffer.alloc(32, 7));
const event = (n: number): SecurityEvent =>
  securityEvent({ kind: 'api_activity', activity: 1, message: `event ${n} 🏰`, time: n });

const kinds: [label: string, make: () => Promise<TestStore>][] = [['SQLite', sqliteTestStore]];
if (await postgresExpected()) kinds.push(['PostgreSQL', postgresTestStore]);
else test.skip('the ledger on PostgreSQL: no server at 127.0.0.1:5432', () => {});

describe.each(kinds)('the ledger on %s', (_label, make) => {
  let place: TestStore;
  let store: Store;
  let dir: string;
  let ledger: Ledger;
  const open = (): Promise<Ledger> => openLedger({ store, key, clock: systemClock, dir });

  beforeAll(async () => {
    place = await make();
    store = await place.open();
    dir = await mkdtemp(join(tmpdir(), 'merlon-ledger-'));
    ledger = await open();
  });

  afterAll(async () => {
    await ledger.close();
    await store.close();
    await place.drop();
    await rm(dir, { recursive: true });
  });

  test('is empty at first, and signs that', async () => {
    expect(ledger.size).toBe(0);
    const signed = await openCheckpoint(ledger.checkpoint().note, publicKeyFromPem(ledger.publicKey)!);
    expect(signed).toMatchObject({ origin: 'merlon', size: 0 });
    await expect(ledger.inclusion(0)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await ledger.entry(0)).toBeUndefined();
  });

  test('gives each event its place in the order of the calls', async () => {
    const places = await Promise.all(Array.from({ length: 700 }, (_, n) => ledger.append(event(n))));
    expect(places.map(({ index }) => index)).toEqual(Array.from({ length: 700 }, (_, n) => n));
    expect(ledger.size).toBe(700);
    expect((await ledger.entry(300))!.event.message).toBe('event 300 🏰');
    expect((await ledger.byId(places[699]!.id))!.index).toBe(699);
    expect(await ledger.byId('nothing')).toBeUndefined();
    expect((await ledger.entries(690, 50)).map(({ index }) => index)).toEqual([
      690, 691, 692, 693, 694, 695, 696, 697, 698, 699,
    ]);
  });

  test('proves each entry to anyone who holds the key', async () => {
    const { index } = await ledger.append(event(700));
    for (const at of [0, 255, 256, 699, index]) {
      const entry = (await ledger.entry(at))!;
      const { size, hashes, checkpoint } = await ledger.inclusion(at);
      const receipt = {
        entry,
        proof: { size, index: at, hashes },
        checkpoint: checkpoint.note,
        publicKey: ledger.publicKey,
      };
      expect(await checkReceipt(receipt)).toMatchObject({ ok: true });
      const forged = { ...receipt, entry: { ...entry, text: entry.text.replace('🏰', '🏯') } };
      expect(await checkReceipt(forged)).toMatchObject({ ok: false });
    }
  });

  test('proves an older head to be the beginning of a newer one', async () => {
    await ledger.published();
    const older = ledger.checkpoint();
    await Promise.all(Array.from({ length: 300 }, (_, n) => ledger.append(event(n))));
    await ledger.published();
    const newer = ledger.checkpoint();
    expect(newer.size).toBe(older.size + 300);
    const hashes = await ledger.consistency(older.size, newer.size);
    expect(
      verifyConsistency({
        first: older.size,
        second: newer.size,
        firstRoot: fromBase64(older.root)!,
        secondRoot: fromBase64(newer.root)!,
        hashes: hashes.map((hash) => fromBase64(hash)!),
      }),
    ).toBe(true);
  });

  test('tells listeners of what is durable, until they stop listening', async () => {
    const heard: number[] = [];
    const stop = ledger.onAppend((index) => heard.push(index));
    const { index } = await ledger.append(event(1));
    stop();
    await ledger.append(event(2));
    expect(heard).toEqual([index]);
  });

  test('refuses an event that does not fit, and takes the next', async () => {
    const size = ledger.size;
    const large = { ...event(1), message: 'x'.repeat(70_000) };
    await expect(ledger.append(large)).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(await ledger.append(event(2))).toMatchObject({ index: size });
  });

  test('goes on after a restart, with the same root', async () => {
    await ledger.close();
    await expect(ledger.append(event(1))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    const before = ledger.checkpoint();
    ledger = await open();
    expect(ledger.checkpoint()).toEqual(before);
    expect(await ledger.append(event(3))).toMatchObject({ index: before.size });
  });

  test('gives two writers on one store different places, and loses nothing', async () => {
    const secondStore = await place.open();
    const second = await openLedger({ store: secondStore, key, clock: systemClock });
    const before = ledger.size;
    const places = await Promise.all(
      Array.from({ length: 400 }, (_, n) => (n % 2 ? ledger : second).append(event(n))),
    );
    expect(new Set(places.map(({ index }) => index)).size).toBe(400);
    for (const { index, id } of places) expect((await ledger.entry(index))?.id).toBe(id);
    const last = before + 399;
    for (const one of [ledger, second]) {
      const { hashes, size, checkpoint } = await one.inclusion(last);
      const entry = (await one.entry(last))!;
      const proof = { size, index: last, hashes };
      expect(
        await checkReceipt({ entry, proof, checkpoint: checkpoint.note, publicKey: one.publicKey }),
      ).toMatchObject({ ok: true });
    }
    await second.close();
    await secondStore.close();
  });

  test('publishes tiles, entries, checkpoint and key, and leaves nothing over', async () => {
    await ledger.published();
    await ledger.close();
    const files = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((one) =>
      one.isFile(),
    );
    const width = ledger.size % 256;
    const full = Math.floor(ledger.size / 256);
    expect(files).toHaveLength(2 + 2 * full + 2 + 1);
    const last = String(full).padStart(3, '0');
    expect((await readFile(join(dir, `tile/0/${last}.p/${width}`))).length).toBe(width * 32);
    expect(await readFile(join(dir, 'checkpoint'), 'utf8')).toBe(ledger.checkpoint().note);
    ledger = await open();
  });

  test('refuses to open when the published head is not one of the durable log', async () => {
    await ledger.append(event(1));
    await ledger.close();
    const empty = await make();
    const emptyStore = await empty.open();
    const opening = openLedger({ store: emptyStore, key, clock: systemClock, dir });
    await expect(opening).rejects.toMatchObject({ code: 'LEDGER_BROKEN' });
    await emptyStore.close();
    await empty.drop();
    const other = openLedger({ store, key: new Secret(Buffer.alloc(32, 8)), clock: systemClock, dir });
    await expect(other).rejects.toMatchObject({ code: 'LEDGER_BROKEN' });
    ledger = await open();
  });
});
