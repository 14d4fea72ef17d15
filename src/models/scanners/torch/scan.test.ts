import { expect, test } from 'vitest';
import { bytes, calling, pickle, scanBytes, stateDict, text, torchZip } from '../testing.ts';

const evil = calling('posix', 'system');
const legacy = bytes(
  Buffer.from('80028a0a6cfc9c46f9206aa85019', 'hex'),
  '.',
  0x80,
  2,
  'M\xe9\x03.',
  0x80,
  2,
  '}.',
);

test('lets a state dictionary pass', () => {
  expect(scanBytes(torchZip(stateDict), 'model.pt')).toEqual({
    file: 'model.pt',
    format: 'torch',
    verdict: 'clean',
    findings: [],
  });
});

test.each<[string, Buffer]>([
  ['the main pickle', torchZip(evil)],
  ['the constants', torchZip(stateDict, [{ name: 'archive/constants.pkl', content: evil }])],
  ['an extra file', torchZip(stateDict, [{ name: 'archive/extra/notes.txt', content: evil }])],
  ['a storage', torchZip(stateDict, [{ name: 'archive/data/1', content: evil }])],
  ['the fourth pickle of the old format', bytes(legacy, evil, 0x80, 2, '].')],
])('finds an attack in %s', (_, file) => {
  expect(scanBytes(file)).toMatchObject({ verdict: 'malicious', format: 'torch' });
});

test.each(['torch.from_file("/etc/passwd")', 'ops.aten.save(x, "/tmp/x")', 'torch.ops.load_library("x.so")'])(
  'finds %s in TorchScript code',
  (call) => {
    const code = `class M(Module):\n  def forward(self, x: Tensor) -> Tensor:\n    y = ${call}\n    return x\n`;
    expect(
      scanBytes(torchZip(stateDict, [{ name: 'archive/code/__torch__.py', content: code }])).verdict,
    ).toBe('malicious');
  },
);

test('lets ordinary TorchScript code and raw numbers pass', () => {
  const code =
    'class M(Module):\n  weight : Tensor\n  def forward(self: __torch__.M, x: Tensor) -> Tensor:\n    return torch.add(x, self.weight)\n';
  const numbers = Buffer.from(Float32Array.from({ length: 64 }, (_, index) => Math.sin(index)).buffer);
  expect(
    scanBytes(
      torchZip(stateDict, [
        { name: 'archive/code/__torch__.py', content: code },
        { name: 'archive/data/7', content: numbers },
      ]),
    ).verdict,
  ).toBe('clean');
});

test('reads the old format with its raw storages', () => {
  const file = bytes(legacy, stateDict, 0x80, 2, ']', text('0'), 'a.', Buffer.alloc(40, 3));
  expect(scanBytes(file, 'old.pth')).toMatchObject({ format: 'torch', verdict: 'clean' });
});

test('refuses a persistent id that is no storage', () => {
  expect(scanBytes(torchZip(pickle(text('module'), 'Q'))).verdict).toBe('suspicious');
});
