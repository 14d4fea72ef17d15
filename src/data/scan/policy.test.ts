import { expect, test } from 'vitest';
import type { Plan } from '../../kernel/plan.ts';
import type { Action } from '../../kernel/verdict.ts';
import type { DataClass, Mode } from '../../kernel/vocabulary.ts';
import { decideMovement } from './policy.ts';
import type { ColumnProfile } from './profile.ts';
import type { FileSummary, ScanSummary } from './scan.ts';

function planWith(allow: DataClass[], excess: Action, mode: Mode = 'enforce'): Plan {
  return {
    schema: 'merlon-plan/v1',
    hash: 'sha256:0',
    system: { id: 's', name: 'S' },
    model: 'sha256:1',
    mode,
    elements: [],
    routes: [],
    flows: [
      {
        id: 'training',
        from: 'lake',
        to: 'trainer',
        mode,
        allow,
        excess,
        tls: true,
        threats: ['TRN-01@trainer'],
      },
    ],
    tools: [],
    inspectors: [],
    clamps: [],
    access: [],
    detections: [],
    probes: [],
  };
}

function summaryOf(columns: Record<string, DataClass>, change: Partial<ScanSummary> = {}): ScanSummary {
  const profiles = Object.entries(columns).map(([name, dataClass]): ColumnProfile => ({
    name,
    type: 'string',
    cells: 1,
    nulls: 0,
    distinct: 1,
    uniqueness: 1,
    class: dataClass,
    quasiIdentifier: 0,
    roles: [],
    findings: {},
    meanLength: 1,
    maxLength: 1,
  }));
  const file: FileSummary = {
    file: 'a.csv',
    format: 'csv',
    encoding: 'utf-8',
    bytes: 1,
    rows: 1,
    class: 'public',
    columns: profiles,
    findings: {},
    duplicates: { distinct: 1, share: 0, oneIn: 1 },
    floods: [],
    zeroWidth: 0,
    licences: {},
    provenance: {},
    problems: [],
  };
  return {
    path: 'a.csv',
    files: [file],
    skipped: [],
    totals: { files: 1, rows: 1, cells: 1, bytes: 1, findings: 0 },
    types: {},
    classes: { public: 0, internal: 0, confidential: 0, restricted: 0, untrusted: 0 },
    class: 'public',
    sampling: { whole: true, injection: { eligible: 0, read: 0 }, names: { eligible: 0, read: 0 }, note: '' },
    ...change,
  };
}

test('lets through what the flow carries, and what is less sensitive', () => {
  const decision = decideMovement(
    planWith(['confidential'], 'block'),
    'training',
    summaryOf({ a: 'public', b: 'internal', c: 'confidential' }),
  );
  expect(decision).toMatchObject({ action: 'allow', reasons: [], columns: [], threats: ['TRN-01@trainer'] });
});

test.each(['mask', 'pseudonymise', 'block', 'ask'] as const)(
  'answers %s for columns beyond what the flow carries',
  (excess) => {
    const decision = decideMovement(
      planWith(['internal'], excess),
      'training',
      summaryOf({ name: 'confidential', note: 'internal' }),
    );
    expect(decision).toMatchObject({
      action: excess,
      columns: [{ file: 'a.csv', column: 'name', class: 'confidential', action: excess }],
    });
  },
);

test('asks a person about instructions to models, whatever the flow carries', () => {
  const classes = { public: 0, internal: 0, confidential: 0, restricted: 0, untrusted: 2 };
  expect(
    decideMovement(planWith(['restricted'], 'mask'), 'training', summaryOf({ a: 'public' }, { classes })),
  ).toMatchObject({
    action: 'ask',
  });
});

test('asks a person about files that were not scanned', () => {
  const skipped = [{ file: 'b.bin', reason: 'neither text nor a format that is known' }];
  expect(
    decideMovement(planWith(['restricted'], 'mask'), 'training', summaryOf({ a: 'public' }, { skipped }))
      .action,
  ).toBe('ask');
});

test('only warns on a flow that is observed, and says what it would do', () => {
  expect(
    decideMovement(planWith([], 'block', 'observe'), 'training', summaryOf({ a: 'restricted' })),
  ).toMatchObject({
    action: 'alert',
    enforced: 'block',
  });
});

test('refuses a flow that the plan does not have', () => {
  expect(() => decideMovement(planWith([], 'block'), 'elsewhere', summaryOf({}))).toThrow(
    /no flow `elsewhere`/,
  );
});
