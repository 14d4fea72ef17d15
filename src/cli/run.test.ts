import { Readable, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineCommand } from '../kernel/command.ts';
import { Problem } from '../kernel/problem.ts';
import { run } from './run.ts';

const check = defineCommand({
  name: 'model check',
  summary: 'Checks a file.',
  arguments: [{ name: 'file', description: 'the file' }],
  options: z.strictObject({
    failOn: z.enum(['low', 'high']).optional().describe('Exit 1 from this level on.'),
    limit: z.number().default(10).describe('How many.'),
    force: z.boolean().default(false).describe('Do it anyway.'),
    only: z.array(z.string()).default([]).describe('Only these.'),
  }),
  async run({ args, options }, io) {
    if (args['file'] === 'broken') {
      throw new Problem('MODEL_INVALID', {
        detail: 'unknown key `x`',
        fix: 'remove it',
        facts: { file: 'm.yaml', line: 2, column: 3, excerpt: '  2 | x: 1' },
      });
    }
    if (args['file'] === 'bug') throw new TypeError('oops');
    io.out(JSON.stringify({ args, options, json: io.json }));
    return options.failOn === 'high' ? 1 : 0;
  },
});

const deep = defineCommand({
  name: 'model part check',
  summary: 'Checks a part.',
  async run(_, io) {
    io.out('part');
    return 0;
  },
});

async function cli(...argv: string[]) {
  const lines: string[] = [];
  const notes: string[] = [];
  const stdout = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const code = await run(
    argv,
    [check, deep],
    {
      stdin: Readable.from([]),
      stdout,
      cwd: '/',
      env: {},
      color: false,
      out: (line) => lines.push(line),
      note: (line) => notes.push(line),
      progress: () => ({ tick() {}, end() {} }),
    },
    { name: 'merlon', version: '0', description: 'd', epilogue: 'e' },
  );
  return { code, out: lines.join('\n'), err: notes.join('\n') };
}

test('options are typed by their schema and keep their defaults', async () => {
  const { code, out } = await cli(
    'model',
    'check',
    'a.yaml',
    '--fail-on',
    'high',
    '--limit',
    '3',
    '--only',
    'x',
    'y',
    '--json',
  );
  expect(code).toBe(1);
  expect(JSON.parse(out)).toEqual({
    args: { file: 'a.yaml' },
    options: { failOn: 'high', limit: 3, force: false, only: ['x', 'y'] },
    json: true,
  });
});

test('wrong use exits 2 and says how to go on', async () => {
  for (const argv of [
    ['model', 'check'],
    ['model', 'check', 'f', '--fail-on', 'huge'],
    ['model', 'check', 'f', '--limit', 'x'],
    ['nope'],
  ]) {
    const { code, err } = await cli(...argv);
    expect([argv, code]).toEqual([argv, 2]);
    expect(err).not.toBe('');
  }
});

test('help exits 0 and lists the options with their descriptions', async () => {
  const { code, out } = await cli('model', 'check', '--help');
  expect(code).toBe(0);
  expect(out).toContain('--fail-on');
  expect(out).toContain('Do it anyway.');
});

test('a problem names its place, what to do and its code; a bug exits 3', async () => {
  const { code, err } = await cli('model', 'check', 'broken');
  expect(code).toBe(2);
  expect(err).toContain('m.yaml:2:3: unknown key `x`');
  expect(err).toContain('fix: remove it');
  expect((await cli('model', 'check', 'bug')).code).toBe(3);
});

test('a command may have three words, beside one of two with the same last word', async () => {
  expect(await cli('model', 'part', 'check')).toMatchObject({ code: 0, out: 'part' });
  expect((await cli('model', 'check', 'f')).code).toBe(0);
});
