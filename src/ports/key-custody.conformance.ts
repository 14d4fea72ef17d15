import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../kernel/secret.ts';
import type { KeyCustody } from './key-custody.ts';

/** What every custodian of the root key must do. `reopen` opens the same root again. */
export function keyCustodyConformance(
  label: string,
  open: () => Promise<{
    custody: KeyCustody;
    reopen: () => Promise<KeyCustody>;
    drop: () => Promise<void>;
  }>,
): void {
  describe(label, () => {
    let custody: KeyCustody;
    let reopen: () => Promise<KeyCustody>;
    let drop: () => Promise<void>;

    beforeAll(async () => {
      ({ custody, reopen, drop } = await open());
    });
    afterAll(() => drop());

    test('gives a wrapped key back, also after it was opened again', async () => {
      for (const length of [1, 16, 32, 64]) {
        const key = randomBytes(length);
        const { keyId, wrapped } = await custody.wrap(new Secret(key), 'vault/1');
        expect(keyId).toBe(await custody.currentKey());
        if (length >= 16) expect(wrapped.includes(key)).toBe(false);
        expect((await custody.unwrap(keyId, wrapped, 'vault/1')).reveal()).toEqual(key);
        expect((await (await reopen()).unwrap(keyId, wrapped, 'vault/1')).reveal()).toEqual(key);
      }
    });

    test('wraps the same key to other bytes each time', async () => {
      const key = new Secret(randomBytes(32));
      const [one, two] = [await custody.wrap(key, 'a'), await custody.wrap(key, 'a')];
      expect(one.wrapped).not.toEqual(two.wrapped);
    });

    test('refuses another context, another key id and every changed byte', async () => {
      const { keyId, wrapped } = await custody.wrap(new Secret(randomBytes(32)), 'tenant a');
      await expect(custody.unwrap(keyId, wrapped, 'tenant b')).rejects.toMatchObject({ name: 'Problem' });
      await expect(custody.unwrap('nothing', wrapped, 'tenant a')).rejects.toMatchObject({ name: 'Problem' });
      await expect(custody.unwrap(keyId, wrapped.subarray(1), 'tenant a')).rejects.toMatchObject({
        name: 'Problem',
      });
      for (let at = 0; at < wrapped.length; at += 1) {
        const changed = Buffer.from(wrapped);
        changed[at]! ^= 1;
        await expect(custody.unwrap(keyId, changed, 'tenant a')).rejects.toMatchObject({ name: 'Problem' });
      }
    });

    test('refuses to wrap what is no data key', async () => {
      for (const length of [0, 65]) {
        const wrapping = custody.wrap(new Secret(Buffer.alloc(length)), 'a');
        await expect(wrapping).rejects.toMatchObject({ name: 'Problem' });
      }
    });

    test('derives 32 bytes per purpose, the same each time', async () => {
      const one = (await custody.derive('ledger')).reveal();
      expect(one).toHaveLength(32);
      expect((await custody.derive('ledger')).reveal()).toEqual(one);
      expect((await (await reopen()).derive('ledger')).reveal()).toEqual(one);
      expect((await custody.derive('ledge')).reveal()).not.toEqual(one);
    });

    test('prints nothing of what it holds', async () => {
      const derived = await custody.derive('ledger');
      expect(inspect(derived)).toBe('[secret]');
      expect(inspect(custody, { depth: 9 })).not.toContain(derived.reveal().toString('hex'));
    });
  });
}
