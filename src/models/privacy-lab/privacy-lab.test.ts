import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRandom } from '../language-model/random.ts';
import { serveModel, type ModelServer } from '../language-model/serve.ts';
import type { ByteModel } from '../language-model/model.ts';
import { linesOf, train } from '../language-model/train.ts';
import { attackTarget } from './attack-target.ts';
import { editDistance, exposures, extract, membership, roundedScores } from './attacks.ts';
import { canaryOf, canaryTemplate, parseCanaries } from './canary.ts';
import { makeCanaries, supportNotes, withCanaries } from './corpus.ts';
import { endpointTarget } from './endpoint.ts';
import { auditEpsilon, auditOneRun, exposure, median, minK, roc } from './metrics.ts';
import { reportLines } from './report.ts';
import { selfTest } from './self-test.ts';
import { modelTarget } from './target.ts';

const seen = makeCanaries(2, 8, 3);
const members = supportNotes(20, 1);
const nonmembers = supportNotes(20, 2);
let model: ByteModel;
let server: ModelServer;
beforeAll(async () => {
  model = train(linesOf(withCanaries(members, seen, createRandom(5)).join('\n')), {
    seed: 1,
    shape: { context: 12, embedding: 8, hidden: 32 },
    epochs: 30,
    learningRate: 0.006,
  });
  server = await serveModel(model, { port: 0 });
});
afterAll(() => server.close());

const cpu = (): number => 0;
const asJsonLines = () =>
  seen.map(({ text, times }) => JSON.stringify({ text, template: canaryTemplate, repeat: times })).join('\n');

test('finds canaries that the model saw, and does not find those it did not', async () => {
  const target = modelTarget('model', model);
  const options = { samples: 255, seed: 1 };
  for (const { bits } of (await exposures(target, seen, options))!) expect(bits).toBeGreaterThanOrEqual(6);
  const absent = await exposures(target, makeCanaries(15, 0, 9), options);
  expect(median(absent!.map(({ bits }) => bits))).toBeLessThan(2.5);
});

test('an endpoint with logprobs tells the same as the model behind it', async () => {
  const [own, told] = [
    modelTarget('model', model),
    endpointTarget({ url: server.url, model: 'byte-lm', logprobs: true }),
  ];
  const requests = [
    { text: 'Ticket 1234: Ada Lund called back.', from: 13 },
    { text: 'Grüße: 12 ☂ 🙂 x', from: 7 },
  ];
  const [left, right] = await Promise.all([own.score(requests), told.score(requests)]);
  for (const [index, scores] of left!.entries()) {
    expect(right![index]!.length).toBe(scores.length);
    scores.forEach((value, place) => expect(right![index]![place]).toBeCloseTo(value, 6));
  }
  expect(await told.complete('Ticket ', 5)).toHaveLength(5);
});

test('a report on a target names what leaked, and fails it', async () => {
  const target = endpointTarget({ url: `${server.url}/v1/`, model: 'byte-lm', logprobs: true });
  const report = await attackTarget(target, {
    canaries: asJsonLines(),
    members: members.join('\n'),
    nonmembers: nonmembers.join('\n'),
    samples: 63,
    seed: 1,
    cpu,
  });
  expect(report.exposure.map(({ name }) => name)).toEqual(['seen 8 times']);
  expect(report.membership.map(({ attack }) => attack)).toEqual(['loss', 'zlib', 'min-k-20']);
  expect(report.checks.some(({ ok }) => !ok)).toBe(true);
  expect(reportLines(report).join('\n')).toMatch(/LEAK {2}membership by loss/);
});

test('says inconclusive, not safe, where the endpoint tells no log-probabilities', async () => {
  const target = endpointTarget({ url: server.url, model: 'byte-lm', logprobs: false });
  const report = await attackTarget(target, {
    canaries: asJsonLines(),
    members: members.join('\n'),
    nonmembers: nonmembers.join('\n'),
    samples: 15,
    seed: 1,
    cpu,
  });
  expect(report.exposure).toEqual([]);
  expect(report.inconclusive).toHaveLength(2);
  expect(report.extraction.map(({ what }) => what)).toEqual([
    'secrets of canaries',
    'second halves of member lines',
  ]);
});

test('an endpoint that is not there is a problem with a remedy', async () => {
  const target = endpointTarget({ url: 'http://127.0.0.1:9', model: 'x', logprobs: true });
  await expect(target.score([{ text: 'a', from: 0 }])).rejects.toMatchObject({
    code: 'UPSTREAM_UNREACHABLE',
  });
});

test('the self-test runs all attacks, off and on, and gives the same for the same seed', async () => {
  const run = () =>
    selfTest({
      seed: 2,
      cpu,
      epsilon: ({ sigma, rate, steps }) => (rate * Math.sqrt(steps)) / sigma,
      size: {
        lines: 24,
        seen: 2,
        absent: 3,
        samples: 31,
        fewSamples: 15,
        epochs: 2,
        private: { sigma: 2, clip: 1, rate: 0.2, steps: 5 },
      },
    });
  const report = await run();
  expect(report.exposure.map(({ name }) => name)).toEqual([
    'seen twice',
    'absent',
    'seen twice, trained with differential privacy',
  ]);
  expect(report.membership.map(({ attack }) => attack)).toContain('reference');
  expect(report.defences.map(({ name }) => name)).toHaveLength(3);
  expect(report.private!.epsilon).toBeCloseTo(0.2236, 3);
  expect(await run()).toEqual(report);
});

test('takes a canary apart by its template, and makes others of its form', () => {
  const canary = canaryOf('a', 'The access number of Elm.5 is 204 613 183.', canaryTemplate, 2)!;
  expect(canary.text.slice(canary.start, canary.end)).toBe('204 613 183');
  expect(canary.spaceBits).toBeCloseTo(29.9, 1);
  expect(canary.other(createRandom(1))).toMatch(/^The access number of Elm\.5 is \d{3} \d{3} \d{3}\.$/);
  expect(canaryOf('a', 'The access number of Elm is twelve.', canaryTemplate, 2)).toBeUndefined();
  expect(() => parseCanaries('{"text":"no digits","template":"no digits"}')).toThrow(/line 1/);
});

test('computes the measures', () => {
  expect(exposure(1024, 1)).toBe(10);
  expect(minK([-1, -2, -3, -4, -5], 20)).toBe(5);
  expect(minK([-1], 1)).toBe(1);
  expect(roc([2, 3], [0, 1])).toMatchObject({ auc: 1, tprAtFpr: { '0.1': 1 } });
  expect(roc([1], [1]).auc).toBe(0.5);
  expect(auditEpsilon({ tp: 50, members: 100, fp: 50, nonmembers: 100 }, 0).epsilon).toBe(0);
  expect(auditOneRun(100, 50)).toBe(0);
  expect(auditOneRun(1000, 1000)).toBeGreaterThan(5);
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect([...roundedScores([Float64Array.of(-1.3)], 0.5)[0]!]).toEqual([-1.5]);
});

test('the area under the curve turns round when the sides change', () => {
  const scores = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(scores, scores, (left, right) => {
      expect(roc(left, right).auc + roc(right, left).auc).toBeCloseTo(1, 12);
    }),
  );
});

test('the interval of an area holds the area', () => {
  const random = createRandom(4);
  const draw = (shift: number) => Array.from({ length: 60 }, () => random.normal() + shift);
  const [found] = membership({ loss: draw(1) }, { loss: draw(0) }, 1);
  expect(found!.aucInterval[0]).toBeLessThan(found!.auc);
  expect(found!.aucInterval[1]).toBeGreaterThan(found!.auc);
});

test('counts an answer that is right but for a few characters as near, not as exact', async () => {
  const text = 'x'.repeat(50);
  const target = {
    name: 'almost',
    score: () => Promise.resolve(undefined),
    complete: () => Promise.resolve(`${'x'.repeat(19)}y${'x'.repeat(20)}`),
  };
  expect(await extract(target, [{ text, start: 10, end: 50 }])).toEqual({ tried: 1, exact: 0, near: 1 });
});
