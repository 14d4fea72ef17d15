import { expect, test } from 'vitest';
import { proposePatch } from './observed.ts';
import { readModel } from './parse.ts';
import { supportCopilot } from './sample.test-data.ts';

test('adds a tool to the file and to its agent, and leaves every other byte as it is', () => {
  const { text, patch } = proposePatch(supportCopilot, { kind: 'tool', client: 'bot', name: 'refund' });
  expect(text.replace(', refund]', ']').replace('  - {id: refund, kind: tool, zone: app}\n', '')).toBe(
    supportCopilot,
  );
  expect(readModel(text).elements.find(({ id }) => id === 'bot')?.tools).toEqual([
    'crm-read',
    'send-mail',
    'refund',
  ]);
  expect(patch).toBe(
    [
      '@@ line 12 @@',
      '-  - {id: bot, kind: agent, zone: app, tools: [crm-read, send-mail]}',
      '+  - {id: bot, kind: agent, zone: app, tools: [crm-read, send-mail, refund]}',
      '@@ line 18 @@',
      '+  - {id: refund, kind: tool, zone: app}',
    ].join('\n'),
  );
});

test('binds a tool whose name is no id to its name on the wire', () => {
  const { text } = proposePatch(supportCopilot, { kind: 'tool', client: 'bot', name: 'getWeather' });
  expect(readModel(text).bindings['getweather']).toEqual({ function: 'getWeather' });
  expect(text).toContain('# which running thing an element is');
});

test('adds a model with its flow and its binding', () => {
  const model = readModel(
    proposePatch(supportCopilot, { kind: 'model', client: 'bot', name: 'gpt-4.1-mini' }).text,
  );
  expect(model.elements.find(({ id }) => id === 'gpt-4.1-mini')).toMatchObject({
    kind: 'model',
    zone: 'provider',
  });
  expect(model.flows.at(-1)).toMatchObject({ from: 'bot', to: 'gpt-4.1-mini' });
  expect(model.bindings['gpt-4.1-mini']).toEqual({ upstream: 'openai', model: 'gpt-4.1-mini' });
});

test('adds a flow to what is modelled already', () => {
  const { text } = proposePatch(supportCopilot, { kind: 'flow', client: 'ingest', name: 'llm' });
  expect(readModel(text).flows.at(-1)).toMatchObject({ id: 'ingest-llm', from: 'ingest', to: 'llm' });
});

test('works on block style and on sections that are not there', () => {
  const block = `schema: merlon/v1
system:
  id: small
elements:
  - id: bot   # the bot
    kind: agent
    # more to come
  - id: llm
    kind: model

# the end
`;
  const { text } = proposePatch(block, { kind: 'tool', client: 'bot', name: 'search' });
  expect(text).toContain('    kind: agent\n    tools: [search]\n    # more to come\n');
  expect(text).toContain('    kind: model\n  - {id: search, kind: tool}\n\n# the end\n');
  const flow = proposePatch(block, { kind: 'flow', client: 'bot', name: 'llm' });
  expect(flow.text).toBe(`${block}flows:\n  - {id: bot-llm, from: bot, to: llm}\n`);
});

test.each([
  [{ kind: 'tool', client: 'bot', name: 'send-mail' }, 'CONFLICT'],
  [{ kind: 'flow', client: 'bot', name: 'llm' }, 'CONFLICT'],
  [{ kind: 'flow', client: 'nobody', name: 'llm' }, 'NOT_FOUND'],
  [{ kind: 'flow', client: 'bot', name: 'nothing' }, 'NOT_FOUND'],
] as const)('refuses %o', (observed, code) => {
  expect(() => proposePatch(supportCopilot, observed)).toThrow(expect.objectContaining({ code }));
});

test('keeps a name that would be YAML a name', () => {
  const name = '}, {id: x, kind: tool} # "';
  const model = readModel(proposePatch(supportCopilot, { kind: 'model', client: 'bot', name }).text);
  expect(model.bindings['id-x-kind-tool']?.model).toBe(name);
});
