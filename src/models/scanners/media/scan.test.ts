import { expect, test } from 'vitest';
import { bytes, calling, scanBytes, zipOf } from '../testing.ts';

const png = bytes(Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(64));

test('lets pictures and papers pass', () => {
  expect(scanBytes(png, 'logo.png')).toMatchObject({ verdict: 'clean', format: 'media' });
  expect(scanBytes(Buffer.from('%PDF-1.4\n1 0 obj\n'), 'paper.pdf').verdict).toBe('clean');
});

test('reads what else such a file is', () => {
  expect(
    scanBytes(bytes(png, zipOf([{ name: 'a', content: calling('os', 'system') }])), 'logo.png').verdict,
  ).toBe('malicious');
  expect(
    scanBytes(Buffer.from('%PDF-1.4\n<< /OpenAction << /S /JavaScript >> >>'), 'paper.pdf').verdict,
  ).toBe('suspicious');
});
