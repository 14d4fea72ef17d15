import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBudgets, type Budgets } from '../../src/data/privacy/budget.ts';
import { commands } from '../../src/data/privacy/commands.ts';
import { seededRandom } from '../../src/data/privacy/random.ts';
import { remoteBudgets, routes } from '../../src/data/privacy/routes.ts';
import type { Io } from '../../src/kernel/command.ts';
import type { SecurityEvent } from '../../src/kernel/event.ts';
import type { Principal } from '../../src/kernel/principal.ts';
import { Problem } from '../../src/kernel/problem.ts';
import type { Store } from '../../src/ports/store.ts';
import { postgresExpected, postgresTestStore, sqliteTestStore, type TestStore } from './stores.ts';

const kinds: [label: string, make: () => Promise<TestStore>][] = [['SQLite', sqliteTestStore]];
if (await postgresExpected()) kinds.push(['PostgreSQL', postgresTestStore]);
else test.skip('privacy budgets on PostgreSQL: no server at 127.0.0.1:5432', () => {});

describe.each(kinds)('privacy budgets on %s', (_label, make) => {
  let place: TestStore;
  let store: Store;
  let other: Store;
  let budgets: Budgets;
  let events: SecurityEvent[] = [];
  let full = false;
  const record = async (event: SecurityEvent): Promise<void> => {
    if (full) throw new Error('the ledger is full');
    events.push(event);
  };

  beforeAll(async () => {
    place = await make();
    store = await place.open();
    other = await place.open();
    budgets = await openBudgets({ store, record });
  });
  afterAll(async () => {
    await other.close();
    await store.close();
    await place.drop();
  });

  const half = { type: 'epsDelta' as const, epsilon: 0.5, delta: 0 };
  const ask = (dataset: string) => ({ dataset, cost: half, purpose: 'test', requester: 'ann' });

  test('a dataset that was never asked has the default budget, and asking is recorded', async () => {
    expect(await budgets.get('new')).toMatchObject({ epsilon: 3, spent: 0, spends: [] });
    events = [];
    expect(await budgets.reserve(ask('new'))).toMatchObject({ spent: 0.5, left: 2.5 });
    expect(events).toHaveLength(1);
    expect(events[0]!.unmapped).toMatchObject({ privacy: { dataset: 'new', requester: 'ann', spent: 0.5 } });
  });

  test('never spends more than there is, however many ask at once from two processes', async () => {
    const second = await openBudgets({ store: other, record });
    await budgets.set('crowd', { epsilon: 2, delta: 1e-5 }, 'owner');
    const answers = await Promise.allSettled(
      Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? budgets : second).reserve(ask('crowd'))),
    );
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
    for (const answer of answers)
      if (answer.status === 'rejected')
        expect(answer.reason).toMatchObject({ code: 'BUDGET_SPENT', facts: { spent: 2, left: 0 } });
    expect(await budgets.get('crowd')).toMatchObject({ spent: 2, left: 0 });
  });

  test('what is spent stays spent after a restart, released or not', async () => {
    await budgets.set('lasting', { epsilon: 1, delta: 1e-5 }, 'owner');
    const { id } = await budgets.reserve(ask('lasting'));
    await budgets.release(id);
    await budgets.reserve(ask('lasting'));
    const later = await place.open();
    try {
      const again = await openBudgets({ store: later, record });
      expect((await again.get('lasting')).spends.map(({ state }) => state).toSorted()).toEqual([
        'released',
        'reserved',
      ]);
      await expect(again.reserve(ask('lasting'))).rejects.toThrow(
        expect.objectContaining({ code: 'BUDGET_SPENT' }),
      );
    } finally {
      await later.close();
    }
  });

  test('grants nothing that the ledger cannot record', async () => {
    full = true;
    await expect(budgets.reserve(ask('unrecorded'))).rejects.toThrow('the ledger is full');
    full = false;
    expect(await budgets.get('unrecorded')).toMatchObject({ spent: 0, spends: [] });
  });

  test('a budget cannot fall below what is spent, and a reservation is answered once', async () => {
    const { id } = await budgets.reserve(ask('owned'));
    await expect(budgets.set('owned', { epsilon: 0.1, delta: 1e-5 }, 'owner')).rejects.toThrow(
      expect.objectContaining({ code: 'CONFLICT' }),
    );
    await expect(budgets.set('owned', { epsilon: NaN, delta: 0 }, 'owner')).rejects.toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
    await budgets.release(id);
    await expect(budgets.release(id)).rejects.toThrow(expect.objectContaining({ code: 'CONFLICT' }));
  });

  test('the control plane answers for the same budgets', async () => {
    const all = routes({ budgets });
    const call = async <T>(method: string, path: string, body: unknown = {}): Promise<T> => {
      const url = new URL(path, 'http://localhost');
      const route = all.find(
        (one) =>
          one.method === method && new RegExp(`^${one.path.replace(/:\w+/, '[^/]+')}$`).test(url.pathname),
      )!;
      const answer = await (route.handle({
        params: { id: url.pathname.split('/')[3] ?? '' },
        query: Object.fromEntries(url.searchParams),
        body,
        principal: { id: 'bea', kind: 'person', tenant: 'default' } as unknown as Principal,
        signal: new AbortController().signal,
        headers: {},
      }) as Promise<T>);
      route.response?.parse(answer);
      return answer;
    };
    const remote = remoteBudgets({
      get: (path) => call('GET', path),
      post: (path, body) => call('POST', path, body),
      put: (path, body) => call('PUT', path, body),
    });
    expect(await remote.set('far', { epsilon: 1, delta: 0 }, 'ignored')).toMatchObject({ epsilon: 1 });
    const { id } = await remote.reserve(ask('far'));
    await remote.release(id);
    expect((await remote.get('far')).spends).toMatchObject([{ state: 'released', requester: 'bea' }]);
    expect((await remote.list()).map(({ dataset }) => dataset)).toContain('far');
  });

  describe('the commands', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'merlon-privacy-'));
      const rows = Array.from(
        { length: 3000 },
        (_, at) => `${20 + (at % 50)},${at % 3 === 0 ? 'Graz' : 'Wien'},${at % 50 > 25 ? 'y' : 'n'}`,
      );
      await writeFile(join(folder, 'people.csv'), `age,city,owns\n${rows.join('\n')}\n`);
    });
    afterAll(() => rm(folder, { recursive: true }));

    async function run(
      name: string,
      options: Record<string, unknown>,
      file: string | undefined = 'people.csv',
    ) {
      const lines: string[] = [];
      const io: Io = {
        stdin: new PassThrough(),
        stdout: new PassThrough(),
        cwd: folder,
        env: { USER: 'ann' },
        json: true,
        color: false,
        out: (line) => void lines.push(line),
        note: () => undefined,
        progress: () => ({ tick: () => undefined, end: () => undefined }),
      };
      const command = commands({
        openBudgets: async () => ({ budgets, close: () => Promise.resolve() }),
        random: seededRandom(1),
      }).find((one) => one.name === name)!;
      const code = await command.run({ args: { file }, options: command.options!.parse(options) }, io);
      return { code, answer: JSON.parse(lines[0]!) as Record<string, number> };
    }

    test('answers until the budget is spent, and then refuses', async () => {
      await run('dataset budget', { epsilon: '1', delta: '0' });
      const { code, answer } = await run('dataset query', {
        count: true,
        where: ['city=Graz'],
        epsilon: '0.6',
      });
      expect(code).toBe(0);
      expect(answer).toMatchObject({ spent: 0.6, noise: { distribution: 'discrete_laplace' } });
      expect(Math.abs(answer['value']! - 1000)).toBeLessThan(40);
      await expect(run('dataset query', { count: true, epsilon: '0.6' })).rejects.toThrow(Problem);
      expect(
        (await run('dataset query', { mean: 'age', bounds: '0,100', epsilon: '0.4' })).answer,
      ).toMatchObject({
        spent: 1,
        left: 0,
      });
    });

    test('spends nothing on a question that is wrong', async () => {
      const before = (await run('dataset budget', {})).answer;
      for (const options of [
        { sum: 'shoe', bounds: '0,1', epsilon: '1' },
        { sum: 'age', epsilon: '1' },
        { count: true, epsilon: '-1' },
      ])
        await expect(run('dataset query', options)).rejects.toThrow(Problem);
      expect((await run('dataset budget', {})).answer).toEqual(before);
    });

    test('writes a synthetic table from a budget of its own', async () => {
      const { code, answer } = await run('dataset synthesize', {
        label: 'owns',
        epsilon: '2',
        delta: '1e-5',
        rows: '500',
        budget: 'people',
        out: 'made.csv',
      });
      expect(code).toBe(0);
      expect(answer).toMatchObject({ rows: 500, utility: { label: 'owns' } });
      expect(answer['spent']).toBeCloseTo(2, 4);
      const text = await readFile(join(folder, 'made.csv'), 'utf8');
      expect(text.trimEnd().split('\n')).toHaveLength(501);
      expect((await budgets.get('people')).left).toBeCloseTo(1, 4);
    });
  });
});
