import { once } from 'node:events';
import { connect } from 'node:net';
import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { defineControl } from '../../src/kernel/control.ts';
import { SseParser } from '../../src/gateway/sse.ts';
import {
  chunkOf,
  hello,
  reply,
  replyStream,
  said,
  streamOf,
  testKey,
  testPlan,
  testRig,
  type TestRig,
} from '../../src/gateway/testing.ts';

let rig: TestRig | undefined;
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

const streamed = { ...hello, stream: true };

/** Masks the word "badger" wherever it is; holds what may be its beginning. */
const word = 'badger';
const noBadgers = defineControl({
  id: 'no-badgers',
  title: 'No badgers',
  area: 'model',
  point: 'message',
  objectives: ['out-guard'],
  mitigates: [],
  surfaces: ['user', 'system', 'document', 'tool_result', 'assistant', 'tool_call'],
  settings: z.strictObject({ action: z.enum(['mask', 'block']).default('mask').describe('What happens.') }),
  inspect({ text }, { action }) {
    const start = text.indexOf(word);
    if (start < 0) return { action: 'allow' };
    const findings = [{ type: 'badger', detector: 'test', score: 1, start, end: start + word.length }];
    return action === 'block'
      ? { action, findings, reason: 'a badger' }
      : { action, findings, text: text.replaceAll(word, '[animal]') };
  },
  stream: {
    window: 16,
    hold(text) {
      for (let length = word.length - 1; length > 0; length--)
        if (text.endsWith(word.slice(0, length))) return length;
      return 0;
    },
  },
});
const guarded = (action: 'mask' | 'block' = 'mask') =>
  testPlan([{ control: 'no-badgers', settings: { action } }]);

/** What a client reads out of a stream: text, tool calls and errors. */
function read(stream: string) {
  const parser = new SseParser(1e6);
  const events = parser.push(Buffer.from(stream));
  const out = { text: '', calls: '', finish: '', error: '', done: false, logprobs: false };
  for (const { data } of events) {
    if (data === undefined) continue;
    if (data === '[DONE]') {
      out.done = true;
      continue;
    }
    const chunk = JSON.parse(data) as {
      error?: { code: string };
      choices?: {
        delta?: { content?: string; tool_calls?: { function?: { arguments?: string } }[] };
        finish_reason?: string;
        logprobs?: unknown;
      }[];
    };
    out.error ||= chunk.error?.code ?? '';
    for (const choice of chunk.choices ?? []) {
      out.text += choice.delta?.content ?? '';
      out.calls += choice.delta?.tool_calls?.[0]?.function?.arguments ?? '';
      out.finish ||= choice.finish_reason ?? '';
      out.logprobs ||= choice.logprobs !== undefined && choice.logprobs !== null;
    }
  }
  return out;
}

test('reads any chunking of any line ends: the events are the same', () => {
  const event = fc
    .record({
      data: fc.array(
        fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, '')),
        {
          minLength: 1,
          maxLength: 3,
        },
      ),
      comment: fc.boolean(),
      end: fc.constantFrom('\n', '\r\n', '\r'),
    })
    .map(({ data, comment, end }) => ({
      bytes: `${comment ? `: ping${end}` : ''}${data.map((line) => `data: ${line}${end}`).join('')}${end}`,
      data: data.join('\n'),
    }));
  fc.assert(
    fc.property(fc.array(event, { maxLength: 6 }), fc.array(fc.nat(12)), (events, cuts) => {
      const bytes = Buffer.from(events.map((one) => one.bytes).join(''));
      const parser = new SseParser(1e6);
      const found = [];
      let at = 0;
      for (const cut of cuts) {
        found.push(...parser.push(bytes.subarray(at, at + cut)));
        at += cut;
      }
      found.push(...parser.push(bytes.subarray(Math.min(at, bytes.length))));
      const rest = parser.end();
      if (rest) found.push(rest);
      expect(found.flatMap((one) => one.data ?? [])).toEqual(events.map((one) => one.data));
      expect(Buffer.concat(found.map((one) => one.raw)).equals(bytes)).toBe(true);
    }),
  );
});

test('a stream that comes one byte at a time, with CR LF, comments and split characters, is the same stream', async () => {
  const stream = `: hello\r\n\r\n${streamOf(['Grüße ', '👩‍🚀', ' the badger says hi'])}`.replaceAll(
    '\n\n',
    '\r\n\r\n',
  );
  rig = await testRig(
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      const bytes = Buffer.from(stream);
      let at = 0;
      const next = (): void => {
        if (at === bytes.length) response.end();
        else response.write(bytes.subarray(at, ++at), () => setImmediate(next));
      };
      next();
    },
    guarded(),
    [noBadgers],
  );
  const out = read(await (await rig.chat(streamed)).text());
  expect(out).toMatchObject({ text: 'Grüße 👩‍🚀 the [animal] says hi', finish: 'stop', done: true, error: '' });
});

test('nothing that a control removes gets out, however the answer is cut into chunks', async () => {
  const answer = 'a bad badger, a badge and two badgers';
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), async (sizes) => {
      const pieces: string[] = [];
      for (let at = 0, i = 0; at < answer.length; i++) {
        const size = sizes[i % sizes.length]!;
        pieces.push(answer.slice(at, at + size));
        at += size;
      }
      const one = await testRig((_request, response) => replyStream(response, streamOf(pieces)), guarded(), [
        noBadgers,
      ]);
      try {
        const text = await (await one.chat(streamed)).text();
        expect(read(text)).toMatchObject({
          text: 'a bad [animal], a badge and two [animal]s',
          finish: 'stop',
          done: true,
        });
      } finally {
        await one.close();
      }
    }),
    { numRuns: 30 },
  );
});

test('a stream without [DONE] ends like one with it, and its record is complete', async () => {
  rig = await testRig((_request, response) =>
    replyStream(response, chunkOf({ content: 'bye' }) + chunkOf({}, 'stop')),
  );
  expect(read(await (await rig.chat(streamed)).text())).toMatchObject({
    text: 'bye',
    finish: 'stop',
    done: false,
  });
  expect(rig.events).toHaveLength(1);
});

test('an upstream that breaks off in the middle is told as an error event, never as a good end', async () => {
  rig = await testRig((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chunkOf({ content: 'half' }), () => response.destroy());
  });
  const out = read(await (await rig.chat(streamed)).text());
  expect(out).toMatchObject({ text: 'half', error: 'upstream_unreachable', done: false, finish: '' });
  expect(rig.events[0]).toMatchObject({ status_id: 2 });
});

test('an upstream that breaks off before it said a word is asked again', async () => {
  let tries = 0;
  rig = await testRig((_request, response) => {
    if (++tries < 3) response.destroy();
    else reply(response, said('third time'));
  });
  expect((await rig.chat(hello)).status).toBe(200);
  expect(tries).toBe(3);
});

test('an upstream that says nothing at all, or something unreadable, is a 502', async () => {
  for (const body of ['', '<html>', '[1]', '{"a":1,"a":2}', '\u0000']) {
    const one = await testRig((_request, response) => reply(response, body));
    const response = await one.chat(hello);
    expect(response.status).toBe(502);
    expect(response.headers.get('x-merlon-receipt')).toBe(one.events[0]!.metadata.uid);
    await one.close();
  }
});

test('an upstream that is not there is a 502, one that is too slow a 504', async () => {
  rig = await testRig(() => {}, testPlan(), [], { limits: { headersMs: 1000 } });
  expect((await rig.chat(hello)).status).toBe(504);
  await rig.close();
  rig = await testRig(() => {}, testPlan(), [], {
    upstreams: { test: { baseUrl: 'http://127.0.0.1:9/v1' } },
  });
  expect((await rig.chat(hello)).status).toBe(502);
});

test('a client that goes away takes its request upstream along, and leaves a record', async () => {
  let closed: Promise<unknown> | undefined;
  rig = await testRig((_request, response) => {
    closed = once(response, 'close');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chunkOf({ content: 'one' }));
  });
  const abort = new AbortController();
  const response = await fetch(`${rig.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${testKey}` },
    body: JSON.stringify(streamed),
    signal: abort.signal,
  });
  const reader = response.body!.getReader();
  await reader.read();
  abort.abort();
  await expect(reader.read()).rejects.toThrow();
  await closed;
  while (rig.events.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(rig.events[0]).toMatchObject({ api: { response: { code: 499 } } });
});

test('tool calls of a stream wait until they are decided, also when other text goes on', async () => {
  const call = (index: number, more: Record<string, unknown>) => ({ tool_calls: [{ index, ...more }] });
  const stream = [
    chunkOf({ role: 'assistant', content: 'let me see ' }),
    chunkOf(call(0, { id: 'c1', type: 'function', function: { name: 'crm-read', arguments: '{"q":"ba' } })),
    chunkOf({ content: 'more', ...call(0, { function: { arguments: 'dger"}' } }) }),
    chunkOf({}, 'tool_calls'),
    'data: [DONE]\n\n',
  ].join('');
  rig = await testRig((_request, response) => replyStream(response, stream), guarded(), [noBadgers]);
  const out = read(await (await rig.chat(streamed)).text());
  expect(out).toMatchObject({
    text: 'let me see more',
    calls: '{"q":"[animal]"}',
    finish: 'tool_calls',
    done: true,
  });
  await rig.close();

  rig = await testRig((_request, response) => replyStream(response, stream), guarded('block'), [noBadgers]);
  const cut = read(await (await rig.chat(streamed)).text());
  expect(cut).toMatchObject({ calls: '', error: 'content_policy_violation', done: false });
});

test('log-probabilities of changed text do not go out', async () => {
  const choice = {
    index: 0,
    delta: { content: word },
    finish_reason: null,
    logprobs: { content: [{ token: word }] },
  };
  const stream = `data: ${JSON.stringify({ choices: [choice] })}\n\n${chunkOf({}, 'stop')}`;
  rig = await testRig((_request, response) => replyStream(response, stream), guarded(), [noBadgers]);
  const text = await (await rig.chat(streamed)).text();
  expect(text).not.toContain(word);
  expect(read(text)).toMatchObject({ text: '[animal]', logprobs: false });
});

test('what it cannot read ends the stream: no JSON, too many choices, text behind the end', async () => {
  for (const odd of [
    'data: hello\n\n',
    chunkOf({ content: 'x' }, null, 9999),
    chunkOf({}, 'stop') + chunkOf({ content: 'late' }),
    `data: {"choices":[{"index":0,"delta":{"content":"a","content":"b"}}]}\n\n`,
  ]) {
    const one = await testRig((_request, response) =>
      replyStream(response, chunkOf({ content: 'ok' }) + odd),
    );
    const out = read(await (await one.chat(streamed)).text());
    expect(out).toMatchObject({ error: 'upstream_unreadable', done: false });
    await one.close();
  }
});

test('strings outside the known places of a chunk are inspected too', async () => {
  const odd = [
    `data: ${JSON.stringify({ note: word, choices: [] })}\n\n`,
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { reasoning_content: word } }] })}\n\n`,
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { parts: [{ deep: word }] } }] })}\n\n`,
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, extra: word }] })}\n\n`,
    `event: ${word}\ndata: ${JSON.stringify({ choices: [] })}\n\n`,
    `: ${word}\n\n`,
  ];
  for (const one of odd) {
    const each = await testRig(
      (_request, response) => replyStream(response, one + chunkOf({}, 'stop')),
      guarded(),
      [noBadgers],
    );
    expect(await (await each.chat(streamed)).text()).not.toContain(word);
    await each.close();
  }
});

test('every string of a request is inspected, or the request is refused', async () => {
  rig = await testRig((_request, response) => reply(response, said('ok')), guarded(), [noBadgers]);
  const user = { role: 'user', content: 'hi' };
  const call = (args: string) => ({
    id: 'c',
    type: 'function',
    function: { name: 'crm-read', arguments: args },
  });
  const messages: unknown[] = [
    { role: 'system', content: word },
    { role: 'developer', content: [{ type: 'text', text: word }] },
    { role: 'user', content: word, name: 'jo' },
    { role: 'user', content: 'x', name: word },
    { role: 'assistant', content: word },
    { role: 'assistant', content: null, refusal: word },
    { role: 'assistant', content: null, tool_calls: [call(`{"a":"${word}"}`)] },
    { role: 'assistant', content: null, tool_calls: [call('{"a":"\\u0062adger"}')] },
    { role: 'assistant', content: null, function_call: { name: 'crm-read', arguments: word } },
    { role: 'tool', tool_call_id: 'c', content: word },
    { role: 'tool', tool_call_id: 'c', content: [{ type: 'text', text: word }] },
    { role: 'user', content: 'x', unheard_of: { deep: [word] } },
  ];
  const bodies: Record<string, unknown>[] = [
    ...messages.map((message) => ({ model: 'llm', messages: [message, user] })),
    { ...hello, tools: [{ type: 'function', function: { name: 'crm-read', description: word } }] },
    {
      ...hello,
      tools: [
        {
          type: 'function',
          function: { name: 'crm-read', parameters: { properties: { a: { description: word } } } },
        },
      ],
    },
    { ...hello, response_format: { type: 'json_schema', json_schema: { name: word } } },
    { ...hello, stop: [word] },
    { ...hello, user: word },
    { ...hello, metadata: { note: word } },
    { ...hello, unheard_of: [{ deep: word }] },
    { ...hello, metadata: { [word]: 'x' } },
  ];
  for (const body of bodies) {
    rig.seen.length = 0;
    const response = await rig.chat(body);
    expect([200, 400]).toContain(response.status);
    expect(rig.exchanges.at(-1)!.findings.map((one) => one.type)).toContain('badger');
    for (const seen of rig.seen) expect(seen).not.toMatch(/badger|\\u0062adger/);
  }
});

test('what no control would understand is refused with the error of the provider', async () => {
  rig = await testRig((_request, response) => reply(response, said('ok')), testPlan(), [], {
    limits: { bodyBytes: 20_000, depth: 20 },
  });
  const bodies: [unknown, number][] = [
    ['{"model":"llm","messages":[{"role":"user","content":"a","content":"b"}]}', 400],
    ['{"model":"llm","mod\\u0065l":"x","messages":[]}', 400],
    ['nonsense', 400],
    ['[]', 400],
    [{ model: 'llm' }, 400],
    [{ model: 'llm', messages: 'hi' }, 400],
    [{ model: 'llm', messages: [{ role: 'wizard', content: 'x' }] }, 400],
    [{ model: 'llm', messages: [{ role: 'user', content: 5 }] }, 400],
    [
      {
        model: 'llm',
        messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://x' } }] }],
      },
      400,
    ],
    [{ model: 'llm', messages: [{ role: 'user', content: [{ type: 'hologram' }] }] }, 400],
    [
      `{"model":"llm","messages":[{"role":"user","content":"x"}],"a":${'['.repeat(30)}${']'.repeat(30)}}`,
      413,
    ],
    [{ ...hello, pad: 'x'.repeat(30_000) }, 413],
  ];
  for (const [body, status] of bodies) {
    const response = await rig.chat(body);
    expect([response.status, body]).toEqual([status, body]);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
  }
  expect(rig.seen).toEqual([]);
  expect(rig.events.length).toBe(bodies.length);
});

test('operations it does not know are refused', async () => {
  rig = await testRig(() => {});
  for (const path of ['/v1/embeddings', '/v1/responses', '/v1/files', '/', '/v1/chat/completions/']) {
    const response = await fetch(rig.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${testKey}` },
    });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: 'unknown_url' } });
  }
});

test('a request line that is not HTTP and a head that is too large end the connection', async () => {
  rig = await testRig(() => {});
  for (const text of ['HELLO\r\n\r\n', `GET / HTTP/1.1\r\nx: ${'y'.repeat(64 * 1024)}\r\n\r\n`]) {
    const socket = connect(Number(new URL(rig.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(text);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 4(?:00|31) /);
  }
});
