import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytes, calling, pickle, rulesOf, scanBytes, zipOf } from '../testing.ts';

const evil = calling('os', 'system');
const good = pickle('N');

test('scans every entry by its content, whatever its name', () => {
  for (const name of ['a.pkl', 'a.txt', 'a/b/weights.bin', 'README', '.hidden'])
    expect(scanBytes(zipOf([{ name, content: evil }]))).toMatchObject({
      verdict: 'malicious',
      format: 'zip',
    });
  expect(scanBytes(zipOf([{ name: 'a', content: evil, deflate: true }])).verdict).toBe('malicious');
});

test('says at which byte of which entry', () => {
  const [finding] = scanBytes(zipOf([{ name: 'a/b.pkl', content: evil }])).findings;
  expect(finding?.offset).toBe('a/b.pkl!14');
});

test.each<[string, Buffer, string]>([
  [
    'an entry that the directory hides',
    zipOf([
      { name: 'a', content: good },
      { name: 'b', content: evil, hidden: true },
    ]),
    'zip-views-differ',
  ],
  [
    'another name in the local header',
    zipOf([{ name: 'a.txt', localName: 'a.pkl', content: evil }]),
    'zip-views-differ',
  ],
  [
    'two entries of one name',
    zipOf([
      { name: 'a', content: good },
      { name: 'a', content: evil },
    ]),
    'zip-duplicate-entry',
  ],
  ['an encryption flag on plain content', zipOf([{ name: 'a', content: evil, flags: 1 }]), 'zip-encrypted'],
  ['a patch flag on plain content', zipOf([{ name: 'a', content: evil, flags: 0x20 }]), 'zip-encrypted'],
  ['a wrong checksum', zipOf([{ name: 'a', content: evil, crc: 7 }]), 'zip-checksum'],
  ['something in front', bytes(evil, zipOf([{ name: 'a', content: good }])), 'zip-prefixed'],
  ['no directory', zipOf([{ name: 'a', content: evil }]).subarray(0, 31 + evil.length), 'zip-no-directory'],
])('reports %s and still finds what is inside', (_, file, rule) => {
  const result = scanBytes(file);
  expect(result.verdict).toBe('malicious');
  expect(rulesOf(result)).toContain(rule);
});

test.each(['../../etc/cron.d/x', '/etc/passwd', 'C:\\x', 'a/../../b', 'a\0.txt'])(
  'refuses the path %j',
  (name) => {
    expect(scanBytes(zipOf([{ name, content: good }])).verdict).toBe('malicious');
  },
);

test('refuses symbolic links and bombs', () => {
  expect(rulesOf(scanBytes(zipOf([{ name: 'a', content: '/etc', mode: 0o120777 }])))).toContain(
    'archive-link',
  );
  const bomb = scanBytes(zipOf([{ name: 'a', content: Buffer.alloc(16 * 1024 * 1024), deflate: true }]));
  expect([bomb.verdict, rulesOf(bomb)]).toEqual(['suspicious', expect.arrayContaining(['zip-bomb'])]);
});

test('reads archives in archives up to a depth, then answers with an error', () => {
  let nested = zipOf([{ name: 'a', content: evil }]);
  for (let depth = 0; depth < 3; depth++) nested = zipOf([{ name: 'z', content: nested }]);
  expect(scanBytes(nested).verdict).toBe('malicious');
  for (let depth = 0; depth < 5; depth++) nested = zipOf([{ name: 'z', content: nested }]);
  expect(scanBytes(nested).verdict).toBe('error');
});

test('has a limit of entries', () => {
  const many = zipOf(Array.from({ length: 30 }, (_, index) => ({ name: String(index), content: 'x' })));
  expect(scanBytes(many, 'x', { entries: 20 })).toMatchObject({
    verdict: 'error',
    findings: [{ rule: 'limit' }],
  });
});

test('never calls a changed archive with an attack clean', () => {
  const file = zipOf([{ name: 'a', content: evil }]);
  fc.assert(
    fc.property(fc.nat(file.length - 1), fc.nat(255), (at, value) => {
      const changed = Buffer.from(file);
      changed[at] = value;
      const inside = at >= 31 && at < 31 + evil.length;
      if (!inside) expect(scanBytes(changed).verdict).not.toBe('clean');
    }),
    { numRuns: 500 },
  );
});
