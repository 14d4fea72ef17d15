import * as fc from 'fast-check';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { bytes, calling, imported, pickle, rulesOf, scanBytes, text, zipOf } from '../testing.ts';
import { judgeGlobal } from './globals.ts';

const system = imported('os', 'system');
const run = (...after: (string | number | Uint8Array)[]): Buffer =>
  pickle(system, text('x'), 0x85, 'R', ...after);
const u64 = (value: number): Buffer => {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
};

test.each<[string, Buffer]>([
  ['REDUCE', run()],
  ['NEWOBJ', pickle(system, ')', 0x81)],
  ['NEWOBJ_EX', pickle(system, ')}', 0x92)],
  ['INST', bytes('(S"x"\nios\nsystem\n.')],
  ['OBJ', pickle('(', system, text('x'), 'o')],
  ['GLOBAL without a protocol', bytes("cos\nsystem\n(S'x'\ntR.")],
  ['an import that is never called', pickle(system)],
  ['a result that is thrown away', pickle(system, text('x'), 0x85, 'R0N')],
  [
    'names under a mark that is popped',
    pickle('(', text('collections'), text('OrderedDict'), '1', system, ')R'),
  ],
  [
    'a memo that is overwritten',
    pickle(text('json'), 'q\x00', text('os'), 'q\x000', '0h\x00', text('system'), 0x93, ')R'),
  ],
  ['a memo of protocol 0', bytes('Vos\np7\nVsystem\np8\n00g7\ng8\n\x93)R.')],
  ['a duplicated name', pickle(text('os'), '2', '0', text('system'), 0x93, ')R')],
  ['escapes in a name', bytes('V\\u006fs\nV\\u0073ystem\n\x93)R.')],
  ['octal escapes in a name', bytes("S'\\157s'\nS'sys\\164em'\n\x93)R.")],
  ['a dotted path out of a harmless module', pickle(imported('collections', '_sys.modules.get'), ')R')],
  ['a name that is no text', pickle('K\x01', text('system'), 0x93)],
  ['a call of a result', pickle(imported('collections', 'OrderedDict'), ')R)R')],
  ['state of an imported name', pickle(imported('collections', 'OrderedDict'), '}b')],
  ['items of an imported name', pickle(imported('collections', 'OrderedDict'), text('a'), 'K\x01s')],
  [
    'a planted method',
    pickle(
      imported('collections', 'OrderedDict'),
      ')R}',
      text('__setstate__'),
      imported('collections', 'Counter'),
      'sb',
    ),
  ],
  ['a second stream', bytes(pickle('N'), run())],
  ['a stream behind padding', bytes(pickle('N'), Buffer.alloc(64), run())],
  ['a break behind the call', bytes(run().subarray(0, -1), 0xff)],
  ['an end behind the call', run().subarray(0, -1)],
  ['a late protocol', bytes('N0', run())],
  ['a frame that is too short', bytes(0x80, 4, 0x95, u64(4), run().subarray(2))],
  ['a frame that is too long', bytes(0x80, 4, 0x95, u64(9999), run().subarray(2))],
  ['a pickle in bytes', pickle('C', run().length, run())],
  ['a pickle in base64', pickle(text(run().toString('base64')))],
  ['a pickle in hexadecimal', pickle(text(run().toString('hex')))],
  ['a compressed pickle in bytes', pickle('C', gzipSync(run()).length, gzipSync(run()))],
  [
    'an archive with a pickle in bytes',
    pickle(
      'B',
      u64(zipOf([{ name: 'a', content: run() }]).length).subarray(0, 4),
      zipOf([{ name: 'a', content: run() }]),
    ),
  ],
  [
    'a pickle that torch would load from bytes',
    pickle(imported('torch.storage', '_load_from_bytes'), 'C', run().length, run(), 0x85, 'R'),
  ],
  ['Python 2 names', bytes('c__builtin__\neval\n(S"1"\ntR.')],
  ['a renamed module of Python 2', bytes('ccommands\ngetoutput\n(S"x"\ntR.')],
])('calls %s malicious', (_, file) => {
  expect(scanBytes(file)).toMatchObject({ verdict: 'malicious', format: 'pickle' });
});

test.each<[string, Buffer]>([
  ['an unknown callable', calling('my_package.loader', 'build')],
  ['an extension code', pickle(0x82, 1)],
  ['a wide extension code', pickle(0x84, 1, 0, 0, 0)],
  ['a persistent id outside PyTorch', pickle(text('a'), 'Q')],
  ['buffers from outside', pickle(0x97, 0x98)],
  ['data behind the end', bytes(pickle('N'), 'something else')],
  ['a second protocol', bytes(0x80, 4, 0x80, 4, 'N.')],
  ['a frame in a frame', bytes(0x80, 4, 0x95, u64(20), 0x95, u64(2), 'N.')],
])('calls %s suspicious', (_, file) => {
  expect(scanBytes(file).verdict).toBe('suspicious');
});

test.each<[string, Buffer]>([
  ['a stream without STOP', bytes(0x80, 4, 'N')],
  ['an empty stack', bytes(0x80, 4, '.')],
  ['STOP alone', bytes('.')],
  ['an operand beyond the end', bytes(0x80, 4, 0x8e, u64(2 ** 52))],
  ['a memo that was never set', pickle('h\x05')],
  ['a protocol that does not exist', bytes(0x80, 4, '0N.')],
])('calls %s an error', (_, file) => {
  expect(scanBytes(file).verdict).toBe('error');
});

test('admits what weights and estimators are made of', () => {
  for (const [module, name] of [
    ['collections', 'OrderedDict'],
    ['numpy.core.multiarray', '_reconstruct'],
    ['numpy', 'float32'],
    ['torch._utils', '_rebuild_tensor_v2'],
    ['torch', 'BFloat16Storage'],
    ['torch.nn.modules.linear', 'Linear'],
    ['sklearn.linear_model._logistic', 'LogisticRegression'],
    ['transformers.training_args', 'TrainingArguments'],
    ['copy_reg', '_reconstructor'],
    ['datetime', 'datetime'],
  ] as const)
    expect([module, name, judgeGlobal(module, name).standing]).toEqual([module, name, 'safe']);
});

test('admits no function of a module whose classes it admits', () => {
  expect(judgeGlobal('sklearn.datasets._base', 'load_files').standing).not.toBe('safe');
  expect(judgeGlobal('torch.nn.modules.module', 'register_module_forward_hook').standing).not.toBe('safe');
  expect(judgeGlobal('torch.nn.modules.linear', 'os.system').standing).toBe('dangerous');
  expect(judgeGlobal('numpy', '__builtins__').standing).toBe('dangerous');
});

test('steps over the raw values of joblib arrays and scans behind them', () => {
  const array = (after: Uint8Array): Buffer =>
    bytes(
      0x80,
      4,
      ']',
      imported('joblib.numpy_pickle', 'NumpyArrayWrapper'),
      ')',
      0x81,
      '}(',
      text('shape'),
      'K\x03K\x02',
      0x86,
      text('dtype'),
      imported('numpy', 'dtype'),
      text('f8'),
      0x89,
      0x88,
      0x87,
      'R',
      text('numpy_array_alignment_bytes'),
      'K\x10ub',
      5,
      Buffer.alloc(5, 255),
      Buffer.alloc(48, 0xee),
      after,
    );
  expect(scanBytes(array(bytes('a.'))).verdict).toBe('clean');
  expect(scanBytes(array(bytes('a', system, ')Ra.'))).verdict).toBe('malicious');
});

test('sees objects that multiply by shared references', () => {
  const doubled = Array.from({ length: 40 }, () => '2\x86').join('');
  expect(rulesOf(scanBytes(pickle('K\x01', doubled)))).toContain('pickle-expansion');
  const shared = Array.from({ length: 2000 }, () => 'h\x00').join('');
  expect(scanBytes(pickle('](K\x01K\x02e', 'q\x00(', shared, 'l')).verdict).toBe('clean');
});

test('says where the opcode is and what it imports', () => {
  const [finding] = scanBytes(run()).findings;
  expect(finding).toMatchObject({
    rule: 'pickle-dangerous-import',
    severity: 'critical',
    offset: 2 + text('os').length + text('system').length,
    evidence: 'os system',
  });
});

test('does not take texts for pickles', () => {
  for (const prose of [
    'cat\ndog\nbird\n',
    'Import the model first.\n',
    '(see above)\n',
    'index\nname\nvalue\n',
    '1\n2\n3\n',
    'a.',
    '}',
    'None\n',
    'classes\nperson\nbicycle\n',
  ])
    expect([prose, scanBytes(Buffer.from(prose), 'vocab.txt').verdict]).toEqual([prose, 'clean']);
});

test('stops at its limit of opcodes and says so', () => {
  const long = pickle('N', 'N0'.repeat(200_000));
  expect(scanBytes(long, 'x', { opcodes: 100_000 })).toMatchObject({
    verdict: 'error',
    findings: [{ rule: 'limit' }],
  });
  expect(scanBytes(pickle('N'.repeat(1_100_000))).verdict).toBe('error');
});

test('answers whatever follows an attack, and never with clean', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (after) => {
      expect(scanBytes(bytes(run().subarray(0, -1), after)).verdict).toBe('malicious');
    }),
    { numRuns: 300 },
  );
});

test('answers for any opcodes', () => {
  const opcode = fc.constantFrom(
    ...Buffer.from(
      '(.012FIJKLMNPQRSTUVX]abcdeghijlopqrstu}GBC)\x80\x81\x82\x85\x86\x87\x88\x8a\x8c\x8f\x90\x91\x92\x93\x94\x95\x97\x98',
      'latin1',
    ),
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(opcode, fc.nat(255)), { maxLength: 200 }), (program) => {
      expect(['clean', 'suspicious', 'malicious', 'error']).toContain(
        scanBytes(bytes(0x80, 4, Buffer.from(program))).verdict,
      );
    }),
    { numRuns: 500 },
  );
});
