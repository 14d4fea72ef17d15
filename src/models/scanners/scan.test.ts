import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { scanArtifact, worstVerdict } from './scan.ts';
import {
  calling,
  gguf,
  npy,
  pickle,
  safetensors,
  scanBytes,
  stateDict,
  tarOf,
  text,
  torchZip,
  zipOf,
} from './testing.ts';

const samples = join(process.env['MERLON_SHARED'] ?? '../shared', 'data/models/scan/samples.jsonl');

test('scans bytes and files alike', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'merlon-scan-test-'));
  try {
    const path = join(folder, 'model.pt');
    const file = torchZip(calling('os', 'system'));
    writeFileSync(path, file);
    const fromBytes = await scanArtifact(file, { name: path });
    expect(await scanArtifact(path)).toEqual(fromBytes);
    expect(fromBytes.verdict).toBe('malicious');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('says which file cannot be read', async () => {
  await expect(scanArtifact('/nowhere/model.bin')).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
});

test('gives the same answer every time', () => {
  const file = tarOf([
    { name: 'a', content: torchZip(calling('os', 'system')) },
    { name: 'b', content: calling('my.module', 'x') },
  ]);
  expect(scanBytes(file)).toEqual(scanBytes(file));
});

test('prints evidence on one line of ASCII', () => {
  const { findings } = scanBytes(calling('os\n\u001b[31m', 'système'));
  for (const { evidence } of findings) expect(evidence).toMatch(/^[\x20-\x7e]*$/);
});

test('answers with an error, never with clean, when a limit ends the scan', () => {
  expect(scanBytes(pickle('N0'.repeat(70_000), 'N'), 'x', { milliseconds: -1 }).verdict).toBe('error');
  expect(
    scanBytes(zipOf([{ name: 'a', content: Buffer.alloc(100_000, 'a'), deflate: true }]), 'x', {
      totalBytes: 1000,
    }).verdict,
  ).toBe('error');
  // What was found before the limit stays found.
  expect(
    scanBytes(
      zipOf([
        { name: 'a', content: calling('os', 'system') },
        { name: 'b', content: Buffer.alloc(9000), deflate: true },
      ]),
      'x',
      { totalBytes: 1000 },
    ).verdict,
  ).toBe('malicious');
});

test('the verdict on several is the worst', () => {
  expect(worstVerdict(['clean', 'error', 'suspicious'])).toBe('suspicious');
  expect(worstVerdict(['clean', 'error'])).toBe('error');
  expect(worstVerdict([])).toBe('clean');
});

test('answers for any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      expect(['clean', 'suspicious', 'malicious', 'error']).toContain(scanBytes(bytes).verdict);
    }),
    { numRuns: 1000 },
  );
});

test('answers for any change of any format', () => {
  const seeds = [
    torchZip(stateDict),
    torchZip(calling('os', 'system')),
    tarOf([{ name: 'a', content: calling('os', 'system') }]),
    safetensors({ a: { dtype: 'U8', shape: [4], data_offsets: [0, 4] } }, Buffer.alloc(4)),
    gguf({ 'tokenizer.chat_template': '{% for m in messages %}{{ m }}{% endfor %}' }),
    npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", pickle(text('x'))),
    Buffer.from('{"chat_template": "{{ x }}", "auto_map": {}}'),
  ];
  const change = fc.tuple(fc.nat(), fc.constantFrom('set', 'cut', 'double', 'drop'), fc.nat(255));
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.array(change, { maxLength: 8 }), (seed, changes) => {
      let file = Buffer.from(seed);
      for (const [place, how, value] of changes) {
        const at = place % Math.max(1, file.length);
        if (how === 'set' && file.length > 0) file[at] = value;
        else if (how === 'cut') file = file.subarray(0, at);
        else if (how === 'double')
          file = Buffer.concat([file.subarray(0, at), file.subarray(Math.floor(at / 2))]);
        else file = Buffer.concat([file.subarray(0, at), file.subarray(at + value)]);
      }
      const { findings } = scanBytes(file);
      expect(findings.filter(({ rule }) => rule === 'scanner-failed')).toEqual([]);
    }),
    { numRuns: 1500 },
  );
});

test.skipIf(!existsSync(samples))('gives an accepted verdict on every single-file sample', () => {
  const wrong: string[] = [];
  for (const line of readFileSync(samples, 'utf8').trim().split('\n')) {
    const row = JSON.parse(line) as { id: string; name: string; accept: string[]; gz_b64?: string };
    if (row.gz_b64 === undefined) continue;
    const { verdict } = scanBytes(gunzipSync(Buffer.from(row.gz_b64, 'base64')), row.name);
    if (!row.accept.includes(verdict)) wrong.push(`${row.id} ${row.name}: ${verdict}`);
  }
  expect(wrong).toEqual([]);
});
