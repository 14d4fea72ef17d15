import { describe, expect, onTestFinished, test } from 'vitest';
import { openCanaries } from '../../src/models/monitoring/canaries.ts';
import { openMonitor } from '../../src/models/monitoring/monitor.ts';
import { migrations, monitorStore } from '../../src/models/monitoring/store.ts';
import { postgresExpected, postgresTestStore, sqliteTestStore } from './stores.ts';

const clock = { now: () => 1_800_000_000_000 };
const record = () => Promise.resolve();

for (const [name, make, present] of [
  ['SQLite', sqliteTestStore, true],
  ['PostgreSQL', postgresTestStore, await postgresExpected()],
] as const) {
  describe.skipIf(!present)(`monitor on ${name}`, () => {
    test('keeps windows, reference and canaries over a restart, and only the newest windows', async () => {
      const place = await make();
      const store = await place.open();
      onTestFinished(async () => {
        await store.close();
        await place.drop();
      });
      await store.migrate(migrations);
      const open = () =>
        openMonitor({
          store: monitorStore(store, 'default'),
          clock,
          record,
          settings: { windowSize: 10, referenceWindows: 5 },
        });
      const monitor = await open();
      for (let n = 0; n < 65; n++)
        monitor.observe({
          at: n,
          client: 'bot',
          model: 'm-1',
          status: 200,
          action: 'allow',
          latencyMs: 100,
          tokens: { prompt: 10, completion: 20 },
          findings: [],
          texts: [],
        });
      await monitor.close();
      const again = await open();
      expect(again.list()).toEqual(monitor.list());
      expect(again.list().series[0]).toMatchObject({ state: 'steady', open: 5 });
      expect(again.list().series[0]!.windows.map(({ number }) => number)).toEqual([0, 1, 2, 3, 4, 5]);
      await again.close();

      const rows = monitorStore(store, 'default');
      await rows.save([], [{ client: 'bot', model: 'm-1', number: 6, body: '{}' }], 3);
      expect((await rows.windows('bot', 'm-1', 10)).map(({ number }) => number)).toEqual([6, 5, 4]);
      expect(await monitorStore(store, 'other').series(10)).toEqual([]);

      const canaries = openCanaries({ store: rows, clock, record });
      const ask = (prompt: string) => Promise.resolve({ text: `so ${prompt}` });
      await canaries.check({ name: 'm-1', provider: 'p' }, ask);
      expect((await canaries.check({ name: 'm-1', provider: 'p' }, ask)).verdict).toMatchObject({
        changed: false,
      });
      expect(await canaries.list()).toHaveLength(1);
    });
  });
}
