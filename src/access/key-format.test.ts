import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { newKey, parseKey } from './key-format.ts';

test('reads back what it makes', () => {
  for (const env of ['live', 'test', 'x9']) {
    const { key, id, secret } = newKey(env);
    expect(parseKey(key)).toEqual({ env, id, secret });
  }
});

test('makes a different key each time', () => {
  const keys = new Set(Array.from({ length: 500 }, () => newKey('live').key));
  expect(keys.size).toBe(500);
});

test('refuses two neighbours that changed places', () => {
  const { key } = newKey('live');
  for (let at = 0; at + 1 < key.length; at += 1) {
    const swapped = key.slice(0, at) + key[at + 1]! + key[at]! + key.slice(at + 2);
    if (swapped !== key) expect(parseKey(swapped)).toBeUndefined();
  }
});

test('takes nothing for a key that is none', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 100 }), (text) => {
      expect(parseKey(text)).toBeUndefined();
      expect(parseKey(`mrl_live_${text}`)).toBeUndefined();
    }),
  );
});
