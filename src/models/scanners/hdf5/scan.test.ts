import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytes, rulesOf, scanBytes } from '../testing.ts';

const magic = '\x89HDF\r\n\x1a\n';
const config = (layer: string): string =>
  JSON.stringify({
    class_name: 'Sequential',
    config: { layers: [{ class_name: layer, config: { units: 2 } }] },
  });

test('judges a configuration wherever it stands', () => {
  expect(scanBytes(bytes(magic, Buffer.alloc(64), config('Dense'), 0))).toMatchObject({
    verdict: 'clean',
    format: 'hdf5',
  });
  expect(scanBytes(bytes(magic, Buffer.alloc(64), config('Lambda'), 0)).verdict).toBe('malicious');
  expect(scanBytes(bytes(magic, Buffer.alloc(5 * 1024 * 1024), config('Lambda'), 0)).verdict).toBe(
    'malicious',
  );
});

test('finds the name of code in a configuration that does not parse', () => {
  expect(scanBytes(bytes(magic, '{"class_name": "Lambda", "config"', 0)).verdict).toBe('malicious');
});

test('sees a user block and paths out of the model', () => {
  expect(rulesOf(scanBytes(bytes(Buffer.alloc(512), magic, Buffer.alloc(16))))).toContain('hdf5-user-block');
  expect(scanBytes(bytes(magic, 0, '/etc/passwd', 0)).verdict).toBe('suspicious');
});

test('answers for any content', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (rest) => {
      expect(() => scanBytes(bytes(magic, rest, '{"class_name"', rest))).not.toThrow();
    }),
  );
});
