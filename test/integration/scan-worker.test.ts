import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import type * as Scan from '../../src/models/scanners/scan.ts';
import { calling, pickle, torchZip } from '../../src/models/scanners/testing.ts';

/** The worker is a file of the built program. */
const built = join(process.cwd(), 'dist/models/scanners/scan.js');
const load = async (): Promise<typeof Scan> => (await import(pathToFileURL(built).href)) as typeof Scan;

test.skipIf(!existsSync(built))('scans in a thread of its own, several at once', async () => {
  const { scanArtifact } = await load();
  const results = await Promise.all([
    scanArtifact(torchZip(calling('os', 'system')), { name: 'a' }),
    scanArtifact(pickle('N'), { name: 'b' }),
  ]);
  expect(results.map(({ file, verdict }) => [file, verdict])).toEqual([
    ['a', 'malicious'],
    ['b', 'clean'],
  ]);
});

test.skipIf(!existsSync(built))(
  'ends a thread that needs too much memory, and answers with an error',
  async () => {
    const { scanArtifact } = await load();
    const hungry = pickle(']\x940'.repeat(900_000), 'N');
    const { verdict, findings } = await scanArtifact(hungry, { limits: { megabytes: 16 } });
    expect([verdict, findings[0]?.rule]).toEqual(['error', 'memory']);
  },
);

test.skipIf(!existsSync(built))('ends a thread that takes too long, and answers with an error', async () => {
  const { scanArtifact } = await load();
  expect(
    (await scanArtifact(pickle('N0'.repeat(200_000), 'N'), { limits: { milliseconds: 0 } })).verdict,
  ).toBe('error');
});
