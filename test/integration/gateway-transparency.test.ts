import { gzipSync, brotliCompressSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import {
  chunkOf,
  hello,
  reply,
  replyStream,
  said,
  streamOf,
  testPlan,
  testRig,
  upstreamKey,
  type TestRig,
} from '../../src/gateway/testing.ts';

let rig: TestRig;
afterEach(() => rig.close());

test('forwards the bytes of a request and of an answer as they are, unknown fields and odd spacing included', async () => {
  const answer = `{ "id":"x",\n  "choices":[{"index":0,"message":{"role":"assistant","content":"h\\u00e9llo","novel":{"a":1.50}},"finish_reason":"stop"}], "big": 12345678901234567890 }`;
  rig = await testRig((_request, response) => reply(response, answer));
  const body = `{"model" : "gpt-test", "messages":[{"role":"user","content":"h\\u00e9llo"}],"seed":12345678901234567890, "novel_field":{"x":[1,2.0,null]}}`;
  const response = await rig.chat(body);
  expect(await response.text()).toBe(answer);
  expect(response.status).toBe(200);
  expect(rig.seen).toEqual([body]);
});

test('replaces the name of the model element by the name at the upstream and leaves every other byte', async () => {
  rig = await testRig((_request, response) => reply(response, said('ok')));
  await rig.chat(`{"messages":[{"role":"user","content":"hi"}], "model":"llm" ,"seed":1.0}`);
  expect(rig.seen).toEqual([`{"messages":[{"role":"user","content":"hi"}], "model":"gpt-test" ,"seed":1.0}`]);
});

test('forwards a stream byte for byte', async () => {
  const stream = `: hello\n\n${streamOf(['Grü', 'ße ', '👋🏽'])}`;
  rig = await testRig((_request, response) => replyStream(response, stream));
  const response = await rig.chat({ ...hello, stream: true });
  expect(await response.text()).toBe(stream);
  expect(response.headers.get('x-merlon-receipt')).toBe(rig.events[0]!.metadata.uid);
});

test('records one event per exchange before the answer ends, with the receipt on the answer', async () => {
  rig = await testRig((_request, response) => reply(response, said('ok')));
  const response = await rig.chat(hello);
  expect(rig.events).toHaveLength(1);
  const [event] = rig.events;
  expect(response.headers.get('x-merlon-receipt')).toBe(event!.metadata.uid);
  expect(event).toMatchObject({
    class_uid: 6003,
    disposition: 'allow',
    unmapped: { flow: 'prompt', plan: testPlan().hash, tokens: { prompt: 3, completion: 5 } },
  });
  expect(JSON.stringify(event)).not.toContain('hello');
  await response.text();
});

test('injects the key of the upstream, and neither it nor the client key goes anywhere else', async () => {
  rig = await testRig((_request, response) => reply(response, said('ok')));
  const response = await rig.chat(hello, { cookie: 'a=b', 'x-private': 'p' });
  expect(rig.heads[0]).toMatchObject({
    authorization: `Bearer ${upstreamKey}`,
    'accept-encoding': 'identity',
  });
  expect(rig.heads[0]).not.toHaveProperty('cookie');
  expect(rig.heads[0]).not.toHaveProperty('x-private');
  expect(JSON.stringify([...response.headers, rig.events, rig.exchanges, rig.errors])).not.toMatch(
    /sk-upstream|mrl_test_key/,
  );
});

test.each([
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
])('reads %s from an upstream that compresses though it was asked not to', async (encoding, compress) => {
  rig = await testRig((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding });
    response.end(compress(JSON.stringify(said('compressed'))));
  });
  const response = await rig.chat(hello);
  expect(response.headers.get('content-encoding')).toBeNull();
  expect(await response.json()).toEqual(said('compressed'));
});

test('lets tool calls and several choices through a stream unchanged', async () => {
  const call = (index: number, more: Record<string, unknown>) => ({ tool_calls: [{ index, ...more }] });
  const stream = [
    chunkOf({ role: 'assistant', content: null }),
    chunkOf(call(0, { id: 'call_1', type: 'function', function: { name: 'crm-read', arguments: '' } })),
    chunkOf(call(0, { function: { arguments: '{"id":' } })),
    chunkOf(call(1, { id: 'call_2', type: 'function', function: { name: 'crm-read', arguments: '{}' } })),
    chunkOf(call(0, { function: { arguments: '"7"}' } })),
    chunkOf({}, 'tool_calls'),
    chunkOf({ content: 'second' }, null, 1),
    chunkOf({}, 'stop', 1),
    'data: [DONE]\n\n',
  ].join('');
  rig = await testRig((_request, response) => replyStream(response, stream));
  expect(await (await rig.chat({ ...hello, n: 2, stream: true })).text()).toBe(stream);
});
