import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { Status } from '../../kernel/evidence.ts';
import { assess } from '../status.ts';
import { evidenceOf, samplePlan } from '../testing.ts';
import type { ReportInput, ReportThreat } from './input.ts';
import { notProven } from './facts.ts';
import { report } from './report.ts';

const hostile = `<script>alert(1)</script> ![x](https://evil.example/) | "quoted" & \u202E`;

function threat(key: string, over: Partial<ReportThreat> = {}): ReportThreat {
  return {
    key,
    rule: key.split('@')[0]!,
    title: `Threat ${key}`,
    summary: hostile,
    element: 'bot',
    stride: ['T'],
    lifecycle: ['run'],
    refs: ['owasp-llm:2026/LLM01'],
    likelihood: 5,
    impact: 4,
    risk: 20,
    level: 'critical',
    terms: [
      { of: 'likelihood', name: 'base', value: 4, why: hostile },
      { of: 'impact', name: 'data', value: 4, why: 'confidential data' },
    ],
    witness: [
      { path: ['customer', 'chat', 'bot'], text: 'customer →chat→ bot', why: 'what users write gets here' },
    ],
    controls: ['word-guard'],
    ...over,
  };
}

function input(over: Partial<ReportInput> = {}): ReportInput {
  const plan = samplePlan();
  const threats = [
    threat('PI-01@bot'),
    threat('PI-02@bot', { title: hostile }),
    threat('DAT-01@llm', { element: 'llm' }),
  ];
  const evidence = [
    {
      ...evidenceOf({ at: 1000, cases: [{ name: hostile, kind: 'attack', off: '2 of 2', on: '0 of 8' }] }),
      title: 'Words',
    },
  ];
  return {
    at: 1_795_000_000_000,
    version: '0.1.0',
    file: 'models/threat model.yaml',
    places: { bot: { line: 12, column: 5 } },
    model: {
      system: { id: 'sample', name: hostile, owner: 'team' },
      zones: [
        { id: 'app', trust: 2 },
        { id: 'provider', trust: 1, kind: 'third_party' },
      ],
      elements: [
        { id: 'bot', name: 'Bot', kind: 'agent', zone: 'app' },
        { id: 'llm', kind: 'model', zone: 'provider', hosting: 'provider_api' },
      ],
      flows: [{ id: 'prompt', from: 'bot', to: 'llm', carries: ['ticket'], tls: true }],
      data: [{ id: 'ticket', class: 'confidential', categories: ['personal'] }],
      assumptions: [
        {
          id: 'a1',
          text: 'deleted after 30 days',
          owner: 'dpo',
          expires: '2027-01-01',
          disables: ['DAT-09'],
        },
      ],
      decisions: [],
    },
    plan,
    threats,
    controls: [{ id: 'word-guard', title: 'Word guard', area: 'model', point: 'message' }],
    evidence,
    residual: assess({ threats, plan, evidence, decisions: [], now: 2000 }),
    references: {
      'owasp-llm:2026/LLM01': { title: 'Prompt injection', url: 'https://genai.owasp.org/llm01' },
    },
    ledger: { size: 7, root: 'abc=' },
    ...over,
  };
}

test('the HTML is one page that asks for nothing and runs nothing', () => {
  const html = report(input(), 'html');
  expect(html).toMatch(
    /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-/,
  );
  expect(html).not.toMatch(
    /<script|<link|<iframe|<object|<img|@import|\bsrc=|url\((?!#)|javascript:|\son\w+=/i,
  );
  expect(html.match(/href="(?!#)[^"]*"/g)).toEqual(Array(3).fill('href="https://genai.owasp.org/llm01"'));
  expect(html).not.toContain(' style="');
});

test('the HTML answers the four questions and says what is not proven', () => {
  const html = report(input(), 'html');
  for (const words of [
    'What are we working on?',
    'What can go wrong?',
    'What are we doing about it?',
    'Did we do a good enough job?',
    'What is not proven',
    '<svg',
    'PI-01@bot',
    'customer',
    'at most 19.4 %',
  ]) {
    expect(html).toContain(words);
  }
});

test('a reference that is no https address is text', () => {
  const html = report(
    input({ references: { 'owasp-llm:2026/LLM01': { title: 'x', url: 'javascript:alert(1)' } } }),
    'html',
  );
  expect(html).not.toContain('javascript:');
});

test('Markdown keeps hostile text as text', () => {
  const md = report(input(), 'md');
  expect(md).not.toContain('<script>');
  expect(md).not.toContain('![x](');
  expect(md).toContain('## 4. Did we do a good enough job?');
  expect(md).toContain('### What is not proven');
  for (const line of md.split('\n').filter((one) => one.startsWith('| '))) {
    expect(line.endsWith(' |')).toBe(true);
  }
});

test('JSON holds everything and says what it is', () => {
  const value = JSON.parse(report(input(), 'json')) as Record<string, unknown>;
  expect(value).toMatchObject({ schema: 'merlon-report/v1', version: '0.1.0', residual: expect.any(Array) });
});

test('the same input gives the same report', () => {
  for (const format of ['html', 'md', 'json', 'sarif'] as const) {
    expect(report(input(), format)).toBe(report(input(), format));
  }
});

test('every format bears an empty model and every status', () => {
  for (const status of Status.options) {
    const residual = input().residual.map((one) => ({ ...one, status }));
    for (const format of ['html', 'md', 'json', 'sarif'] as const) {
      expect(report(input({ residual }), format)).not.toBe('');
      expect(report(input({ threats: [], residual: [], evidence: [] }), format)).not.toBe('');
    }
    expect(notProven(input({ residual })).length).toBeGreaterThan(3);
  }
});

const sarif = () =>
  JSON.parse(report(input(), 'sarif')) as {
    runs: { results: Record<string, unknown>[]; tool: { driver: { rules: { id: string }[] } } }[];
  };

test('SARIF points at the element in the file, by a fingerprint that stays', () => {
  const [run] = sarif().runs;
  const first = run!.results.find(
    (one) => (one['partialFingerprints'] as Record<string, string>)['merlonThreat/v1'] === 'PI-01@bot',
  )!;
  expect(first).toMatchObject({
    ruleId: 'PI-01',
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: 'models/threat%20model.yaml' },
          region: { startLine: 12, startColumn: 5 },
        },
      },
    ],
  });
  for (const result of run!.results) {
    expect(run!.tool.driver.rules[result['ruleIndex'] as number]!.id).toBe(result['ruleId']);
    expect(result['kind'] === 'pass').toBe(result['level'] === 'none');
  }
});

const shared = resolve(import.meta.dirname, '../../..', process.env['MERLON_SHARED'] ?? '../shared');
const schemaFile = join(shared, 'schemas/sarif/sarif-schema-2.1.0.json');

test.skipIf(!existsSync(schemaFile))(
  'SARIF is valid by the schema of OASIS (skipped without the shared schemas)',
  () => {
    const schema = JSON.parse(readFileSync(schemaFile, 'utf8')) as Schema;
    expect(violations(JSON.parse(report(input(), 'sarif')), schema, schema, '$')).toEqual([]);
    expect(violations({ version: '1', runs: [{}] }, schema, schema, '$')).not.toEqual([]);
  },
);

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  minItems?: number;
  uniqueItems?: boolean;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  definitions?: Record<string, Schema>;
}

/** As much of JSON Schema draft 7 as the SARIF schema uses. */
function violations(value: unknown, schema: Schema, root: Schema, at: string): string[] {
  if (schema.$ref) return violations(value, root.definitions![schema.$ref.split('/').at(-1)!]!, root, at);
  const found: string[] = [];
  const is = (type: string) =>
    type === 'null'
      ? value === null
      : type === 'array'
        ? Array.isArray(value)
        : type === 'integer'
          ? Number.isInteger(value)
          : type === 'object'
            ? typeof value === 'object' && value !== null && !Array.isArray(value)
            : typeof value === type;
  const types = [schema.type ?? []].flat();
  if (types.length > 0 && !types.some(is)) return [`${at}: no ${types.join(' or ')}`];
  if (schema.enum && !schema.enum.includes(value)) found.push(`${at}: not one of ${schema.enum.join(', ')}`);
  if (schema.pattern && typeof value === 'string' && !new RegExp(schema.pattern).test(value))
    found.push(`${at}: pattern`);
  if (typeof value === 'number' && (value < (schema.minimum ?? value) || value > (schema.maximum ?? value)))
    found.push(`${at}: range`);
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0)) found.push(`${at}: too few`);
    if (schema.uniqueItems && new Set(value.map((one) => JSON.stringify(one))).size < value.length)
      found.push(`${at}: twice the same`);
    if (schema.items)
      found.push(...value.flatMap((one, place) => violations(one, schema.items!, root, `${at}[${place}]`)));
  } else if (typeof value === 'object' && value !== null) {
    const record = value as Record<string, unknown>;
    for (const name of schema.required ?? []) if (!(name in record)) found.push(`${at}: ${name} is missing`);
    for (const [name, one] of Object.entries(record)) {
      const own = schema.properties?.[name];
      if (own) found.push(...violations(one, own, root, `${at}.${name}`));
      else if (schema.additionalProperties === false) found.push(`${at}: ${name} is unknown`);
      else if (typeof schema.additionalProperties === 'object')
        found.push(...violations(one, schema.additionalProperties, root, `${at}.${name}`));
    }
  }
  const passing = (list: Schema[]) =>
    list.filter((one) => violations(value, one, root, at).length === 0).length;
  if (schema.anyOf && passing(schema.anyOf) === 0) found.push(`${at}: none of anyOf`);
  if (schema.oneOf && passing(schema.oneOf) !== 1) found.push(`${at}: not one of oneOf`);
  for (const one of schema.allOf ?? []) found.push(...violations(value, one, root, at));
  return found;
}
