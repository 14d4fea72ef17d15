import { expect, test } from 'vitest';
import { runProbes, trialsFor, isolated, type Progress, type Shadow } from './runner.ts';
import { guardedShadow, samplePlan, sampleProbe, scripted } from './testing.ts';

const run = async (shadow: Shadow, plan = samplePlan()) => {
  const [evidence] = await runProbes({ plan, probes: [sampleProbe], shadow, timeoutMs: 5000 });
  return evidence!;
};

test('a control that stops what works without it is verified, within the bound', async () => {
  const evidence = await run(guardedShadow);
  expect(evidence).toMatchObject({
    status: 'verified',
    reached: true,
    control: 'word-guard',
    threats: ['PI-01@bot', 'PI-02@bot'],
    off: { n: 4, successes: 4 },
    on: { successes: 0 },
    harmless: { n: 2, broken: 0 },
  });
  expect(evidence.on.n).toBeGreaterThanOrEqual(16);
  expect(evidence.on.upper).toBeLessThanOrEqual(0.2);
});

test('a weakened control is failing', async () => {
  expect(await run(guardedShadow, samplePlan({ words: ['no such word'] }))).toMatchObject({
    status: 'failing',
  });
});

test('a control that the plan does not bind is failing', async () => {
  expect(await run(guardedShadow, { ...samplePlan(), inspectors: [] })).toMatchObject({ status: 'failing' });
});

test('a control that stops harmless cases is a utility failure', async () => {
  expect(await run(guardedShadow, samplePlan({ words: ['ignore', 'hello'] }))).toMatchObject({
    status: 'utility_failure',
    harmless: { n: 2, broken: 1 },
  });
});

const completion = (content: string) =>
  JSON.stringify({ choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }] });

test('a dead host is inconclusive', async () => {
  const dead: Shadow = async () => ({
    url: 'http://127.0.0.1:1',
    key: 'x',
    upstreamSeen: () => [],
    close: async () => {},
  });
  expect(await run(dead)).toMatchObject({ status: 'inconclusive', reached: false });
  expect(await run(scripted(() => ({ status: 502, body: '{"error":{}}' })))).toMatchObject({
    status: 'inconclusive',
  });
});

test('a host that answers 200 with nothing is inconclusive', async () => {
  for (const body of ['', '{}', completion(''), 'not json']) {
    expect(await run(scripted(() => ({ status: 200, body })))).toMatchObject({
      status: 'inconclusive',
      reached: false,
    });
  }
  const empty = scripted(() => ({ status: 200, body: 'data: [DONE]\n\n', type: 'text/event-stream' }));
  expect(await run(empty)).toMatchObject({ status: 'inconclusive' });
});

test('a host that refuses everything is a utility failure, whatever form the refusal takes', async () => {
  const forms = [
    { status: 400, body: '{"error":{"code":"content_policy_violation"}}' },
    { status: 403, body: '{"error":{"code":"forbidden"}}' },
    { status: 200, body: completion("I'm sorry, but I can't help with that.") },
    {
      status: 200,
      body: JSON.stringify({ choices: [{ message: { content: 'no' }, finish_reason: 'content_filter' }] }),
    },
  ];
  for (const form of forms)
    expect(await run(scripted(() => form))).toMatchObject({ status: 'utility_failure' });
});

test('a host that lets everything through is failing', async () => {
  const open: Shadow = (plan, as) => guardedShadow({ ...plan, inspectors: [] }, as);
  const evidence = await run(open);
  expect(evidence.status).toBe('failing');
  expect(evidence.on.successes).toBe(evidence.on.n);
});

test('a control that answers nothing at all is not verified', async () => {
  const breaking: Shadow = (plan, as) =>
    plan.inspectors.length === 0
      ? guardedShadow(plan, as)
      : scripted(() => ({ status: 500, body: '{}' }))(plan, as);
  expect((await run(breaking)).status).toBe('utility_failure');
});

test('the number of trials is the least that can keep the bound', () => {
  expect([0.2, 0.1, 0.05].map(trialsFor)).toEqual([16, 35, 73]);
});

test('only the control under test is on, with the settings of the plan under those of the fixture', () => {
  const plan = samplePlan();
  const other = { ...plan.inspectors[0]!, control: 'other' };
  const { off, on } = isolated(
    { ...plan, inspectors: [...plan.inspectors, other] },
    { ...sampleProbe, settings: { extra: 1 } },
  );
  expect(off.inspectors).toEqual([]);
  expect(on.inspectors.map((one) => [one.control, one.settings])).toEqual([
    ['word-guard', { words: ['ignore'], extra: 1 }],
  ]);
  expect(new Set([plan.hash, off.hash, on.hash]).size).toBe(3);
});

test('tells its progress, and each case has a name', async () => {
  const seen: Progress[] = [];
  await runProbes({
    plan: samplePlan(),
    probes: [sampleProbe],
    shadow: guardedShadow,
    onProgress: (one) => seen.push(one),
  });
  expect(seen[0]).toMatchObject({ kind: 'start', probes: 1 });
  expect(seen.at(-1)).toMatchObject({ kind: 'probe' });
  expect(seen.filter((one) => one.kind === 'case' && one.phase === 'off')).toHaveLength(4);
});

test('an unknown name is refused with those that there are', async () => {
  await expect(
    runProbes({ plan: samplePlan(), probes: [sampleProbe], shadow: guardedShadow, only: ['nope'] }),
  ).rejects.toMatchObject({ code: 'NOT_FOUND', fix: expect.stringContaining('word-guard') });
});

test('stops when it is cancelled, and closes what it started', async () => {
  const stop = new AbortController();
  let open = 0;
  const shadow: Shadow = async (plan, as) => {
    const target = await guardedShadow(plan, as);
    open += 1;
    return {
      ...target,
      async close() {
        await target.close();
        open -= 1;
      },
    };
  };
  const running = runProbes({
    plan: samplePlan(),
    probes: [sampleProbe],
    shadow,
    signal: stop.signal,
    onProgress: (one) => one.kind === 'case' && stop.abort(new Error('enough')),
  });
  await expect(running).rejects.toThrow('enough');
  expect(open).toBe(0);
});
