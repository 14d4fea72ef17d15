import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SecurityEvent } from '../../kernel/event.ts';
import { openCanaries } from './canaries.ts';
import { canaryPrompts, compareFingerprints, fingerprint, type CanaryAnswer } from './canary.ts';
import { compareSketches } from './compare.ts';
import { evidenceOf } from './detector.ts';
import { languageOf } from './language.ts';
import { openMonitor, type MonitorSettings } from './monitor.ts';
import { isRefusal, type MonitoredExchange } from './signals.ts';
import { addCategory, addNumber, emptySketch, merge, sketchQuantile, type Sketch } from './sketch.ts';
import type { MonitorStore } from './store.ts';

/** Seeded, so that a run can be repeated. */
function randomness(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** The rows in memory. */
function memoryStore(): MonitorStore {
  const series = new Map<string, { client: string; model: string; body: string }>();
  const windows = new Map<string, { number: number; body: string }[]>();
  const canaries = new Map<string, string>();
  const key = (client: string, model: string) => `${client}\0${model}`;
  return {
    series: () => Promise.resolve([...series.values()]),
    windows: (client, model, most) =>
      Promise.resolve([...(windows.get(key(client, model)) ?? [])].reverse().slice(0, most)),
    save(changed, closed) {
      for (const row of changed) series.set(key(row.client, row.model), row);
      for (const { client, model, number, body } of closed) {
        const list = windows.get(key(client, model)) ?? [];
        list.push({ number, body });
        windows.set(key(client, model), list);
      }
      return Promise.resolve();
    },
    canary: (target) => {
      const body = canaries.get(target);
      return Promise.resolve(body === undefined ? undefined : { body });
    },
    canaries: () => Promise.resolve([...canaries].map(([target, body]) => ({ target, body }))),
    saveCanary(target, body) {
      canaries.set(target, body);
      return Promise.resolve({ changes: 1 });
    },
  };
}

async function watching(settings: Partial<MonitorSettings> = {}, store = memoryStore()) {
  const alarms: SecurityEvent[] = [];
  const clock = { time: 1_800_000_000_000, now: () => clock.time };
  const monitor = await openMonitor({
    store,
    clock,
    record: (event) => Promise.resolve(alarms.push(event)),
    settings,
  });
  return { monitor, alarms, clock, store };
}

interface Habits {
  refusal: number;
  /** Shift of the logarithm of the length, in standard deviations. */
  longer: number;
  german: number;
}

function exchange(random: () => number, habits: Habits, at: number): MonitoredExchange {
  const refused = random() < habits.refusal;
  const text = refused
    ? 'I’m sorry, but I cannot help with that request.'
    : random() < habits.german
      ? 'Das ist die Antwort auf die Frage, und sie ist nicht lang, aber es geht auch um den Rest.'
      : 'This is the answer to the question, and it is not long, but you can see what it is about.';
  return {
    at,
    client: 'bot',
    model: 'm-1',
    status: 200,
    action: 'allow',
    latencyMs: Math.exp(6 + 0.4 * normal(random)),
    tokens: {
      prompt: Math.round(Math.exp(5 + 0.7 * normal(random))),
      completion: Math.round(Math.exp(4 + 0.5 * (normal(random) + habits.longer))) + 1,
    },
    findings: random() < 0.05 ? [{ type: 'email_address' }] : [],
    texts: [
      {
        surface: 'user',
        pointer: '/messages/0/content',
        text: 'Eine Frage, die nicht zählt und die das nicht ist',
      },
      { surface: 'assistant', pointer: '/choices/0/message/content', text },
    ],
  };
}

const usual: Habits = { refusal: 0.02, longer: 0, german: 0.1 };

test('stays quiet on steady traffic, however much of it there is', async () => {
  const { monitor, alarms } = await watching();
  const random = randomness(7);
  for (let n = 0; n < 20_000; n++) monitor.observe(exchange(random, usual, n * 1000));
  await monitor.close();
  expect(alarms).toEqual([]);
  expect(monitor.list().series[0]).toMatchObject({ client: 'bot', model: 'm-1', state: 'steady' });
});

test.each([
  ['refusal', { ...usual, refusal: 0.08 }],
  ['answer-length', { ...usual, longer: 0.3 }],
  ['language', { ...usual, german: 0.25 }],
])('finds a change of %s within 2,000 exchanges and blames nothing else', async (signal, habits) => {
  const { monitor, alarms } = await watching();
  const random = randomness(11);
  for (let n = 0; n < 3000; n++) monitor.observe(exchange(random, usual, n * 1000));
  await monitor.flush();
  expect(alarms).toEqual([]);
  for (let n = 3000; n < 5000; n++) monitor.observe(exchange(random, habits, n * 1000));
  await monitor.close();
  expect(alarms.map((event) => event.unmapped)).toEqual([
    expect.objectContaining({ detection: 'model-drift', signal, change: 'drift', client: 'bot' }),
  ]);
  expect(alarms[0]).toMatchObject({ class_uid: 2004, ai_model: { name: 'm-1' } });
});

test('says when a drift is over, once, and not again while it lasts', async () => {
  const { monitor, alarms } = await watching();
  const random = randomness(5);
  const send = (count: number, habits: Habits) => {
    for (let n = 0; n < count; n++) monitor.observe(exchange(random, habits, 0));
  };
  send(2000, usual);
  send(3000, { ...usual, refusal: 0.3 });
  send(6000, usual);
  await monitor.close();
  expect(alarms.map(({ unmapped }) => unmapped['change'])).toEqual(['drift', 'recovery']);
});

test('goes on where it was after a restart', async () => {
  const store = memoryStore();
  const random = randomness(3);
  const first = await watching({}, store);
  for (let n = 0; n < 2100; n++) first.monitor.observe(exchange(random, usual, 0));
  await first.monitor.close();
  const second = await watching({}, store);
  expect(second.monitor.list()).toEqual(first.monitor.list());
  for (let n = 0; n < 2000; n++) second.monitor.observe(exchange(random, { ...usual, refusal: 0.2 }, 0));
  await second.monitor.close();
  expect(second.alarms).toHaveLength(1);
});

test('learns anew when a change was meant', async () => {
  const { monitor, alarms } = await watching();
  const random = randomness(3);
  for (let n = 0; n < 1000; n++) monitor.observe(exchange(random, usual, 0));
  await monitor.relearn('bot', 'm-1');
  expect(monitor.list().series[0]).toMatchObject({ state: 'learning' });
  for (let n = 0; n < 4000; n++) monitor.observe(exchange(random, { ...usual, refusal: 0.4 }, 0));
  await monitor.close();
  expect(alarms.map(({ message }) => message)).toEqual(['reference of the drift monitor learnt anew']);
  await expect(monitor.relearn('bot', 'nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('closes a window by age, and records an alarm again when recording failed', async () => {
  const store = memoryStore();
  const seen: string[] = [];
  let works = false;
  const clock = { time: 0, now: () => clock.time };
  const monitor = await openMonitor({
    store,
    clock,
    record: (event) =>
      works ? Promise.resolve(seen.push(event.message)) : Promise.reject(new Error('full')),
    settings: { windowSize: 10_000, windowMs: 60_000, windowLeast: 100, referenceWindows: 2 },
  });
  const random = randomness(9);
  for (let window = 0; window < 12; window++) {
    const habits = window < 2 ? usual : { ...usual, refusal: 0.9 };
    for (let n = 0; n < 120; n++) monitor.observe(exchange(random, habits, clock.time));
    clock.time += 60_000;
  }
  await expect(monitor.flush()).rejects.toThrow('full');
  works = true;
  await monitor.close();
  expect(seen).toEqual(['model behaviour drifted: refusals']);
});

const sketchOf = (values: readonly number[]): Sketch => {
  const sketch = emptySketch('numeric');
  for (const value of values) addNumber(sketch, value);
  return sketch;
};

test('merged sketches are the sketch of all values, in any order', () => {
  const values = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { maxLength: 50 });
  fc.assert(
    fc.property(values, values, (left, right) => {
      const [ab, ba] = [sketchOf(left), sketchOf(right)];
      merge(ab, sketchOf(right));
      merge(ba, sketchOf(left));
      const all = sketchOf([...left, ...right]);
      expect(ab).toEqual(all);
      expect(ba).toEqual(all);
    }),
  );
});

test('a sketch knows its quantiles to 2 %', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), { minLength: 1 }), (values) => {
      const sketch = emptySketch('numeric');
      for (const value of values) addNumber(sketch, value);
      const sorted = [...values].sort((a, b) => a - b);
      const median = sorted[Math.ceil(values.length / 2) - 1]!;
      expect(Math.abs(sketchQuantile(sketch, 0.5)! - median)).toBeLessThanOrEqual(0.0201 * median);
    }),
  );
});

test('categories with the names of built-in things are counted as any other', () => {
  const sketch = emptySketch('categorical');
  for (const name of ['__proto__', 'constructor', '__proto__']) addCategory(sketch, name);
  const copy = emptySketch('categorical');
  merge(copy, JSON.parse(JSON.stringify(sketch)) as Sketch);
  expect(Object.entries(copy.categories)).toEqual([
    ['__proto__', 2],
    ['constructor', 1],
  ]);
});

test('unlimited variety of categories is counted in bounded memory', () => {
  const sketch = emptySketch('categorical');
  for (let n = 0; n < 5000; n++) addCategory(sketch, `tool-${n}`);
  expect(Object.keys(sketch.categories).length).toBeLessThanOrEqual(201);
  expect(sketch.count).toBe(5000);
});

test('comparing is symmetric in effect and p', () => {
  const values = fc.array(fc.nat(1000), { minLength: 20, maxLength: 80 });
  fc.assert(
    fc.property(values, values, (left, right) => {
      const there = compareSketches(sketchOf(left), sketchOf(right));
      const back = compareSketches(sketchOf(right), sketchOf(left));
      expect(there.effect).toBeCloseTo(back.effect, 12);
      expect(there.p).toBeCloseTo(back.p, 12);
    }),
  );
});

test('evidence has mean one over p-values without change', () => {
  let sum = 0;
  const steps = 400_000;
  // Substituting p = e^-t puts the points where the mass is.
  for (let n = 0; n < steps; n++) {
    const t = ((n + 0.5) / steps) * 400;
    sum += evidenceOf(Math.exp(-t)) * Math.exp(-t) * (400 / steps);
  }
  expect(sum).toBeLessThanOrEqual(1.001);
  expect(sum).toBeGreaterThan(0.95);
  expect(evidenceOf(1e-9)).toBeGreaterThan(1e5);
});

test('tells languages and refusals apart', () => {
  expect(languageOf('The quick brown fox is in the house, and it has not been seen.')).toBe('en');
  expect(languageOf('Der schnelle Fuchs ist im Haus und wurde nicht gesehen, weil es dunkel war.')).toBe(
    'de',
  );
  expect(languageOf('Le renard est dans la maison et il ne sort pas avec les chiens.')).toBe('fr');
  expect(languageOf('これは日本語の文章です。')).toBe('ja');
  expect(languageOf('42')).toBe('none');
  expect(isRefusal('I’m sorry, but I can’t help with that.')).toBe(true);
  expect(isRefusal('Es tut mir leid, dabei kann ich nicht helfen.')).toBe(true);
  expect(isRefusal('Sure: the capital of Australia is Canberra.')).toBe(false);
});

/** A model that answers in its own style, with some chance in its words. */
function model(style: readonly string[], random: () => number, facts: Partial<CanaryAnswer> = {}) {
  return (prompt: string): Promise<CanaryAnswer> => {
    const words = style.map((word) => (random() < 0.15 ? `${word}s` : word));
    return Promise.resolve({
      text: `${words.join(' ')} ${prompt.slice(0, 30)}`,
      promptTokens: prompt.length,
      ...facts,
    });
  };
}

const one = 'a calm and plain answer in few words about'.split(' ');
const other = 'Certainly! Here is a delightful, thorough response regarding'.split(' ');
const still = { now: () => 0 };

test('a model that answers as before has not changed; another behind the same name has', async () => {
  const before = await fingerprint(model(one, randomness(1)), { clock: still, times: 6 });
  const again = await fingerprint(model(one, randomness(2)), { clock: still, times: 3 });
  const replaced = await fingerprint(model(other, randomness(3)), { clock: still, times: 3 });
  expect(compareFingerprints(before, again)).toMatchObject({ changed: false, reasons: [] });
  expect(compareFingerprints(before, replaced)).toMatchObject({
    changed: true,
    reasons: ['answers to the same prompts are different'],
  });
});

test('another count of the same tokens is another model, whatever it answers', async () => {
  const before = await fingerprint(model(one, randomness(1)), { clock: still });
  const recounted = await fingerprint(model(one, randomness(2), { promptTokens: 5 }), { clock: still });
  expect(compareFingerprints(before, recounted)).toMatchObject({
    changed: true,
    reasons: [
      `${canaryPrompts.length} prompts have another number of tokens: the tokenizer or template changed`,
    ],
  });
});

test('a fingerprint holds no text of the answers', async () => {
  const print = await fingerprint(model(one, randomness(1)), { clock: still, times: 2 });
  expect(JSON.stringify(print)).not.toContain('calm');
});

test('canaries learn first, alarm once when the model is replaced, and can learn anew', async () => {
  const alarms: SecurityEvent[] = [];
  const canaries = openCanaries({
    store: memoryStore(),
    clock: still,
    record: (event) => Promise.resolve(alarms.push(event)),
  });
  const target = { name: 'm-1', provider: 'p' };
  expect(await canaries.check(target, model(one, randomness(1)))).not.toHaveProperty('verdict');
  expect((await canaries.check(target, model(one, randomness(2)))).verdict?.changed).toBe(false);
  await canaries.check(target, model(other, randomness(3)));
  await canaries.check(target, model(other, randomness(4)));
  expect(alarms).toHaveLength(1);
  await canaries.relearn(target, model(other, randomness(5)));
  expect((await canaries.check(target, model(other, randomness(6)))).verdict?.changed).toBe(false);
  expect(await canaries.list()).toHaveLength(1);
});
