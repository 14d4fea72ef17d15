import { expect, test } from 'vitest';
import { calling, scanBytes, zipOf } from '../testing.ts';

const layer = (
  module: string | null,
  name: string,
  config: object = {},
  registered: string | null = null,
): object => ({
  module,
  class_name: name,
  config,
  registered_name: registered,
});
const model = (layers: object[], more: object = {}): object => ({
  module: 'keras',
  class_name: 'Functional',
  config: { name: 'm', layers },
  registered_name: 'Functional',
  ...more,
});
const archive = (config: object): Buffer =>
  zipOf([
    { name: 'metadata.json', content: '{"keras_version": "3.5.0"}' },
    { name: 'config.json', content: JSON.stringify(config) },
    { name: 'model.weights.h5', content: Buffer.from('\x89HDF\r\n\x1a\n\0\0\0\0', 'latin1') },
  ]);

test('lets ordinary models pass', () => {
  const ordinary = model(
    [
      layer('keras.layers', 'InputLayer', { batch_shape: [null, 4], dtype: 'float32' }),
      layer('keras.layers', 'Dense', {
        units: 4,
        activation: 'relu',
        kernel_initializer: layer('keras.initializers', 'GlorotUniform', { seed: null }),
        dtype: layer('keras', 'DTypePolicy', { name: 'float32' }),
      }),
      layer('builtins', 'function', {}, 'function'),
      layer('keras.layers', 'StringLookup', { vocabulary: ['a', 'b'] }),
    ],
    { compile_config: { optimizer: layer('keras.optimizers', 'Adam'), loss: 'mse', metrics: ['accuracy'] } },
  );
  expect(scanBytes(archive(ordinary))).toMatchObject({ verdict: 'clean', format: 'keras' });
});

test.each<[string, object]>([
  [
    'a Lambda layer',
    model([
      layer('keras.layers', 'Lambda', { function: { class_name: '__lambda__', config: { code: 'x' } } }),
    ]),
  ],
  [
    'a lambda in the compile configuration',
    model([], { compile_config: { loss: { class_name: '__lambda__', config: {} } } }),
  ],
  ['a lambda by type', model([layer('keras.layers', 'Dense', { function_type: 'lambda' })])],
  ['a class of Python', model([layer('builtins', 'exec')])],
  [
    'a function of Python by configuration',
    model([{ module: 'builtins', class_name: 'function', config: 'eval', registered_name: 'function' }]),
  ],
  ['another module', model([layer('os', 'system')])],
  ['a download', model([layer('keras.utils', 'get_file', { origin: 'http://x.test/y' })])],
  ['a SavedModel layer', model([layer('keras.layers', 'TFSMLayer', { filepath: '/x' })])],
  ['a module of PyTorch', model([layer('keras.layers', 'TorchModuleWrapper')])],
  ['a vocabulary by path', model([layer('keras.layers', 'StringLookup', { vocabulary: '/etc/passwd' })])],
  [
    'a name that unlocks',
    model([layer('keras.src.saving.serialization_lib', 'enable_unsafe_deserialization')]),
  ],
])('calls %s malicious', (_, config) => {
  expect(scanBytes(archive(config)).verdict).toBe('malicious');
  expect(scanBytes(Buffer.from(JSON.stringify(config)), 'model.json').verdict).toBe('malicious');
});

test('does not take a module for another with the same beginning', () => {
  expect(scanBytes(archive(model([layer('kerasutils.layers', 'Dense')]))).verdict).toBe('suspicious');
  expect(scanBytes(archive(model([layer('my.layers', 'Mine', {}, 'my>Mine')]))).verdict).toBe('suspicious');
});

test('finds a Keras 2 configuration in HDF5 and other entries by their content', () => {
  const text = JSON.stringify({
    class_name: 'Sequential',
    config: { layers: [{ class_name: 'Lambda', config: {} }] },
  });
  const h5 = Buffer.concat([
    Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'),
    Buffer.alloc(100),
    Buffer.from(text),
    Buffer.alloc(20),
  ]);
  expect(scanBytes(h5)).toMatchObject({ verdict: 'malicious', format: 'hdf5' });
  const extra = zipOf([
    { name: 'metadata.json', content: '{}' },
    { name: 'config.json', content: JSON.stringify(model([])) },
    { name: 'assets/x', content: calling('os', 'system') },
  ]);
  expect(scanBytes(extra).verdict).toBe('malicious');
});
