import { Readable, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import type { Io } from '../kernel/command.ts';
import { loadCatalogue } from './catalogue.ts';
import { commands } from './commands.ts';

const edition = (year: string, entries: object[], rest: object = {}) => ({
  file: `house-${year}.json`,
  data: {
    schema: 'merlon-catalogue/v1',
    catalogue: 'house',
    edition: year,
    title: 'House rules',
    publisher: 'Us',
    licence: 'Apache-2.0',
    holds: 'everything',
    url: 'https://example.com',
    source: 'here',
    entries,
    ...rest,
  },
});

const catalogue = loadCatalogue([
  edition(
    '2025',
    [
      { id: 'H1', title: 'Doors', kind: 'risk' },
      { id: 'H2', title: 'Windows', kind: 'risk', text: 'Open ones.', related: ['H1'] },
    ],
    { migrations: [{ to: '2026', map: { H2: 'H3' }, complete: true }] },
  ),
  edition('2026', [
    { id: 'H1', title: 'Gates', kind: 'risk' },
    { id: 'H3', title: 'Windows', kind: 'risk' },
    { id: 'H4', title: 'Keys', kind: 'control' },
  ]),
]);

async function run(
  name: string,
  args: Record<string, string>,
  json = false,
  options: object = {},
): Promise<string> {
  const lines: string[] = [];
  const io: Io = {
    stdin: Readable.from([]),
    stdout: new Writable(),
    cwd: '/',
    env: {},
    json,
    color: false,
    out: (line) => lines.push(line),
    note: () => {},
    progress: () => ({ tick: () => {}, end: () => {} }),
  };
  const command = commands({ catalogue: () => Promise.resolve(catalogue) }).find((one) => one.name === name)!;
  expect(await command.run({ args, options }, io)).toBe(0);
  return lines.join('\n');
}

test('lists editions, and the entries of one', async () => {
  expect(await run('catalogue list', {})).toMatch(/house:2025 +2 {2}House rules \(Apache-2\.0\)/);
  expect(await run('catalogue list', { edition: 'house:2026' }, false, { kind: 'control' })).toMatch(
    /^H4 +control +Keys$/,
  );
  await expect(run('catalogue list', { edition: 'house:2020' })).rejects.toThrow(
    'there is no edition `house:2020`',
  );
});

test('shows an entry with what belongs to it and where it went', async () => {
  const text = await run('catalogue show', { reference: 'house:2025/H2' });
  expect(text).toContain('Open ones.');
  expect(text).toMatch(/related +H1 Doors/);
  expect(text).toMatch(/now +house:2026\/H3 Windows/);
  expect(JSON.parse(await run('catalogue show', { reference: 'house:2025/H2' }, true))).toMatchObject({
    reference: 'house:2025/H2',
    successor: 'house:2026/H3',
  });
});

test('takes an id alone when it has one meaning, and refuses it when it has two', async () => {
  expect(await run('catalogue show', { reference: 'H4' })).toContain('house:2026/H4');
  await expect(run('catalogue show', { reference: 'H1' })).rejects.toThrow('`H1` has 2 meanings');
});

test('compares two editions', async () => {
  expect((await run('catalogue diff', { old: 'house:2025', new: 'house:2026' })).split('\n')).toEqual([
    'moved    H2 → H3  Windows',
    'renamed  H1  Doors → Gates',
    'added    H4  Keys',
  ]);
  expect(await run('catalogue diff', { old: 'house:2025', new: 'house:2025' })).toBe('nothing changed');
});
