import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createInspector } from '../inspector.ts';
import { createNameDetector } from './detector.ts';
import { encodeNames, parseNames } from './features.ts';

const assets = join(import.meta.dirname, '../../../assets/inspection');
const asset = readFileSync(join(assets, 'names.bin'));
const detector = createNameDetector(asset);
const typesIn = (text: string) =>
  detector.detect(text).map(({ type, start, end }) => `${type}: ${text.slice(start, end)}`);

test('finds people and places in sentences', () => {
  expect(typesIn('My friend Maria Keller moved from Lisbon to Germany last year.')).toEqual([
    'person: Maria Keller',
    'location: Lisbon',
    'location: Germany',
  ]);
});

test('leaves ordinary prose alone', () => {
  expect(typesIn('the committee agreed to postpone the vote because the report was late')).toEqual([]);
  expect(typesIn('')).toEqual([]);
});

test('reads any text without error, with findings inside it that do not overlap', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      let end = 0;
      for (const finding of detector.detect(text)) {
        expect(finding.start).toBeGreaterThanOrEqual(end);
        expect(finding.end).toBeGreaterThan(finding.start);
        ({ end } = finding);
      }
      expect(end).toBeLessThanOrEqual(text.length);
    }),
  );
});

test('is asked for by name only', () => {
  const inspector = createInspector({
    secrets: JSON.parse(readFileSync(join(assets, 'secrets.json'), 'utf8')),
    names: asset,
  });
  const text = 'My friend Maria Keller moved from Lisbon to Germany last year.';
  expect(inspector.inspect(text, 'document', ['pii', 'secret'])).toEqual([]);
  expect(inspector.inspect(text, 'document', ['names'])).toHaveLength(3);
});

test('a model file that was read is written the same, and another file is refused', () => {
  expect(Buffer.from(encodeNames(parseNames(asset))).equals(asset)).toBe(true);
  expect(() => parseNames(asset.subarray(1))).toThrow(/names\.bin/);
});
