import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunksOf } from '../chunks.ts';
import { CsvSplitter, parseCsv, sniffDialect, type Dialect } from './csv.ts';

const rfc: Dialect = { delimiter: ',', quote: '"', escape: '', header: false };

function write(
  rows: readonly (readonly string[])[],
  { delimiter, quote, escape }: Dialect,
  end: string,
): string {
  return rows
    .map((row) =>
      row
        .map((field) =>
          escape === ''
            ? `${quote}${field.replaceAll(quote, quote + quote)}${quote}`
            : `${quote}${field.replaceAll(escape, escape + escape).replaceAll(quote, escape + quote)}${quote}`,
        )
        .join(delimiter),
    )
    .join(end);
}

const fields = fc.string({
  unit: fc.constantFrom('a', 'é', '🙂', ',', ';', '"', "'", '\n', '\r', '\t', ' ', '\\', '0'),
});
const table = fc.array(fc.array(fields, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 });
const dialects = fc.record({
  delimiter: fc.constantFrom(',', ';', '\t', '|'),
  quote: fc.constantFrom('"', "'"),
  escape: fc.constantFrom('', '\\'),
  header: fc.constant(false),
});
const lineEnds = fc.constantFrom('\n', '\r\n', '\r');

test('reads back every table that is written, in every dialect', () => {
  fc.assert(
    fc.property(table, dialects, lineEnds, (rows, dialect, end) => {
      const read = [...parseCsv(write(rows, dialect, end), dialect)].map((record) => record.fields);
      expect(read).toEqual(rows);
    }),
  );
});

test('cuts a stream only between records, whatever the blocks and whatever the bytes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc
          .tuple(table, dialects, lineEnds)
          .map(([rows, dialect, end]) => ({ text: write(rows, dialect, end), dialect })),
        fc.tuple(fields, dialects).map(([text, dialect]) => ({ text, dialect })),
      ),
      fc.integer({ min: 1, max: 7 }),
      async ({ text, dialect }, size) => {
        const whole = [...parseCsv(text, dialect)];
        async function* blocks(): AsyncGenerator<Uint8Array> {
          const bytes = Buffer.from(text);
          for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
        }
        const read: string[][] = [];
        for await (const { bytes } of chunksOf(blocks(), { kind: 'csv', dialect }, { size, record: 1 << 20 }))
          for (const record of parseCsv(new TextDecoder().decode(bytes), dialect)) read.push(record.fields);
        expect(read).toEqual(whole.map((record) => record.fields));
      },
    ),
  );
});

test('counts the lines on which records begin, over fields of several lines', () => {
  const text = 'a,b\r\n"x\ny",2\n\n3,"p\r\nq"\n4,5';
  expect([...parseCsv(text, rfc)].map(({ line }) => line)).toEqual([1, 2, 5, 7]);
});

test('keeps what follows a closing quote, and quotes inside plain fields', () => {
  expect([...parseCsv('"a"b,5" pipe,c\n', rfc)].map((record) => record.fields)).toEqual([
    ['ab', '5" pipe', 'c'],
  ]);
});

test('reads a hostile megabyte of quotes in one pass', () => {
  const text = '"'.repeat(1 << 20);
  expect([...parseCsv(text, rfc)]).toHaveLength(1);
  expect(new CsvSplitter(rfc).feed(Buffer.from(text))).toBe(0);
});

test.each([
  ['a,b,c\n1,2,3\n4,5,6\n', ',', true],
  ['a;b\n1,5;2\n3,7;4\n', ';', true],
  ['x\ty\n1\t2\n3\t4\n', '\t', true],
  ['1,2\n3,4\n5,6\n', ',', false],
  ["id,text\n1,'it, is'\n2,'so, be it'\n", ',', true],
])('guesses the dialect of %j', (text, delimiter, header) => {
  expect(sniffDialect(text)).toMatchObject({ delimiter, header });
});

test('does not take prose for a table', () => {
  expect(sniffDialect('It was late.\nThe committee, tired, agreed.\nNobody objected.\n')).toBeUndefined();
});
