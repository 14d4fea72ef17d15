import { deflateSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { calling, pickle, rulesOf, scanBytes, text } from '../testing.ts';

const evil = calling('os', 'system');
/** A pickle that calls `os.system`, compressed by Python's bz2 and lzma. */
const packed = {
  bzip2: 'QlpoOTFBWSZTWQvCwtgAAAfT4DUAAAEQAAICjGBCBAgAIAAxQ00wAEEDRo9NIUlnIhzAnrA0cV8XckU4UJALwsLY',
  xz: '/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAUgASMAm9zjAZzeXN0ZW2TjAF4hVIuAAAAABhJD8YpSLWSAAEtFS8LcW0ftvN9AQAAAAAEWVo=',
  lzma: 'XQAAgAD//////////wBAAQ02/AcoN2NJafwJgBT4ehIAwB8ZHnSUCf//4KcAAA==',
};
/** An LZ4 frame of one stored block, or of one with matches. */
const lz4 = (block: Uint8Array, stored: boolean): Buffer => {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(block.length + (stored ? 2 ** 31 : 0));
  return Buffer.concat([Buffer.from('04224d18604000', 'hex'), size, block, Buffer.alloc(4)]);
};

test.each<[string, Buffer]>([
  ['gzip', gzipSync(evil)],
  ['zlib', deflateSync(evil)],
  ['gzip in gzip', gzipSync(gzipSync(evil))],
  ['LZ4', lz4(evil, true)],
  ['LZ4 with lengths', lz4(Buffer.concat([Buffer.from([0xf0, evil.length - 15]), evil]), false)],
  ...Object.entries(packed).map(([name, text]): [string, Buffer] => [name, Buffer.from(text, 'base64')]),
])('finds the pickle inside %s', (_, file) => {
  expect(scanBytes(file)).toMatchObject({ verdict: 'malicious', format: 'compressed' });
});

test('lets a plain pickle inside pass', () => {
  expect(scanBytes(gzipSync(pickle(text('hi')))).verdict).toBe('clean');
});

test('calls a bomb suspicious and what cannot be read here too', () => {
  expect(rulesOf(scanBytes(gzipSync(Buffer.alloc(100 * 1024 * 1024))))).toEqual(['decompression-bomb']);
  expect(scanBytes(Buffer.from('28b52ffd0458010000', 'hex')).verdict).toBe('suspicious');
  expect(scanBytes(Buffer.from("7z\xbc\xaf'\x1c\0\x04", 'latin1')).verdict).toBe('suspicious');
});

test('refuses broken streams without breaking', () => {
  const seeds = [gzipSync(evil), ...Object.values(packed).map((one) => Buffer.from(one, 'base64'))];
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.nat(), fc.nat(255), (seed, place, value) => {
      const changed = Buffer.from(seed);
      changed[place % changed.length] = value;
      expect(() => scanBytes(changed)).not.toThrow();
    }),
  );
});
