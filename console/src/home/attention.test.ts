import { expect, test } from 'vitest';
import type { EvidenceAnswer, ModelAnswer, ThreatsAnswer } from '../api/types.ts';
import { concerns } from './attention.ts';

test('waiting people come before failing proof, drift and open threats', () => {
  const list = concerns({
    approvals: [
      {
        id: '1',
        agent: 'bot',
        tool: 'send-mail',
        arguments: '{}',
        reason: 'cannot be undone',
        threats: [],
        at: 0,
        state: 'pending',
      },
    ],
    evidence: {
      probes: [{ probe: 'budget', title: 'Floods', status: 'failing', reason: 'r' }],
    } as unknown as EvidenceAnswer,
    model: { observed: [{ name: 'gpt-x' }] } as unknown as ModelAnswer,
    threats: {
      threats: [
        { key: 'A@b', title: 'Calm', status: 'open', residualLevel: 'low', residual: 2, risk: 2 },
        { key: 'B@b', title: 'Open', status: 'open', residualLevel: 'high', residual: 12, risk: 12 },
        { key: 'C@b', title: 'Proven', status: 'verified', residualLevel: 'high', residual: 10, risk: 20 },
      ],
    } as unknown as ThreatsAnswer,
  });
  expect(list.map(({ text }) => text)).toEqual([
    'bot waits to call send-mail',
    'Floods',
    '1 thing observed, not modelled',
    'Open',
  ]);
});

test('before anything is loaded there is nothing to worry about', () => {
  expect(concerns({})).toEqual([]);
});
