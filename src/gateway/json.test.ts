import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyEdits, escapePointer, isRecord, parseObject, type Edits } from './json.ts';

const limits = { depth: 64, members: 10_000 };

/** Every pointer into a value. */
function pointers(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null) return at === '' ? [] : [at];
  const below = Object.entries(value).flatMap(([key, inner]) =>
    pointers(inner, `${at}/${escapePointer(key)}`),
  );
  return at === '' ? below : [at, ...below];
}

const object = fc.dictionary(fc.string({ maxLength: 6 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 });

test('reads what JSON.parse reads', () => {
  fc.assert(
    fc.property(object, fc.constantFrom(0, 1, '\t'), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      expect(parseObject(text, limits)).toEqual(JSON.parse(text));
    }),
  );
});

test('replaces one value wherever it stands, and changes nothing else', () => {
  fc.assert(
    fc.property(object, fc.nat(), fc.string(), fc.constantFrom(0, 1), (value, pick, put, indent) => {
      const all = pointers(JSON.parse(JSON.stringify(value)));
      fc.pre(all.length > 0);
      const pointer = all[pick % all.length]!;
      const text = JSON.stringify(value, null, indent);
      const expected: unknown = JSON.parse(text);
      const keys = pointer
        .slice(1)
        .split('/')
        .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
      let place = expected as Record<string, unknown>;
      for (const key of keys.slice(0, -1)) place = place[key] as Record<string, unknown>;
      Object.defineProperty(place, keys.at(-1)!, {
        value: put,
        enumerable: true,
        configurable: true,
        writable: true,
      });
      const edited = applyEdits(text, new Map([[pointer, put]]));
      expect(JSON.parse(edited)).toEqual(expected);
    }),
  );
});

test('removes and adds members of the root', () => {
  fc.assert(
    fc.property(
      object,
      fc.array(fc.nat(), { maxLength: 4 }),
      fc.string(),
      fc.constantFrom(0, 1),
      (value, picks, key, indent) => {
        const text = JSON.stringify(value, null, indent);
        const expected = JSON.parse(text) as Record<string, unknown>;
        const edits: Edits = new Map();
        const keys = Object.keys(expected);
        for (const pick of keys.length > 0 ? picks : []) {
          const gone = keys[pick % keys.length]!;
          edits.set(`/${escapePointer(gone)}`, undefined);
          delete expected[gone];
        }
        fc.pre(!keys.includes(key) && key !== '__proto__');
        edits.set(`/${escapePointer(key)}`, 1);
        expected[key] = 1;
        expect(JSON.parse(applyEdits(text, edits))).toEqual(expected);
      },
    ),
  );
});

test('refuses a key that is there twice, however it is written', () => {
  for (const text of ['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"x":{"":1,"":2}}'])
    expect(() => parseObject(text, limits)).toThrow(/twice/);
});

test('refuses depth and breadth before anything is built', () => {
  expect(() => parseObject(`{"a":${'['.repeat(1e6)}`, limits)).toThrow(/nesting/);
  expect(() => parseObject(`{"a":[${'0,'.repeat(20_000)}0]}`, limits)).toThrow(/members/);
});

test('no text makes it fail in another way than by a problem', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json().map((text) => text.slice(0, -1)),
        fc.json(),
      ),
      (text) => {
        try {
          expect(isRecord(parseObject(text, limits))).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ name: 'Problem' });
        }
      },
    ),
  );
});

test('a hostile megabyte of backslashes and quotes is read once', () => {
  const text = `{"a":"${'\\\\\\"'.repeat(250_000)}"}`;
  expect(Object.keys(parseObject(text, limits))).toEqual(['a']);
});
