import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Problem } from '../kernel/problem.ts';
import { dataAttributes, elementAttributes, flowAttributes, kinds, systemAttributes } from './attributes.ts';
import {
  compileExpression,
  compileTemplate,
  functionNames,
  print,
  stepBudget,
  type Scope,
} from './expression.ts';
import { deriveFacts } from './facts.ts';
import { readModel } from './parse.ts';
import { supportCopilot } from './sample.test-data.ts';

const facts = deriveFacts(readModel(supportCopilot));
const node = (id: string) => facts.graph.byId.get(id)!;
const anything: Scope = [
  ['it', { is: 'element', kinds }],
  ['system', { is: 'system' }],
];
const environment = (id: string) => ({
  facts,
  controlled: () => false,
  variables: [node(id), facts.graph.model.system],
  steps: stepBudget,
});

function value(text: string, id = 'bot', scope: Scope = anything) {
  return compileExpression(text, scope).run(environment(id));
}

function refusal(
  text: string,
  scope: Scope = anything,
): { detail: string; fix?: string | undefined; offset: unknown } {
  try {
    compileExpression(text, scope);
  } catch (error) {
    if (error instanceof Problem)
      return { detail: error.detail, fix: error.fix, offset: error.facts['offset'] };
  }
  return { detail: 'compiled', offset: undefined };
}

test.each([
  ['taint(it) == 0', true],
  ['taint(it) + 2 - 1', 1],
  ['reach(it) >= "confidential" and size(exits(it)) > 0', true],
  ['not (trust(it) > 2 or trust(it) < 2)', true],
  ['"personal" in ["personal", "health"]', true],
  ['reaches(it, "personal")', true],
  ['any(t in tools(it) where t.kind == "tool" and t.reversible == false)', true],
  ['count(t in tools(it) where t.side_effect == "read")', 1],
  ['all(t in tools(it) where none(u in tools(it) where u.id == "other"))', true],
  ['it.zone.trust', 2],
  ['system.autonomy < "high"', true],
  ['max(1, impact_of(reach(it)), 2)', 4],
])('%s gives %s', (text, expected) => {
  expect(value(text)).toBe(expected);
});

describe('unknown', () => {
  const model: Scope = [['it', { is: 'element', kinds: ['model'] }]];
  test.each([
    ['it.returns_scores', false],
    ['it.returns_scores == true', false],
    ['it.returns_scores == false', false],
    ['it.returns_scores != true', true],
    ['not it.returns_scores', true],
    ['it.returns_scores == unknown', true],
    ['it.tuned == unknown', false],
    ['it.retention < "x" or true', undefined],
  ])('%s', (text, expected) => {
    if (expected === undefined) expect(refusal(text, model).detail).toContain('is not a member of retention');
    else expect(value(text, 'llm', model) === true).toBe(expected);
  });
});

test.each([
  ['it.hostng == "provider_api"', '`hostng` is not an attribute of elements', 'Did you mean `hosting`?', 3],
  ['it.hosting == "provider_ap"', '`hosting` is an attribute of', undefined, 3],
  ['reach(it) == "secrit"', '`secrit` is not a member of class', undefined, 13],
  ['tiant(it) < 1', 'there is no function `tiant`', 'Did you mean `taint`?', 0],
  ['taint(it, it)', '`taint` takes 1 argument, not 2', 'Write `taint(element)`.', 0],
  ['taint(it) == "a"', 'a number and text do not go together', undefined, 0],
  ['taint(it)', 'a number and true or false do not go together', undefined, 0],
  ['it', 'an element and true or false do not go together', undefined, 0],
  ['that.kind == "tool"', '`that` is not a variable here', undefined, 0],
  ['taint(it) = 1', '`=` is not part of the language', 'Write `==`.', 10],
  ['taint(it) < 1 < 2', 'comparisons do not chain', 'Join them with `and`.', 14],
  ['(taint(it) < 1', '`)` was expected', undefined, 14],
  ['constructor(it)', 'there is no function `constructor`', undefined, 0],
  ['it.__proto__ == 1', '`__proto__` is not an attribute of elements', undefined, 3],
  [
    'any(a in tools(it) where any(b in tools(it) where any(c in tools(it) where true)))',
    'nested twice',
    undefined,
    50,
  ],
])('%s does not load', (text, detail, fix, offset) => {
  let found: Problem | undefined;
  try {
    compileExpression(text, anything, { is: 'bool' });
  } catch (error) {
    found = error as Problem;
  }
  expect(found?.detail).toContain(detail);
  if (fix) expect(found?.fix).toBe(fix);
  expect(found?.facts['offset']).toBe(offset);
});

test('an attribute of some kinds can be read after a test of the kind', () => {
  expect(refusal('it.hosting == "self_hosted"').detail).toContain('but this can be `user`');
  expect(value('it.kind == "model" and it.hosting == "provider_api"', 'llm')).toBe(true);
  expect(value('it.kind in ["model", "judge_model"] and it.hosting == "provider_api"', 'bot')).toBe(false);
});

test('templates print values, and sets as names', () => {
  const template = compileTemplate('{it.name} uses {tools(it)} at {trust(it)} {{so}}', anything);
  expect(template(environment('bot'))).toBe('bot uses send-mail and crm-read at 2 {so}');
  expect(print([])).toBe('nothing');
});

test('throws nothing but a Problem, whatever the text, and what compiles gives a value', () => {
  const words = fc.constantFrom(
    'it',
    'system',
    '.kind',
    '.zone',
    '.hosting',
    '(',
    ')',
    '[',
    ']',
    ',',
    'and',
    'or',
    'not',
    'in',
    'not in',
    '==',
    '!=',
    '<',
    '>=',
    '+',
    '-',
    '1',
    '"tool"',
    '"public"',
    'true',
    'unknown',
    'any(x in tools(it) where ',
    'count(y in inflows(it) where ',
    'taint(',
    'reach(',
    'exits(',
    'size(',
    'from_untrusted(',
    'elements("agent"',
    'x',
    'y',
    '.',
    "'",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(words, { maxLength: 24 }).map((parts) => parts.join(' ')),
      ),
      (text) => {
        try {
          compileExpression(text, anything).run(environment('bot'));
        } catch (error) {
          expect(error).toBeInstanceOf(Problem);
        }
      },
    ),
    { numRuns: 1500 },
  );
});

test.each([
  ['parentheses', '('.repeat(3000)],
  ['nots', 'not '.repeat(900)],
  ['sums', `${'1 + '.repeat(900)}1`],
  ['lists', '['.repeat(3000)],
  ['length', 'a'.repeat(100_000)],
])('is bounded in %s', (_, text) => {
  try {
    compileExpression(text, anything);
  } catch (error) {
    expect(error).toBeInstanceOf(Problem);
  }
});

test('the page about rules names every attribute and every function', () => {
  const page = readFileSync(new URL('threats/README.md', import.meta.url), 'utf8');
  for (const name of functionNames) expect(page).toMatch(new RegExp(`\\b${name}\\(`));
  for (const table of [elementAttributes, flowAttributes, dataAttributes, systemAttributes])
    for (const name of Object.keys(table)) expect(page).toContain(`\`${name}\``);
});
