import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { Io } from '../../kernel/command.ts';
import { commands } from './commands.ts';
import { calling, safetensors } from './testing.ts';

async function scan(
  files: Record<string, Uint8Array>,
  paths: (folder: string) => string[],
  json: boolean,
): Promise<{ exit: number; lines: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'merlon-command-'));
  const lines: string[] = [];
  const io: Io = {
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    cwd: folder,
    env: {},
    json,
    color: false,
    out: (line) => lines.push(line),
    note: () => undefined,
    progress: () => ({ tick: () => undefined, end: () => undefined }),
  };
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    const [command] = commands();
    const exit = await command!.run({ args: { files: paths(folder) }, options: {} }, io);
    return { exit, lines };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const files = { 'a.safetensors': safetensors({}), 'b.pkl': calling('os', 'system') };

test('answers with one line per file and exit code 1 when one is not clean', async () => {
  const { exit, lines } = await scan(
    files,
    (folder) => [join(folder, 'a.safetensors'), join(folder, 'b.pkl')],
    true,
  );
  const answers = lines.map((line) => JSON.parse(line) as { verdict: string; findings: object[] });
  expect([exit, answers.map(({ verdict }) => verdict)]).toEqual([1, ['clean', 'malicious']]);
  expect(Object.keys(answers[1]!.findings[0]!).sort()).toEqual([
    'evidence',
    'offset',
    'rule',
    'severity',
    'why',
  ]);
});

test('exits with 0 when everything is clean', async () => {
  expect((await scan(files, (folder) => [join(folder, 'a.safetensors')], true)).exit).toBe(0);
});

test('answers for a folder as one model and for each of its files', async () => {
  const { lines } = await scan(files, (folder) => [folder], true);
  expect(lines.map((line) => (JSON.parse(line) as { format: string }).format)).toEqual([
    'repository',
    'safetensors',
    'pickle',
  ]);
});

test('shows people the verdict, the place and the reason', async () => {
  const { lines } = await scan(files, (folder) => [folder], false);
  expect(lines.join('\n')).toMatch(
    /malicious\s+pickle[\s\S]*pickle-dangerous-import[\s\S]*os system[\s\S]*1 of 3 clean/,
  );
});
