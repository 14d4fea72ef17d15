import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { afterAll, expect, test } from 'vitest';
import type { ExitCode, Io } from '../../kernel/command.ts';
import { commands } from './commands.ts';

const folder = mkdtempSync(join(tmpdir(), 'merlon-scan-command-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, 'a.csv'), 'contact,note\nann@example.com,<script>alert(1)</script>\n');
writeFileSync(join(folder, 'clean.csv'), 'colour,size\nred,4\nblue,5\n');

const secrets: unknown = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../assets/inspection/secrets.json'), 'utf8'),
);
const all = commands({
  version: '1.2.3',
  assets: async () => ({ secrets }),
  compile: async () => {
    throw new Error('no model here');
  },
});

async function run(
  name: string,
  path: string,
  options: object,
  json = true,
): Promise<{ code: ExitCode; out: string }> {
  const lines: string[] = [];
  const io: Io = {
    stdin: Readable.from([]),
    stdout: new Writable({
      write(chunk: Buffer, _, done) {
        lines.push(chunk.toString());
        done();
      },
    }),
    cwd: folder,
    env: {},
    json,
    color: false,
    out: (line) => lines.push(`${line}\n`),
    note: () => undefined,
    progress: () => ({ tick: () => undefined, end: () => undefined }),
  };
  const command = all.find((one) => one.name === name)!;
  const code = await command.run(
    { args: { path }, options: command.options!.parse({ threads: 0, ...options }) },
    io,
  );
  return { code, out: lines.join('') };
}

test('prints findings as JSON Lines and the summary last', async () => {
  const { code, out } = await run('dataset scan', 'a.csv', {});
  const rows = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(code).toBe(0);
  expect(rows).toMatchObject([
    {
      file: 'a.csv',
      line: 2,
      column: 'contact',
      type: 'email_address',
      class: 'confidential',
      start: 0,
      end: 15,
    },
    { summary: { totals: { files: 1, rows: 1, findings: 1 } } },
  ]);
});

test('ends with 1 when a finding reaches the class of the gate', async () => {
  expect((await run('dataset scan', 'a.csv', { failOn: 'confidential' })).code).toBe(1);
  expect((await run('dataset scan', 'a.csv', { failOn: 'restricted' })).code).toBe(0);
  expect((await run('dataset scan', 'clean.csv', { failOn: 'internal' })).code).toBe(0);
});

test('prints SARIF with the place of each finding', async () => {
  const { out } = await run('dataset scan', 'a.csv', { sarif: true });
  expect(JSON.parse(out)).toMatchObject({
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { version: '1.2.3', rules: [{ id: 'email_address' }] } },
        results: [
          {
            ruleId: 'email_address',
            level: 'warning',
            locations: [
              { physicalLocation: { artifactLocation: { uri: 'a.csv' }, region: { startLine: 2 } } },
            ],
          },
        ],
      },
    ],
  });
});

test('writes a page in which nothing of the data can act', async () => {
  writeFileSync(join(folder, 'x.csv'), '<img src=x onerror=alert(1)>,b\nann@example.com,2\n3,4\n');
  const { out } = await run('dataset scan', 'x.csv', { html: 'report.html' }, false);
  const page = readFileSync(join(folder, 'report.html'), 'utf8');
  expect(page).not.toContain('<img');
  expect(page).toContain("default-src 'none'");
  expect(out).toContain('email_address');
});
