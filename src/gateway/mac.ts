import { hash } from 'node:crypto';

/** Keyed hash of one message, base64url. */
export type Mac = (message: string | Buffer) => string;

/** Bytes of a block of SHA-256. */
const block = 64;

/**
 * HMAC-SHA-256 (RFC 2104) from two hashes in one call each: on the path of every request, an object of `createHmac` costs
 * several times as much as the hashing. The key is shorter than a block.
 */
export function macWith(key: Buffer): Mac {
  if (key.length > block) throw new RangeError(`a key of ${key.length} bytes`);
  const padded = Buffer.alloc(block);
  padded.set(key);
  const inner = padded.map((byte) => byte ^ 0x36);
  const outer = Buffer.alloc(block + 32);
  outer.set(padded.map((byte) => byte ^ 0x5c));
  return (message) => {
    const length = typeof message === 'string' ? Buffer.byteLength(message) : message.length;
    const whole = Buffer.allocUnsafe(block + length);
    whole.set(inner);
    if (typeof message === 'string') whole.write(message, block, 'utf8');
    else whole.set(message, block);
    outer.set(hash('sha256', whole, 'buffer'), block);
    return hash('sha256', outer, 'base64url');
  };
}
