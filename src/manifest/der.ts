import { Refusal } from './strict-json.ts';

/** One DER value (X.690): its tag and its contents. */
export interface Der {
  tag: number;
  body: Buffer;
}

/** The values that stand one after the other in `bytes`. @throws Refusal */
export function readDer(bytes: Buffer): Der[] {
  const values: Der[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at]!;
    let length = bytes[at + 1] ?? 0x80;
    at += 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 4 || at + count > bytes.length)
        throw new Refusal('the certificate is not DER');
      length = bytes.readUIntBE(at, count);
      at += count;
    }
    if (at + length > bytes.length) throw new Refusal('the certificate is not DER');
    values.push({ tag, body: bytes.subarray(at, at + length) });
    at += length;
  }
  return values;
}
