import { expect, test } from 'vitest';
import { bytes, field, scanBytes } from '../testing.ts';

const node = (operator: string): Buffer => bytes(field(1, 'n'), field(2, operator));
const saved = (graph: Uint8Array): Buffer =>
  bytes(field(1, 1), field(2, bytes(field(1, field(4, 'serve')), field(2, graph))));

test('lets ordinary graphs pass', () => {
  const graph = bytes(
    ...['Placeholder', 'MatMul', 'MergeV2Checkpoints', 'RestoreV2'].map((one) => field(1, node(one))),
  );
  expect(scanBytes(saved(graph), 'saved_model.pb')).toMatchObject({ verdict: 'clean', format: 'savedmodel' });
});

test.each(['PyFunc', 'EagerPyFunc', 'PyFuncStateless', 'ReadFile', 'WriteFile'])(
  'calls %s malicious, in the graph and in its functions',
  (operator) => {
    expect(scanBytes(saved(field(1, node(operator)))).verdict).toBe('malicious');
    expect(
      scanBytes(saved(bytes(field(1, node('NoOp')), field(2, field(1, field(3, node(operator))))))).verdict,
    ).toBe('malicious');
  },
);

test('calls operators that reach files or servers suspicious, and reads a graph alone', () => {
  expect(scanBytes(saved(field(1, node('PrintV2')))).verdict).toBe('suspicious');
  expect(scanBytes(bytes(field(1, node('Const')), field(1, node('WriteFile'))), 'frozen.pb')).toMatchObject({
    verdict: 'malicious',
    format: 'savedmodel',
  });
});
