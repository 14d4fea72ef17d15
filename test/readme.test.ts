import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const tour = readme.slice(readme.indexOf('## Five-minute tour'), readme.indexOf('## Your own application'));
const commands = [...tour.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) =>
  block!.trim().split('\n'),
);

const state = mkdtempSync(join(tmpdir(), 'merlon-tour-'));
const env: NodeJS.ProcessEnv = {
  ...process.env,
  MERLON_STATE: state,
  MERLON_DATA_PLANE__PORT: '0',
  MERLON_CONTROL_PLANE__PORT: '0',
  OPENAI_API_KEY: undefined,
};
let server: ChildProcess;

function run(command: string): Promise<{ code: number | null; out: string }> {
  // The tour runs in a scratch folder here, so that nothing is written into the checkout.
  const [program, ...args] = command.replace('.merlon/', `${state}/`).split(' ');
  const file = program === 'node' ? args.shift()! : program!;
  const child = spawn(
    process.execPath,
    [join(root, file), ...args.map((one) => (one.startsWith('examples/') ? join(root, one) : one))],
    { cwd: state, env },
  );
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()));
  return new Promise((done) => child.on('close', (code) => done({ code, out })));
}

beforeAll(async () => {
  server = spawn(process.execPath, [join(root, 'tools/start.mjs')], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((ready, fail) => {
    let out = '';
    server.stdout!.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes('ready')) ready();
    });
    server.on('exit', (code) => fail(new Error(`npm start ended with ${code}`)));
  });
  const { dataPlane } = JSON.parse(readFileSync(join(state, 'control.json'), 'utf8')) as {
    dataPlane: string;
  };
  env['OPENAI_BASE_URL'] = `${dataPlane}/v1`;
}, 120_000);

afterAll(async () => {
  if (server.exitCode === null) {
    server.kill('SIGTERM');
    await new Promise((done) => server.on('exit', done));
  }
  rmSync(state, { recursive: true, force: true });
});

test('the tour has its commands', () => {
  expect(commands.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
    'node examples/support-copilot/session.mjs',
    'bin/merlon threats',
    'bin/merlon plan',
    'bin/merlon verify',
    'bin/merlon report',
    'bin/merlon ledger',
  ]);
});

test('the tour of the README works as written', { timeout: 240_000 }, async () => {
  const outputs: Record<string, string> = {};
  for (const command of commands) {
    const { code, out } = await run(command);
    expect([command, code, code === 0 ? '' : out]).toEqual([command, 0, '']);
    outputs[command] = out;
  }
  const session = outputs[commands[0]!]!;
  const effects = [...session.matchAll(/effects: {2}(.*)/g)].map(([, text]) => text);
  expect(effects).toHaveLength(4);
  // Restored in the tool's arguments, or the record would not have been found, and in the answer.
  expect(session).toContain('"email":"ana.petrova@example.com"');
  expect(session).toContain('2026-11-18');
  expect(session).not.toMatch(/HG-STAFF|[1-9]\d* mails sent|pixel\.collector\.example/);
  expect(outputs['bin/merlon verify']).toMatch(/verified/);
  expect(existsSync(join(state, 'report.html'))).toBe(true);
});
