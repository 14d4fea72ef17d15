import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { gguf, scanBytes } from '../testing.ts';

const good = gguf({
  'general.architecture': 'llama',
  'tokenizer.chat_template': '{% for m in messages %}{{ m.content }}{% endfor %}',
});

test('lets metadata with an ordinary template pass', () => {
  expect(scanBytes(good)).toMatchObject({ verdict: 'clean', format: 'gguf' });
});

test('judges every template', () => {
  for (const key of ['tokenizer.chat_template', 'tokenizer.chat_template.tool_use'])
    expect(scanBytes(gguf({ [key]: "{{ lipsum.__globals__['os'].popen('id').read() }}" })).verdict).toBe(
      'malicious',
    );
});

test('reports the offset of the template', () => {
  const file = gguf({ 'tokenizer.chat_template': '{{ cycler.__init__ }}' });
  const [finding] = scanBytes(file).findings;
  expect(file.subarray(Number(finding?.offset)).toString('latin1')).toMatch(/^\{\{ cycler/);
});

test.each<[string, (file: Buffer) => void]>([
  ['a version that is not read', (file) => file.writeUInt32LE(9, 4)],
  ['more tensors than fit', (file) => file.writeBigUInt64LE(2n ** 60n, 8)],
  ['more keys than fit', (file) => file.writeBigUInt64LE(2n ** 62n, 16)],
  ['a key that goes past the end', (file) => file.writeBigUInt64LE(2n ** 40n, 24)],
])('refuses %s before it allocates', (_, change) => {
  const file = Buffer.from(good);
  change(file);
  expect(scanBytes(file).verdict).toBe('error');
});

test('refuses a key twice and a file that ends early', () => {
  const twice = gguf({ aaaa: 'x', aaab: 'x' });
  twice.write('aaaa', twice.lastIndexOf('aaab'));
  expect(scanBytes(twice).verdict).toBe('error');
  for (let length = 5; length < good.length; length += 7)
    expect(scanBytes(good.subarray(0, length)).verdict).not.toBe('clean');
});

test('answers for any change', () => {
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
      const changed = Buffer.from(good);
      changed[at] = value;
      expect(() => scanBytes(changed)).not.toThrow();
    }),
  );
});
