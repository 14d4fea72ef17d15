import { expect, test } from 'vitest';
import { bytes, calling, rulesOf, scanBytes, stateDict, tarOf, torchZip } from '../testing.ts';

const evil = calling('os', 'system');

test('scans every entry by its content', () => {
  expect(scanBytes(tarOf([{ name: 'a.txt', content: evil }]))).toMatchObject({
    verdict: 'malicious',
    format: 'tar',
  });
  expect(scanBytes(tarOf([{ name: 'weights.ckpt', content: torchZip(evil) }])).verdict).toBe('malicious');
});

test('lets a NeMo archive pass and refuses targets that run code', () => {
  const archive = (target: string): Buffer =>
    tarOf([
      { name: './model_config.yaml', content: `encoder:\n  _target_: ${target}\n  layers: 4\n` },
      { name: './model_weights.ckpt', content: torchZip(stateDict) },
    ]);
  expect(scanBytes(archive('nemo.collections.asr.modules.ConformerEncoder')).verdict).toBe('clean');
  expect(scanBytes(archive('subprocess.run')).verdict).toBe('malicious');
  expect(scanBytes(archive('my_package.Encoder')).verdict).toBe('suspicious');
});

test('refuses paths and links that leave the folder, and devices', () => {
  expect(scanBytes(tarOf([{ name: '../x', content: 'x' }])).verdict).toBe('malicious');
  expect(scanBytes(tarOf([{ name: 'd', type: '2', link: '/etc' }])).verdict).toBe('malicious');
  expect(scanBytes(tarOf([{ name: 'd', type: '2', link: 'other' }])).verdict).toBe('suspicious');
  expect(scanBytes(tarOf([{ name: 'd', type: '3' }])).verdict).toBe('malicious');
});

test('sees what follows the end and entries that replace others', () => {
  expect(rulesOf(scanBytes(bytes(tarOf([{ name: 'a', content: 'x' }]), evil)))).toContain(
    'tar-trailing-data',
  );
  expect(
    rulesOf(
      scanBytes(
        tarOf([
          { name: 'a', content: 'x' },
          { name: 'a', content: 'y' },
        ]),
      ),
    ),
  ).toContain('tar-duplicate-entry');
});

test('refuses an entry that goes past the end', () => {
  expect(scanBytes(tarOf([{ name: 'a', content: Buffer.alloc(2000, 1) }]).subarray(0, 1200)).verdict).toBe(
    'error',
  );
});
