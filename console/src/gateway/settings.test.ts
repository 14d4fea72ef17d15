import { expect, test } from 'vitest';
import { prettyArguments, settingRows } from './settings.ts';

test('a setting is told with its value, its default and its meaning', () => {
  const rows = settingRows(
    {
      type: 'object',
      properties: {
        threshold: {
          type: 'number',
          minimum: 0,
          maximum: 1,
          default: 0.5,
          description: 'Score that blocks.',
        },
        hosts: { type: 'array', items: { type: 'string' }, default: [], description: 'Allowed hosts.' },
        limit: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, default: 10 },
        excess: { enum: ['mask', 'block'], default: 'mask' },
      },
    },
    { threshold: 0.9, hosts: [] },
  );
  expect(rows).toEqual([
    {
      name: 'threshold',
      type: 'number, 0 to 1',
      value: '0.9',
      standard: '0.5',
      changed: true,
      description: 'Score that blocks.',
    },
    {
      name: 'hosts',
      type: 'list of string',
      value: 'none',
      standard: 'none',
      changed: false,
      description: 'Allowed hosts.',
    },
    {
      name: 'limit',
      type: 'integer, at least 1',
      value: '10',
      standard: '10',
      changed: false,
      description: '',
    },
    {
      name: 'excess',
      type: 'mask | block',
      value: 'mask',
      standard: 'mask',
      changed: false,
      description: '',
    },
  ]);
});

test('a group of settings is told member by member, with the defaults of the group', () => {
  const threshold = {
    type: 'object',
    default: { user: 0.5, document: 0.4 },
    properties: { user: { type: 'number' }, document: { type: 'number', default: 0.3 } },
  };
  const rows = settingRows({ properties: { threshold } }, { threshold: { user: 1, document: 0.3 } });
  expect(rows.map(({ name, value, standard, changed }) => ({ name, value, standard, changed }))).toEqual([
    { name: 'threshold.user', value: '1', standard: '0.5', changed: true },
    { name: 'threshold.document', value: '0.3', standard: '0.3', changed: false },
  ]);
});

test('arguments that are not JSON are shown as they are', () => {
  expect(prettyArguments('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(prettyArguments('{broken')).toBe('{broken');
});
