import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { detectPii } from '../../inspection/pii/detector.ts';
import { Secret } from '../../kernel/secret.ts';
import { mask, Pseudonyms, redact } from './pseudonyms.ts';
import { parseCsv, parseJsonl, printTable } from './table.ts';

const cell = fc.oneof(fc.string(), fc.constantFrom('', 'a"b', 'x;y', 'l1\nl2', ' ', '"', '\r\n', 'ü'));

test('a table that was written is read again as it was', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 5 }),
      fc.constantFrom(',', ';', '\t'),
      fc.func(cell),
      fc.nat(8),
      (columns, delimiter, cellAt, height) => {
        fc.pre(columns.every((column) => !/[,;\t|"\r\n]/.test(column)));
        const rows = Array.from({ length: height }, (_, row) => columns.map((_, at) => cellAt(row, at)));
        const text = printTable({ columns, rows, format: { kind: 'csv', delimiter } });
        const again = parseCsv(text);
        expect(again.columns).toEqual(columns);
        if (columns.length > 1) expect(again.rows).toEqual(rows);
      },
    ),
    { seed: 8 },
  );
});

test('no text makes the reader fail otherwise than by a problem with its line', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '"', ',', ';', '\n', '\r', '{', '}', ':', '1') }),
      (text) => {
        for (const parse of [parseCsv, parseJsonl])
          try {
            const { columns, rows } = parse(text);
            expect(rows.every((row) => row.length === columns.length)).toBe(true);
          } catch (error) {
            expect(error).toMatchObject({ code: 'INPUT_INVALID' });
          }
      },
    ),
    { seed: 9 },
  );
});

test('JSON Lines become a table of all their keys', () => {
  expect(parseJsonl('{"a":1}\n\n{"b":"x","a":null}\n')).toMatchObject({
    columns: ['a', 'b'],
    rows: [
      ['1', ''],
      ['', 'x'],
    ],
  });
  expect(() => parseJsonl('{"a":1}\n[1]')).toThrow(
    expect.objectContaining({ detail: 'line 2 is not a JSON object' }),
  );
});

test.each([
  ['a;b\n1;2;3\n', 'line 2: 3 fields instead of 2'],
  ['a;a\n', 'the column `a` stands twice in the header'],
  ['a;b\n"1;2\n', 'line 2: a quote is not closed'],
  ['a;b\n"1"x;2\n', 'line 2: text follows a closing quote'],
])('a broken table names its line (%#)', (text, detail) => {
  expect(() => parseCsv(text)).toThrow(expect.objectContaining({ detail }));
});

const pseudonyms = new Pseudonyms(new Secret(Buffer.alloc(32, 1)));

test('pseudonyms join tables of one key and domain, and nothing else', () => {
  const one = pseudonyms.of('customer', 'Ann');
  expect(one).toMatch(/^customer-[0-9a-z]{16}$/);
  expect(pseudonyms.of('customer', ' Ann ')).toBe(one);
  expect(pseudonyms.of('supplier', 'Ann').slice(9)).not.toBe(one.slice(9));
  expect(new Pseudonyms(new Secret(Buffer.alloc(32, 2))).of('customer', 'Ann')).not.toBe(one);
});

test('free text keeps its sense and loses its people', () => {
  const text = 'Write to ann@firma.at or bob@firma.at; again ann@firma.at, from 10.1.2.3.';
  const clean = redact(text, detectPii(text), pseudonyms);
  const [ann, bob, again] = clean.match(/\S+@example\.org/g)!;
  expect(ann).toBe(again!.replace(/,$/, ''));
  expect(bob).not.toBe(ann);
  expect(clean).toMatch(/^Write to .* from 192\.0\.2\.\d+\.$/);
  expect(clean).not.toMatch(/firma|10\.1\.2\.3/);
});

test('nothing of a finding survives, however findings overlap', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 8 })), { maxLength: 8 }),
      (places) => {
        const text = 'XYZ'.repeat(13);
        const findings = places.map(([start, length]) => ({
          type: 'thing',
          start,
          end: Math.min(text.length, start + length),
        }));
        const covered = new Set(
          findings.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, at) => start + at)),
        );
        const kept = redact(text, findings, pseudonyms).replaceAll(/\[THING-[0-9a-z]+\]/g, '');
        expect(kept.length).toBe(text.length - covered.size);
      },
    ),
    { seed: 10 },
  );
});

test('a mask shows the end and never more than half', () => {
  expect(mask('4111 1111 1111 1111', 4)).toBe('**** **** **** 1111');
  expect(mask('abc', 4)).toBe('**c');
  expect(mask('', 4)).toBe('');
});
