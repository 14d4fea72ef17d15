import { expect, test } from 'vitest';
import { allCommands } from '../src/app/commands.ts';
import { run } from '../src/cli/run.ts';
import { terminal } from '../src/cli/io.ts';

test('every command of the program has its own name and its help', async () => {
  const commands = allCommands({ cwd: '.', env: {} });
  const names = commands.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const lines: string[] = [];
  const io = { ...terminal(), note: (line: string) => lines.push(line) };
  const stdout = { write: (text: string) => lines.push(text) } as unknown as NodeJS.WritableStream;
  const about = { name: 'merlon', version: '0', description: '', epilogue: '' };
  for (const name of names) {
    const code = await run(
      [...name.split(' '), '--help'],
      commands,
      { ...io, stdout: stdout as never },
      about,
    );
    expect([name, code]).toEqual([name, 0]);
  }
  expect(lines.join('')).toContain('--json');
});
