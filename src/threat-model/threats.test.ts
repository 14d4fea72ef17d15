import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { deriveFacts } from './facts.ts';
import { parseModel } from './parse.ts';
import { findThreats, loadRules } from './rules.ts';

/** Walks every rule folder: shape, positive and negative models. */
const root = new URL('threats/', import.meta.url).pathname;
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .toSorted();

/** Keys that a rule gives for a model. */
function keysOf(folder: string, model: string): { keys: string[]; expected: string[] | undefined } {
  const file = join(root, folder, 'rule.yaml');
  const [rule] = loadRules([{ id: folder, source: parse(readFileSync(file, 'utf8')), file }]);
  const path = join(root, folder, 'models', model);
  const text = readFileSync(path, 'utf8');
  const parsed = parseModel(text, { file: path });
  expect(parsed.problems).toEqual([]);
  const threats = findThreats(parsed.model!, deriveFacts(parsed.model!), [rule!], { now: 0 });
  const expected = /^# expects: (.+)$/.exec(text.split('\n', 1)[0]!)?.[1]?.trim().split(/\s+/);
  return { keys: threats.map(({ key }) => key).toSorted(), expected: expected?.toSorted() };
}

describe.each(folders)('%s', (folder) => {
  const models = join(root, folder, 'models');
  const files = existsSync(models) ? readdirSync(models).toSorted() : [];
  const positive = files.filter((file) => /^positive-.+\.yaml$/.test(file));
  const negative = files.filter((file) => /^negative-.+\.yaml$/.test(file));

  test('has a rule, a README with its three sections, and two models of each kind', () => {
    const readme = readFileSync(join(root, folder, 'README.md'), 'utf8');
    expect([...readme.matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual([
      'What can go wrong',
      'When it applies',
      'What answers it',
    ]);
    expect(positive.length).toBeGreaterThanOrEqual(2);
    expect(negative.length).toBeGreaterThanOrEqual(2);
    expect([...positive, ...negative].toSorted()).toEqual(files);
  });

  test.each(positive)('applies in %s', (file) => {
    const { keys, expected } = keysOf(folder, file);
    expect(keys).not.toEqual([]);
    if (expected) expect(keys).toEqual(expected);
  });

  test.each(negative)('does not apply in %s', (file) => {
    expect(keysOf(folder, file).keys).toEqual([]);
  });
});
