import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openCkks } from '../../src/models/encrypted/ckks.ts';
import { rawScore, type LinearModel } from '../../src/models/encrypted/linear.ts';
import { harden } from '../../src/models/robustness/harden.ts';
import { readLabelled } from '../../src/models/robustness/input.ts';
import { addExchange, type MonitoredExchange, type Window } from '../../src/models/monitoring/signals.ts';

/** Milliseconds of processor time that the work takes. */
function cpu<T>(work: () => T): { ms: number; value: T } {
  const before = process.cpuUsage();
  const value = work();
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1000, value };
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

async function encrypted(): Promise<void> {
  const ckks = await openCkks();
  const keys = ckks.keygen();
  const client = ckks.client(keys.secret);
  for (const dimensions of [1024, 4096] as const) {
    const model: LinearModel = {
      format: 'merlon-encrypted-linear/1',
      finds: 'prompt_injection',
      dimensions,
      bias: -0.5,
      threshold: 0.5,
      weights: Array.from({ length: dimensions }, (_, index) => 4 * Math.sin(index * index)),
    };
    const server = ckks.server(keys.evaluation, model);
    const rounds: { encrypt: number; score: number; decrypt: number; clear: number }[] = [];
    let error = 0;
    let sizes = '';
    for (let round = 0; round < 15; round++) {
      const text = `Round ${round}: please look at the attached letter and tell me what the sender wants from us.`;
      const request = cpu(() => client.encrypt(text, dimensions));
      const reply = cpu(() => server.score(request.value));
      const answer = cpu(() => client.decrypt(reply.value));
      const clear = cpu(() => rawScore(model, text));
      error = Math.max(error, Math.abs(answer.value.raw - clear.value));
      sizes = `${request.value.length} bytes up, ${reply.value.length} down`;
      rounds.push({ encrypt: request.ms, score: reply.ms, decrypt: answer.ms, clear: clear.ms });
    }
    const of = (key: keyof (typeof rounds)[number]) => median(rounds.map((one) => one[key]));
    const total = of('encrypt') + of('score') + of('decrypt');
    console.log(
      `encrypted scoring, d = ${dimensions}: ${total.toFixed(1)} ms CPU round trip (encrypt ${of('encrypt').toFixed(1)}, score ${of('score').toFixed(1)}, decrypt ${of('decrypt').toFixed(1)}; in the clear ${of('clear').toFixed(2)}), error ${error.toExponential(1)}, ${sizes}`,
    );
    server.close();
  }
  client.close();
}

async function adversarial(): Promise<void> {
  const file = join(process.env['MERLON_SHARED'] ?? '../shared', 'data/text/train.jsonl.gz');
  if (!existsSync(file)) {
    console.log(`adversarial training: ${file} is not there`);
    return;
  }
  const { texts } = await readLabelled(file);
  const short = texts.filter(({ text }) => text.length < 1200);
  // Every so many, so that all sources are there.
  const some = (label: 0 | 1, count: number) => {
    const all = short.filter((one) => one.label === label);
    return Array.from({ length: count }, (_, index) => all[Math.floor((index * all.length) / count)]!);
  };
  const { value, ms } = cpu(() => harden([...some(0, 2000), ...some(1, 2000)]));
  const points = (share: number) => (share * 100).toFixed(1);
  const { before, after, verdict } = value;
  console.log(
    `adversarial training, operators held out: recall ${points(before.robustHeldOut)} → ${points(after.robustHeldOut)}; clean ${points(before.clean)} → ${points(after.clean)}; false positives ${points(before.falsePositives)} → ${points(after.falsePositives)}; gate ${verdict.passed ? 'passed' : 'refused'}; ${(ms / 1000).toFixed(0)} s CPU`,
  );
}

function monitoring(): void {
  const exchange: MonitoredExchange = {
    at: 0,
    client: 'bot',
    model: 'm',
    status: 200,
    action: 'allow',
    latencyMs: 400,
    tokens: { prompt: 200, completion: 120 },
    findings: [{ type: 'email_address' }],
    texts: [
      {
        surface: 'assistant',
        pointer: '/choices/0/message/content',
        text: 'This is the answer to the question, and it is of the usual length. '.repeat(8),
      },
    ],
  };
  const window: Window = {};
  const count = 20_000;
  const { ms } = cpu(() => {
    for (let n = 0; n < count; n++) addExchange(window, exchange);
  });
  console.log(`monitor: ${((ms * 1000) / count).toFixed(1)} µs CPU per exchange`);
}

monitoring();
await encrypted();
await adversarial();
