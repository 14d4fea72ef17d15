// The process that the crash test kills. Arguments: compiled sources, state folder. Prints `<index> <id>` per acknowledged event.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [sources, state] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(sources, path)));
const { openStore } = await load('adapters/open-store.js');
const { openLedger } = await load('ledger/ledger.js');
const { securityEvent } = await load('kernel/event.js');
const { Secret } = await load('kernel/secret.js');

process.stdout.write('begin\n');
const store = await openStore(`sqlite:${join(state, 'merlon.db')}`);
const ledger = await openLedger({
  store,
  key: new Secret(Buffer.alloc(32, 7)),
  clock: { now: () => Date.now() },
  dir: join(state, 'ledger'),
});

async function client() {
  for (;;) {
    const event = securityEvent({
      kind: 'api_activity',
      activity: 1,
      message: 'x'.repeat(400),
      time: Date.now(),
    });
    const { index, id } = await ledger.append(event);
    // A pipe is written synchronously: what was acknowledged here has reached the test.
    process.stdout.write(`${index} ${id}\n`);
  }
}
await Promise.all(Array.from({ length: 100 }, client));
