import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import type { Io } from '../kernel/command.ts';
import { commands, verdictOf } from './commands.ts';
import { createInspector } from './inspector.ts';

const rules = join(import.meta.dirname, '../../assets/inspection/secrets.json');
const inspector = createInspector({ secrets: JSON.parse(readFileSync(rules, 'utf8')) });

async function inspect(
  ...chunks: (string | Buffer)[]
): Promise<{ code: number; lines: Record<string, unknown>[] }> {
  const stdout = new PassThrough();
  let out = '';
  stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
  const [command] = commands({ inspector: () => Promise.resolve(inspector) });
  const io = { stdin: Readable.from(chunks), stdout } as unknown as Io;
  const code = await command!.run({ args: {}, options: { scores: false } }, io);
  await new Promise(setImmediate);
  return {
    code,
    lines: out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

const key = ['AKIA', 'Z7QX3WM5VNP2JR6T'].join('');

test('answers each line with verdict and findings at their place', async () => {
  const { code, lines } = await inspect(
    `{"id":"a","text":"the key is ${key}","surface":"user"}\n{"id":7,"text":"hello","surface":"document"}\n`,
  );
  expect(code).toBe(0);
  expect(lines[0]).toMatchObject({
    id: 'a',
    verdict: 'mask',
    findings: [{ type: 'secret', start: 11, end: 31 }],
  });
  expect(lines[1]).toMatchObject({ id: 7, verdict: 'allow', findings: [] });
});

test('a bad line is an error with its number, the others are still answered, and the exit code is 2', async () => {
  const { code, lines } = await inspect(
    '{"id":1,"text":"a"}\nnot json\n{"id":3}\n{"id":4,"text":"b","surface":"moon"}\n',
    '{"id":5,"text":"c"}',
  );
  expect(code).toBe(2);
  expect(lines.map(({ line, id }) => line ?? `id ${String(id)}`)).toEqual(['id 1', 2, 3, 4, 'id 5']);
  expect(lines[1]).toMatchObject({ error: { code: 'INPUT_INVALID' } });
});

test('lines may be cut anywhere, also inside a character', async () => {
  const bytes = Buffer.from('{"id":1,"text":"ö€😀 a@example.com"}\r\n{"id":2,"text":""}\n');
  const { code, lines } = await inspect(...Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)));
  expect(code).toBe(0);
  expect(lines).toMatchObject([{ id: 1, findings: [{ type: 'email_address', start: 5 }] }, { id: 2 }]);
});

test('a line that is too long is refused without keeping it', async () => {
  const big = Buffer.alloc(1024 * 1024, 'x');
  const { code, lines } = await inspect(...Array.from({ length: 9 }, () => big), '\n{"id":2,"text":"a"}\n');
  expect(code).toBe(2);
  expect(lines).toMatchObject([{ line: 1, error: { code: 'TOO_LARGE' } }, { id: 2 }]);
});

test('finds secrets and personal data in encodings, at their place in the original', async () => {
  const encoded = Buffer.from(`please use the key ${key} for the upload, thank you`).toString('base64');
  const { lines } = await inspect(JSON.stringify({ id: 1, text: `Decode: ${encoded}` }));
  const [finding] = (lines[0] as { findings: { start: number; end: number }[] }).findings;
  expect(finding!.start).toBeGreaterThanOrEqual(8);
  expect(finding!.end).toBeLessThanOrEqual(8 + encoded.length);
});

test('verdicts follow the shipped defaults of the controls', () => {
  const finding = { detector: 'x', score: 1, start: 0, end: 1 };
  expect(verdictOf([])).toBe('allow');
  expect(
    verdictOf([
      { ...finding, type: 'secret' },
      { ...finding, type: 'prompt_injection' },
    ]),
  ).toBe('block');
  expect(verdictOf([{ ...finding, type: 'email_address', detector: 'pii' }])).toBe('mask');
  expect(verdictOf([{ ...finding, type: 'phishing' }])).toBe('alert');
});
