// The process that the vault's crash test kills. Arguments: compiled sources, folder. Encrypts one file over and over, moves
// another to new root keys, and destroys persons; prints a line for each thing that is done.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [sources, dir] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(sources, path)));
const { openStore } = await load('adapters/open-store.js');
const { openFileKeys } = await load('adapters/file-keys/file-keys.js');
const { openVault } = await load('data/vault/vault.js');

const custody = await openFileKeys(join(dir, 'keys'));
const store = await openStore(`sqlite:${join(dir, 'merlon.db')}`);
const record = async () => ({ id: 'recorded' });
const vault = await openVault({ custody, store, clock: { now: () => Date.now() }, record });
const say = (line) => process.stdout.write(`${line}\n`);

async function encrypting() {
  for (;;) {
    await vault.encryptFile(join(dir, 'plain'), join(dir, 'plain.vault'), { replace: true });
    say('encrypted');
  }
}
async function rotating() {
  for (;;) {
    await vault.rotate({ newVersion: true });
    await vault.rewrap(join(dir, 'moved.vault'));
    say('rotated');
  }
}
async function shredding() {
  for (let n = 0; ; n += 1) {
    const person = `person ${process.pid} ${n}`;
    const container = await vault.seal(Buffer.from(person), { person });
    await vault.shredPerson(person);
    say(`shredded ${container.toString('base64')}`);
  }
}
await Promise.all([encrypting(), rotating(), shredding()]);
