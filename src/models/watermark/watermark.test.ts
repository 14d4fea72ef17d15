import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Io } from '../../kernel/command.ts';
import { Secret } from '../../kernel/secret.ts';
import { decodeModel, encodeModel } from '../language-model/file.ts';
import { generate, type BatchLogits } from '../language-model/generate.ts';
import type { ByteModel } from '../language-model/model.ts';
import { createRandom } from '../language-model/random.ts';
import { encodeSafetensors } from '../language-model/safetensors.ts';
import { linesOf, train } from '../language-model/train.ts';
import { commands } from './commands.ts';
import { detectIn, watermarkOf } from './detect.ts';
import { binomialTail, gammaTail, normalTail, regularizedBeta } from './exact-tails.ts';
import { embedFingerprint, identifyFingerprint } from './fingerprint.ts';
import { createKeystream } from './keystream.ts';
import { watermarkProcessor } from './logits-processor.ts';
import type { SchemeName } from './scheme.ts';
import { synthIdHash, synthIdKeys, synthIdStart, tournament } from './synthid.ts';

const key = Buffer.alloc(32, 7);
const otherKey = Buffer.alloc(32, 8);
const keyed = (bytes: Buffer) => ({ secret: new Secret(bytes) });
const schemes: SchemeName[] = ['gumbel', 'kgw', 'synthid'];

const story =
  'a traveller came to the old town and asked for water\nthe miller said the well was dry since spring\n' +
  'in the evening rain fell on the hills and the river rose\nnobody knew who had opened the gate that night\n';
let model: ByteModel;
beforeAll(() => {
  model = train(linesOf(story.repeat(3)), {
    seed: 1,
    shape: { context: 4, embedding: 6, hidden: 16 },
    epochs: 8,
  });
});

function write(scheme: SchemeName, with_: Buffer, length = 400, temperature = 1.2): Uint8Array {
  const processors = [watermarkProcessor(watermarkOf(scheme, keyed(with_)))];
  return generate(model, Buffer.from('in the evening '), { length, seed: 4, temperature, processors });
}

describe.each(schemes)('%s', (scheme) => {
  test('finds its mark in text of the embedded model, with the right key only', () => {
    const marked = Buffer.from(write(scheme, key));
    expect(detectIn(marked, 'bytes', watermarkOf(scheme, keyed(key))).tail.p).toBeLessThan(1e-8);
    expect(detectIn(marked, 'bytes', watermarkOf(scheme, keyed(otherKey))).tail.p).toBeGreaterThan(1e-3);
  });

  test('finds nothing in text that was not marked', () => {
    const plain = generate(model, Buffer.from('in the evening '), { length: 400, seed: 4, temperature: 1.2 });
    expect(detectIn(Buffer.from(plain), 'bytes', watermarkOf(scheme, keyed(key))).tail.p).toBeGreaterThan(
      1e-3,
    );
  });

  test('gives p-values below a threshold no more often than the threshold says', () => {
    const watermark = watermarkOf(scheme, keyed(key));
    const random = createRandom(11);
    const trials = 400;
    const low = Array.from({ length: trials }, () =>
      watermark.detect(Array.from({ length: 60 }, () => random.int(256))),
    ).filter(({ tail }) => tail.p < 0.05).length;
    // 20 expected; 36 is out of reach of chance (p < 1e-3).
    expect(low).toBeLessThan(36);
  });

  test('still finds the mark when one byte in twenty was changed', () => {
    const random = createRandom(3);
    const changed = Buffer.from(write(scheme, key, 600)).map((byte) =>
      random.next() < 0.05 ? 97 + random.int(26) : byte,
    );
    expect(detectIn(Buffer.from(changed), 'bytes', watermarkOf(scheme, keyed(key))).tail.p).toBeLessThan(
      1e-5,
    );
  });

  test('says nothing of a text without tokens enough', () => {
    expect(watermarkOf(scheme, keyed(key)).detect([1, 2]).tail.p).toBe(1);
  });
});

test('undoes hidden characters before it looks', () => {
  const marked = Buffer.from(write('gumbel', key, 500, 1));
  const ascii = marked.map((byte) => (byte < 32 || byte > 126 ? 32 : byte));
  const hidden = Buffer.from(Buffer.from(ascii).toString('latin1').replaceAll('e', 'e\u200b'));
  const found = detectIn(hidden, 'bytes', watermarkOf('gumbel', keyed(key)));
  expect(found.reading).toBe('cleaned');
  expect(found.tail.p).toBeLessThan(1e-4);
});

test('a Gumbel mark leaves the distribution as it is, over keys', () => {
  const probabilities = [0.5, 0.3, 0.15, 0.05];
  const counts = [0, 0, 0, 0];
  const trials = 4000;
  for (let i = 0; i < trials; i++) {
    const logits = Float32Array.from(probabilities, Math.log);
    const own = Buffer.alloc(32);
    own.writeUInt32LE(i);
    watermarkOf('gumbel', keyed(own)).mark([1, 2, 3, 4], logits, new Set());
    counts[logits.indexOf(0)]! += 1;
  }
  const chi = counts.reduce(
    (sum, count, i) => sum + (count - trials * probabilities[i]!) ** 2 / (trials * probabilities[i]!),
    0,
  );
  // χ² with three degrees of freedom: 16.27 is the 0.1 % point.
  expect(chi).toBeLessThan(16.27);
});

test('marks the batch of transformers.js in place, row by row, and returns it', () => {
  const processor = watermarkProcessor(watermarkOf('kgw', keyed(key)));
  const rows = [new Float32Array(50), new Float32Array(50)];
  const logits: BatchLogits = { dims: [2, 50], 0: { data: rows[0]! }, 1: { data: rows[1]! } };
  const ids = [
    [1n, 2n, 3n, 4n],
    [9n, 2n, 3n, 4n],
  ];
  expect(processor(ids, logits)).toBe(logits);
  expect(typeof processor._call).toBe('function');
  for (const row of rows) expect(new Set(row)).toEqual(new Set([0, 2]));
  expect(rows[0]).not.toEqual(rows[1]);
});

test('reaches any word of the keystream without those before it', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(200_000), { maxLength: 8 }), fc.nat(300), (context, entry) => {
      const stream = createKeystream(key, 'test');
      expect(stream.word(context, entry)).toBe(stream.words(context, 301)[entry]);
    }),
  );
});

test('hashes n-grams as 64-bit arithmetic says', () => {
  const wrap = (value: bigint): bigint => BigInt.asIntN(64, value);
  const step = (h: bigint, added: bigint): bigint => wrap(wrap(h + added) * 6364136223846793005n + 1n);
  fc.assert(
    fc.property(
      fc.array(fc.nat(2 ** 31 - 1), { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(2 ** 31 - 1), { maxLength: 6 }),
      (keys, ngram) => {
        const start = ngram.reduce((h, token) => step(h, BigInt(token)), synthIdStart(keys));
        const wanted = keys.map((one) => step(start, BigInt(one)));
        expect(synthIdHash(keys).ngramKeys(ngram)).toEqual(wanted);
        const bits = wanted.map((h) => {
          let value = h;
          for (let round = 0; round < 12; round++) value = step(value, 1n) >> 5n;
          return Number((value >> 30n) & 1n);
        });
        expect([...synthIdHash(keys).bits(ngram)]).toEqual(bits);
      },
    ),
  );
});

test('a tournament keeps probabilities: they sum to one', () => {
  const hash = synthIdHash(synthIdKeys(key));
  const before = Float64Array.of(0.4, 0.3, 0.2, 0.1);
  const after = tournament(
    before,
    [0, 1, 2, 3].map((token) => hash.bits([5, 6, 7, 8, token])),
  );
  expect(after.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 12);
});

test('gives exact tails, also far out', () => {
  expect(binomialTail(10, 8, 0.5).p).toBeCloseTo(56 / 1024, 14);
  expect(binomialTail(10, 0, 0.5).p).toBe(1);
  expect(binomialTail(10, 11, 0.5).p).toBe(0);
  expect(binomialTail(1000, 1000, 0.5).log10).toBeCloseTo(1000 * Math.log10(0.5), 8);
  expect(gammaTail(1, 800).log10).toBeCloseTo(-800 / Math.LN10, 8);
  expect(gammaTail(3, 0.5).p).toBeCloseTo(Math.exp(-0.5) * (1 + 0.5 + 0.125), 13);
  expect(normalTail(1.959963984540054).p).toBeCloseTo(0.025, 12);
  expect(normalTail(-1).p + normalTail(1).p).toBeCloseTo(1, 14);
  // I_p(k, n − k + 1) is the same binomial tail by another way.
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0.01, max: 0.99, noNaN: true }), (k, p) => {
      expect(binomialTail(60, k, p).p).toBeCloseTo(regularizedBeta(p, k, 61 - k), 10);
    }),
  );
});

describe('fingerprints', () => {
  async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'merlon-fingerprint-'));
    try {
      return await work(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  function weights(): Buffer {
    const random = createRandom(2);
    const data = (size: number) => Float32Array.from({ length: size }, () => random.normal() * 0.05);
    return encodeSafetensors({}, [
      { name: 'first', dtype: 'F32', shape: [100, 60], data: data(6000) },
      { name: 'second', dtype: 'F32', shape: [4000], data: data(4000) },
    ]);
  }

  test('names the recipient of a copy and nobody else, and hardly changes a weight', () =>
    inFolder(async (folder) => {
      const [from, to] = [join(folder, 'model'), join(folder, 'copy')];
      await writeFile(from, weights());
      const report = await embedFingerprint(from, to, key, 'acme');
      expect(report.bits).toBeGreaterThan(400);
      expect(report.largestChange).toBeLessThan(0.002);
      const found = await identifyFingerprint(to, key, ['zenith', 'acme', 'orbit']);
      expect(found[0]).toMatchObject({ recipient: 'acme', matches: found[0]!.bits });
      expect(found[0]!.tail.p).toBeLessThan(1e-50);
      expect(found[1]!.tail.p).toBeGreaterThan(1e-3);
      const plain = await identifyFingerprint(from, key, ['zenith', 'acme', 'orbit']);
      expect(plain[0]!.tail.p).toBeGreaterThan(1e-3);
      const wrongKey = await identifyFingerprint(to, otherKey, ['acme']);
      expect(wrongKey[0]!.tail.p).toBeGreaterThan(1e-3);
    }));

  test('survives noise in a part of the weights and conversion to float16', () =>
    inFolder(async (folder) => {
      const [from, to] = [join(folder, 'model'), join(folder, 'copy')];
      await writeFile(from, weights());
      await embedFingerprint(from, to, key, 'acme');
      const bytes = await readFile(to);
      const start = 8 + Number(bytes.readBigUInt64LE(0));
      const random = createRandom(9);
      for (let at = start; at < bytes.length; at += 4) {
        const value = bytes.readFloatLE(at);
        // Rounded to the eleven significant bits of float16, and one weight in three disturbed.
        const step = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10);
        const rounded = Math.round(value / step) * step;
        bytes.writeFloatLE(random.next() < 0.33 ? rounded * (1 + 0.01 * random.normal()) : rounded, at);
      }
      await writeFile(to, bytes);
      const [best] = await identifyFingerprint(to, key, ['zenith', 'acme']);
      expect(best!.recipient).toBe('acme');
      expect(best!.tail.p).toBeLessThan(1e-20);
    }));

  test('leaves a model of ours loadable, its digest renewed', () =>
    inFolder(async (folder) => {
      const big = train(linesOf(story), { seed: 1, epochs: 1 });
      const [from, to] = [join(folder, 'model'), join(folder, 'copy')];
      await writeFile(from, encodeModel(big));
      await embedFingerprint(from, to, key, 'acme');
      const copy = decodeModel(await readFile(to));
      expect(copy.weights.all).not.toEqual(big.weights.all);
      expect(copy.logits([116])[104]).toBeCloseTo(big.logits([116])[104]!, 1);
    }));

  test('refuses a file that is too small, and leaves nothing behind', () =>
    inFolder(async (folder) => {
      const [from, to] = [join(folder, 'model'), join(folder, 'copy')];
      await writeFile(
        from,
        encodeSafetensors({}, [{ name: 'a', dtype: 'F32', shape: [20], data: new Float32Array(20).fill(1) }]),
      );
      await expect(embedFingerprint(from, to, key, 'acme')).rejects.toThrow(/room/);
      await expect(readFile(to)).rejects.toThrow();
    }));
});

test('the commands embed, detect with an exit code that says whether, and refuse a key that is none', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'merlon-watermark-'));
  try {
    await writeFile(join(folder, 'model'), encodeModel(model));
    await writeFile(join(folder, 'key'), key.toString('hex'));
    const run = async (name: string, args: Record<string, string>, given: Record<string, unknown>) => {
      const out: string[] = [];
      const io: Io = {
        stdin: new PassThrough(),
        stdout: new PassThrough(),
        cwd: folder,
        env: {},
        json: true,
        color: false,
        out: (line) => void out.push(line),
        note: () => undefined,
        progress: () => ({ tick: () => undefined, end: () => undefined }),
      };
      const command = commands().find((one) => one.name === name)!;
      const code = await command.run({ args, options: command.options!.parse(given) }, io);
      return { code, answer: JSON.parse(out.join('')) as Record<string, unknown> };
    };
    const embedded = await run(
      'watermark embed',
      {},
      { model: 'model', key: 'key', length: 300, temperature: 1.2 },
    );
    await writeFile(join(folder, 'text'), embedded.answer['text'] as string);
    const found = await run('watermark detect', { file: 'text' }, { key: 'key', scheme: 'gumbel' });
    expect(found).toMatchObject({ code: 0, answer: { watermarked: true, scheme: 'gumbel' } });
    await writeFile(join(folder, 'ids'), '[1, 2, 3, 4, 5, 6, 7, 8]');
    const none = await run(
      'watermark detect',
      { file: 'ids' },
      { key: 'key', scheme: 'synthid', tokenizer: 'ids' },
    );
    expect(none).toMatchObject({ code: 1, answer: { watermarked: false, tokens: 8, scored: 4 } });
    await expect(run('watermark detect', { file: 'text' }, { key: 'short' })).rejects.toThrow(
      /watermark key/,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
