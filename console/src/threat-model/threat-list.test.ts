import { expect, test } from 'vitest';
import type { Threat } from '../api/types.ts';
import { grouped, matching, sortOf } from './threat-list.ts';

const injection = {
  key: 'PI-01@bot',
  title: 'Direct prompt injection',
  element: 'bot',
  summary: 'a user writes to the agent',
  refs: ['owasp-llm:2026/LLM01', 'atlas:5.6.0/AML.T0051.000'],
  stride: ['tampering', 'elevation_of_privilege'],
  controls: ['prompt-injection'],
  level: 'critical',
  status: 'verified',
} as Threat;
const leak = {
  ...injection,
  key: 'DAT-01@llm',
  title: 'Personal data reaches a provider',
  element: 'llm',
  refs: [],
  stride: [],
  level: 'high',
  status: 'open',
} as Threat;

test('a search finds words anywhere in a row, in any order', () => {
  expect(matching([injection, leak], { q: 'llm01 BOT' })).toEqual([injection]);
  expect(matching([injection, leak], { q: 'provider', level: 'critical' })).toEqual([]);
  expect(matching([injection, leak], { status: 'open' })).toEqual([leak]);
  expect(matching([injection, leak], {})).toHaveLength(2);
});

test('a threat stands in each of its groups, and none is lost', () => {
  expect(grouped([injection, leak], 'stride').map(({ name }) => name)).toEqual([
    'Elevation of privilege',
    'No STRIDE letter',
    'Tampering',
  ]);
  expect(grouped([injection, leak], 'catalogue').map(({ name }) => name)).toEqual([
    'MITRE ATLAS 5.6.0',
    'No catalogue',
    'OWASP LLM Top 10 2026',
  ]);
  expect(grouped([injection, leak], 'element').map(({ name }) => name)).toEqual(['bot', 'llm']);
});

test('the order in the URL is read with a default', () => {
  expect(sortOf('likelihood.asc')).toEqual({ id: 'likelihood', desc: false });
  expect(sortOf(undefined)).toEqual({ id: 'residual', desc: true });
});
