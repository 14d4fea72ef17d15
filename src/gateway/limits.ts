import { z } from 'zod';

const count = (value: number, text: string) => z.int().min(1).default(value).describe(text);

/** Bounds of the data plane. Work is bounded everywhere; what is over a bound is refused, never skipped. */
export const GatewayLimits = z.strictObject({
  concurrency: count(1024, 'Requests handled at once; more are answered 503 with Retry-After.'),
  perClient: count(256, 'Requests of one client handled at once; more are answered 429 with Retry-After.'),
  bodyBytes: count(8 * 1024 * 1024, 'Largest request body, in bytes.'),
  answerBytes: count(32 * 1024 * 1024, 'Largest answer that is not streamed, in bytes, after decompression.'),
  headerBytes: count(32 * 1024, 'Largest request head, in bytes.'),
  depth: count(64, 'Deepest nesting of JSON.'),
  members: count(16_384, 'Most members of one JSON array or object.'),
  texts: count(20_000, 'Most strings in one request.'),
  eventBytes: count(1024 * 1024, 'Largest event of a streamed answer, in bytes.'),
  heldUnits: count(1024 * 1024, 'Most text of one answer that may wait for a verdict, in UTF-16 units.'),
  bodyMs: count(30_000, 'Longest time for a client to send its request, in milliseconds.'),
  connectMs: count(5000, 'Longest time to connect to an upstream, in milliseconds.'),
  headersMs: count(120_000, 'Longest wait for the head of an answer, in milliseconds.'),
  idleMs: count(60_000, 'Longest silence within an answer, in milliseconds.'),
  totalMs: count(600_000, 'Longest time for a whole exchange, in milliseconds.'),
  controlMs: count(
    2000,
    'Longest time of one control on one text, in milliseconds; a slower control blocks.',
  ),
  keepAliveMs: count(5000, 'A stream that waits for a verdict sends a comment this often, in milliseconds.'),
  cachedVerdicts: z.int().min(0).default(20_000).describe('Verdicts kept for history that clients resend.'),
});
export type GatewayLimits = z.infer<typeof GatewayLimits>;
