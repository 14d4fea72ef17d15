import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { scanArtifact } from '../scan.ts';
import type { ScanResult } from '../contract.ts';
import { calling, rulesOf, safetensors, stateDict, torchZip } from '../testing.ts';

async function scanFiles(
  files: Record<string, Uint8Array | string>,
  prepare: (folder: string) => void = () => undefined,
): Promise<ScanResult> {
  const folder = mkdtempSync(join(tmpdir(), 'merlon-repository-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    prepare(folder);
    return await scanArtifact(folder, { name: 'model' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const ordinary = {
  'README.md': '---\nlicense: apache-2.0\n---\n# Model\n',
  'config.json': '{"model_type": "bert"}',
  'tokenizer_config.json': '{"model_max_length": 512}',
  'vocab.txt': '[PAD]\n[UNK]\ncat\ndog\n',
  'model.safetensors': safetensors({}),
};

test('lets an ordinary repository pass', async () => {
  expect(await scanFiles(ordinary)).toEqual({
    file: 'model',
    format: 'repository',
    verdict: 'clean',
    findings: [],
  });
});

test('has the worst verdict of its files and names the file', async () => {
  const result = await scanFiles({ ...ordinary, 'pytorch_model.bin': torchZip(calling('os', 'system')) });
  expect(result.verdict).toBe('malicious');
  expect(result.findings[0]?.offset).toBe('pytorch_model.bin!archive/data.pkl!14');
  expect(rulesOf(result)).toContain('format-shadowing');
});

test('calls code that comes with the model suspicious, and malicious when it runs at import', async () => {
  const config = '{"auto_map": {"AutoModel": "modeling.M"}}';
  expect(
    (await scanFiles({ ...ordinary, 'config.json': config, 'modeling.py': 'class M:\n    pass\n' })).verdict,
  ).toBe('suspicious');
  expect(
    (await scanFiles({ ...ordinary, 'config.json': config, 'modeling.py': 'import os\nos.system("x")\n' }))
      .verdict,
  ).toBe('malicious');
});

test('reports links that leave the model, and follows those that stay', async () => {
  expect(
    rulesOf(await scanFiles(ordinary, (folder) => symlinkSync('/etc/hostname', join(folder, 'x.txt')))),
  ).toContain('link-out-of-model');
  const inside = await scanFiles({ ...ordinary, 'a/w.bin': torchZip(stateDict) }, (folder) =>
    symlinkSync('a/w.bin', join(folder, 'w.bin')),
  );
  expect(inside.verdict).toBe('clean');
});
