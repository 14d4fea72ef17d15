import { expect, test } from 'vitest';
import type { Model, Threat } from '../api/types.ts';
import { flowLevels, highlightOf, threatsAt } from './risk.ts';

const model: Model = {
  system: { id: 's', name: 'S' },
  zones: [{ id: 'z', trust: 2 }],
  data: [],
  elements: ['user', 'bot', 'llm', 'mail'].map((id) => ({ id, kind: 'process', zone: 'z' })),
  flows: [
    { id: 'chat', from: 'user', to: 'bot' },
    { id: 'ask', from: 'bot', to: 'llm' },
    { id: 'ask-again', from: 'bot', to: 'llm' },
    { id: 'send', from: 'bot', to: 'mail' },
  ],
};

function threat(key: string, over: Partial<Threat>): Threat {
  return {
    key,
    rule: key.split('@')[0]!,
    title: key,
    element: 'bot',
    stride: ['T'],
    lifecycle: ['run'],
    refs: [],
    likelihood: 3,
    impact: 3,
    risk: 9,
    level: 'medium',
    terms: [],
    summary: '',
    status: 'open',
    statusReason: '',
    residual: 9,
    residualLevel: 'medium',
    witness: [],
    controls: [],
    ...over,
  };
}

const along = (...path: string[]) => [{ path, text: path.join(' '), why: '' }];

test('a flow is coloured by the worst residual threat that runs along it', () => {
  const threats = [
    threat('PI-01@bot', { witness: along('user', 'chat', 'bot'), residualLevel: 'low' }),
    threat('AGT-02@bot', {
      witness: along('user', 'chat', 'bot', 'send', 'mail'),
      residualLevel: 'critical',
    }),
    threat('DAT-01@bot>llm', { flow: 'ask', residualLevel: 'high' }),
  ];
  expect(Object.fromEntries(flowLevels(model, threats))).toEqual({
    chat: 'critical',
    send: 'critical',
    ask: 'high',
  });
});

test('of two parallel flows only the one on the path lights up', () => {
  const { elements, flows } = highlightOf(model, threat('X@bot', { witness: along('bot', 'ask', 'llm') }));
  expect([...flows]).toEqual(['ask']);
  expect([...elements].sort()).toEqual(['bot', 'llm']);
});

test('a threat on a flow lights both ends of it', () => {
  const { elements } = highlightOf(model, threat('DAT-01@bot>llm', { flow: 'ask' }));
  expect([...elements].sort()).toEqual(['bot', 'llm']);
});

test('threats of an element stand before those that only pass through it', () => {
  const own = threat('PI-01@bot', {});
  const passing = threat('AGT-02@mail', {
    element: 'mail',
    witness: along('user', 'chat', 'bot', 'send', 'mail'),
  });
  expect(threatsAt('bot', [passing, own])).toEqual({ here: [own], passing: [passing] });
});
