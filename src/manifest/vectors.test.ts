import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { judgeSigningVector, type SigningVector } from './vectors.ts';

const folder = join(process.env['MERLON_SHARED'] ?? '../shared', 'data/models/oms');

for (const name of ['own.jsonl', 'historical.jsonl']) {
  const file = join(folder, name);
  test.skipIf(!existsSync(file))(`judges every signature of ${name} as expected`, async () => {
    const wrong: string[] = [];
    for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const row = JSON.parse(line) as SigningVector;
      const why = await judgeSigningVector(row, Date.now());
      if (why !== undefined) wrong.push(`${row.id}: ${why}`);
    }
    expect(wrong).toEqual([]);
  });
}
