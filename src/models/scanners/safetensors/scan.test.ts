import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytes, calling, safetensors, scanBytes, torchZip } from '../testing.ts';

const tensor = (dtype: string, shape: number[], begin: number, end: number): object => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

test.each<[string, Buffer]>([
  ['one tensor', safetensors({ a: tensor('F32', [2, 2], 0, 16) }, Buffer.alloc(16))],
  ['no tensor', safetensors({})],
  [
    'metadata that looks like code',
    safetensors(
      { __metadata__: { note: '__import__("os").system("x")' }, a: tensor('U8', [1], 0, 1) },
      Buffer.alloc(1),
    ),
  ],
  [
    'a tensor of no values',
    safetensors({ a: tensor('F32', [0, 4], 0, 0), b: tensor('I8', [2], 0, 2) }, Buffer.alloc(2)),
  ],
  ['a single number', safetensors({ a: tensor('F64', [], 0, 8) }, Buffer.alloc(8))],
  [
    'another order in the header',
    safetensors({ b: tensor('U8', [1], 1, 2), a: tensor('U8', [1], 0, 1) }, Buffer.alloc(2)),
  ],
  [
    'padding behind the header',
    safetensors(`${JSON.stringify({ a: tensor('U8', [1], 0, 1) })}   `, Buffer.alloc(1)),
  ],
])('lets %s pass', (_, file) => {
  expect(scanBytes(file)).toMatchObject({ verdict: 'clean', format: 'safetensors' });
});

const one = JSON.stringify(tensor('U8', [1], 0, 1));
test.each<[string, Buffer]>([
  ['a key twice', safetensors(`{"a":${one},"a":${one}}`, Buffer.alloc(1))],
  ['an escaped key twice', safetensors(`{"a":${one},"\\u0061":${one}}`, Buffer.alloc(1))],
  [
    'a number as 1e0',
    safetensors('{"a":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}', Buffer.alloc(1)),
  ],
  ['a negative size', safetensors({ a: tensor('U8', [-1], 0, 1) }, Buffer.alloc(1))],
  ['a hole', safetensors({ a: tensor('U8', [1], 0, 1), b: tensor('U8', [1], 2, 3) }, Buffer.alloc(3))],
  ['an overlap', safetensors({ a: tensor('U8', [2], 0, 2), b: tensor('U8', [2], 1, 3) }, Buffer.alloc(3))],
  ['data behind the last tensor', safetensors({ a: tensor('U8', [1], 0, 1) }, Buffer.alloc(9))],
  ['an end beyond the file', safetensors({ a: tensor('U8', [9], 0, 9) }, Buffer.alloc(1))],
  [
    'a shape that overflows',
    safetensors({ a: { dtype: 'U8', shape: [4294967296, 4294967296, 4294967296], data_offsets: [0, 0] } }),
  ],
  ['an unknown type', safetensors({ a: tensor('X8', [1], 0, 1) }, Buffer.alloc(1))],
  ['an unknown key', safetensors({ a: { ...tensor('U8', [1], 0, 1), code: 'x' } }, Buffer.alloc(1))],
  ['metadata that is no text', safetensors({ __metadata__: { a: 1 } })],
  ['a header that goes past the end', bytes(safetensors({}).subarray(0, 9))],
  ['a control character in a name', safetensors('{"a\n":{}}')],
])('refuses %s', (_, file) => {
  expect(scanBytes(file).verdict).toBe('error');
});

test('sees a program in a tensor and an archive behind the end', () => {
  const elf = Buffer.alloc(32);
  elf.write('\x7fELF\x02\x01\x01', 'latin1');
  expect(scanBytes(safetensors({ a: tensor('U8', [32], 0, 32) }, elf)).verdict).toBe('suspicious');
  expect(scanBytes(bytes(safetensors({}), torchZip(calling('os', 'system')))).verdict).toBe('malicious');
});

test('answers for any header', () => {
  fc.assert(
    fc.property(fc.json(), fc.uint8Array({ maxLength: 32 }), (header, data) => {
      expect(() => scanBytes(safetensors(header, data))).not.toThrow();
    }),
  );
});
