import { expect, test } from 'vitest';
import { bytes, rulesOf, scanBytes } from '../testing.ts';

const pe = Buffer.alloc(128);
pe.write('MZ');
pe.writeUInt32LE(64, 60);
pe.write('PE\0\0', 64);

test.each<[string, Buffer]>([
  ['an ELF program', bytes('\x7fELF\x02\x01\x01', Buffer.alloc(60))],
  ['a Windows program', pe],
  ['a script', Buffer.from('#!/bin/sh\necho x\n')],
  ['a Mach-O program', bytes(Buffer.from('cffaedfe07000001', 'hex'), Buffer.alloc(60))],
])('calls %s suspicious', (_, file) => {
  expect(rulesOf(scanBytes(file))).toEqual(['executable-content']);
});

test('does not take numbers that begin alike for a program', () => {
  expect(rulesOf(scanBytes(bytes('MZ', Buffer.alloc(200))))).toEqual(['unknown-format']);
});
