import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { ControlDescriptor } from '../kernel/control.ts';
import { contentHash } from '../kernel/hash.ts';
import { Plan } from '../kernel/plan.ts';
import type { Objective } from '../kernel/vocabulary.ts';
import { analyzeModel, describeFacts } from './analyze.ts';
import { diffPlans } from './compile.ts';
import { deriveFacts } from './facts.ts';
import type { Model } from './model.ts';
import { readModel } from './parse.ts';
import { examine, findThreats, loadRules, type Threat } from './rules.ts';
import { supportCopilot } from './sample.test-data.ts';
import { ruleSources } from './threats/registry.gen.ts';

const trifecta = {
  id: 'AGT-03',
  title: 'Lethal trifecta',
  each: 'agent',
  applies: 'taint(it) <= 1 and reach(it) >= "confidential" and size(exits(it)) > 0',
  where: ['from_untrusted(it)', 'from_data(it, "confidential")', 'to_exit(it)'],
  threat: {
    title: 'Trifecta at {it.name}',
    summary: 'It sends through {exits(it)}.',
    stride: ['information_disclosure'],
    lifecycle: ['run'],
  },
  refs: ['owasp-llm:2026/LLM03'],
  score: {
    likelihood: [
      { name: 'maturity', value: 3, why: 'seen' },
      { name: 'exposure', value: '1', when: 'taint(it) == 0', why: 'anyone' },
    ],
    impact: [{ name: 'data', value: 'impact_of(reach(it))', why: '{reach(it)}' }],
  },
  mitigated_by: {
    any: ['taint'],
    all: [{ objective: 'hitl', when: 'any(t in tools(it) where t.reversible == false)' }],
  },
};
const load = (source: unknown, id = 'agt-03') => loadRules([{ id, file: `threats/${id}/rule.yaml`, source }]);
const all = loadRules(ruleSources);
const now = Date.UTC(2026, 10, 22);

const control = (id: string, objectives: Objective[], always = false): ControlDescriptor => ({
  id,
  title: id,
  area: 'model',
  point: 'message',
  objectives,
  mitigates: [],
  settings: z.strictObject({ threshold: z.number().default(0.5).describe('From here on it counts.') }),
  ...(always ? { always } : {}),
});

function threatsOf(text: string, rules = all, controls: ControlDescriptor[] = []): Threat[] {
  const model = readModel(text, { controls: [control('guard', []), ...controls] });
  return findThreats(model, deriveFacts(model), rules, { controls, now });
}

describe('facts', () => {
  const facts = describeFacts(deriveFacts(readModel(supportCopilot)));
  test('follow content, data and exits through the model', () => {
    expect(facts['bot']).toMatchObject({
      taint: 0,
      reach: 'confidential',
      exits: ['send-mail'],
      trifecta: true,
      users: ['customer'],
    });
    expect(facts['llm']).toMatchObject({ taint: 0, supply: 4, source: ['customer', 'bot', 'llm'] });
    expect(facts['kb']).toMatchObject({ taint: 4 });
  });

  test('a model shared by two agents does not taint one with the content of the other', () => {
    const shared = supportCopilot
      .replace('  - {id: llm,', '  - {id: inner, kind: agent, zone: app}\n  - {id: llm,')
      .replace('  - {id: mailing,', '  - {id: second, from: inner, to: llm}\n  - {id: mailing,');
    const known = describeFacts(deriveFacts(readModel(shared)));
    expect(known['inner']).toMatchObject({ taint: 4, trifecta: false });
  });

  test('a memory that a tainted agent writes taints its other readers', () => {
    const remembered = supportCopilot
      .replace('tools: [crm-read, send-mail]', 'tools: [crm-read, send-mail], memory: [mem]')
      .replace(
        '  - {id: llm,',
        '  - {id: mem, kind: memory, zone: app}\n  - {id: inner, kind: agent, zone: app, memory: [mem]}\n  - {id: llm,',
      );
    const known = describeFacts(deriveFacts(readModel(remembered)));
    expect(known['inner']!.source).toEqual(['customer', 'bot', 'mem', 'inner']);
    expect(known['mem']!.mixes).toBe(true);
  });
});

describe('a threat', () => {
  const [threat] = threatsOf(supportCopilot, load(trifecta));

  test('has a key, a risk with its terms, and witness paths', () => {
    expect(threat).toMatchObject({
      key: 'AGT-03@bot',
      title: 'Trifecta at bot',
      summary: 'It sends through send-mail.',
      likelihood: 4,
      impact: 4,
      risk: 16,
      level: 'high',
      status: 'open',
      terms: [
        { of: 'likelihood', name: 'maturity', value: 3, why: 'seen' },
        { of: 'likelihood', name: 'exposure', value: 1, why: 'anyone' },
        { of: 'impact', name: 'data', value: 4, why: 'confidential' },
      ],
    });
    expect(threat!.witness.map(({ text }) => text)).toEqual([
      'customer →chat→ bot',
      'customer →chat→ bot',
      'bot →mailing→ send-mail',
    ]);
    expect(threat!.facts[0]).toEqual({ text: 'taint(it) <= 1', values: [{ name: 'taint(it)', value: '0' }] });
  });

  test.each([
    ['the user is trusted', 'id: internet, trust: 0', 'id: internet, trust: 3'],
    ['nothing confidential is in reach', 'class: confidential', 'class: internal'],
    ['nothing can be sent out', 'side_effect: external_write', 'side_effect: read'],
  ])('goes when %s', (_, from, to) => {
    expect(threatsOf(supportCopilot.replace(from, to), load(trifecta))).toEqual([]);
  });

  test('is controlled when its objectives are served where it is, and says what is missing before', () => {
    const flow = control('flow', ['taint']);
    const bound = supportCopilot.replace(
      'use: guard, on: [chat], settings: {threshold: 0.5}',
      'use: flow, on: [prompt]',
    );
    const [half] = threatsOf(bound, load(trifecta), [flow]);
    expect(half).toMatchObject({ status: 'open', controls: ['flow'], objectives: { missing: ['hitl'] } });
    const person = control('person', ['hitl'], true);
    const [whole] = threatsOf(bound, load(trifecta), [flow, person]);
    expect(whole).toMatchObject({
      status: 'controlled',
      controls: ['flow', 'person'],
      objectives: { missing: [] },
    });
  });

  test('of a model is controlled only when every way to it is', () => {
    const guard = control('guard', ['in-guard']);
    const second = supportCopilot
      .replace('  - {id: llm,', '  - {id: inner, kind: agent, zone: app}\n  - {id: llm,')
      .replace('  - {id: mailing,', '  - {id: second, from: inner, to: llm}\n  - {id: mailing,');
    const rule = {
      ...trifecta,
      each: 'model',
      applies: 'taint(it) == 0',
      where: [],
      mitigated_by: { any: ['in-guard'] },
      score: { likelihood: [{ name: 'a', value: 1, why: 'b' }], impact: [{ name: 'a', value: 1, why: 'b' }] },
    };
    expect(threatsOf(supportCopilot, load(rule), [guard])[0]?.status).toBe('controlled');
    expect(threatsOf(second, load(rule), [guard])[0]?.status).toBe('open');
  });
});

test('assumptions and decisions hold until their day', () => {
  const model = readModel(supportCopilot);
  const at = (day: string) => examine(model, deriveFacts(model), all, { now: Date.parse(day) });
  expect(at('2026-12-31').disabled.map(({ key }) => key)).toEqual(['DAT-09@llm']);
  expect(at('2027-01-01').threats.map(({ key }) => key)).toContain('DAT-09@llm');
  const mail = (day: string) => at(day).threats.find(({ key }) => key === 'AGT-02@bot>send-mail')?.status;
  expect(mail('2027-02-28')).toBe('accepted');
  expect(mail('2027-03-01')).toBe('open');
});

test('several flows between one pair are told apart by their ids', () => {
  const keys = (text: string) =>
    threatsOf(text)
      .map(({ key }) => key)
      .filter((key) => key.startsWith('AGT-04'));
  expect(keys(supportCopilot)).toEqual(['AGT-04@bot>send-mail']);
  const two = supportCopilot.replace(
    '  - {id: mailing,',
    '  - {id: bulk, from: bot, to: send-mail, carries: [ticket]}\n  - {id: mailing,',
  );
  expect(keys(two).toSorted()).toEqual(['AGT-04@bulk', 'AGT-04@mailing']);
});

test('threats and plan do not depend on the order in the file, nor on names and remarks', () => {
  const model = readModel(supportCopilot);
  const deps = {
    rules: all,
    controls: [control('guard', ['in-guard'])],
    probes: [{ id: 'guard', control: 'guard' }],
    now,
  };
  const first = analyzeModel(model, deps);
  const shuffle = <T>(list: T[]) => fc.shuffledSubarray(list, { minLength: list.length });
  fc.assert(
    fc.property(
      shuffle(model.elements),
      shuffle(model.flows),
      shuffle(model.zones),
      (elements, flows, zones) => {
        const turned: Model = {
          ...model,
          elements: elements.map((one) => ({ ...one, note: 'moved' })),
          flows,
          zones,
        };
        const again = analyzeModel(turned, deps);
        expect(again.threats.map(({ key }) => key)).toEqual(first.threats.map(({ key }) => key));
        expect(again.plan.hash).toBe(first.plan.hash);
      },
    ),
    { numRuns: 20 },
  );
  const renamed = analyzeModel(
    { ...model, elements: model.elements.map((one) => ({ ...one, name: `the ${one.name}` })) },
    deps,
  );
  expect(renamed.threats.map(({ key }) => key).toSorted()).toEqual(
    first.threats.map(({ key }) => key).toSorted(),
  );
});

test('who hosts the model changes the threats', () => {
  const keys = (text: string) => threatsOf(text).map(({ key }) => key);
  const own = keys(supportCopilot.replace('hosting: provider_api', 'hosting: self_hosted'));
  const theirs = keys(supportCopilot);
  expect(theirs).toContain('DAT-01@bot>llm');
  expect(own).not.toContain('DAT-01@bot>llm');
  expect(own).toContain('MDL-03@llm');
  expect(theirs).not.toContain('MDL-03@llm');
});

test.each([
  ['an unknown key', { ...trifecta, aplies: 'true' }, 'aplies: `aplies` is not a key of a rule'],
  [
    'an unknown attribute',
    { ...trifecta, applies: 'it.hostng == 1' },
    'applies 1:4: `hostng` is not an attribute of elements',
  ],
  [
    'a term of another type',
    { ...trifecta, score: { ...trifecta.score, impact: [{ name: 'a', value: 'reach(it)', why: 'b' }] } },
    'score.impact.0.value 1:1: `class` and a number',
  ],
  ['an unknown kind', { ...trifecta, each: 'agnet' }, 'each: `agnet` is not a kind of element'],
  [
    'an open brace',
    { ...trifecta, threat: { ...trifecta.threat, title: 'at {it.name' } },
    'threat.title 1:4: this brace is not closed',
  ],
  ['a reference without edition', { ...trifecta, refs: ['LLM03'] }, 'refs.0: `LLM03` has no edition'],
  ['another id than its folder', { ...trifecta, id: 'AGT-04' }, 'id: `AGT-04` does not fit its folder'],
  ['a witness that is none', { ...trifecta, where: ['taint(it)'] }, 'where.0 1:1'],
])('a rule with %s does not load', (_, source, detail) => {
  expect(() => load(source)).toThrow(
    expect.objectContaining({ code: 'RULE_INVALID', detail: expect.stringContaining(detail) }),
  );
});

test('a rule cites only what a catalogue holds', () => {
  const catalogue = { resolve: () => undefined };
  expect(() => loadRules([{ id: 'agt-03', file: 'f', source: trifecta }], { catalogue })).toThrow(
    'no catalogue holds',
  );
});

describe('the plan', () => {
  const guard = control('guard', ['in-guard']);
  const always = control('tools', ['tool-policy', 'hitl'], true);
  const deps = {
    rules: all,
    controls: [guard, always],
    probes: [
      { id: 'guard', control: 'guard' },
      { id: 'guard.deep', control: 'guard' },
    ],
    now,
  };
  const { plan } = analyzeModel(readModel(supportCopilot), deps);

  test('fits its schema and has the hash of its content', () => {
    expect(Plan.parse(plan)).toEqual(plan);
    const { hash, ...rest } = plan;
    expect(contentHash(rest)).toBe(hash);
  });

  test('lets the bound client call the model, and holds flows to the data they carry', () => {
    expect(plan.routes).toEqual([
      {
        flow: 'prompt',
        client: 'bot',
        model: 'llm',
        upstream: { provider: 'openai', model: 'gpt-4o-2024-11-20' },
        mode: 'enforce',
      },
    ]);
    expect(plan.flows.find(({ id }) => id === 'prompt')).toMatchObject({
      allow: ['public', 'internal', 'confidential'],
      excess: 'mask',
      tls: true,
    });
  });

  test('knows what each tool does', () => {
    expect(
      plan.tools.map(({ name, sideEffect, reversible, exit }) => ({ name, sideEffect, reversible, exit })),
    ).toEqual([
      { name: 'crm-read', sideEffect: 'read', reversible: true, exit: false },
      { name: 'send-mail', sideEffect: 'external_write', reversible: false, exit: true },
    ]);
  });

  test('enforces a control of the chat where the bot sends it on, and adds what is always on', () => {
    expect(plan.inspectors.map(({ control: id, on, settings }) => ({ id, on, settings }))).toEqual([
      { id: 'guard', on: ['chat', 'prompt'], settings: { threshold: 0.5 } },
      { id: 'tools', on: [], settings: { threshold: 0.5 } },
    ]);
    expect(plan.inspectors[0]!.threats).toContain('PI-01@bot');
    expect(plan.probes.map(({ id, flow, client, model }) => [id, flow, client, model])).toEqual([
      ['guard', 'prompt', 'bot', 'llm'],
      ['guard.deep', 'prompt', 'bot', 'llm'],
    ]);
  });

  test('differs by exactly what was changed', () => {
    const changed = analyzeModel(
      readModel(supportCopilot.replace('reversible: false', 'reversible: true')),
      deps,
    ).plan;
    const changes = diffPlans(plan, changed);
    expect(changes).toContainEqual({
      section: 'tools',
      id: 'bot>send-mail',
      change: 'changed',
      members: expect.arrayContaining([{ name: 'reversible', before: false, after: true }]),
    });
    expect(diffPlans(plan, plan)).toEqual([]);
  });
});

test('a threat to one way to a model is answered on that way, not on another of the same caller', () => {
  const dlp = control('dlp', ['dlp-in']);
  const two = supportCopilot
    .replace(
      '  - {id: kb,',
      '  - {id: llm2, kind: model, zone: provider, hosting: provider_api}\n  - {id: kb,',
    )
    .replace(
      '  - {id: mailing,',
      '  - {id: prompt2, from: bot, to: llm2, carries: [ticket]}\n  - {id: mailing,',
    )
    .replace('use: guard, on: [chat], settings: {threshold: 0.5}', 'use: dlp, on: [prompt2]');
  const status = (key: string) => threatsOf(two, all, [dlp]).find((threat) => threat.key === key)?.controls;
  expect(status('DAT-01@bot>llm2')).toEqual(['dlp']);
  expect(status('DAT-01@bot>llm')).toEqual([]);
});
