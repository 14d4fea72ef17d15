// Added latency, throughput and CPU of the data plane, against a bare node:http + undici proxy in the same run.
// `--full` measures the whole table: 1, 32 and 128 connections, 2 kB and 20 kB prompts, controls off and on.
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { openStore } from '../../src/adapters/open-store.ts';
import { controls } from '../../src/gateway/controls/registry.gen.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { migrations, openGatewayStore } from '../../src/gateway/store.ts';
import { testKey, testPlan } from '../../src/gateway/testing.ts';
import { createInspector } from '../../src/inspection/inspector.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { openLedger } from '../../src/ledger/ledger.ts';

const full = process.argv.includes('--full');
const role = process.argv.find((one) => one.startsWith('--role='))?.slice(7);
const chunks = 100;
const gapMs = 10;

type Message =
  | { ask: 'load'; load: Load }
  | { ask: 'cpu' }
  | { ask: 'stop' }
  | { tell: 'port'; port: number }
  | { tell: 'cpu'; us: number; rss: number }
  | { tell: 'result'; result: Result };

interface Load {
  port: number;
  kind: 'closed' | 'open' | 'stream';
  connections: number;
  /** Requests per second, for `open`. */
  rate: number;
  ms: number;
  bytes: number;
}

interface Result {
  done: number;
  failed: number;
  seconds: number;
  p50: number;
  p99: number;
  /** Chunk delay and first token, for `stream`. */
  chunk50: number;
  chunk99: number;
  first50: number;
}

const tell = (message: Message): void => void process.send?.(message);
const port = (server: Server): number => (server.address() as AddressInfo).port;

switch (role) {
  case 'upstream':
    await upstream();
    break;
  case 'bare':
    await bare(Number(process.argv.at(-1)));
    break;
  case 'off':
  case 'on':
    await gateway(role === 'on', Number(process.argv.at(-1)));
    break;
  case 'load':
    process.on('message', (message: Message) => {
      if ('ask' in message && message.ask === 'load')
        void generate(message.load).then((result) => tell({ tell: 'result', result }));
    });
    tell({ tell: 'port', port: 0 });
    break;
  default:
    await measure();
}

// The parts, each in a process of its own.

async function serve(server: Server): Promise<void> {
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 4096, resolve));
  answerCpu();
  tell({ tell: 'port', port: port(server) });
}

function answerCpu(stop?: () => Promise<void>): void {
  process.on('message', (message: Message) => {
    if (!('ask' in message)) return;
    if (message.ask === 'cpu') {
      const { user, system } = process.cpuUsage();
      tell({ tell: 'cpu', us: user + system, rss: process.memoryUsage.rss() });
    }
    if (message.ask === 'stop') void (stop?.() ?? Promise.resolve()).then(() => process.exit(0));
  });
}

function upstream(): Promise<void> {
  const words = 'The harbour museum opens at nine and shows lighthouses, ropes, maps and a small ship. ';
  const answer = JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-test',
    choices: [{ index: 0, message: { role: 'assistant', content: words.repeat(12) }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 500, completion_tokens: 250, total_tokens: 750 },
  });
  const pieces = words.split(/(?<= )/);
  const chunk = (delta: unknown, finish: string | null): string =>
    `data: ${JSON.stringify({ id: `c${process.hrtime.bigint()}`, object: 'chat.completion.chunk', created: 1, model: 'gpt-test', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  return serve(
    createServer((request, response) => {
      const body: Buffer[] = [];
      request.on('data', (part: Buffer) => body.push(part));
      request.on('end', () => {
        if (!Buffer.concat(body).includes('"stream":true')) {
          response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
          return;
        }
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        let sent = 0;
        const timer = setInterval(() => {
          if (sent < chunks && !response.destroyed) {
            response.write(chunk({ content: pieces[sent % pieces.length] }, null));
            sent++;
            return;
          }
          clearInterval(timer);
          response.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
        }, gapMs);
      });
    }),
  );
}

function bare(to: number): Promise<void> {
  const pool = new Pool(`http://127.0.0.1:${to}`, { connections: null, pipelining: 1 });
  return serve(
    createServer((request, response) => {
      const body: Buffer[] = [];
      request.on('data', (part: Buffer) => body.push(part));
      request.on('end', () => {
        const bytes = Buffer.concat(body);
        JSON.parse(bytes.toString());
        pool.dispatch(
          {
            path: request.url!,
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: bytes,
          },
          {
            onRequestStart: () => {},
            onResponseStart: (_controller, status, headers) => {
              response.writeHead(status, { 'content-type': String(headers['content-type']) });
            },
            onResponseData: (_controller, part) => void response.write(part),
            onResponseEnd: () => void response.end(),
            onResponseError: (_controller, error) => void response.destroy(error),
          },
        );
      });
    }),
  );
}

async function gateway(controlled: boolean, to: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'merlon-bench-'));
  const store = await openStore(`sqlite:${join(dir, 'merlon.db')}`);
  await store.migrate(migrations);
  const ledger = await openLedger({
    store,
    key: new Secret(Buffer.alloc(32, 7)),
    clock: systemClock,
    dir: join(dir, 'ledger'),
  });
  // Compiled benches lie elsewhere, so assets are found from where `npm run bench` was started.
  const asset = (name: string): Buffer => readFileSync(join('assets/inspection', name));
  const inspector = createInspector({
    secrets: JSON.parse(asset('secrets.json').toString()),
    injection: { user: asset('injection-user.bin'), context: asset('injection-context.bin') },
  });
  const state = await openGatewayStore({ store, clock: systemClock, inspect: inspector.inspect });
  const generous = { requestsPerMinute: 1e9, tokensPerDay: 1e15, concurrentStreams: 100_000 };
  const plan = testPlan(
    controlled ? controls.map(({ id }) => ({ control: id, settings: id === 'budget' ? generous : {} })) : [],
  );
  const target = createGateway({
    plan,
    controls,
    services: {
      inspect: inspector.inspect,
      hold: inspector.hold,
      scopedKey: () => Promise.resolve(Buffer.alloc(32, 1)),
      counters: state.counters,
      approvals: state.approvals,
      now: () => Date.now(),
    },
    ledger,
    authenticate: (presented) =>
      presented === testKey
        ? { kind: 'client', id: 'bench', tenant: 'default', element: 'bot', credential: 'bench' }
        : undefined,
    upstreams: { test: { baseUrl: `http://127.0.0.1:${to}/v1` } },
    limits: { concurrency: 4096, perClient: 4096 },
    onDecision: (exchange) => state.record(exchange),
    onError: (where, error) => console.error(where, error),
  });
  const { port: actual } = await target.listen({ port: 0 });
  answerCpu(async () => {
    await target.close();
    await state.close();
    await ledger.close();
    await store.close();
    rmSync(dir, { recursive: true });
  });
  tell({ tell: 'port', port: actual });
}

// The load generator.

async function generate({ port: to, kind, connections, rate, ms, bytes }: Load): Promise<Result> {
  const pool = new Pool(`http://127.0.0.1:${to}`, { connections: null, pipelining: 1 });
  const latencies: number[] = [];
  const delays: number[] = [];
  const firsts: number[] = [];
  let failed = 0;
  let n = 0;
  const filler =
    'please tell me more about the boats, the ropes and the old lamps of the museum in your town. ';
  const padding = filler.repeat(Math.ceil(bytes / filler.length)).slice(0, Math.max(0, bytes - 300));
  const body = (): string =>
    JSON.stringify({
      model: 'gpt-test',
      ...(kind === 'stream' ? { stream: true } : {}),
      messages: [
        {
          role: 'system',
          content: 'You are the assistant of the Harbour Museum. Answer politely and briefly.',
        },
        { role: 'user', content: `Question ${n++}: ${padding}` },
      ],
    });
  const send = (began: number): Promise<void> =>
    new Promise((resolve) => {
      let ok = false;
      let first = true;
      pool.dispatch(
        {
          path: '/v1/chat/completions',
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${testKey}` },
          body: body(),
        },
        {
          onRequestStart: () => {},
          onResponseStart: (_controller, status) => {
            ok = status === 200;
          },
          onResponseData: (_controller, part) => {
            if (kind !== 'stream') return;
            const now = process.hrtime.bigint();
            for (const [, stamp] of part.toString('latin1').matchAll(/"id":"c(\d+)"/g)) {
              if (first) firsts.push(Number(now - BigInt(stamp!)) / 1e6);
              else delays.push(Number(now - BigInt(stamp!)) / 1e6);
              first = false;
            }
          },
          onResponseEnd: () => {
            if (ok) latencies.push(performance.now() - began);
            else failed++;
            resolve();
          },
          onResponseError: () => {
            failed++;
            resolve();
          },
        },
      );
    });
  const begin = performance.now();
  const end = begin + ms;
  if (kind === 'open') {
    const underWay: Promise<void>[] = [];
    for (let sent = 0; performance.now() < end;) {
      const due = Math.floor(((performance.now() - begin) * rate) / 1000);
      // Latency counts from when a request was due, so that a generator that falls behind does not flatter.
      while (sent < due) underWay.push(send(begin + (sent++ * 1000) / rate));
      await sleep(1);
    }
    await Promise.race([Promise.all(underWay), sleep(5000)]);
  } else {
    const loop = async (place: number): Promise<void> => {
      if (kind === 'stream') await sleep((place * chunks * gapMs) / connections);
      while (performance.now() < end) await send(performance.now());
    };
    await Promise.all(Array.from({ length: connections }, (_, place) => loop(place)));
  }
  const seconds = (performance.now() - begin) / 1000;
  await pool.destroy();
  return {
    done: latencies.length,
    failed,
    seconds,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    chunk50: quantile(delays, 0.5),
    chunk99: quantile(delays, 0.99),
    first50: quantile(firsts, 0.5),
  };
}

function quantile(values: number[], q: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!;
}

// The measurement.

function start(name: string, ...rest: string[]): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(fileURLToPath(import.meta.url), [`--role=${name}`, ...rest], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`${name} ended`)));
    child.once('message', (message: Message) => {
      if ('tell' in message && message.tell === 'port') resolve({ child, port: message.port });
    });
  });
}

function ask<T extends Message>(child: ChildProcess, message: Message): Promise<T> {
  return new Promise((resolve) => {
    child.once('message', (answer: T) => resolve(answer));
    child.send(message);
  });
}

async function measure(): Promise<void> {
  const behind = await start('upstream');
  const generator = await start('load');
  const names = ['direct', 'bare', 'off', 'on'] as const;
  const servers = {
    direct: behind,
    bare: await start('bare', String(behind.port)),
    off: await start('off', String(behind.port)),
    on: await start('on', String(behind.port)),
  };
  const run = async (name: keyof typeof servers, load: Omit<Load, 'port'>) => {
    const { child, port: to } = servers[name];
    const before = await ask<Extract<Message, { tell: 'cpu' }>>(child, { ask: 'cpu' });
    const { result } = await ask<Extract<Message, { tell: 'result' }>>(generator.child, {
      ask: 'load',
      load: { ...load, port: to },
    });
    const after = await ask<Extract<Message, { tell: 'cpu' }>>(child, { ask: 'cpu' });
    return { ...result, cpu: (after.us - before.us) / Math.max(1, result.done), rss: after.rss };
  };
  const ms = full ? 5000 : 2000;
  // The compiler is at work for some seconds; a shorter warm-up measures it.
  const warm = { kind: 'closed', connections: 32, rate: 0, ms: full ? 10_000 : 6000, bytes: 2000 } as const;
  for (const name of names) await run(name, warm);

  console.log('target  conns  prompt   requests/s  of bare   p50 ms   p99 ms  CPU µs/request  failed');
  for (const bytes of full ? [2000, 20_000] : [2000])
    for (const connections of full ? [1, 32, 128] : [32]) {
      let baseline = 1;
      for (const name of names) {
        const result = await run(name, { kind: 'closed', connections, rate: 0, ms, bytes });
        const rate = result.done / result.seconds;
        if (name === 'bare') baseline = rate;
        console.log(
          `${name.padEnd(7)} ${String(connections).padStart(5)}  ${`${bytes / 1000} kB`.padStart(6)}  ${rate.toFixed(0).padStart(11)}  ` +
            `${name === 'direct' ? '       ' : `${((100 * rate) / baseline).toFixed(0)} %`.padStart(7)}  ${result.p50.toFixed(2).padStart(7)}  ${result.p99.toFixed(2).padStart(7)}  ` +
            `${name === 'direct' ? '              ' : result.cpu.toFixed(0).padStart(14)}  ${String(result.failed).padStart(6)}`,
        );
      }
    }

  console.log('\nopen loop, 2 kB prompts, added over direct');
  for (const rate of full ? [1000, 3000] : [1000]) {
    const direct = await run('direct', { kind: 'open', connections: 64, rate, ms: ms * 2, bytes: 2000 });
    for (const name of ['bare', 'off', 'on'] as const) {
      const result = await run(name, { kind: 'open', connections: 64, rate, ms: ms * 2, bytes: 2000 });
      console.log(
        `${name.padEnd(5)} ${rate}/s: p50 +${(result.p50 - direct.p50).toFixed(2)} ms, p99 +${(result.p99 - direct.p99).toFixed(2)} ms, ` +
          `${result.cpu.toFixed(0)} µs CPU, ${(result.done / result.seconds).toFixed(0)}/s done, ${result.failed} failed, ${(result.rss / 1e6).toFixed(0)} MB`,
      );
    }
  }

  console.log(`\nstreams of ${chunks} chunks, one each ${gapMs} ms, added over direct`);
  for (const connections of full ? [1, 32, 100, 128] : [100]) {
    const load = { kind: 'stream', connections, rate: 0, ms: full ? 8000 : 3000, bytes: 2000 } as const;
    const direct = await run('direct', load);
    for (const name of ['bare', 'off', 'on'] as const) {
      const result = await run(name, load);
      console.log(
        `${name.padEnd(5)} ${connections} at once: first token +${(result.first50 - direct.first50).toFixed(2)} ms, chunk p50 +${(result.chunk50 - direct.chunk50).toFixed(2)} ms, ` +
          `p99 +${(result.chunk99 - direct.chunk99).toFixed(2)} ms, ${(result.cpu / chunks).toFixed(0)} µs CPU per chunk, ${result.failed} failed`,
      );
    }
  }
  for (const { child } of [...Object.values(servers), generator])
    child.removeAllListeners('exit').send({ ask: 'stop' });
  setTimeout(() => {
    for (const { child } of [...Object.values(servers), generator]) child.kill();
  }, 3000).unref();
}
