import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { Problem } from '../../kernel/problem.ts';
import { decodeModel, encodeModel } from './file.ts';
import { generate, type LogitsProcessor } from './generate.ts';
import type { ByteModel } from './model.ts';
import { createRandom } from './random.ts';
import { encodeSafetensors, parseHeader } from './safetensors.ts';
import { linesOf, train } from './train.ts';

const shape = { context: 6, embedding: 6, hidden: 24 };
const text = 'the cat sat on the mat\nthe dog sat on the log\n'.repeat(6);
const small = (seed = 1) => train(linesOf(text), { seed, shape, epochs: 3 });
let model: ByteModel;
beforeAll(() => {
  model = train(linesOf(text), { seed: 1, shape, epochs: 60 });
});

test('learns a text: its lines become much likelier than others', () => {
  const perByte = (line: string): number => {
    const scores = model.logProbabilities(Buffer.from(line));
    return scores.reduce((sum, one) => sum + one, 0) / scores.length;
  };
  expect(perByte('the cat sat on the mat')).toBeGreaterThan(-1);
  expect(perByte('qzx jvk wpq zzyx vvk jq')).toBeLessThan(-4);
});

test('the same seed gives the same weights, another seed others', () => {
  expect(small().weights.all).toEqual(small().weights.all);
  expect(small(2).weights.all).not.toEqual(small().weights.all);
});

test('gives probabilities that sum to one and agree with the logits', () => {
  const logits = model.logits(Buffer.from('the c'));
  const weights = Array.from(logits, Math.exp);
  const total = weights.reduce((sum, one) => sum + one, 0);
  const [told] = model.logProbabilities(Buffer.from('the ca'), 5);
  expect(told).toBeCloseTo(Math.log(weights['a'.charCodeAt(0)]! / total), 5);
});

test('a newline ends what the model looks back at', () => {
  expect(model.logits(Buffer.from('anything\nthe'))).toEqual(model.logits(Buffer.from('the')));
});

test('answers the same after it was saved and loaded', () => {
  const loaded = decodeModel(encodeModel(model));
  expect(loaded.training).toEqual(model.training);
  expect(loaded.logits(Buffer.from('the '))).toEqual(model.logits(Buffer.from('the ')));
});

test('refuses a file of which any byte was changed', () => {
  const bytes = encodeModel(model);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
      const changed = Buffer.from(bytes);
      changed[place] = changed[place]! ^ change;
      try {
        // What remains readable is a change of the training notes, never of a weight.
        expect(decodeModel(changed).weights.all).toEqual(decodeModel(bytes).weights.all);
      } catch (error) {
        expect(error).toBeInstanceOf(Problem);
      }
    }),
    { numRuns: 200 },
  );
});

test('reads what it wrote and nothing that overlaps, leaves gaps or lies about its size', () => {
  const file = encodeSafetensors({ a: 'b' }, [
    { name: 'one', dtype: 'F32', shape: [2, 2], data: new Float32Array(4) },
    { name: 'two', dtype: 'F32', shape: [3], data: new Float32Array(3) },
  ]);
  const header = parseHeader(file, file.length);
  expect(header.tensors.map(({ name, start, end }) => [name, start, end])).toEqual([
    ['one', 0, 16],
    ['two', 16, 28],
  ]);
  expect(header.dataStart % 8).toBe(0);
  const lying = Buffer.from(file.toString('latin1').replace('[16,28]', '[12,24]'), 'latin1');
  expect(() => parseHeader(lying, lying.length)).toThrow(Problem);
  expect(() => parseHeader(file, file.length + 1)).toThrow(Problem);
  expect(() => parseHeader(Buffer.from('not one'), 7)).toThrow(Problem);
});

test('generates the same for the same seed, and the likeliest at temperature 0', () => {
  const write = (seed: number, temperature = 1): string =>
    Buffer.from(generate(model, Buffer.from('the '), { length: 18, seed, temperature })).toString();
  expect(write(3)).toBe(write(3));
  expect(write(1, 0)).toBe(write(2, 0));
  expect('the '.concat(write(1, 0))).toMatch(/^the (cat|dog) sat on the/);
});

test('lets processors change the logits, as transformers.js calls them', () => {
  const seen: bigint[][] = [];
  const call: LogitsProcessor['_call'] = (ids, logits) => {
    seen.push([...ids[0]!]);
    logits[0]!.data.fill(-Infinity);
    logits[0]!.data[65] = 0;
    return logits;
  };
  const processor: LogitsProcessor = Object.assign(call, { _call: call });
  const written = generate(model, Buffer.from('x'), { length: 3, seed: 1, processors: [processor] });
  expect(Buffer.from(written).toString()).toBe('AAA');
  expect(seen).toEqual([[120n], [120n, 65n], [120n, 65n, 65n]]);
});

test('trains with differential privacy: clipping bounds what one line can do', () => {
  const options = { seed: 1, shape, private: { sigma: 0.5, clip: 1, rate: 0.5, steps: 60 } };
  const guarded = train(linesOf(text), options);
  expect(guarded.training.private).toEqual(options.private);
  const loss = (bytes: string): number =>
    -guarded.logProbabilities(Buffer.from(bytes)).reduce((sum, one) => sum + one, 0) / bytes.length;
  expect(loss('the cat sat on the mat')).toBeLessThan(Math.log(256));
});

test('draws numbers of the right mean and spread', () => {
  const random = createRandom(5);
  const values = Array.from({ length: 20_000 }, () => random.normal());
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
  const variance = values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / values.length;
  expect(Math.abs(mean)).toBeLessThan(0.03);
  expect(Math.abs(variance - 1)).toBeLessThan(0.04);
});

test('refuses an empty text', () => {
  expect(() => train(linesOf('\n\n'), { seed: 1 })).toThrow(/nothing|no text/);
});
