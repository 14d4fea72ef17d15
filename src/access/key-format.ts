import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * A client key is `mrl_<env>_<id>_<secret>_<checksum>`: env 2–12 of a–z and 0–9, beginning with a letter; id 12, secret 43
 * (256 bits) and checksum 6 characters of 0–9 A–Z a–z. The checksum is the CRC-32 (ISO 3309) of all that stands before its
 * underscore, in base 62 with leading zeros: a typing error or a chance match is refused without a look-up.
 */
export interface KeyParts {
  env: string;
  id: string;
  secret: string;
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const shape = /^mrl_([a-z][a-z0-9]{1,11})_([0-9A-Za-z]{12})_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})$/;
const longest = 4 + 12 + 1 + 12 + 1 + 43 + 1 + 6;

/** A new key with a random id and secret. */
export function newKey(env: string): KeyParts & { key: string } {
  const parts = { env, id: random(12), secret: random(43) };
  const body = `mrl_${env}_${parts.id}_${parts.secret}`;
  return { ...parts, key: `${body}_${checksum(body)}` };
}

/** Undefined when the text is not a whole key with the right checksum. */
export function parseKey(text: string): KeyParts | undefined {
  if (text.length > longest) return undefined;
  const [, env, id, secret, sum] = shape.exec(text) ?? [];
  if (env === undefined || sum !== checksum(text.slice(0, -7))) return undefined;
  return { env, id: id!, secret: secret! };
}

function checksum(body: string): string {
  let rest = crc32(body);
  let digits = '';
  for (let i = 0; i < 6; i += 1) {
    digits = alphabet[rest % 62]! + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

function random(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(62)]).join('');
}
