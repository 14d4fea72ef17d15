import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { detectPii } from '../../inspection/pii/detector.ts';
import type { Io } from '../../kernel/command.ts';
import { Secret } from '../../kernel/secret.ts';
import { anonymise, type AnonymiseDeps } from './anonymise.ts';
import { commands } from './commands.ts';
import { parseConfig } from './config.ts';
import { distanceOf, entropyOf } from './goals.ts';
import { Pseudonyms } from './pseudonyms.ts';
import type { Table } from './table.ts';

const deps: AnonymiseDeps = {
  pseudonyms: new Pseudonyms(new Secret(Buffer.alloc(32, 1))),
  detect: detectPii,
  hierarchyRows: () => Promise.reject(new Error('no file is expected')),
};

const person = fc.record({
  age: fc.integer({ min: 18, max: 40 }).map(String),
  zip: fc.constantFrom('8010', '8020', '1010', '1020', '4020'),
  sex: fc.constantFrom('f', 'm'),
  illness: fc.constantFrom('flu', 'cancer', 'cold'),
});
const tableOf = (people: { age: string; zip: string; sex: string; illness: string }[]): Table => ({
  columns: ['name', 'age', 'zip', 'sex', 'illness'],
  rows: people.map(({ age, zip, sex, illness }, at) => [`person ${at}`, age, zip, sex, illness]),
  format: { kind: 'csv', delimiter: ',' },
});
const columns = {
  name: { role: 'identifier', do: 'pseudonym' },
  age: { role: 'quasi-identifier', hierarchy: { intervals: [5, 10, 20] } },
  zip: { role: 'quasi-identifier', hierarchy: { mask: true } },
  sex: 'quasi-identifier',
  illness: 'sensitive',
};

/** Classes as they can be seen in the output, with the illnesses in each. */
function classesOf(table: Table): string[][] {
  const classes = new Map<string, string[]>();
  for (const row of table.rows) {
    const key = row.slice(1, 4).join('\0');
    classes.set(key, [...(classes.get(key) ?? []), row[4]!]);
  }
  return [...classes.values()];
}
const countsOf = (list: readonly string[]): number[] =>
  ['cancer', 'cold', 'flu'].map((one) => list.filter((other) => other === one).length);

test.each(['full-domain', 'mondrian'])(
  'every table that %s writes meets k, l and t as they can be seen',
  async (method) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(person, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(
          {},
          { l: 2 },
          { l: { kind: 'entropy', l: 1.5 } },
          { l: { kind: 'recursive', l: 2, c: 2 } },
          { t: 0.3 },
          { t: { t: 0.3, distance: 'ordered' } },
        ),
        fc.constantFrom(0, 0.1, 0.5),
        async (people, k, more, suppression) => {
          const config = parseConfig({ columns, method, k, suppression, ...more }, 'test');
          const input = tableOf(people);
          const { table, report } = await anonymise(input, config, deps);
          if (!table) {
            expect(report.met).toBe(false);
            return;
          }
          expect(input.rows.length - table.rows.length).toBeLessThanOrEqual(suppression * input.rows.length);
          const overall = countsOf(people.map(({ illness }) => illness));
          for (const members of classesOf(table)) {
            expect(members.length).toBeGreaterThanOrEqual(k);
            const counts = countsOf(members);
            const { l, t } = config;
            if (l?.kind === 'distinct') expect(new Set(members).size).toBeGreaterThanOrEqual(l.l);
            if (l?.kind === 'entropy')
              expect(entropyOf(members.length, counts)).toBeGreaterThanOrEqual(Math.log(l.l) - 1e-6);
            if (l?.kind === 'recursive') {
              const falling = counts.toSorted((a, b) => b - a);
              expect(falling[0]).toBeLessThan(l.c * (falling[1]! + falling[2]!));
            }
            if (t) {
              // The columns of the test stand in alphabetical order, and values that nobody has move nothing.
              const used = overall
                .map((count, at) => ({ count, own: counts[at]! }))
                .filter(({ count }) => count > 0);
              const distance = distanceOf(
                t.distance,
                members.length,
                used.map(({ own }) => own),
                used.map(({ count }) => count),
                people.length,
              );
              expect(distance).toBeLessThanOrEqual(t.t + 1e-6);
            }
          }
        },
      ),
      { numRuns: 60, seed: 3 },
    );
  },
);

test('optimising for a task keeps what tells about the label', async () => {
  const people = Array.from({ length: 400 }, (_, at) => {
    const age = 18 + ((at * 7) % 23);
    return {
      age: String(age),
      zip: ['8010', '8020', '1010'][at % 3]!,
      sex: at % 2 === 0 ? 'f' : 'm',
      illness: age > 28 ? 'flu' : 'cold',
    };
  });
  for (const method of ['full-domain', 'mondrian']) {
    const config = parseConfig(
      {
        columns: { ...columns, illness: 'insensitive' },
        method,
        k: 5,
        optimize: 'utility',
        label: 'illness',
      },
      'test',
    );
    const { report } = await anonymise(tableOf(people), config, deps);
    expect(report.utility!.task!.anonymised.accuracy).toBeGreaterThan(0.75);
    expect(report.risk!.before.prosecutor.highest).toBeGreaterThan(report.risk!.after.prosecutor.highest);
    expect(report.risk!.after.prosecutor.highest).toBeLessThanOrEqual(1 / 5);
    expect(report.risk!.after.uniqueness).toBe(0);
  }
});

describe('what cannot be meant is refused', () => {
  test.each([
    ['a column without a role', { columns: { age: 'quasi-identifier' } }, /no role/],
    [
      'a role for a column that is not there',
      { columns: { ...columns, shoe: 'insensitive' } },
      /no column `shoe`/,
    ],
    [
      'an identifier that stays',
      { columns: { ...columns, name: { role: 'identifier', do: 'keep' } } },
      /cannot be kept/,
    ],
    [
      'diversity of nothing',
      { columns: { ...columns, illness: 'insensitive' }, l: 2 },
      /no column is sensitive/,
    ],
    ['an unknown key', { columns, kk: 3 }, /kk/],
    ['a task without a label', { columns, optimize: 'utility' }, /label/],
    [
      'intervals that do not nest',
      { columns: { ...columns, age: { role: 'quasi-identifier', hierarchy: { intervals: [5, 12] } } } },
      /multiple/,
    ],
    [
      'a value outside its hierarchy',
      { columns: { ...columns, sex: { role: 'quasi-identifier', hierarchy: { levels: [['f', '*']] } } } },
      /does not know/,
    ],
  ])('%s', async (_name, config, detail) => {
    const input = tableOf([{ age: '20', zip: '8010', sex: 'm', illness: 'flu' }]);
    await expect(async () => anonymise(input, parseConfig(config, 'test'), deps)).rejects.toThrow(
      expect.objectContaining({ detail: expect.stringMatching(detail) }),
    );
  });
});

describe('the command', () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'merlon-anonymise-'))));
  afterAll(() => rm(folder, { recursive: true }));

  async function run(config: string, out: string) {
    const lines: string[] = [];
    const io: Io = {
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      cwd: folder,
      env: {},
      json: true,
      color: false,
      out: (line) => void lines.push(line),
      note: () => undefined,
      progress: () => ({ tick: () => undefined, end: () => undefined }),
    };
    await writeFile(join(folder, 'config.yaml'), config);
    const [command] = commands({ pseudonymKey: () => Promise.resolve(new Secret(Buffer.alloc(32, 1))) });
    const code = await command!.run(
      { args: { file: 'people.csv' }, options: { config: 'config.yaml', out, report: 'report.json' } },
      io,
    );
    return { code, answer: JSON.parse(lines[0]!) as Record<string, unknown> };
  }

  const yaml = (k: number) => `
columns:
  name: {role: identifier}
  age: {role: quasi-identifier, hierarchy: {intervals: [10, 50]}}
  city: {role: quasi-identifier, hierarchy: cities.csv}
  note: {role: insensitive, do: redact}
method: full-domain
suppression: 0
k: ${k}
`;

  test('writes what meets the goals, and nothing when they cannot be met', async () => {
    await writeFile(
      join(folder, 'people.csv'),
      [
        'name;age;city;note',
        'Ann;31;Graz;"mail ann@firma.at; thanks"',
        'Bob;35;Wien;-',
        'Cat;52;Linz;"said ""no"""',
        'Dan;58;Linz;-',
        '',
      ].join('\n'),
    );
    await writeFile(join(folder, 'cities.csv'), 'Graz;Austria;*\nWien;Austria;*\nLinz;Austria;*\n');

    expect(await run(yaml(2), 'out.csv')).toMatchObject({ code: 0, answer: { met: true } });
    const text = await readFile(join(folder, 'out.csv'), 'utf8');
    expect(text).toMatch(/^age;city;note\n/);
    expect(text).toContain('[30, 40);Austria;');
    expect(text).not.toMatch(/Ann|ann@firma/);
    expect(text).toContain('"said ""no"""');
    expect(JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'))).toMatchObject({
      node: { age: 1, city: 1 },
      risk: { after: { prosecutor: { highest: 0.5 } } },
    });

    const before = await readdir(folder);
    expect(await run(yaml(5), 'never.csv')).toMatchObject({ code: 1, answer: { met: false } });
    expect(await readdir(folder)).toEqual(before);
  });
});
