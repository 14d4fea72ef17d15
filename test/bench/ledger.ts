// Durable appends, acknowledgement times and verification of the ledger, against a bare file in the same run. `--full`
// takes longer.
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStore } from '../../src/adapters/open-store.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { securityEvent, type SecurityEvent } from '../../src/kernel/event.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { openLedger, type Ledger } from '../../src/ledger/ledger.ts';
import { verifyLedger } from '../../src/ledger/verify.ts';

const full = process.argv.includes('--full');
const events = full ? 200_000 : 40_000;
const seconds = full ? 15 : 5;
const batch = 512;

const dir = mkdtempSync(join(process.env['MERLON_BENCH_DIR'] ?? tmpdir(), 'merlon-bench-'));
const store = await openStore(`sqlite:${join(dir, 'merlon.db')}`);
const published = join(dir, 'ledger');
const ledger = await openLedger({
  store,
  key: new Secret(Buffer.alloc(32, 7)),
  clock: systemClock,
  dir: published,
});

const sample = event(0);
console.log(`one event: ${JSON.stringify(sample).length} bytes`);
await saturate(ledger, 10_000);

const file = fileAppends();
const durable = await saturate(ledger, events);
console.log(`file append + fdatasync per ${batch}: ${rate(file)} events/s (baseline)`);
console.log(
  `durable appends, 4,096 under way:    ${rate(durable.perSecond)} events/s, ` +
    `${(durable.perSecond / file).toFixed(2)} of the baseline, ${durable.cpu.toFixed(1)} µs CPU each ` +
    `(main thread ${durable.main.toFixed(1)} µs)`,
);
for (const perSecond of [1000, 5000]) {
  const { p50, p99, worst, cpu, main } = await openLoop(ledger, perSecond, seconds);
  console.log(
    `acknowledged at ${perSecond}/s for ${seconds} s: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, ` +
      `worst ${worst.toFixed(1)} ms, ${cpu.toFixed(0)} µs CPU each (main thread ${main.toFixed(0)} µs)`,
  );
}
await ledger.close();
await store.close();

const began = performance.now();
const result = await verifyLedger(published, { publicKey: ledger.publicKey });
const took = (performance.now() - began) / 1000;
console.log(`verify: ${rate(result.size / took)} events/s over ${result.size} events, ok: ${result.ok}`);
rmSync(dir, { recursive: true });
if (!result.ok) process.exitCode = 1;

function event(n: number): SecurityEvent {
  return securityEvent({
    kind: 'api_activity',
    activity: 1,
    message: 'chat completion decided',
    time: Date.now(),
    principal: { kind: 'client', id: 'bot', tenant: 'default', element: 'bot', credential: 'k1' },
    disposition: 'allow',
    api: { operation: 'chat.completions', response: { code: 200 } },
    model: { name: 'gpt-4o', ai_provider: 'openai' },
    unmapped: {
      n,
      plan: `sha256:${'0'.repeat(64)}`,
      flow: 'prompt',
      controls: ['prompt-injection', 'secret-scan'],
    },
  });
}

async function saturate(
  target: Ledger,
  count: number,
): Promise<{ perSecond: number; cpu: number; main: number }> {
  const meter = startMeter();
  const start = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: 4096 }, async () => {
      while (next < count) await target.append(event((next += 1)));
    }),
  );
  const perSecond = (count / (performance.now() - start)) * 1000;
  return { perSecond, ...meter(count) };
}

/** A new event each 1/rate seconds, whether the ones before are acknowledged or not. */
async function openLoop(
  target: Ledger,
  perSecond: number,
  lengthS: number,
): Promise<{ p50: number; p99: number; worst: number; cpu: number; main: number }> {
  const times: number[] = [];
  const pending: Promise<void>[] = [];
  const meter = startMeter();
  const start = performance.now();
  const count = perSecond * lengthS;
  for (let sent = 0; sent < count;) {
    const due = Math.min(count, Math.floor(((performance.now() - start) / 1000) * perSecond));
    for (; sent < due; sent += 1) {
      // Counted from when it was due: a late timer is part of what a caller waits for.
      const at = start + (sent / perSecond) * 1000;
      pending.push(target.append(event(sent)).then(() => void times.push(performance.now() - at)));
    }
    await sleep(1);
  }
  await Promise.all(pending);
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))]!;
  return { p50: at(0.5), p99: at(0.99), worst: at(1), ...meter(count) };
}

/** Microseconds per event: of the whole process, and of the main thread by its event loop. */
function startMeter(): (count: number) => { cpu: number; main: number } {
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  return (count) => {
    const { user, system } = process.cpuUsage(cpu);
    const { active } = performance.eventLoopUtilization(loop);
    return { cpu: (user + system) / count, main: (active * 1000) / count };
  };
}

function fileAppends(): number {
  const line = Buffer.from(`${JSON.stringify(sample)}\n`);
  const lines = Buffer.concat(Array.from({ length: batch }, () => line));
  const handle = openSync(join(dir, 'baseline'), 'w');
  const start = performance.now();
  for (let written = 0; written < events; written += batch) {
    writeSync(handle, lines);
    fdatasyncSync(handle);
  }
  const took = performance.now() - start;
  closeSync(handle);
  return (events / took) * 1000;
}

function rate(value: number): string {
  return Math.round(value).toLocaleString('en');
}
