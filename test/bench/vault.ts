// Encryption and decryption by the vault, in memory and from file to file on one core, against node:crypto alone in the same run.
import { createCipheriv, createSecretKey, randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { openFileKeys } from '../../src/adapters/file-keys/file-keys.ts';
import { openStore } from '../../src/adapters/open-store.ts';
import { chunkBytes } from '../../src/data/vault/chunks.ts';
import { containerSize, headerBytes, newObject } from '../../src/data/vault/container.ts';
import { newKey } from '../../src/data/vault/primitives.ts';
import { openBytes, sealBytes } from '../../src/data/vault/stream.ts';
import { openVault } from '../../src/data/vault/vault.ts';
import { systemClock } from '../../src/kernel/clock.ts';

const quick = process.argv.includes('--quick');
const memory = 64 * 1024 * 1024;
const file = (quick ? 256 : 1024) * 1024 * 1024;
const rounds = quick ? 4 : 8;
const objects = quick ? 500 : 2000;

const dir = mkdtempSync(join(process.env['MERLON_BENCH_DIR'] ?? tmpdir(), 'merlon-bench-'));
const plain = randomFillSync(Buffer.allocUnsafe(memory));

const baseline = await measure('node:crypto alone, 64 KiB a call (baseline)', memory * rounds, () => {
  const key = createSecretKey(Buffer.alloc(32, 7));
  const nonce = Buffer.alloc(12);
  for (let round = 0; round < rounds; round += 1) {
    for (let at = 0; at < plain.length; at += chunkBytes) {
      nonce.writeUInt32BE(at / chunkBytes, 8);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      cipher.update(plain.subarray(at, at + chunkBytes));
      cipher.final();
      cipher.getAuthTag();
    }
  }
});

const { keys } = newObject({ dataKey: newKey(), keeping: 'portable', now: 0 });
const sealed = Buffer.concat(sealBytes(plain, keys));
await measure(
  'encrypt in memory',
  memory * rounds,
  () => {
    for (let round = 0; round < rounds; round += 1) sealBytes(plain, keys);
  },
  baseline,
);
await measure(
  'decrypt and verify in memory',
  memory * rounds,
  () => {
    for (let round = 0; round < rounds; round += 1) openBytes(sealed, keys);
  },
  baseline,
);

const store = await openStore(`sqlite:${join(dir, 'merlon.db')}`);
const custody = await openFileKeys(join(dir, 'keys'));
const vault = await openVault({ custody, store, clock: systemClock, record: async () => ({ id: '' }) });
const [from, to, back] = ['plain', 'sealed', 'back'].map((name) => join(dir, name)) as [
  string,
  string,
  string,
];
for (let at = 0; at < file; at += memory) writeFileSync(from, plain, { flag: 'a' });
for (const threads of [1, 2]) {
  const label = `file to file with fsync, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  const how = { threads, replace: true };
  await measure(`encrypt ${label}`, file, () => vault.encryptFile(from, to, how), baseline);
  await measure(`decrypt ${label}`, file, () => vault.decryptFile(to, back, how), baseline);
  await measure(
    `verify a file, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    file,
    () => vault.verifyFile(to, how),
    baseline,
  );
}
const added = containerSize(file) - file;
console.log(
  `overhead: ${added} bytes on ${file}, ${((added / file) * 100).toFixed(4)} % (header ${headerBytes} bytes)`,
);

const small = join(dir, 'small');
writeFileSync(small, 'a small secret');
const paths = Array.from({ length: objects }, (_, n) => join(dir, `object-${n}`));
for (const path of paths) await vault.encryptFile(small, path);
const began = performance.now();
const { keys: kept } = await vault.rotate({ newVersion: true });
const keysDone = performance.now();
for (const path of paths) await vault.rewrap(path);
console.log(
  `rotation of ${objects} objects: ${kept} kept keys in ${seconds(keysDone - began)} s, ` +
    `headers in ${seconds(performance.now() - keysDone)} s`,
);

await store.close();
rmSync(dir, { recursive: true });

interface Rate {
  cpu: number;
}

async function measure(label: string, bytes: number, work: () => unknown, base?: Rate): Promise<Rate> {
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await work();
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(cpuBefore);
  const cpu = bytes / 1e6 / ((user + system) / 1000);
  const ratio = base ? `, ${(cpu / base.cpu).toFixed(2)} of the baseline` : '';
  console.log(
    `${label.padEnd(52)} ${(bytes / 1e6 / wall).toFixed(2)} GB/s, ${cpu.toFixed(2)} GB per CPU second${ratio}`,
  );
  return { cpu };
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}
