import { expect, test } from 'vitest';
import { scanBytes } from '../testing.ts';

const verdictOf = (text: string, name = 'config.yaml'): string => scanBytes(Buffer.from(text), name).verdict;

test('lets ordinary configurations pass', () => {
  expect(verdictOf('model:\n  hidden_size: 512\n  optim:\n    _target_: torch.optim.AdamW\n')).toBe('clean');
});

test('refuses tags and targets that import and call', () => {
  expect(verdictOf('a: !!python/object/apply:os.system ["x"]\n')).toBe('malicious');
  expect(verdictOf('a:\n  _target_: subprocess.run\n')).toBe('malicious');
  expect(verdictOf('"_target_": builtins.eval\n')).toBe('malicious');
  expect(verdictOf('a: {_target_: my.thing}\n')).toBe('suspicious');
});

test('judges chat templates', () => {
  expect(verdictOf("chat_template: '{{ x.__class__ }}'\n")).toBe('malicious');
  expect(verdictOf("chat_template: '{% for m in messages %}{{ m.content }}{% endfor %}'\n")).toBe('clean');
});
