import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventCutter, problemFrom } from './client.ts';

test('a stream of events reads the same however it is cut', () => {
  const messages = fc.array(
    fc.string().map((text) => JSON.stringify({ text })),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(
      messages,
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.infiniteStream(fc.nat(7)),
      (sent, end, cuts) => {
        const whole = sent.map((data) => `event: message${end}data: ${data}${end}${end}`).join('');
        const cutter = eventCutter();
        const seen: string[] = [];
        for (let at = 0; at < whole.length;) {
          const next = at + 1 + (cuts.next().value ?? 0);
          seen.push(...cutter.push(whole.slice(at, next)));
          at = next;
        }
        // A lone CR at the end of the stream waits for what might follow it.
        seen.push(...cutter.push('\n'));
        expect(seen).toEqual(sent);
      },
    ),
  );
});

test('comments that keep a stream alive are not events', () => {
  expect(eventCutter().push(': still here\n\ndata: {"a":1}\n\n')).toEqual(['{"a":1}']);
});

test('a problem detail keeps its code, its text and its fix', () => {
  const problem = problemFrom(409, {
    code: 'CONFLICT',
    title: 'it changed',
    detail: 'hash differs',
    fix: 'Reload.',
  });
  expect(problem).toMatchObject({ code: 'CONFLICT', status: 409, message: 'hash differs', fix: 'Reload.' });
});

test('an answer that is no problem detail still gives a readable problem', () => {
  expect(problemFrom(502, undefined)).toMatchObject({ code: 'HTTP_502', title: 'the control plane refused' });
});
