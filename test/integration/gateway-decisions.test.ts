import OpenAI, { APIError, BadRequestError, PermissionDeniedError, RateLimitError } from 'openai';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { control as budget } from '../../src/gateway/controls/budget/control.ts';
import { control as informationFlow } from '../../src/gateway/controls/information-flow/control.ts';
import { control as toolPolicy } from '../../src/gateway/controls/tool-policy/control.ts';
import { labelOf } from '../../src/gateway/labels.ts';
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
  testServices,
  upstreamKey,
  type TestRig,
} from '../../src/gateway/testing.ts';
import { defineControl, type ControlContext, type MessageControl } from '../../src/kernel/control.ts';

let rig: TestRig | undefined;
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

const openai = (more: Partial<ConstructorParameters<typeof OpenAI>[0]> = {}) =>
  new OpenAI({ baseURL: `${rig!.url}/v1`, apiKey: testKey, maxRetries: 0, ...more });

const settings = z.strictObject({});

/** A message control that does what it is told. */
function messageControl(
  inspect: MessageControl<typeof settings>['inspect'],
  more: Partial<MessageControl<typeof settings>> = {},
) {
  return defineControl({
    id: 'under-test',
    title: 'Under test',
    area: 'model',
    point: 'message',
    objectives: ['out-guard'],
    mitigates: [],
    surfaces: ['user', 'assistant'],
    settings,
    inspect,
    ...more,
  });
}
const finding = { type: 'forbidden', detector: 'test', score: 1, start: 0, end: 6 };
const blocksForbidden = messageControl(
  ({ text }) =>
    text.includes('forbidden')
      ? { action: 'block', findings: [finding], reason: 'it says forbidden' }
      : { action: 'allow' },
  {
    stream: {
      window: 16,
      hold: (text) => (/f[a-z]{0,8}$/.test(text) ? text.length - text.lastIndexOf('f') : 0),
    },
  },
);
const plan = testPlan([{ control: 'under-test', threats: ['PI-01@bot'] }]);

test('a blocked prompt is a BadRequestError of the client library, and never says what was found', async () => {
  rig = await testRig((_request, response) => reply(response, said('ok')), plan, [blocksForbidden]);
  const error = await openai()
    .chat.completions.create({ model: 'llm', messages: [{ role: 'user', content: 'forbidden words' }] })
    .catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(BadRequestError);
  expect(error).toMatchObject({ status: 400, code: 'content_policy_violation' });
  expect(JSON.stringify((error as APIError).error)).not.toMatch(/forbidden|under-test|PI-01|sha256/);
  expect((error as APIError).headers?.get('x-merlon-receipt')).toBe(rig.events[0]!.metadata.uid);
  expect(rig.seen).toEqual([]);
  expect(rig.events[0]).toMatchObject({
    disposition: 'block',
    action_id: 2,
    unmapped: {
      threats: ['PI-01@bot'],
      controls: [{ id: 'under-test', action: 'block' }],
      reason: 'under-test: it says forbidden',
    },
  });
  expect(JSON.stringify(rig.events)).not.toContain('forbidden words');
});

test('a blocked answer is the same error, and the answer does not get out', async () => {
  rig = await testRig((_request, response) => reply(response, said('so forbidden')), plan, [blocksForbidden]);
  await expect(
    openai().chat.completions.create({ ...hello, messages: [{ role: 'user', content: 'hi' }] }),
  ).rejects.toThrow(BadRequestError);
});

test('a stream that is cut late throws in the client library after what was decided before', async () => {
  rig = await testRig(
    (_request, response) => replyStream(response, streamOf(['this is ', 'quite for', 'bidden', ' and on'])),
    plan,
    [blocksForbidden],
  );
  const stream = await openai().chat.completions.create({
    model: 'llm',
    messages: [{ role: 'user', content: 'hi' }],
    stream: true,
  });
  let text = '';
  const drain = async (): Promise<void> => {
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  };
  await expect(drain()).rejects.toThrow(APIError);
  expect(text).toBe('this is quite ');
});

test('a stream that is refused from its first word is a BadRequestError, not a stream', async () => {
  const whole = messageControl(() => ({ action: 'block', findings: [finding], reason: 'all' }), {
    surfaces: ['assistant'],
  });
  rig = await testRig((_request, response) => replyStream(response, chunkOf({ content: 'x' })), plan, [
    whole,
  ]);
  await expect(
    openai().chat.completions.create({
      model: 'llm',
      messages: [{ role: 'user', content: 'hi' }],
      stream: true,
    }),
  ).rejects.toThrow(BadRequestError);
});

test('the client library streams text and tool calls through all controls', async () => {
  const call = {
    tool_calls: [
      { index: 0, id: 'c1', type: 'function', function: { name: 'crm-read', arguments: '{"id":1}' } },
    ],
  };
  rig = await testRig(
    (_request, response) =>
      replyStream(
        response,
        chunkOf({ role: 'assistant', content: 'one ' }) +
          chunkOf(call) +
          chunkOf({}, 'tool_calls') +
          'data: [DONE]\n\n',
      ),
    testPlan([{ control: 'tool-policy' }, { control: 'information-flow' }]),
    [toolPolicy, informationFlow],
  );
  const final = await openai()
    .chat.completions.stream({ model: 'llm', messages: [{ role: 'user', content: 'hi' }] })
    .finalChatCompletion();
  expect(final.choices[0]!.message).toMatchObject({
    content: 'one ',
    tool_calls: [{ function: { name: 'crm-read' } }],
  });
});

test.each([
  [
    'throws',
    messageControl(() => {
      throw new Error('detector broke on hello');
    }),
  ],
  ['rejects', messageControl(() => Promise.reject(new Error('detector broke on hello')))],
  ['never answers', messageControl(() => new Promise(() => {}))],
])('a control that %s blocks, and its error goes to the log only', async (_how, control) => {
  rig = await testRig((_request, response) => reply(response, said('ok')), plan, [control], {
    limits: { controlMs: 50 },
  });
  const response = await rig.chat(hello);
  expect(response.status).toBe(400);
  expect(await response.text()).not.toContain('detector');
  expect(rig.seen).toEqual([]);
  expect(rig.errors).toHaveLength(1);
  expect(rig.events[0]).toMatchObject({ unmapped: { findings: [{ type: 'control_failure' }] } });
});

test('an observed flow is neither changed nor refused: everything is an alert', async () => {
  const observed = testPlan([{ control: 'under-test' }, { control: 'tool-policy' }], {
    mode: 'observe',
    routes: [{ ...testPlan().routes[0]!, mode: 'observe' }],
  });
  const broken = messageControl(({ text }) => {
    if (text === 'hello') throw new Error('broken');
    return { action: 'mask', text: '', findings: [finding] };
  });
  const tool = { tool_calls: [{ id: 'c', type: 'function', function: { name: 'wipe', arguments: '{}' } }] };
  rig = await testRig((_request, response) => reply(response, said('answer', tool)), observed, [
    broken,
    toolPolicy,
  ]);
  const response = await rig.chat({ ...hello, tools: [{ type: 'function', function: { name: 'wipe' } }] });
  expect(await response.json()).toEqual(said('answer', tool));
  expect(rig.events[0]).toMatchObject({ disposition: 'alert', action_id: 1 });
  expect(rig.drift).toEqual([{ kind: 'tool', client: 'bot', name: 'wipe', action: 'alert' }]);
});

test('a model or a flow that the threat model does not hold is denied, and shows as drift', async () => {
  rig = await testRig((_request, response) => reply(response, said('ok')));
  const error = await openai()
    .chat.completions.create({ model: 'gpt-other', messages: [{ role: 'user', content: 'hi' }] })
    .catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(PermissionDeniedError);
  expect(error).toMatchObject({ status: 403, code: 'model_undeclared' });
  expect(rig.drift).toEqual([{ kind: 'model', client: 'bot', name: 'gpt-other', action: 'block' }]);
  await rig.close();

  rig = await testRig((_request, response) => reply(response, said('ok')), testPlan([], { routes: [] }));
  expect((await rig.chat(hello)).status).toBe(403);
  expect(rig.drift).toMatchObject([{ kind: 'flow', name: 'gpt-test', action: 'block' }]);
  expect(rig.seen).toEqual([]);
});

test('where nothing is enforced, an undeclared model passes to the default upstream as drift', async () => {
  rig = await testRig(
    (_request, response) => reply(response, said('ok')),
    testPlan([], { mode: 'observe', routes: [] }),
  );
  expect((await rig.chat({ ...hello, model: 'gpt-other' })).status).toBe(200);
  expect(rig.drift).toMatchObject([{ kind: 'flow', name: 'gpt-other', action: 'alert' }]);
  expect(JSON.parse(rig.seen[0]!)).toMatchObject({ model: 'gpt-other' });
});

test('an undeclared tool is denied 403 when it is offered, and 400 when the model makes it up', async () => {
  const guarded = testPlan([{ control: 'tool-policy' }]);
  const call = { tool_calls: [{ id: 'c', type: 'function', function: { name: 'wipe', arguments: '{}' } }] };
  rig = await testRig((_request, response) => reply(response, said('', call)), guarded, [toolPolicy]);
  expect(
    (await rig.chat({ ...hello, tools: [{ type: 'function', function: { name: 'wipe' } }] })).status,
  ).toBe(403);
  expect((await rig.chat(hello)).status).toBe(400);
  expect(rig.drift).toMatchObject([{ kind: 'tool', name: 'wipe' }]);
});

test('a call that needs a person is 403 until it is approved, and then passes', async () => {
  const call = {
    tool_calls: [{ id: 'c', type: 'function', function: { name: 'send-mail', arguments: '{"to":"a@b.c"}' } }],
  };
  let answer: 'pending' | 'approved' | 'denied' = 'pending';
  const asked: unknown[] = [];
  const services = testServices({
    approvals: {
      ask(request) {
        asked.push(request);
        return answer;
      },
    },
  });
  rig = await testRig(
    (_request, response) => reply(response, said('', call)),
    testPlan([{ control: 'tool-policy' }]),
    [toolPolicy],
    { services },
  );
  const waiting = await rig.chat(hello);
  expect([waiting.status, await waiting.json()]).toMatchObject([
    403,
    { error: { code: 'approval_required' } },
  ]);
  expect(asked).toMatchObject([{ agent: 'bot', tool: 'send-mail', arguments: '{"to":"a@b.c"}' }]);
  answer = 'denied';
  expect((await rig.chat(hello)).status).toBe(400);
  answer = 'approved';
  expect((await rig.chat(hello)).status).toBe(200);
});

test('a client without a valid key gets the error that its library knows, and the flood leaves few records', async () => {
  rig = await testRig(() => {});
  for (let i = 0; i < 5; i++) {
    const response = await rig.chat(hello, { authorization: 'Bearer nonsense' });
    expect([response.status, await response.json()]).toMatchObject([
      401,
      { error: { code: 'invalid_api_key' } },
    ]);
  }
  expect(rig.events.length).toBe(1);
  expect(rig.gateway.stats()).toMatchObject({ unauthenticated: 5, exchanges: 0 });
});

test('a spent budget is a RateLimitError with Retry-After', async () => {
  rig = await testRig(
    (_request, response) => reply(response, said('ok')),
    testPlan([{ control: 'budget', settings: { requestsPerMinute: 2 } }]),
    [budget],
  );
  await rig.chat(hello);
  await rig.chat(hello);
  const error = await openai()
    .chat.completions.create({ model: 'llm', messages: [{ role: 'user', content: 'hi' }] })
    .catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(RateLimitError);
  expect((error as APIError).headers?.get('retry-after')).toBe('5');
});

test('more requests than it may handle at once are answered 429 and 503 with Retry-After, never dropped', async () => {
  let release: (() => void)[] = [];
  rig = await testRig(
    (_request, response) => void release.push(() => reply(response, said('ok'))),
    testPlan(),
    [],
    { limits: { perClient: 2 } },
  );
  const first = [rig.chat(hello), rig.chat(hello)];
  while (release.length < 2) await new Promise((resolve) => setImmediate(resolve));
  const third = await rig.chat(hello);
  expect([third.status, third.headers.get('retry-after')]).toEqual([429, '1']);
  for (const one of release) one();
  release = [];
  expect((await Promise.all(first)).map((one) => one.status)).toEqual([200, 200]);
});

test('nothing passes unrecorded: when the ledger cannot keep the event, the answer is an error', async () => {
  const ledger = { append: () => Promise.reject(new Error('disk full')) };
  rig = await testRig((_request, response) => reply(response, said('precious')), plan, [blocksForbidden], {
    ledger,
  });
  const response = await rig.chat(hello);
  expect(response.status).toBe(500);
  expect(await response.text()).not.toMatch(/precious|disk/);
  await rig.close();

  rig = await testRig(
    (_request, response) => replyStream(response, streamOf(['a'])),
    plan,
    [blocksForbidden],
    { ledger },
  );
  const text = await (await rig.chat({ ...hello, stream: true })).text();
  expect(text).toContain('"error"');
  expect(text).not.toContain('[DONE]');
  expect(text).not.toContain('"finish_reason":"stop"');
});

test('an upstream that refuses our key or repeats it is our error, and the key stays here', async () => {
  rig = await testRig((_request, response) =>
    reply(response, { error: { message: `Incorrect API key provided: ${upstreamKey}` } }, 401),
  );
  const refused = await rig.chat(hello);
  expect([refused.status, await refused.text()]).toEqual([502, expect.not.stringContaining(upstreamKey)]);
  await rig.close();
  rig = await testRig((_request, response) => reply(response, said(`your key is ${upstreamKey}`)));
  expect(await (await rig.chat(hello)).text()).not.toContain(upstreamKey);
  await rig.close();
  rig = await testRig((_request, response) => replyStream(response, streamOf([upstreamKey])));
  expect(await (await rig.chat({ ...hello, stream: true })).text()).not.toContain(upstreamKey);
});

test('errors of the upstream about the request reach the client as they are', async () => {
  const error = {
    error: {
      message: 'too long',
      type: 'invalid_request_error',
      param: 'messages',
      code: 'context_length_exceeded',
    },
  };
  rig = await testRig((_request, response) => reply(response, error, 400));
  const response = await rig.chat(hello);
  expect([response.status, await response.json()]).toEqual([400, error]);
});

test('a plan is swapped at once for new exchanges, and a plan that cannot be enforced changes nothing', async () => {
  rig = await testRig((_request, response) => reply(response, said('ok')), testPlan(), [blocksForbidden]);
  const body = { ...hello, messages: [{ role: 'user', content: 'forbidden' }] };
  expect((await rig.chat(body)).status).toBe(200);
  rig.gateway.use(plan);
  expect((await rig.chat(body)).status).toBe(400);
  expect(() => rig!.gateway.use(testPlan([{ control: 'unheard-of' }]))).toThrow(/no such control/);
  expect(() => rig!.gateway.use(testPlan([{ control: 'under-test', settings: { a: 1 } }]))).toThrow(
    /under-test/,
  );
  expect((await rig.chat(body)).status).toBe(400);
  expect(rig.events.map((event) => event.unmapped['plan'])).toEqual([testPlan().hash, plan.hash, plan.hash]);
});

test('each text has the label of its source, computed from the message list', async () => {
  const contexts: ControlContext[] = [];
  const spy = messageControl((_segment, _settings, context) => {
    contexts.push(context);
    return { action: 'allow' };
  });
  rig = await testRig((_request, response) => reply(response, said('ok')), plan, [spy]);
  const call = (id: string, name: string) => ({ id, type: 'function', function: { name, arguments: '{}' } });
  await rig.chat(
    {
      model: 'llm',
      messages: [
        { role: 'system', content: 'be kind' },
        { role: 'user', content: 'hi' },
        { role: 'user', content: 'a document', name: 'kb' },
        { role: 'user', content: 'a page' },
        {
          role: 'assistant',
          content: 'ok',
          tool_calls: [call('1', 'crm-read'), call('2', 'fetch-page'), call('3', 'wipe')],
        },
        { role: 'tool', tool_call_id: '1', content: 'record' },
        { role: 'tool', tool_call_id: '2', content: 'page' },
        { role: 'tool', tool_call_id: '3', content: 'who knows', name: 'bot' },
      ],
    },
    { 'x-merlon-source': '{"/messages/3":"web"}' },
  );
  const of = (text: string) => {
    const found = contexts[0]!.segments.find((segment) => segment.text === text)!;
    return [found.surface, found.source, found.label.trust, found.label.classes];
  };
  expect(of('be kind')).toEqual(['system', 'bot', 2, []]);
  expect(of('hi')).toEqual(['user', 'customer', 0, []]);
  expect(of('a document')).toEqual(['document', 'kb', 1, ['internal']]);
  expect(of('a page')).toEqual(['document', 'web', 0, ['public']]);
  expect(of('record')).toEqual(['tool_result', 'crm-read', 2, ['confidential']]);
  expect(of('page')).toEqual(['tool_result', 'fetch-page', 0, ['public']]);
  expect(of('who knows')).toEqual(['tool_result', undefined, 0, []]);
  expect(labelOf(undefined)).toEqual({ trust: 0, classes: [] });
  const bad = await rig.chat(hello, { 'x-merlon-source': '{"/messages/0":"nobody"}' });
  expect(bad.status).toBe(400);
});

test('content of a class that may not cross the flow is withheld or refused', async () => {
  for (const [excess, status] of [
    ['mask', 200],
    ['block', 400],
    ['alert', 200],
  ] as const) {
    const narrow = testPlan([], {
      flows: testPlan().flows.map((flow) =>
        flow.id === 'prompt' ? { ...flow, allow: ['internal'], excess } : flow,
      ),
    });
    const one = await testRig((_request, response) => reply(response, said('ok')), narrow);
    const call = { id: '1', type: 'function', function: { name: 'crm-read', arguments: '{}' } };
    const response = await one.chat({
      model: 'llm',
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: '1', content: 'balance 812' },
      ],
    });
    expect(response.status).toBe(status);
    if (excess === 'mask') expect(one.seen[0]).toContain('[withheld: confidential]');
    if (excess !== 'alert') expect(one.seen.join('')).not.toContain('812');
    await one.close();
  }
});

test('a verdict on resent history is not asked for twice', async () => {
  let asked = 0;
  const counting = messageControl(
    () => {
      asked++;
      return { action: 'allow' };
    },
    { pure: true, surfaces: ['user'] },
  );
  rig = await testRig((_request, response) => reply(response, said('ok')), plan, [counting]);
  const long = { role: 'user', content: 'a question that is asked again in every turn of it' };
  await rig.chat({ model: 'llm', messages: [long] });
  await rig.chat({ model: 'llm', messages: [long, { role: 'assistant', content: 'ok' }, long] });
  expect(asked).toBe(1);
});

test('the list of models is the list of what this client may use', async () => {
  rig = await testRig(() => {});
  const list = await openai().models.list();
  expect(list.data.map((one) => one.id)).toEqual(['gpt-test']);
  expect(rig.events).toHaveLength(1);
});

test('says whether it lives and is ready, without a key', async () => {
  rig = await testRig(() => {});
  expect((await fetch(`${rig.url}/healthz`)).status).toBe(200);
  expect(await (await fetch(`${rig.url}/readyz`)).json()).toEqual({ status: 'ready', plan: testPlan().hash });
});
