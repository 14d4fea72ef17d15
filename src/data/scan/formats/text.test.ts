import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { passages } from './text.ts';

test('leaves nothing out, and places every passage where it stands', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', ' ', '\n', '🙂', 'é') }), (text) => {
      const found = [...passages(text)];
      for (const { text: passage, start, line } of found) {
        expect(text.slice(start, start + passage.length)).toBe(passage);
        expect(text.slice(0, start).split('\n')).toHaveLength(line);
      }
      const said = (one: string) => one.replace(/\s+/g, '');
      expect(said(found.map((one) => one.text).join(''))).toBe(said(text));
    }),
  );
});

test('cuts a line of a hundred thousand units into passages that are read', () => {
  const found = [...passages('word '.repeat(20_000))];
  expect(Math.max(...found.map(({ text }) => text.length))).toBeLessThanOrEqual(6_000);
  expect(found.map(({ text }) => text).join('')).toHaveLength(100_000);
});
