import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytes, field, rulesOf, scanBytes } from '../testing.ts';

const entry = (key: string, value: string): Buffer => bytes(field(1, key), field(2, value));
const external = (location: string): Buffer =>
  bytes(field(1, 2), field(2, 1), field(8, 'w'), field(13, entry('location', location)), field(14, 1));
const node = (operator: string, domain = '', attribute: Uint8Array = new Uint8Array()): Buffer =>
  bytes(field(1, 'a'), field(2, 'b'), field(4, operator), field(5, attribute), field(7, domain));
const model = (graph: Uint8Array, ...more: Uint8Array[]): Buffer =>
  bytes(field(1, 8), field(2, 'test'), field(7, graph), field(8, bytes(field(1, ''), field(2, 17))), ...more);

test('lets ordinary models pass, with external data inside the folder', () => {
  expect(scanBytes(model(field(1, node('Relu'))))).toMatchObject({ verdict: 'clean', format: 'onnx' });
  expect(scanBytes(model(field(5, external('weights/model.onnx_data')))).verdict).toBe('clean');
  expect(scanBytes(model(field(1, node('FusedMatMul', 'com.microsoft')))).verdict).toBe('clean');
});

test.each(['../../etc/passwd', '/etc/passwd', 'C:\\x', 'file:///etc/passwd', '\\\\host\\share', 'a\0b'])(
  'refuses external data at %j',
  (location) => {
    expect(scanBytes(model(field(5, external(location)))).verdict).toBe('malicious');
  },
);

test('finds external data in every place of a tensor', () => {
  const tensor = external('../x');
  const places = [
    field(5, tensor),
    field(1, node('Constant', '', field(5, tensor))),
    field(1, node('Constant', '', field(10, tensor))),
    field(1, node('If', '', field(6, field(5, tensor)))),
    field(1, node('Loop', '', field(6, field(1, node('Constant', '', field(5, tensor)))))),
    field(15, field(1, tensor)),
    field(1, node('Constant', '', field(22, field(2, tensor)))),
  ];
  for (const place of places) expect(scanBytes(model(place)).verdict).toBe('malicious');
  expect(
    scanBytes(model(field(2, 'g'), field(25, bytes(field(7, node('Constant', '', field(5, tensor)))))))
      .verdict,
  ).toBe('malicious');
  expect(scanBytes(model(field(2, 'g'), field(20, field(1, field(5, tensor))))).verdict).toBe('malicious');
});

test('calls operators of unknown domains suspicious, unless the model defines them', () => {
  const graph = field(1, node('Mine', 'my.domain'));
  expect(rulesOf(scanBytes(model(graph)))).toEqual(['onnx-custom-operator']);
  expect(scanBytes(model(graph, field(25, bytes(field(1, 'Mine'), field(10, 'my.domain'))))).verdict).toBe(
    'clean',
  );
  expect(rulesOf(scanBytes(model(field(1, node('PyOp', 'ai.onnx.contrib')))))).toEqual([
    'onnx-python-operator',
  ]);
});

test('refuses data that does not fill the shape', () => {
  expect(
    scanBytes(model(field(5, bytes(field(1, 1000), field(2, 1), field(8, 'w'), field(9, 'abcd'))))).verdict,
  ).toBe('error');
});

test('answers for any change', () => {
  const file = model(bytes(field(1, node('Relu')), field(5, external('a'))));
  fc.assert(
    fc.property(fc.nat(file.length - 1), fc.nat(255), (at, value) => {
      const changed = Buffer.from(file);
      changed[at] = value;
      expect(() => scanBytes(changed)).not.toThrow();
    }),
  );
});
