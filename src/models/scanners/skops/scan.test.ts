import { expect, test } from 'vitest';
import { scanBytes, zipOf } from '../testing.ts';

const skops = (schema: object): Buffer => zipOf([{ name: 'schema.json', content: JSON.stringify(schema) }]);
const node = (loader: string, module: string, name: string, content: unknown = {}): object => ({
  __class__: name,
  __module__: module,
  __loader__: loader,
  content,
});

test('lets estimators pass', () => {
  const file = skops(
    node(
      'ObjectNode',
      'sklearn.linear_model._logistic',
      'LogisticRegression',
      node('DictNode', 'builtins', 'dict', { C: node('JsonNode', 'builtins', 'str', '1.0') }),
    ),
  );
  expect(scanBytes(file)).toMatchObject({ verdict: 'clean', format: 'skops' });
});

test.each<[string, object]>([
  ['a type that runs code', node('ObjectNode', 'subprocess', 'Popen')],
  [
    'a module behind a method',
    node('MethodNode', 'builtins', 'builtin_function_or_method', {
      func: 'system',
      obj: node('ObjectNode', 'os', 'module'),
    }),
  ],
  [
    'a function by path',
    node('FunctionNode', 'builtins', 'function', { module_path: 'os', function: 'system' }),
  ],
])('calls %s malicious', (_, schema) => {
  expect(scanBytes(skops(schema)).verdict).toBe('malicious');
});

test('calls loaders whose declared type may differ suspicious', () => {
  expect(scanBytes(skops(node('OperatorFuncNode', 'builtins', 'int'))).verdict).toBe('suspicious');
  expect(scanBytes(skops(node('OtherNode', 'builtins', 'int'))).verdict).toBe('suspicious');
  expect(scanBytes(skops(node('ObjectNode', 'my.package', 'Model'))).verdict).toBe('suspicious');
});
