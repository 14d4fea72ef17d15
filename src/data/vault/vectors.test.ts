import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { judgeCryptoVector } from './vectors.ts';

const shared = resolve(process.env['MERLON_SHARED'] ?? '../shared', 'data/models/crypto');

test('agrees with published vectors, and would notice if it did not', () => {
  // RFC 5869 A.1, RFC 5649 §6 and the GCM specification's test case 16, in the shape of Wycheproof.
  const rows: Record<string, string | number>[] = [
    {
      type: 'HkdfTest',
      ikm: '0b'.repeat(22),
      salt: '000102030405060708090a0b0c',
      info: 'f0f1f2f3f4f5f6f7f8f9',
      size: 42,
      okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
      result: 'valid',
    },
    {
      type: 'KeywrapTest',
      key: '5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8',
      msg: 'c37b7e6492584340bed12207808941155068f738',
      ct: '138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a',
      result: 'valid',
    },
    {
      type: 'AeadTest',
      key: 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
      iv: 'cafebabefacedbaddecaf888',
      aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
      msg: 'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
      ct: '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
      tag: '76fc6ece0f4e1768cddf8853bb2d551b',
      result: 'valid',
    },
  ];
  for (const row of rows) {
    expect(judgeCryptoVector(row)).toBeUndefined();
    expect(judgeCryptoVector({ ...row, result: 'invalid' })).toBeTypeOf('string');
    for (const field of ['okm', 'ct', 'tag'] as const) {
      const text = row[field];
      if (typeof text !== 'string') continue;
      const changed = (text.startsWith('0') ? '1' : '0') + text.slice(1);
      expect(judgeCryptoVector({ ...row, [field]: changed })).toBeTypeOf('string');
    }
  }
  expect(judgeCryptoVector({ type: 'Other' })).toBeTypeOf('string');
});

test.skipIf(!existsSync(shared))('passes every vector of the shared data', () => {
  const failed = readdirSync(shared).flatMap((file) =>
    readFileSync(join(shared, file), 'utf8')
      .trim()
      .split('\n')
      .map((line) => judgeCryptoVector(JSON.parse(line) as Record<string, string | number>))
      .filter((why) => why !== undefined),
  );
  expect(failed).toEqual([]);
});
