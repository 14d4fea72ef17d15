import { existsSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { ControlDescriptor } from '../kernel/control.ts';
import type { Plan } from '../kernel/plan.ts';
import { analyze } from './analyze.ts';
import { commands } from './commands.ts';
import { readModel } from './parse.ts';
import { routes } from './routes.ts';
import { loadRules } from './rules.ts';
import { supportCopilot } from './sample.test-data.ts';
import { toSarif } from './sarif.ts';
import { templates } from './templates/registry.gen.ts';
import { ruleSources } from './threats/registry.gen.ts';

const rules = loadRules(ruleSources);
const guard: ControlDescriptor = {
  id: 'guard',
  title: 'Guard',
  area: 'model',
  point: 'message',
  objectives: ['in-guard'],
  mitigates: [],
  settings: z.strictObject({ threshold: z.number().default(0.5).describe('From here on it counts.') }),
};
const now = Date.UTC(2026, 10, 22);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'merlon-model-'));
  await writeFile(join(folder, 'threat-model.yaml'), supportCopilot);
  await writeFile(join(folder, 'bad.yaml'), supportCopilot.replace('kind: agent', 'kind: agnet'));
});

async function merlon(
  name: string,
  args: Record<string, string> = {},
  options: Record<string, unknown> = {},
  json = false,
  running?: Plan,
) {
  const lines: string[] = [];
  const notes: string[] = [];
  const command = commands({
    registry: () =>
      Promise.resolve({ rules, controls: [guard], probes: [{ id: 'guard', control: 'guard' }] }),
    templates: () => Promise.resolve(templates),
    running: () => Promise.resolve(running),
    now: () => now,
  }).find((one) => one.name === name)!;
  const code = await command.run(
    { args, options: command.options ? command.options.parse(options) : {} },
    {
      stdin: Readable.from([Buffer.from(supportCopilot)]),
      stdout: new Writable(),
      cwd: folder,
      env: {},
      json,
      color: false,
      out: (line) => lines.push(line),
      note: (line) => notes.push(line),
      progress: () => ({ tick: () => undefined, end: () => undefined }),
    },
  );
  return { code, out: lines.join('\n'), err: notes.join('\n') };
}

test('init writes a template that checks, and does not replace a file unasked', async () => {
  for (const { id, text } of templates) {
    expect((await merlon('init', {}, { template: id, out: `${id}.yaml` })).code).toBe(0);
    expect(await readFile(join(folder, `${id}.yaml`), 'utf8')).toBe(text);
    await expect(merlon('init', {}, { template: id, out: `${id}.yaml` })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  }
  await expect(merlon('init', {}, { template: 'nothing', out: 'x.yaml' })).rejects.toMatchObject({
    code: 'USAGE',
  });
  expect(existsSync(join(folder, 'x.yaml'))).toBe(false);
});

test.each(templates.map(({ id, text }) => [id, text] as const))(
  'the template %s is valid and gives threats',
  (id, text) => {
    const model = readModel(text, { rules: rules.map((rule) => rule.id) });
    const { threats, plan } = analyze(text.replace(/^controls:[\s\S]*?(?=^\S)/m, ''), {
      rules,
      controls: [],
      probes: [],
      now,
    });
    expect(model.controls.length).toBeGreaterThan(4);
    expect(threats.length).toBeGreaterThan(8);
    expect(plan.routes.length).toBeGreaterThan(0);
    expect(id).toMatch(/^[a-z-]+$/);
  },
);

test('model check shows every problem with its place and exits 2', async () => {
  expect(await merlon('model check')).toMatchObject({
    code: 0,
    out: expect.stringContaining('valid  threat-model.yaml: 7 elements, 3 flows'),
  });
  const bad = await merlon('model check', { file: 'bad.yaml' });
  expect(bad.code).toBe(2);
  expect(bad.err).toContain('bad.yaml:12:21: `agnet` is not a kind of element');
  expect(bad.err).toContain('Did you mean `agent`?');
  const json = await merlon('model check', { file: 'bad.yaml' }, {}, true);
  expect(JSON.parse(json.out)).toMatchObject({ ok: false, problems: [{ line: 12, column: 21 }] });
  await expect(merlon('model check', { file: 'none.yaml' })).rejects.toMatchObject({
    code: 'FILE_UNREADABLE',
  });
});

test('model show lists what follows from the model', async () => {
  const { code, out } = await merlon('model show', { file: '-' });
  expect(code).toBe(0);
  expect(out).toMatch(/^bot +agent +app \(2\) +0 +confidential +send-mail +trifecta$/m);
  for (const line of out.split('\n').slice(1)) expect(Array.from(line).length).toBeLessThanOrEqual(110);
  expect(JSON.parse((await merlon('model show', {}, {}, true)).out)).toMatchObject({
    facts: { bot: { taint: 0 } },
  });
});

describe('threats', () => {
  test('are a list with risk, witness and what answers them, in lines that fit', async () => {
    const { code, out } = await merlon('threats');
    expect(code).toBe(0);
    expect(out).toContain('customer →chat→ bot');
    for (const line of out.split('\n').slice(3)) expect(Array.from(line).length).toBeLessThanOrEqual(120);
  });

  test('are JSON of the agreed shape', async () => {
    const { plan, threats } = JSON.parse((await merlon('threats', {}, {}, true)).out) as {
      plan: string;
      threats: Record<string, unknown>[];
    };
    expect(plan).toMatch(/^sha256:[0-9a-f]{64}$/);
    for (const threat of threats)
      expect(Object.keys(threat)).toEqual(
        expect.arrayContaining([
          'key',
          'rule',
          'title',
          'element',
          'stride',
          'lifecycle',
          'refs',
          'likelihood',
          'impact',
          'risk',
          'level',
          'status',
          'witness',
          'controls',
          'terms',
          'summary',
        ]),
      );
  });

  test('close the gate when one of the level is open', async () => {
    expect((await merlon('threats', {}, { failOn: 'high' })).code).toBe(1);
    expect((await merlon('threats', {}, { failOn: 'critical' })).code).toBe(0);
    expect((await merlon('threats', { file: 'bad.yaml' })).code).toBe(2);
  });

  test('are SARIF with lines', async () => {
    const { out } = await merlon('threats', {}, { sarif: true });
    const [run] = (JSON.parse(out) as { runs: { results: { locations: unknown[] }[] }[] }).runs;
    expect(run!.results[0]!.locations[0]).toMatchObject({
      physicalLocation: {
        artifactLocation: { uri: 'threat-model.yaml' },
        region: { startLine: expect.any(Number) as number },
      },
    });
    const { threats } = analyze(supportCopilot, { rules, controls: [guard], probes: [], now });
    const sarif = JSON.stringify(toSarif({ threats, rules, file: 'a b.yaml', text: supportCopilot }));
    expect(sarif).toContain('"uri":"a%20b.yaml"');
    expect(sarif).toContain('"kind":"external"');
  });
});

test('plan shows the plan, and what would change against the running one', async () => {
  const alone = await merlon('plan');
  expect(alone.out).toMatch(/^prompt +bot +llm +openai gpt-4o-2024-11-20 +enforce$/m);
  const plan = JSON.parse((await merlon('plan', {}, {}, true)).out) as Plan;
  expect((await merlon('plan', {}, {}, false, plan)).out).toContain('nothing changes');
  const changed = await merlon('plan', {}, { mode: 'observe' }, false, plan);
  expect(changed.out).toContain('~ mode');
});

test('routes answer with model, facts, patches, threats by evidence, rules and plan, and write what was observed', async () => {
  let text = supportCopilot;
  const list = routes({
    current: () => ({
      file: 'threat-model.yaml',
      text,
      analysis: analyze(text, { rules, controls: [guard], probes: [], now }),
    }),
    rules,
    observed: () =>
      Promise.resolve([
        { kind: 'tool', client: 'bot', name: 'refund', action: 'block', firstSeen: 1, lastSeen: 2, count: 3 },
      ]),
    assessed: () =>
      Promise.resolve([
        { key: 'PI-01@bot', status: 'verified', residual: 2, level: 'low', reason: 'attacked' },
      ]),
    write: ({ from, to }) => {
      expect(from).toBe(text);
      text = to;
      return Promise.resolve();
    },
  });
  const call = async (path: string, body?: unknown) =>
    (await list
      .find((route) => route.path === path)!
      .handle({
        params: {},
        query: {},
        body,
        principal: { kind: 'local', id: 'x', tenant: 'default' },
        signal: AbortSignal.abort(),
        headers: {},
      } as never)) as Record<string, unknown>;
  expect(await call('/model')).toMatchObject({
    facts: { bot: { trifecta: true } },
    observed: [{ patch: expect.stringContaining('+  - {id: refund') }],
  });
  const { threats } = (await call('/threats')) as { threats: { key: string }[] };
  expect(threats.find(({ key }) => key === 'PI-01@bot')).toMatchObject({
    status: 'verified',
    residual: 2,
    residualLevel: 'low',
    statusReason: 'attacked',
  });
  expect((await call('/rules'))['rules']).toHaveLength(rules.length);
  expect(await call('/plan')).toMatchObject({ schema: 'merlon-plan/v1' });
  expect(await call('/model/observed', { kind: 'tool', client: 'bot', name: 'refund' })).toHaveProperty(
    'hash',
  );
  expect(text).toContain('{id: refund, kind: tool, zone: app}');
});
