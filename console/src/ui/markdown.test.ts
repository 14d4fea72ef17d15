import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMarkdown, parseSpans } from './markdown.ts';

test('reads headings, paragraphs over several lines, lists, code and tables', () => {
  const blocks = parseMarkdown(
    '# Title\n\nOne\ntwo.\n\n- a\n  more\n- **b**\n\n```ts\nlet a;\n```\n\n| x | y |\n| --- | --- |\n| 1 | `2` |\n',
  );
  expect(blocks).toEqual([
    { kind: 'heading', level: 1, spans: [{ kind: 'text', text: 'Title' }] },
    { kind: 'paragraph', spans: [{ kind: 'text', text: 'One two.' }] },
    { kind: 'list', items: [[{ kind: 'text', text: 'a more' }], [{ kind: 'strong', text: 'b' }]] },
    { kind: 'code', text: 'let a;' },
    {
      kind: 'table',
      head: [[{ kind: 'text', text: 'x' }], [{ kind: 'text', text: 'y' }]],
      rows: [[[{ kind: 'text', text: '1' }], [{ kind: 'code', text: '2' }]]],
    },
  ]);
});

test('a link that is not https is only its text', () => {
  expect(parseSpans('[a](javascript:x) [b](https://b.example)')).toEqual([
    { kind: 'text', text: 'a' },
    { kind: 'text', text: ' ' },
    { kind: 'link', text: 'b', href: 'https://b.example' },
  ]);
});

test('reads any text to its end', () => {
  const piece = fc.constantFrom('# ', '- ', '```', '\n', '|', '**', '`', '[', '](', ')', '  ', 'x');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (parts) => {
      expect(Array.isArray(parseMarkdown(parts.join('')))).toBe(true);
    }),
  );
});
