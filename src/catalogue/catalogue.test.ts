import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert, oneof, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Problem } from '../kernel/problem.ts';
import { outOfReach, targetable } from './applicability.ts';
import { loadCatalogue } from './catalogue.ts';
import { coverage } from './coverage.ts';
import { diffEditions } from './diff.ts';

const folder = new URL('../../assets/catalogues/', import.meta.url).pathname;
const catalogue = loadCatalogue(
  readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((file) => ({ file, data: JSON.parse(readFileSync(join(folder, file), 'utf8')) as unknown })),
);

const edition = (overrides: object = {}) => ({
  schema: 'merlon-catalogue/v1',
  catalogue: 'house',
  edition: '1',
  title: 'House rules',
  publisher: 'Us',
  licence: 'Apache-2.0',
  holds: 'everything',
  url: 'https://example.com',
  source: 'here',
  entries: [{ id: 'H1', title: 'First', kind: 'risk' }],
  ...overrides,
});

function problemOf(act: () => unknown): Problem {
  try {
    act();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('references', () => {
  test('resolve with their edition', () => {
    expect(catalogue.resolve('atlas:5.6.0/AML.T0051.001')).toMatchObject({
      title: 'LLM Prompt Injection: Indirect',
      kind: 'technique',
      maturity: 'demonstrated',
      parent: 'AML.T0051',
      url: 'https://atlas.mitre.org/techniques/AML.T0051.001',
    });
    expect(catalogue.resolve('owasp-llm:2026/LLM03')?.title).toBe('Excessive Agency');
    expect(catalogue.resolve('owasp-llm:2025/LLM03')?.title).toBe('Supply Chain');
    expect(catalogue.resolve('nist-ai-rmf:1.0/GOVERN 1.1')?.kind).toBe('clause');
    expect(catalogue.has('gdpr:2016/Art.5.1.c')).toBe(true);
  });

  test('an id without its edition is refused with every meaning it has', () => {
    const problem = problemOf(() => catalogue.require('LLM03'));
    expect(problem.code).toBe('REFERENCE_INVALID');
    expect(problem.detail).toContain('`owasp-llm:2025/LLM03` Supply Chain');
    expect(problem.detail).toContain('`owasp-llm:2026/LLM03` Excessive Agency');
    expect(problemOf(() => catalogue.require('LLM03:2025')).fix).toBe('Write `owasp-llm:2025/LLM03`.');
  });

  test('an unknown id, edition or catalogue names what is near', () => {
    expect(problemOf(() => catalogue.require('atlas:5.6.0/AML.T0015.001')).fix).toMatch(/AML\.T0005\.001/);
    expect(problemOf(() => catalogue.require('owasp-llm:2024/LLM01')).fix).toBe(
      'Did you mean `2025` or `2026`?',
    );
    expect(problemOf(() => catalogue.require('atlsa:5.6.0/AML.T0051')).fix).toContain('`atlas`');
    expect(problemOf(() => catalogue.require('nothing of the kind')).fix).toContain('merlon catalogue list');
  });

  test('any text either resolves or is refused with a Problem', () => {
    assert(
      property(
        oneof(
          string(),
          string().map((id) => `atlas:5.6.0/${id}`),
        ),
        (text) => {
          if (catalogue.has(text)) return;
          expect(problemOf(() => catalogue.require(text)).code).toBe('REFERENCE_INVALID');
        },
      ),
    );
  });
});

describe('editions', () => {
  test('are all there, with licence and publisher', () => {
    const names = catalogue.list().map(({ catalogue, edition }) => `${catalogue}:${edition}`);
    expect(names).toEqual(
      expect.arrayContaining([
        'atlas:5.6.0',
        'owasp-llm:2025',
        'owasp-llm:2026',
        'owasp-asi:2026',
        'owasp-mcp:2025',
      ]),
    );
    expect(
      catalogue.list().filter(({ newest, catalogue }) => newest && catalogue === 'owasp-llm'),
    ).toMatchObject([{ edition: '2026' }]);
  });

  test('of lists under CC BY-SA hold ids and titles only', () => {
    for (const { catalogue: name, edition, licence } of catalogue.list()) {
      if (!licence.startsWith('CC-BY-SA')) continue;
      for (const entry of catalogue.entries(name, edition))
        expect(entry.text, entry.reference).toBeUndefined();
    }
  });

  test('ATLAS 5.6.0 is whole', () => {
    const count = (kind: string) =>
      catalogue.entries('atlas', '5.6.0').filter((entry) => entry.kind === kind).length;
    expect([count('tactic'), count('technique'), count('mitigation'), count('case_study')]).toEqual([
      16, 170, 35, 57,
    ]);
    expect(targetable(catalogue, '5.6.0')).toHaveLength(140);
    expect(outOfReach(catalogue, '5.6.0')).toHaveLength(30);
  });

  test('every id that an entry names exists in its edition', () => {
    for (const { catalogue: name, edition } of catalogue.list()) {
      for (const entry of catalogue.entries(name, edition)) {
        const named = [
          entry.parent,
          ...(entry.tactics ?? []),
          ...(entry.techniques ?? []),
          ...(entry.related ?? []),
        ];
        for (const id of named)
          if (id)
            expect(catalogue.has(`${name}:${edition}/${id}`), `${entry.reference} names ${id}`).toBe(true);
      }
    }
  });

  test('ids migrate both ways', () => {
    expect(catalogue.migrate('owasp-llm:2025/LLM05', '2026')).toMatchObject({
      to: 'owasp-llm:2026/LLM10',
      certain: true,
    });
    expect(catalogue.migrate('owasp-llm:2026/LLM10', '2025')).toMatchObject({ to: 'owasp-llm:2025/LLM05' });
    expect(catalogue.migrate('atlas:5.6.0/AML.T0104', '2026.07')).toMatchObject({
      to: 'atlas:2026.07/AML.T0115.002',
      certain: false,
    });
    expect(catalogue.migrate('owasp-asi:2026/ASI01', '2031')).toBeUndefined();
  });

  test('a diff shows moves and new titles, and nothing between an edition and itself', () => {
    const diff = diffEditions(catalogue, 'owasp-llm:2025', 'owasp-llm:2026');
    expect(diff.moved).toContainEqual({ from: 'LLM07', to: 'LLM08', title: 'Hidden Context Exposure' });
    expect(diff.added).toEqual([]);
    expect(diff.removed).toEqual([]);
    expect(diffEditions(catalogue, 'atlas:5.6.0', 'atlas:5.6.0')).toMatchObject({
      added: [],
      removed: [],
      moved: [],
      renamed: [],
    });
  });

  test('a broken, doubled or empty file is refused and named', () => {
    const load =
      (...data: unknown[]) =>
      () =>
        loadCatalogue(data.map((one, index) => ({ file: `${index}.json`, data: one })));
    expect(problemOf(load(edition({ entries: [] }))).detail).toContain('`0.json`');
    expect(problemOf(load(edition(), edition())).detail).toContain('`1.json` holds `house:1`');
    expect(problemOf(load(edition({ surprise: true }))).code).toBe('REFERENCE_INVALID');
    const twice = { id: 'H1', title: 'Again', kind: 'risk' };
    expect(problemOf(load(edition({ entries: [twice, twice] }))).detail).toContain('`H1` twice');
  });
});

test('coverage counts what rules cite, edition by edition', () => {
  const house = loadCatalogue([
    {
      file: 'house.json',
      data: edition({ entries: ['H1', 'H2'].map((id) => ({ id, title: id, kind: 'risk' })) }),
    },
  ]);
  expect(coverage([{ id: 'R-1', refs: ['house:1/H2'] }], house)).toMatchObject([
    {
      countable: 2,
      covered: 1,
      share: 0.5,
      missing: [{ reference: 'house:1/H1' }],
      rules: { 'house:1/H2': ['R-1'] },
    },
  ]);
});
