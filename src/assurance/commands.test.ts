import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import type { Io } from '../kernel/command.ts';
import { wilsonUpper } from '../kernel/evidence.ts';
import type { Summary, VerifyMessage } from './assurance.ts';
import { commands, type RunningControlPlane } from './commands.ts';
import { evidenceOf } from './testing.ts';

const summary = (over: Partial<Summary> = {}): Summary => ({
  plan: 'sha256:1',
  probes: [evidenceOf()],
  residual: [
    { key: 'PI-01@bot', status: 'verified', inherent: 20, residual: 3.9, level: 'low', reason: 'stopped' },
    {
      key: 'DAT-01@llm',
      status: 'open',
      inherent: 12,
      residual: 12,
      level: 'high',
      reason: 'nothing is bound',
    },
  ],
  statuses: { verified: 1 },
  ...over,
});

async function run(name: string, options: Record<string, unknown>, done: Summary | undefined, json = false) {
  const lines: string[] = [];
  const notes: string[] = [];
  const asked: unknown[] = [];
  const plane: RunningControlPlane = {
    getText: (path) => Promise.resolve(`report of ${path}`),
    async *stream<T>(path: string, body: unknown) {
      asked.push([path, body]);
      const messages: VerifyMessage[] = [
        { kind: 'start', probes: 1, cases: 3 },
        { kind: 'case', probe: 'word-guard', name: 'a', phase: 'off', result: 'success' },
        { kind: 'probe', evidence: evidenceOf() },
        ...(done ? [{ kind: 'done' as const, summary: done }] : []),
      ];
      for (const message of messages) yield message as T;
    },
  };
  const io: Io = {
    stdin: Readable.from([]),
    stdout: new Writable({
      write(chunk: Buffer, _, next) {
        lines.push(chunk.toString());
        next();
      },
    }),
    cwd: mkdtempSync(join(tmpdir(), 'merlon-')),
    env: {},
    json,
    color: false,
    out: (line) => lines.push(line),
    note: (line) => notes.push(line),
    progress: () => ({ tick() {}, end() {} }),
  };
  const command = commands({ controlPlane: () => plane, untilStopped: () => Promise.resolve() }).find(
    (one) => one.name === name,
  )!;
  const parsed = command.options!.parse(options);
  const code = await command.run({ args: {}, options: parsed }, io);
  return { code, out: lines.join('\n'), notes: notes.join('\n'), asked, cwd: io.cwd };
}

test('verify prints probes and residual risk, worst first, and exits 0 when all is verified', async () => {
  const { code, out, notes } = await run('verify', {}, summary());
  expect(code).toBe(0);
  expect(out).toMatch(/probe +control +off +on +upper +harmless +status +threats/);
  expect(out).toMatch(/word-guard +word-guard +4\/4 +0\/16 +19\.4 % +2\/2 +verified/);
  expect(out.indexOf('DAT-01@llm')).toBeLessThan(out.indexOf('PI-01@bot  '));
  expect(notes).toContain('word-guard: verified');
});

test('verify exits 1 on a probe that is not verified, and when a residual level meets the gate', async () => {
  for (const status of ['failing', 'inconclusive', 'utility_failure'] as const) {
    expect((await run('verify', {}, summary({ probes: [evidenceOf({ status })] }))).code).toBe(1);
  }
  expect((await run('verify', { failOn: 'high' }, summary())).code).toBe(1);
  expect((await run('verify', { failOn: 'critical' }, summary())).code).toBe(0);
  const accepted = summary().residual.map((one) => ({ ...one, status: 'accepted' as const }));
  expect((await run('verify', { failOn: 'low' }, summary({ residual: accepted }))).code).toBe(0);
});

test('verify --json prints exactly one value of the promised shape', async () => {
  const { out } = await run('verify', { only: ['word-guard'], liveUpstream: true }, summary(), true);
  const value = JSON.parse(out) as Record<string, unknown>;
  expect(Object.keys(value)).toEqual(['plan', 'probes', 'residual']);
  expect(value['probes']).toMatchObject([
    {
      id: 'word-guard',
      control: 'word-guard',
      threats: ['PI-01@bot'],
      off: { n: 4, successes: 4 },
      on: { n: 16, successes: 0, upper: wilsonUpper(0, 16) },
      reached: true,
      status: 'verified',
    },
  ]);
});

test('verify asks for what it was told to, and says when the other side goes away', async () => {
  const { asked } = await run('verify', { only: ['a'], liveUpstream: true }, summary());
  expect(asked).toEqual([['/verify', { only: ['a'], live: true }]]);
  await expect(run('verify', {}, undefined)).rejects.toMatchObject({ code: 'CONTROL_PLANE_UNREACHABLE' });
});

test('report writes to standard output, or to a file', async () => {
  expect((await run('report', { format: 'sarif' }, undefined)).out).toContain(
    'report of /report?format=sarif',
  );
  expect((await run('report', {}, undefined)).out).toContain('format=md');
  const { cwd, out } = await run('report', { format: 'html', out: 'r.html' }, undefined);
  expect(out).toBe('');
  expect(readFileSync(join(cwd, 'r.html'), 'utf8')).toBe('report of /report?format=html');
  await expect(run('report', { out: 'no/such/folder/r' }, undefined)).rejects.toMatchObject({
    code: 'FILE_UNREADABLE',
  });
});

test('victim starts, tells its address and stops', async () => {
  const { code, out } = await run('victim', { port: 0 }, undefined, true);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({ url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/v1$/) });
});
