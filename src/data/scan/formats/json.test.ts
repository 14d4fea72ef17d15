import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunksOf } from '../chunks.ts';
import { jsonValues, leavesOf } from './json.ts';

const records = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }), {
  minLength: 1,
  maxLength: 6,
});

async function* blocks(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('reads the elements of an array, however it is printed and cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      records,
      fc.constantFrom(0, 2),
      fc.integer({ min: 1, max: 9 }),
      async (rows, indent, size) => {
        const read: unknown[] = [];
        for await (const { bytes, first } of chunksOf(
          blocks(JSON.stringify(rows, null, indent), size),
          { kind: 'json' },
          { size, record: 1 << 20 },
        ))
          for (const { text } of jsonValues(new TextDecoder().decode(bytes), first, true))
            read.push(JSON.parse(text));
        expect(read).toEqual(JSON.parse(JSON.stringify(rows)));
      },
    ),
  );
});

test('reads values that follow one another', () => {
  const text = '{"a":1}\n{"b":[2,{"c":"}"}]}\n';
  expect([...jsonValues(text, true, false)]).toEqual([
    { text: '{"a":1}', line: 1 },
    { text: '{"b":[2,{"c":"}"}]}', line: 2 },
  ]);
});

test('survives any text', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ',', '\\', '\n', 'a', ':') }),
      fc.boolean(),
      (text, inArray) => {
        expect([...jsonValues(text, true, inArray)].every(({ line }) => line >= 1)).toBe(true);
      },
    ),
  );
});

test('names leaves by their column and their place', () => {
  const { leaves } = leavesOf({ messages: [{ role: 'user', content: 'hi' }], 'a/b~': 1 });
  expect(leaves).toEqual([
    { column: 'messages[].role', pointer: '/messages/0/role', value: 'user' },
    { column: 'messages[].content', pointer: '/messages/0/content', value: 'hi' },
    { column: 'a/b~', pointer: '/a~1b~0', value: 1 },
  ]);
});

test('bounds what it reads of a record that is too deep or too wide', () => {
  let deep: unknown = 1;
  for (let at = 0; at < 100; at += 1) deep = [deep];
  expect(leavesOf(deep)).toMatchObject({ leaves: [], dropped: 1 });
  expect(leavesOf(Array.from({ length: 30_000 }, () => 1)).leaves).toHaveLength(20_000);
});
