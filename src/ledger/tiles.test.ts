import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBundle, encodeBundle, parseTilePath, tilePath } from './tiles.ts';

test('names tiles as c2sp.org/tlog-tiles has it', () => {
  expect(tilePath(0, 0)).toBe('tile/0/000');
  expect(tilePath(1, 1_234_067)).toBe('tile/1/x001/x234/067');
  expect(tilePath('entries', 1000, 5)).toBe('tile/entries/x001/000.p/5');
});

test('reads the name of a tile back', () => {
  const level = fc.oneof(fc.constant<'entries'>('entries'), fc.nat(6));
  fc.assert(
    fc.property(level, fc.nat(2 ** 31), fc.integer({ min: 1, max: 256 }), (at, n, width) => {
      expect(parseTilePath(tilePath(at, n, width))).toEqual({ level: at, n, width });
    }),
  );
});

test('takes nothing for the name of a tile that is none', () => {
  const wrong = [
    'tile/0/0',
    'tile/00/000',
    'tile/0/x000/001',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/05',
    'tile/0/000/',
    'tile/-1/000',
    'tile/entries/../000',
  ];
  for (const path of wrong) expect(parseTilePath(path), path).toBeUndefined();
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parseTilePath(text)).toBeUndefined();
      expect(parseTilePath(`tile/0/${text}`)?.n ?? 0).toBeGreaterThanOrEqual(0);
    }),
  );
});

test('reads a bundle back', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 40 }), (entries) => {
      const { entries: read, rest } = decodeBundle(encodeBundle(entries));
      expect(rest).toBe(0);
      expect(read.map((entry) => new Uint8Array(entry))).toEqual(entries);
    }),
  );
  const longest = Buffer.alloc(65_535, 1);
  expect(decodeBundle(encodeBundle([longest])).entries).toEqual([longest]);
});

test('reads any bytes as entries and a rest that add up', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      const { entries, rest } = decodeBundle(Buffer.from(bytes));
      expect(entries.reduce((sum, entry) => sum + 2 + entry.length, rest)).toBe(bytes.length);
    }),
  );
});
