// The process that the crash test of datasets kills. Arguments: compiled sources, state folder, prefix of ids. Prints a
// line per approval. The ledger is a file that gets one line per event.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [sources, state, prefix] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(sources, path)));
const { openStore } = await load('adapters/open-store.js');
const { openDatasets } = await load('data/registry/registry.js');
const { Secret } = await load('kernel/secret.js');

const registry = await openDatasets({
  store: await openStore(`sqlite:${join(state, 'merlon.db')}`),
  clock: { now: () => Date.now() },
  record: async ({ message }) => appendFileSync(join(state, 'events'), `${message}\n`),
  dir: join(state, 'datasets'),
  scan: async () => ({ findings: 0, summary: {} }),
  signingSeed: new Secret(Buffer.alloc(32, 7)),
});

for (let number = 0; ; number += 1) {
  const id = `${prefix}-${number}`;
  const path = join(state, id);
  mkdirSync(path);
  writeFileSync(join(path, 'data.csv'), id);
  await registry.register({ id, path, author: 'ana' });
  await registry.review(id, { by: 'ben', note: '' });
  await registry.approve(id, { by: 'ben', purpose: 'p', models: [], expires: Date.now() + 86_400_000 });
  process.stdout.write(`${id}\n`);
}
