import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadCatalogue } from '../../catalogue/catalogue.ts';
import { coverage } from '../../catalogue/coverage.ts';
import { deriveFacts } from '../facts.ts';
import { parseModel } from '../parse.ts';
import { findThreats, loadRules, type RuleSource } from '../rules.ts';

/** What the shape test beside the engine (../threats.test.ts) does not look at: references, coverage, and whether each condition is needed. */
const root = new URL('./', import.meta.url).pathname;
const assets = new URL('../../../assets/catalogues/', import.meta.url).pathname;
const catalogue = loadCatalogue(
  readdirSync(assets)
    .filter((name) => name.endsWith('.json'))
    .map((file) => ({ file, data: JSON.parse(readFileSync(join(assets, file), 'utf8')) as unknown })),
);
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .toSorted();
const sources = folders.map((folder) => {
  const file = `${folder}/rule.yaml`;
  return { id: folder, file, source: parse(readFileSync(join(root, file), 'utf8')) as RuleSource };
});

function keysOf(rules: ReturnType<typeof loadRules>, text: string): string[] {
  const { model, problems } = parseModel(text, { file: 'model' });
  expect(problems).toEqual([]);
  return findThreats(model!, deriveFacts(model!), rules, { now: 0 }).map(({ key }) => key);
}

describe('rules', () => {
  test('load together, each under the name of its folder, each reference found in its edition', () => {
    const rules = loadRules(sources, { catalogue });
    expect(rules.map(({ id }) => id.toLowerCase())).toEqual(folders);
    for (const { refs } of rules) for (const { reference } of refs) catalogue.require(reference);
  });

  test.each(sources)('$id cites both editions of the OWASP list alike', ({ source }) => {
    const cited = (edition: string) =>
      source.refs.filter((ref) => ref.startsWith(`owasp-llm:${edition}/`)).toSorted();
    const moved = cited('2025').map((ref) => catalogue.migrate(ref, '2026')?.to);
    expect(moved.map(String).toSorted()).toEqual(cited('2026'));
  });

  test('name probes of controls that exist', () => {
    const controls = readdirSync(new URL('../../gateway/controls/', import.meta.url).pathname);
    for (const { source } of sources)
      for (const probe of source.verify?.probe ?? []) expect(controls).toContain(probe.split('.')[0]);
  });
});

describe('conditions', () => {
  test.each(sources)(
    'of $id are each needed: without one of them a model gives other threats',
    ({ id, file, source }) => {
      const folder = join(root, id, 'models');
      const models = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
      const found = (rule: RuleSource) => {
        const rules = loadRules([{ id, file, source: rule }]);
        return models.map((text) => keysOf(rules, text));
      };
      const asWritten = found(source);
      const needless = weakened(source).filter(({ rule }) => isDeepStrictEqual(found(rule), asWritten));
      expect(needless.map(({ without }) => without)).toEqual([]);
    },
  );
});

describe('who runs the model, and who taught it, changes what can go wrong', () => {
  const rules = loadRules(sources);
  const threatsWith = (model: string) =>
    new Set(
      keysOf(
        rules,
        `schema: merlon/v1
system: {id: hosting, owner: product-team}
data:
  - {id: ticket, class: confidential, categories: [personal]}
zones:
  - {id: internet, trust: 0, kind: public}
  - {id: app, trust: 3}
elements:
  - {id: customer, kind: user, zone: internet}
  - {id: bot, kind: agent, zone: app}
  - {id: llm, kind: model, zone: app, ${model}}
flows:
  - {id: chat, from: customer, to: bot, carries: [ticket], channel: chat}
  - {id: prompt, from: bot, to: llm, carries: [ticket]}
`,
      ),
    );
  const base = 'hosting: provider_api, trained_by: supplier';
  const ofProvider = [
    'DAT-01@bot>llm',
    'DAT-09@llm',
    'IAM-01@bot>llm',
    'MDL-06@llm',
    'PI-09@llm',
    'SRV-03@llm',
  ];

  test.each([
    ['hosting: self_hosted, trained_by: self', ['MDL-03@llm', 'SRV-02@llm'], ofProvider],
    ['hosting: self_hosted, trained_by: community', ['MDL-03@llm', 'MDL-05@llm', 'SRV-02@llm'], ofProvider],
    ['hosting: on_device, trained_by: community', ['MDL-03@llm', 'MDL-05@llm'], ofProvider],
    ['hosting: managed_dedicated, trained_by: supplier', ['SRV-02@llm'], ofProvider],
    [
      `${base}, tuned: true, tuned_on: [ticket]`,
      ['DAT-05@llm', 'DAT-06@llm', 'DAT-12@llm', 'MDL-01@llm'],
      [],
    ],
    [`${base}, alias_pinned: true`, [], ['MDL-06@llm']],
  ])('%s', (model, added, removed) => {
    const before = threatsWith(base);
    const after = threatsWith(model);
    expect([...after].filter((key) => !before.has(key)).toSorted()).toEqual(added);
    expect([...before].filter((key) => !after.has(key)).toSorted()).toEqual(removed);
  });
});

describe('coverage', () => {
  const counted = coverage(
    sources.map(({ source }) => source),
    catalogue,
  );
  const missing = (catalogue: string, edition: string) =>
    counted
      .find((one) => one.catalogue === catalogue && one.edition === edition)
      ?.missing.map(({ reference }) => reference);

  test.each([
    ['owasp-llm', '2025'],
    ['owasp-llm', '2026'],
    ['owasp-asi', '2026'],
    ['owasp-mcp', '2025'],
    ['atlas', '5.6.0'],
    ['cosai', '2026-08-19'],
  ])('%s %s has a rule for everything that can be aimed at a system', (catalogue, edition) => {
    expect(missing(catalogue, edition)).toEqual([]);
  });

  test('of the risks of NIST AI 600-1 only the environmental one has no rule', () => {
    expect(missing('nist-ai-600-1', '2024')).toEqual(['nist-ai-600-1:2024/2.5']);
  });
});

/** The rule once for each condition it joins with `and`, without that condition; kinds that share it lose it together. */
function weakened(source: RuleSource): { without: string; rule: RuleSource }[] {
  const { applies } = source;
  const branches = typeof applies === 'string' ? { '': applies } : applies;
  const conditions = new Set(Object.values(branches).flatMap(conjuncts));
  return [...conditions].map((without) => {
    const rest = Object.entries(branches).map(([kind, text]): [string, string] => [
      kind,
      conjuncts(text)
        .filter((part) => part !== without)
        .join(' and ') || 'true',
    ]);
    return {
      without,
      rule: { ...source, applies: typeof applies === 'string' ? rest[0]![1] : Object.fromEntries(rest) },
    };
  });
}

/** Splits at each `and` outside brackets; an expression with an `or` outside brackets is one condition. */
function conjuncts(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const word of text.trim().split(/\s+/)) {
    if (depth === 0 && word === 'or') return [text.trim()];
    if (depth === 0 && word === 'and') {
      parts.push('');
      continue;
    }
    depth += word
      .split('')
      .reduce((sum, letter) => sum + ('(['.includes(letter) ? 1 : ')]'.includes(letter) ? -1 : 0), 0);
    parts.push(`${parts.pop()!} ${word}`.trim());
  }
  return parts;
}
