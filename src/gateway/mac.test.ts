import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { macWith } from './mac.ts';

test('is HMAC-SHA-256', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 300 })),
      (key, given) => {
        const message = typeof given === 'string' ? given : Buffer.from(given);
        expect(macWith(Buffer.from(key))(message)).toBe(
          createHmac('sha256', key).update(message).digest('base64url'),
        );
      },
    ),
  );
});
