// Speed of `dataset scan` per second of processor time with all detectors, and the memory it needs, against reading the
// same file line by line as JSON. `--mebibytes N` sets the size of the file (default 64).
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openPool } from '../../src/data/scan/pool.ts';
import { scanDataset } from '../../src/data/scan/scan.ts';

const at = process.argv.indexOf('--mebibytes');
const size = (at < 0 ? 64 : Number(process.argv[at + 1])) * 1024 ** 2;
const asset = (name: string): Buffer => readFileSync(join(process.cwd(), 'assets/inspection', name));
const assets = {
  secrets: JSON.parse(asset('secrets.json').toString('utf8')) as unknown,
  injection: { user: asset('injection-user.bin'), context: asset('injection-context.bin') },
  names: asset('names.bin'),
};

const words =
  'the committee agreed to postpone vote until Thursday and a note will be prepared by then warm days are followed cold nights which is why harvest began two weeks late this year customers in Lisbon asked Maria Keller for delivery of order before Friday'.split(
    ' ',
  );
const folder = mkdtempSync(join(tmpdir(), 'merlon-bench-'));
const file = join(folder, 'train.jsonl');

/** Prose of a hundred words per record, one personal detail in ten records. */
async function write(): Promise<void> {
  const out = createWriteStream(file);
  let state = 7;
  for (let written = 0, id = 0; written < size; id += 1) {
    const text = Array.from({ length: 100 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return words[state % words.length];
    }).join(' ');
    const line = `${JSON.stringify({ id, text: id % 10 === 0 ? `${text} mail user${id}@example.com` : text, label: id % 2 ? 'a' : 'b' })}\n`;
    written += line.length;
    if (!out.write(line)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

async function measure(name: string, run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  const rate = size / 1e6 / ((user + system) / 1e6);
  console.log(`${name.padEnd(34)} ${rate.toFixed(1).padStart(7)} MB per second of processor time`);
  return rate;
}

try {
  await write();
  const baseline = await measure('reading lines as JSON (baseline)', async () => {
    for await (const line of createInterface({ input: createReadStream(file) })) JSON.parse(line);
  });
  for (const threads of [1, 2]) {
    const pool = openPool(assets, threads);
    const rate = await measure(`dataset scan, ${threads} ${threads === 1 ? 'thread' : 'threads'}`, () =>
      scanDataset(file, { pool, onFinding: async () => undefined }),
    );
    await pool.close();
    console.log(
      `${''.padEnd(34)} ${(rate / baseline).toFixed(3).padStart(7)} of the baseline; ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB resident at most`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
