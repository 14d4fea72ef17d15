import { expect, test } from 'vitest';
import { calling, npy, pickle, scanBytes, zipOf } from '../testing.ts';

const ints = npy("{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }", Buffer.alloc(12));

test('lets arrays and archives of arrays pass', () => {
  expect(scanBytes(ints)).toMatchObject({ verdict: 'clean', format: 'numpy' });
  expect(scanBytes(zipOf([{ name: 'a.npy', content: ints }]))).toMatchObject({
    verdict: 'clean',
    format: 'numpy',
  });
  expect(
    scanBytes(
      npy("{'descr': [('a', '<f8'), ('b', '|S3')], 'fortran_order': False, 'shape': (), }", Buffer.alloc(11)),
    ).verdict,
  ).toBe('clean');
});

test('scans the pickle of an array of objects', () => {
  const objects = (content: Uint8Array): Buffer =>
    npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", content);
  expect(scanBytes(objects(calling('os', 'system'))).verdict).toBe('malicious');
  expect(scanBytes(zipOf([{ name: 'a.npy', content: objects(calling('os', 'system')) }])).verdict).toBe(
    'malicious',
  );
  expect(scanBytes(objects(pickle('N'))).verdict).toBe('clean');
});

test.each([
  "__import__('os').system('x')",
  "{'descr': __import__('os'), 'fortran_order': False, 'shape': ()}",
  "{'descr': '<i4', 'fortran_order': False}",
  "{'descr': '<i4', 'descr': '|O', 'fortran_order': False, 'shape': ()}",
  "{'descr': '<i4', 'fortran_order': False, 'shape': (9,)}",
])('refuses the header %s', (header) => {
  expect(scanBytes(npy(header)).verdict).toBe('error');
});

test('sees data that the header does not account for', () => {
  expect(scanBytes(Buffer.concat([ints, Buffer.from('more')])).verdict).toBe('suspicious');
});
