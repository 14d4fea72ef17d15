import type { ControlDescriptor } from '../../src/kernel/control.ts';
import { compile } from '../../src/threat-model/compile.ts';
import { deriveFacts } from '../../src/threat-model/facts.ts';
import type { Model } from '../../src/threat-model/model.ts';
import { parseModel } from '../../src/threat-model/parse.ts';
import { findThreats, loadRules } from '../../src/threat-model/rules.ts';
import { ruleSources } from '../../src/threat-model/threats/registry.gen.ts';

/** A system of many assistants: each with users, tools, a store, memory and a model, joined into one graph. */
function largeModel(elements: number, flows: number): { model: Model; text: string } {
  const lines = [
    'schema: merlon/v1',
    'system: {id: large, lifecycle: run, autonomy: medium}',
    'data:',
    '  - {id: note, class: internal}',
    '  - {id: ticket, class: confidential, categories: [personal], origin: user, region: eu}',
    '  - {id: secret, class: restricted, categories: [credential]}',
    'zones:',
    '  - {id: internet, trust: 0, kind: public}',
    '  - {id: app, trust: 2}',
    '  - {id: core, trust: 4}',
    '  - {id: provider, trust: 1, kind: third_party}',
    'elements:',
  ];
  const ids: string[] = [];
  const callers: string[] = [];
  const add = (id: string, rest: string) => {
    ids.push(id);
    lines.push(`  - {id: ${id}, ${rest}}`);
  };
  for (let group = 0; ids.length < elements; group++) {
    const g = String(group);
    add(`user-${g}`, `kind: user, zone: ${group % 3 === 0 ? 'internet' : 'app'}`);
    add(`web-${g}`, 'kind: web_client, zone: internet, renders: markdown');
    add(`read-${g}`, 'kind: tool, zone: app, side_effect: read, returns: [ticket], origin: user');
    add(`send-${g}`, 'kind: tool, zone: app, side_effect: external_write, reversible: false');
    add(`mem-${g}`, `kind: memory, zone: app, scope: ${group % 2 === 0 ? 'shared' : 'user'}`);
    add(
      `agent-${g}`,
      `kind: agent, zone: app, tools: [read-${g}, send-${g}], memory: [mem-${g}], identity: service`,
    );
    callers.push(`agent-${g}`);
    add(`kb-${g}`, 'kind: vector_store, zone: core, holds: [ticket, note], tenancy: multi');
    add(
      `llm-${g}`,
      `kind: model, zone: provider, hosting: ${group % 2 === 0 ? 'provider_api' : 'self_hosted'}`,
    );
    add(`mcp-${g}`, 'kind: mcp_server, zone: app, supplier: community, transport: http_remote');
    add(`log-${g}`, 'kind: logging, zone: core, content: full');
  }
  lines.push('flows:');
  const start = lines.length;
  const drawn = () => lines.length - start;
  const flow = (from: string, to: string, rest: string) => {
    lines.push(`  - {id: f${drawn()}, from: ${from}, to: ${to}, ${rest}}`);
  };
  for (const agent of callers) {
    const g = agent.slice(6);
    flow(`user-${g}`, `web-${g}`, 'channel: chat, tls: true');
    flow(`web-${g}`, agent, 'channel: chat, carries: [ticket], tls: true');
    flow(agent, `llm-${g}`, 'carries: [ticket, note], tls: true, auth: static_key');
    flow(agent, `kb-${g}`, 'returns: [ticket], access: read');
    flow(agent, `mcp-${g}`, 'channel: tool');
    flow(agent, `log-${g}`, 'carries: [ticket]');
  }
  // The rest joins groups: agents that call each other and share stores and models.
  for (let step = 0; drawn() < flows; step++) {
    const from = callers[(step * 7) % callers.length]!;
    const other = String((step * 13 + 5) % callers.length);
    if (from === `agent-${other}`) continue;
    flow(from, [`agent-${other}`, `kb-${other}`, `llm-${other}`][step % 3]!, 'tls: true');
  }
  const text = `${lines.join('\n')}\n`;
  const { model, problems } = parseModel(text);
  if (!model) throw new Error(JSON.stringify(problems[0]));
  return { model, text };
}

/** Wall time, and processor time of this process: the second says more on a machine that others use too. */
function timed<T>(name: string, work: () => T, rounds = 7): T {
  const times: number[] = [];
  const spent: number[] = [];
  let result = work();
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const before = process.cpuUsage();
    result = work();
    const { user, system } = process.cpuUsage(before);
    times.push(performance.now() - start);
    spent.push((user + system) / 1000);
  }
  const middle = (list: number[]) => list.toSorted((a, b) => a - b)[list.length >> 1]!;
  console.log(
    `${name.padEnd(40)} ${middle(times).toFixed(1).padStart(8)} ms wall ${middle(spent).toFixed(1).padStart(8)} ms processor (best ${Math.min(...spent).toFixed(1)})`,
  );
  return result;
}

const { model, text } = largeModel(1000, 3000);
const rules = timed('load and compile all rules', () => loadRules(ruleSources), 3);
console.log(`${rules.length} rules, ${model.elements.length} elements, ${model.flows.length} flows`);
timed('parse the file', () => parseModel(text), 3);
timed('derive facts: taint and reach', () => deriveFacts(model));
const threats = timed('derive facts and run all rules', () =>
  findThreats(model, deriveFacts(model), rules, { now: 0 }),
);
console.log(`${threats.length} threats`);
const controls: ControlDescriptor[] = [];
timed('the same, and compile the plan', () => {
  const facts = deriveFacts(model);
  return compile({
    model,
    facts,
    threats: findThreats(model, facts, rules, { now: 0 }),
    controls,
    probes: [],
  });
});
const first = new Set(model.elements.slice(0, 20).map(({ id }) => id));
const small: Model = {
  ...model,
  elements: model.elements.filter(({ id }) => first.has(id)),
  flows: model.flows.filter(({ from, to }) => first.has(from) && first.has(to)),
};
timed('an edit in a model of 20 elements', () => findThreats(small, deriveFacts(small), rules, { now: 0 }));
