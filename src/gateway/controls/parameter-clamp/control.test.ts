import { expect, test } from 'vitest';
import { contextFor } from '../../testing.ts';
import { control } from './control.ts';

function review(body: Record<string, unknown>, settings: Record<string, unknown> = {}) {
  if (control.point !== 'request') throw new Error('not a request control');
  return control.review(body, control.settings.parse(settings), contextFor());
}

const base = { model: 'm', messages: [] };

test('lets ordinary parameters through', async () => {
  expect(await review({ ...base, temperature: 0.7, n: 2, max_tokens: 100, seed: 1 })).toEqual({
    action: 'allow',
  });
});

test('removes log-probabilities and token biases, and cuts what is beyond a bound', async () => {
  const verdict = await review({
    ...base,
    logprobs: true,
    top_logprobs: 5,
    logit_bias: { 50256: -100 },
    n: 64,
    max_completion_tokens: 1e9,
    stop: ['a', 'b', 'c', 'd', 'e'],
  });
  expect(verdict).toMatchObject({
    action: 'mask',
    body: { ...base, n: 4, max_completion_tokens: 8192, stop: ['a', 'b', 'c', 'd'] },
  });
  expect(verdict).not.toHaveProperty('body.logprobs');
  expect(verdict).not.toHaveProperty('body.logit_bias');
});

test('a bound is not walked around by another type', async () => {
  expect(await review({ ...base, max_tokens: '999999' })).toMatchObject({ body: { max_tokens: 8192 } });
  expect(await review({ ...base, logprobs: 1 })).toMatchObject({ action: 'mask' });
});

test('refuses instead of correcting when told so, and always refuses too many tools', async () => {
  expect(await review({ ...base, n: 64 }, { over: 'block' })).toMatchObject({ action: 'block' });
  const tools = Array.from({ length: 65 }, () => ({ type: 'function', function: { name: 't' } }));
  expect(await review({ ...base, tools })).toMatchObject({ action: 'block' });
});
