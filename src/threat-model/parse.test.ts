import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { ControlDescriptor } from '../kernel/control.ts';
import { elementAttributes, flowAttributes, kinds } from './attributes.ts';
import { modelHash, modelJsonSchema } from './model.ts';
import { parseModel, readModel } from './parse.ts';
import { supportCopilot } from './sample.test-data.ts';

const guard: ControlDescriptor = {
  id: 'guard',
  title: 'Guard',
  area: 'model',
  point: 'message',
  objectives: ['in-guard'],
  mitigates: [],
  settings: z.strictObject({
    threshold: z.number().min(0).max(1).default(0.5).describe('From here on it counts.'),
  }),
};

function problemsOf(edit: (text: string) => string, controls: ControlDescriptor[] = [guard]) {
  return parseModel(edit(supportCopilot), { file: 'm.yaml', controls }).problems;
}

test('reads the example of the format, fills in names and defaults, and leaves unknown things out', () => {
  const model = readModel(supportCopilot, { controls: [guard] });
  const byId = new Map(model.elements.map((element) => [element.id, element]));
  expect(byId.get('customer')).toMatchObject({ name: 'customer', many: true });
  expect(byId.get('bot')).toMatchObject({ autonomy: 'medium' });
  expect(byId.get('llm')).toMatchObject({ alias_pinned: true, billing: 'per_token', modality: ['text'] });
  expect(byId.get('llm')).not.toHaveProperty('retention');
  expect(model.data[0]).toMatchObject({ subject_rights: true });
});

test('points at each problem with line, column, excerpt, what was expected and what may have been meant', () => {
  const problems = problemsOf((text) =>
    text
      .replace('kind: agent', 'kind: agnet')
      .replace('hosting: provider_api', 'hostng: provider_api')
      .replace('to: llm', 'to: lm')
      .replace('zone: internet}', 'zone: intrnet}')
      .replace('"5.6.0"', '5.6')
      .replace('threshold: 0.5', 'treshold: 0.5'),
  );
  expect(problems.map(({ line, column, detail, fix }) => ({ line, column, detail, fix }))).toEqual([
    { line: 3, column: 21, detail: '`atlas` is the number `5.6`, not text', fix: 'Write "5.6" in quotes.' },
    { line: 11, column: 38, detail: 'there is no zone `intrnet`', fix: 'Did you mean `internet`?' },
    { line: 12, column: 21, detail: '`agnet` is not a kind of element', fix: 'Did you mean `agent`?' },
    {
      line: 13,
      column: 44,
      detail: '`hostng` is not a known key of `model`',
      fix: 'Did you mean `hosting`?',
    },
    { line: 20, column: 33, detail: 'there is no element `lm`', fix: 'Did you mean `llm`?' },
    {
      line: 23,
      column: 41,
      detail: '`treshold` is not a setting of `guard`',
      fix: 'Did you mean `threshold`?',
    },
  ]);
  expect(problems[2]!.excerpt).toBe(
    '12 |   - {id: bot, kind: agnet, zone: app, tools: [crm-read, send-mail]}\n   |                     ^^^^^',
  );
  expect(problems[2]!.pointer).toBe('/elements/1/kind');
});

test('says to which kinds an attribute belongs that stands on the wrong one', () => {
  const [problem] = problemsOf((text) =>
    text.replace('kind: doc_ingest, zone: app', 'kind: doc_ingest, zone: app, tuned: true'),
  );
  expect(problem).toMatchObject({
    detail: '`tuned` is not an attribute of `doc_ingest`',
    expected: 'it belongs to judge_model, model, embedding_model',
  });
});

test.each([
  [
    'an id used twice',
    (text: string) => text.replace('id: kb,', 'id: llm,'),
    '`llm` is used twice in `elements`',
  ],
  [
    'a flow named like an element',
    (text: string) => text.replace('id: prompt,', 'id: kb,'),
    '`kb` is both a flow and an element',
  ],
  [
    'a flow to itself',
    (text: string) => text.replace('to: llm', 'to: bot'),
    'flow `prompt` leads from `bot` to itself',
  ],
  [
    'data that are not there',
    (text: string) => text.replace('holds: [ticket]', 'holds: [tickets]'),
    'there is no data `tickets`',
  ],
  [
    'a tool that is no tool',
    (text: string) => text.replace('[crm-read, send-mail]', '[kb]'),
    '`kb` is a `vector_store`',
  ],
  [
    'a control that is not there',
    (text: string) => text.replace('use: guard', 'use: gaurd'),
    'there is no control `gaurd`',
  ],
  [
    'a binding of nothing',
    (text: string) => text.replace('  bot: {client', '  bott: {client'),
    'there is no element `bott`',
  ],
  [
    'a decision about nothing',
    (text: string) => text.replace('@bot>send', '@bot>snd'),
    'there is no element or flow `snd-mail`',
  ],
  [
    'a day that does not exist',
    (text: string) => text.replace('2027-01-01', '2027-02-31'),
    '`2027-02-31` is not a value of `expires`',
  ],
  [
    'a key used twice',
    (text: string) => text.replace('id: kb,', 'id: kb, id: kb2,'),
    'not valid YAML: map keys must be unique',
  ],
  [
    'a missing kind',
    (text: string) => text.replace('kind: doc_ingest, ', ''),
    'element `ingest` has no `kind`',
  ],
  ['a missing schema', (text: string) => text.replace('schema: merlon/v1\n', ''), '`schema` is missing'],
  [
    'another schema',
    (text: string) => text.replace('merlon/v1', 'merlon/v9'),
    '`merlon/v9` is not a value of `schema`',
  ],
  [
    'an id that is no slug',
    (text: string) => text.replace('id: kb,', 'id: "K B",'),
    '`K B` is not a value of `id`',
  ],
  [
    'a tag that runs code elsewhere',
    (text: string) => text.replace('id: kb,', 'id: !!js/function "kb",'),
    'not valid YAML',
  ],
  [
    'a key that would reach the prototype',
    (text: string) => text.replace('id: kb,', '__proto__: {a: 1}, id: kb,'),
    'this key is not a name',
  ],
])('refuses %s', (_, edit, detail) => {
  expect(problemsOf(edit).map((problem) => problem.detail)).toEqual(
    expect.arrayContaining([expect.stringContaining(detail)]),
  );
});

test('refuses a zone that encloses itself', () => {
  const [problem] = problemsOf((text) =>
    text
      .replace('{id: app, trust: 2}', '{id: app, trust: 2, parent: provider}')
      .replace('kind: third_party}', 'kind: third_party, parent: app}'),
  );
  expect(problem?.detail).toBe('zone `app` encloses itself');
});

test('knows the rules when it is told them', () => {
  const { problems } = parseModel(supportCopilot, { rules: ['DAT-08', 'AGT-02'] });
  expect(problems).toMatchObject([{ detail: 'there is no rule `DAT-09`', fix: 'Did you mean `DAT-08`?' }]);
});

test.each([
  [
    'a billion laughs',
    `a: &a [x]\n${Array.from({ length: 12 }, (_, i) => `${'bcdefghijklm'[i]!}: &${'bcdefghijklm'[i]!} [${Array.from({ length: 9 }, () => `*${'abcdefghijkl'[i]!}`).join(', ')}]`).join('\n')}\n`,
  ],
  ['deep brackets', '['.repeat(100_000)],
  ['deep mappings', '{a: '.repeat(100_000)],
  ['deep dashes', '- '.repeat(100_000)],
  ['deep indents', Array.from({ length: 3000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
  ['a huge file', `schema: ${'x'.repeat(5 * 1024 * 1024)}`],
  ['an alias to itself', 'a: &a [*a]'],
  ['an alias to nothing', 'a: *nothing'],
  ['nothing', ''],
  ['a list', '[]'],
  ['many documents', 'a: 1\n---\nb: 2'],
])('answers %s with problems and does not fall over', (_, text) => {
  const { model, problems } = parseModel(text);
  expect(model).toBeUndefined();
  expect(problems.length).toBeGreaterThan(0);
});

test('gives problems in place, whatever the text', () => {
  const words = fc.constantFrom(
    'schema: merlon/v1',
    'system:',
    'id: a',
    '- ',
    '  ',
    '\n',
    '{',
    '}',
    '[',
    ']',
    ': ',
    '&a ',
    '*a',
    '!!int ',
    '"',
    "'",
    '|',
    '>',
    '#',
    '? ',
    'elements:',
    'flows:',
    'kind: model',
    'from: a',
    'to: b',
    '\t',
    '---',
    '%YAML 1.1',
    '<<: ',
    '\u0000',
    '\ud800',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(words, { maxLength: 60 }).map((parts) => parts.join('')),
      ),
      (text) => {
        const { model, problems } = parseModel(text);
        expect(model === undefined).toBe(problems.length > 0);
        for (const { line, column, detail, excerpt } of problems) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(text.split('\n').length + 1);
          expect(column).toBeGreaterThanOrEqual(1);
          expect(`${detail}${excerpt.replaceAll('\n', '')}`).not.toMatch(/\p{Cc}/u);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('has one hash for a file in any order, with any remarks', () => {
  const model = readModel(supportCopilot);
  const turned = readModel(supportCopilot);
  turned.elements.reverse();
  turned.flows.reverse();
  turned.elements[0]!.note = 'a remark';
  expect(modelHash(turned)).toBe(modelHash(model));
  turned.flows[0]!.tls = false;
  expect(modelHash(turned)).not.toBe(modelHash(model));
});

test('the JSON Schema describes every kind and every key', () => {
  const schema = JSON.stringify(modelJsonSchema());
  for (const kind of kinds) expect(schema).toContain(`"const":"${kind}"`);
  for (const { doc } of [...Object.values(elementAttributes), ...Object.values(flowAttributes)])
    expect(schema).toContain(JSON.stringify(doc).slice(1, -1));
});
