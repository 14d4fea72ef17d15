import { expect, test } from 'vitest';
import { scanBytes } from '../testing.ts';

test('lets texts pass that no loader runs', () => {
  expect(scanBytes(Buffer.from('Permission is granted to everyone.\n'), 'LICENSE')).toMatchObject({
    verdict: 'clean',
    format: 'text',
  });
  expect(scanBytes(Buffer.from('#version: 0.2\nĠ t\nĠ a\n'), 'merges.txt').verdict).toBe('clean');
});

test('does not take bytes for text', () => {
  expect(scanBytes(Buffer.from([1, 2, 3, 4])).verdict).toBe('suspicious');
  expect(scanBytes(Buffer.alloc(0)).verdict).toBe('error');
});
