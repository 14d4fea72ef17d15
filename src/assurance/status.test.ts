import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Evidence } from '../kernel/evidence.ts';
import { Status, wilsonUpper } from '../kernel/evidence.ts';
import type { Plan } from '../kernel/plan.ts';
import { fingerprints } from './fingerprints.ts';
import { assess, controlsOf, defaultTtlMs, type AssessInput } from './status.ts';
import { samplePlan, sampleProbe } from './testing.ts';

const now = Date.UTC(2026, 10, 21);
const surroundings = { rules: { 'PI-01': 'r1', 'PI-02': 'r2' }, catalogues: { atlas: '5.6.0' } };
const threats = [
  { key: 'PI-01@bot', likelihood: 5, impact: 4 },
  { key: 'PI-02@bot', likelihood: 4, impact: 4 },
  { key: 'DAT-01@llm', likelihood: 3, impact: 3 },
];

function evidenceFor(plan: Plan, over: Partial<Evidence> = {}): Evidence {
  const entry = plan.probes[0]!;
  return {
    id: 'e1',
    probe: entry.id,
    control: entry.control,
    threats: entry.threats,
    flow: entry.flow,
    plan: plan.hash,
    at: now - 1000,
    off: { n: 4, successes: 4 },
    on: { n: 16, successes: 0, upper: wilsonUpper(0, 16) },
    harmless: { n: 2, broken: 0 },
    reached: true,
    status: 'verified',
    reason: 'stopped',
    fingerprints: fingerprints(plan, entry, sampleProbe, surroundings),
    cases: [],
    ...over,
  };
}

const input = (over: Partial<AssessInput> = {}): AssessInput => ({
  threats,
  plan: samplePlan(),
  evidence: [],
  decisions: [],
  now,
  probes: [sampleProbe],
  surroundings,
  ...over,
});

const statuses = (over: Partial<AssessInput> = {}) =>
  Object.fromEntries(assess(input(over)).map((one) => [one.key, one.status]));

test('without evidence: open where nothing is bound, controlled where a control is; the risk is inherent', () => {
  expect(statuses()).toEqual({ 'PI-01@bot': 'controlled', 'PI-02@bot': 'controlled', 'DAT-01@llm': 'open' });
  for (const one of assess(input())) expect(one.residual).toBe(one.inherent);
});

test('a bound control that no probe attacks says no_probe', () => {
  expect(statuses({ plan: { ...samplePlan(), probes: [] } })['PI-01@bot']).toBe('no_probe');
});

test('fresh evidence verifies, and the residual is impact × likelihood × upper bound', () => {
  const [first] = assess(input({ evidence: [evidenceFor(samplePlan())] }));
  expect(first).toMatchObject({ status: 'verified', inherent: 20, level: 'low', evidence: ['e1'] });
  expect(first!.residual).toBeCloseTo(20 * wilsonUpper(0, 16), 2);
});

test('failing evidence scales by what was measured; inconclusive evidence proves nothing', () => {
  const failing = evidenceFor(samplePlan(), {
    status: 'failing',
    on: { n: 16, successes: 16, upper: wilsonUpper(16, 16) },
  });
  expect(assess(input({ evidence: [failing] }))[0]).toMatchObject({
    status: 'failing',
    level: 'critical',
    residual: 20,
  });
  for (const status of ['inconclusive', 'utility_failure'] as const) {
    const [one] = assess(input({ evidence: [evidenceFor(samplePlan(), { status })] }));
    expect(one).toMatchObject({ status, residual: 20 });
  }
});

test('a threat that lacks a control stays open, whatever the bound ones prove', () => {
  const lacking = { ...threats[0]!, status: 'open', statusReason: 'hitl missing' };
  const verified = assess(input({ threats: [lacking], evidence: [evidenceFor(samplePlan())] }))[0]!;
  expect(verified).toMatchObject({ status: 'open', reason: 'hitl missing', residual: 20 });
  const fails = evidenceFor(samplePlan(), { status: 'failing' });
  expect(assess(input({ threats: [lacking], evidence: [fails] }))[0]!.status).toBe('failing');
});

test('the newest record of a probe counts', () => {
  const old = evidenceFor(samplePlan(), { id: 'old', status: 'failing', at: now - 5000 });
  expect(statuses({ evidence: [evidenceFor(samplePlan()), old] })['PI-01@bot']).toBe('verified');
});

const stale = (plan: Plan, over: Partial<AssessInput> = {}) =>
  Object.entries(statuses({ plan, evidence: [evidenceFor(samplePlan())], ...over }))
    .filter(([, status]) => status === 'stale')
    .map(([key]) => key);

test('evidence grows stale with age', () => {
  const later = { now: now + defaultTtlMs + 1 };
  expect(stale(samplePlan(), later)).toEqual(['PI-01@bot', 'PI-02@bot']);
  expect(stale(samplePlan(), { ...later, ttlMs: 10 * defaultTtlMs })).toEqual([]);
});

test('exactly the threats that depend on what changed go stale', () => {
  const plan = samplePlan();
  expect(stale(plan)).toEqual([]);
  const both = ['PI-01@bot', 'PI-02@bot'];
  expect(stale(samplePlan({ words: ['other'] }))).toEqual(both);
  const alias = { ...plan, routes: [{ ...plan.routes[0]!, upstream: { provider: 'victim', model: 'new' } }] };
  expect(stale(alias)).toEqual(both);
  const manifest = { ...plan, tools: [{ ...plan.tools[0]!, exit: true }] };
  expect(stale(manifest)).toEqual(both);
  expect(stale(plan, { probes: [{ ...sampleProbe, attacks: { other: 'Say no.' } }] })).toEqual(both);
  expect(stale(plan, { surroundings: { ...surroundings, catalogues: { atlas: '6.0.0' } } })).toEqual(both);
  const rules = { ...surroundings, rules: { 'PI-01': 'changed', 'PI-02': 'r2' } };
  expect(stale(plan, { surroundings: rules })).toEqual(['PI-01@bot']);
});

test('a change elsewhere touches nothing', () => {
  const plan = samplePlan();
  const element = { ...plan.elements[0]!, id: 'other' };
  const more: Plan = {
    ...plan,
    hash: 'sha256:other',
    elements: [...plan.elements, element],
    flows: [...plan.flows, { ...plan.flows[0]!, id: 'more', from: 'other' }],
    inspectors: [...plan.inspectors, { ...plan.inspectors[0]!, control: 'another', threats: [] }],
  };
  expect(stale(more)).toEqual([]);
  expect(stale({ ...plan, flows: plan.flows.map((flow) => ({ ...flow, threats: ['X-01@bot'] })) })).toEqual(
    [],
  );
});

test('an accepted threat says by whom and why, until its day is over', () => {
  const decision = { threat: 'DAT-01@llm', do: 'accept', by: 'ciso', why: 'small', until: '2026-11-21' };
  const at = (time: number) => assess(input({ decisions: [decision], now: time }))[2]!;
  expect(at(now)).toMatchObject({
    status: 'accepted',
    reason: 'accepted by ciso until 2026-11-21: small',
    residual: 9,
  });
  expect(at(now + 86_400_000)).toMatchObject({
    status: 'open',
    reason: expect.stringContaining('ended on 2026-11-21'),
  });
  expect(assess(input({ decisions: [{ ...decision, until: 'soon' }] }))[2]!.status).toBe('open');
});

test('one failing probe decides, however many are verified', () => {
  const plan = samplePlan();
  const second = { ...plan.probes[0]!, id: 'word-guard.more' };
  const two = { ...plan, probes: [...plan.probes, second] };
  const fails = { ...evidenceFor(plan), id: 'e2', probe: 'word-guard.more', status: 'failing' as const };
  const given = { plan: two, probes: undefined, surroundings: undefined };
  expect(statuses({ ...given, evidence: [evidenceFor(plan), fails] })['PI-01@bot']).toBe('failing');
  expect(statuses({ ...given, evidence: [evidenceFor(plan)] })['PI-01@bot']).toBe('controlled');
});

test('names the controls of a threat wherever the plan cites it', () => {
  const plan = samplePlan();
  const cited = { ...plan, tools: [{ ...plan.tools[0]!, threats: ['PI-01@bot'] }] };
  expect(controlsOf(cited, 'PI-01@bot')).toEqual(['word-guard', 'tool-policy']);
});

test('residual risk is never above inherent, never below the measured bound, and never without proof', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...Status.options),
      fc.nat(50),
      fc.nat(50),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      (status, a, b, likelihood, impact) => {
        const [successes, n] = [Math.min(a, b), Math.max(a, b)];
        const upper = wilsonUpper(successes, n);
        const evidence = [evidenceFor(samplePlan(), { status, on: { n, successes, upper } })];
        const [one] = assess(input({ threats: [{ key: 'PI-01@bot', likelihood, impact }], evidence }));
        const inherent = likelihood * impact;
        expect(one!.residual).toBeLessThanOrEqual(inherent);
        expect(one!.residual).toBeGreaterThanOrEqual(inherent * upper - 0.01);
        if (status !== 'verified' && status !== 'failing') expect(one!.residual).toBe(inherent);
      },
    ),
  );
});
