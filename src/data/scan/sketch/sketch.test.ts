import { expect, test } from 'vitest';
import { DistinctSample } from './distinct-sample.ts';
import { FloodCounts } from './flood-counts.ts';
import { HyperLogLog } from './hyperloglog.ts';
import { bandKeys, bands, wordHashes } from './minhash.ts';

test.each([10, 1_000, 100_000])('counts %d distinct values within five standard errors', (count) => {
  const sketch = new HyperLogLog();
  for (let at = 0; at < count; at += 1) {
    sketch.add(`value ${at}`);
    sketch.add(`value ${at}`);
  }
  expect(Math.abs(sketch.count - count) / count).toBeLessThan(0.08);
});

test('merges to the same registers as one sketch of everything', () => {
  const [all, left, right] = [new HyperLogLog(), new HyperLogLog(), new HyperLogLog()];
  for (let at = 0; at < 5_000; at += 1) {
    all.add(String(at));
    (at % 2 === 0 ? left : right).add(String(at));
  }
  left.merge(right.registers);
  expect(left.registers).toEqual(all.registers);
});

test('keeps a sample of keys with exact counts', () => {
  const sample = new DistinctSample<number>(100, (left, right) => left + right);
  for (let round = 0; round < 3; round += 1)
    for (let key = 0; key < 1_000; key += 1) sample.add(key * 2_654_435, 1);
  expect(sample.entries.size).toBeLessThanOrEqual(100);
  expect([...sample.entries.values()].every((count) => count === 3)).toBe(true);
  expect(sample.oneIn).toBeGreaterThan(1);
});

function keysOf(text: string): number[] {
  const words = new Uint32Array(256);
  const keys = new Float64Array(bands);
  return bandKeys(words, wordHashes(text, words), keys) ? [...keys] : [];
}

test('gives nearly equal texts a common key, and other texts none', () => {
  const text =
    'The committee agreed to postpone the vote until Thursday because the report was late and nobody had read the annex before the meeting began in the small room';
  const shared = (other: string) => keysOf(text).filter((key, band) => keysOf(other)[band] === key).length;
  expect(shared(`${text}!`)).toBe(bands);
  expect(shared(text.replace('small', 'large'))).toBeGreaterThan(0);
  expect(
    shared('Warm days are followed by cold nights, which is why the harvest began two weeks late this year'),
  ).toBe(0);
  expect(keysOf('too short')).toEqual([]);
});

test('keeps a flood while millions of others pass, in bounded memory', () => {
  const floods = new FloodCounts();
  const keys = new Float64Array(bands);
  for (let at = 0; at < 60_000; at += 1) {
    for (let band = 0; band < bands; band += 1) keys[band] = at % 20 === 0 ? band : at * 16 + band + 100;
    floods.add(keys, { line: at, seq: 0 });
  }
  const [first] = floods.list();
  expect(first).toMatchObject({ count: 3_000, line: 0 });
});
