import { expect, test } from 'vitest';
import type { VerifyMessage } from '../api/types.ts';
import { advance, begin } from './run.ts';

const oneCase: VerifyMessage = {
  kind: 'case',
  probe: 'budget',
  name: 'flood',
  phase: 'on',
  result: 'stopped',
};

test('a run counts its cases and never passes its end', () => {
  const messages: VerifyMessage[] = [{ kind: 'start', probes: 1, cases: 2 }, oneCase, oneCase, oneCase];
  const run = messages.reduce(advance, begin(['budget']));
  expect(run).toMatchObject({ phase: 'running', only: ['budget'], casesDone: 3, share: 1 });
});

test('a run without cases shows no progress until it is done', () => {
  const started = advance(begin(undefined), { kind: 'start', probes: 0, cases: 0 });
  expect(advance(started, oneCase).share).toBe(0);
  expect(advance(started, { kind: 'done', summary: {} })).toMatchObject({ phase: 'done', share: 1 });
});
