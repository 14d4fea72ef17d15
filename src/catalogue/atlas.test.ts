import { expect, test } from 'vitest';
import { Problem } from '../kernel/problem.ts';
import { readAtlas } from './atlas.ts';
import { loadCatalogue } from './catalogue.ts';

const five = {
  id: 'ATLAS',
  version: '5.6.0',
  matrices: [
    {
      tactics: [{ id: 'AML.TA0001', name: 'AI Attack Staging' }],
      techniques: [
        {
          id: 'AML.T0051',
          name: 'LLM Prompt Injection',
          tactics: ['AML.TA0001'],
          maturity: 'realized',
          description: 'First\nlines, see [this](/x).\n\nMore.',
        },
        { id: 'AML.T0051.000', name: 'Direct', 'subtechnique-of': 'AML.T0051', maturity: 'demonstrated' },
      ],
      mitigations: [{ id: 'AML.M0015', name: 'Input guard', techniques: [{ id: 'AML.T0051' }] }],
    },
  ],
  'case-studies': [
    {
      id: 'AML.CS0001',
      name: 'An incident',
      'incident-date': new Date('2025-03-01'),
      'incident-date-granularity': 'MONTH',
      'case-study-type': 'incident',
      procedure: [{ technique: 'AML.T0051' }, { technique: 'AML.T0051' }],
    },
  ],
};

const six = {
  'format-version': '6.0.0',
  collection: { version: '2026.08', 'modified-date': '2026-09-01' },
  tactics: { 'AML.TA0001': { name: 'AI Attack Adaptation' } },
  techniques: {
    'AML.T0051': { name: 'LLM Prompt Injection', platforms: ['Generative AI'], maturity: 'realized' },
    'AML.T0051.000': { name: 'Direct', maturity: 'a new word' },
  },
  mitigations: { 'AML.M0015': { name: 'Input guard' } },
  'case-studies': { 'AML.CS0001': { name: 'An incident' } },
  relationships: {
    'AML.T0051': { achieves: [{ target: 'AML.TA0001' }] },
    'AML.T0051.000': { specializes: [{ target: 'AML.T0051' }] },
    'AML.M0015': { mitigates: [{ target: 'AML.T0051', description: 'text' }] },
    'AML.CS0001': { employs: [{ target: 'AML.T0051', position: 1 }] },
    'ATLAS-matrix': { sequences: [{ target: 'AML.TA0001', position: 1 }] },
  },
};

const options = { source: 'a test', migrations: [] };

test('both formats give the same entries', () => {
  const old = readAtlas(five, options);
  const now = readAtlas(six, options);
  expect(old.edition).toBe('5.6.0');
  expect(now).toMatchObject({ edition: '2026.08', published: '2026-09-01' });
  expect(now.entries.map(({ id }) => id)).toEqual(old.entries.map(({ id }) => id));
  for (const { entries } of [old, now]) {
    expect(entries.find(({ id }) => id === 'AML.T0051.000')).toMatchObject({
      title: 'LLM Prompt Injection: Direct',
      parent: 'AML.T0051',
      tactics: ['AML.TA0001'],
    });
    expect(entries.find(({ id }) => id === 'AML.M0015')?.techniques).toEqual(['AML.T0051']);
    expect(entries.find(({ id }) => id === 'AML.CS0001')?.techniques).toEqual(['AML.T0051']);
  }
});

test('text is the first paragraph on one line, dates are as precise as their source', () => {
  const { entries } = readAtlas(five, options);
  expect(entries.find(({ id }) => id === 'AML.T0051')?.text).toBe('First lines, see this.');
  expect(entries.find(({ id }) => id === 'AML.CS0001')).toMatchObject({ date: '2025-03', exercise: false });
});

test('what is read loads beside the other edition', () => {
  const catalogue = loadCatalogue([
    { file: 'five.json', data: readAtlas(five, options) },
    { file: 'six.json', data: readAtlas(six, options) },
  ]);
  expect(catalogue.list().find(({ newest }) => newest)?.edition).toBe('2026.08');
});

test('anything else is refused with its position', () => {
  for (const data of [
    undefined,
    {},
    [],
    'text',
    { relationships: {} },
    { ...six, techniques: { 'AML.T1': {} } },
  ]) {
    expect(() => readAtlas(data, options)).toThrow(Problem);
  }
});
