import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson } from '../json-strict.ts';
import { rulesOf, scanBytes } from '../testing.ts';

const scan = (document: unknown, name = 'config.json'): ReturnType<typeof scanBytes> =>
  scanBytes(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)), name);

test('lets ordinary configurations pass', () => {
  expect(scan({ model_type: 'bert', hidden_size: 768, layer_norm_eps: 1e-12 })).toMatchObject({
    verdict: 'clean',
    format: 'json',
  });
  expect(scan({ weight_map: { 'a.weight': 'model-00001-of-00002.safetensors' } }).verdict).toBe('clean');
  expect(scan('{"loss": NaN}').verdict).toBe('clean');
});

test.each<[string, unknown, string]>([
  ['code that comes with the model', { auto_map: { AutoModel: 'modeling.M' } }, 'remote-code'],
  ['code of another repository', { auto_map: { AutoModel: 'other/repo--modeling.M' } }, 'remote-code'],
  ['a custom pipeline', { custom_pipelines: { x: { impl: 'p.P' } } }, 'remote-code'],
  ['a credential', { hf_token: `hf_${'A'.repeat(34)}` }, 'secret-in-model'],
  ['a repeated key that matters', '{"auto_map": {}, "auto_map": {"AutoModel": "m.M"}}', 'json-duplicate-key'],
])('calls %s suspicious', (_, document, rule) => {
  const result = scan(document);
  expect([result.verdict, rulesOf(result)]).toEqual(['suspicious', expect.arrayContaining([rule])]);
});

test('judges every form of chat template', () => {
  const evil = '{{ lipsum.__globals__ }}';
  for (const chat_template of [evil, [{ name: 'default', template: evil }], { default: evil }])
    expect(scan({ chat_template }, 'tokenizer_config.json').verdict).toBe('malicious');
});

test('refuses an index that leaves the folder, and targets that run code', () => {
  expect(scan({ weight_map: { a: '../../x.bin' } }).verdict).toBe('malicious');
  expect(scan({ model: { _target_: 'os.system' } }).verdict).toBe('malicious');
});

test('reads large documents for the keys that name code', () => {
  const filler = Array.from({ length: 60_000 }, (_, index) => `token number ${index}`);
  expect(scan({ vocab: filler }, 'tokenizer.json').verdict).toBe('clean');
  expect(scan({ vocab: filler, chat_template: '{{ x.__class__ }}' }, 'tokenizer.json').verdict).toBe(
    'malicious',
  );
});

test('parses what JSON.parse parses, and refuses what it refuses', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(plain(parseJson(text, { depth: 1000, onDuplicate: () => undefined }))).toEqual(JSON.parse(text));
    }),
  );
  for (const wrong of ['', '{', '[1,]', '{"a" 1}', '01', '"\n"', '{"a":1}x', "'a'", 'NaN', '"\\x"'])
    expect(() => parseJson(wrong)).toThrow();
});

function plain(value: ReturnType<typeof parseJson>): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, one]) => [key, plain(one)]));
  if (typeof value === 'object' && value !== null) return Number(value.number);
  return value;
}
