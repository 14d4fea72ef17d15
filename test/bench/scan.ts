// Time and memory of scanning model files, against reading the same bytes once (a hash) in the same run.
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { scanArtifact } from '../../src/models/scanners/scan.ts';
import { safetensors, torchZip, stateDict } from '../../src/models/scanners/testing.ts';

const size = 10 * 1024 * 1024;
const filled = (head: Uint8Array, unit: string): Buffer =>
  Buffer.concat([head, Buffer.alloc(size, unit, 'latin1')]);
const pickleHead = Buffer.from([0x80, 4]);

const cases: Record<string, Buffer> = {
  'PyTorch archive, 10 MB of weights': torchZip(stateDict, [
    { name: 'archive/data/1', content: randomBytes(size) },
  ]),
  'pickle, opcodes only': filled(pickleHead, 'N0'),
  'pickle, one import a million times': filled(pickleHead, 'cos\nsystem\n0'),
  'pickle, a memo that only grows': filled(pickleHead, ']\x940'),
  'pickle, pickles in bytes': filled(pickleHead, 'C\x0f\x80\x04\x8c\x02os\x8c\x01a\x93)R..0'),
  'random bytes': randomBytes(size),
  'JSON without names of code': Buffer.from(`[${'{"a":"b","c":[1,2,3]},'.repeat(size / 22)}1]`),
  'text with braces': filled(Buffer.alloc(0), '{{ a }}{% if x %}'),
  'protobuf of small fields': filled(Buffer.alloc(0), '\x0a\x02\x08\x01'),
};

function report(name: string, milliseconds: number, baseline: number, verdict: string): void {
  console.log(
    `${name.padEnd(38)} ${milliseconds.toFixed(0).padStart(6)} ms  ${(milliseconds / baseline).toFixed(0).padStart(5)} x  ${verdict}`,
  );
}

for (const [name, bytes] of Object.entries(cases)) {
  const start = performance.now();
  createHash('sha256').update(bytes).digest();
  const baseline = performance.now() - start;
  const from = performance.now();
  const { verdict } = await scanArtifact(bytes, { name });
  report(name, performance.now() - from, baseline, verdict);
}

// Ten gigabytes of weights: a sparse file, of which only the header is read.
const folder = mkdtempSync(join(tmpdir(), 'merlon-bench-scan-'));
try {
  const path = join(folder, 'large.safetensors');
  const bytes = 10 * 1024 ** 3;
  const header = safetensors({ a: { dtype: 'U8', shape: [bytes], data_offsets: [0, bytes] } });
  const descriptor = openSync(path, 'w');
  writeSync(descriptor, header);
  ftruncateSync(descriptor, header.length + bytes);
  closeSync(descriptor);
  const start = performance.now();
  const { verdict } = await scanArtifact(path);
  console.log(
    `${'safetensors, 10 GB'.padEnd(38)} ${(performance.now() - start).toFixed(0).padStart(6)} ms           ${verdict}`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
console.log(
  `largest resident set ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB, all cases in one process`,
);
