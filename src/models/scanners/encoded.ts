import { gunzipSync, inflateSync } from 'node:zlib';

const base64 = /^[A-Za-z0-9+/_-]{16,}={0,2}$/;
const hex = /^(?:[0-9a-fA-F]{2}){12,}$/;
const decodedMost = 1024 * 1024;

/** Whether bytes begin like something that a loader runs or unpacks. */
export function looksLoadable(head: Uint8Array): boolean {
  const [a, b, c, d] = head;
  return (
    (a === 0x80 && b !== undefined && b >= 2 && b <= 5) ||
    (a === 0x50 && b === 0x4b && c === 3 && d === 4) ||
    (a === 0x1f && b === 0x8b && c === 8) ||
    (a === 0x78 && (b === 0x01 || b === 0x5e || b === 0x9c || b === 0xda)) ||
    (a === 0x63 && isModuleLine(head))
  );
}

/** A pickle of protocol 0 or 1 that begins with an import: `cmodule\nname\n`. */
function isModuleLine(head: Uint8Array): boolean {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 64)).toString('latin1');
  return /^c[A-Za-z_][\w.]*\n[A-Za-z_]/.test(text);
}

/** What base64, hexadecimal or compressed text stands for, when that begins like something loadable. */
export function encodedValue(value: Buffer): Buffer | undefined {
  const text = value.toString('latin1').replaceAll(/\s+/g, '');
  const candidates: Buffer[] = [];
  if (base64.test(text)) candidates.push(Buffer.from(text, 'base64'));
  if (hex.test(text)) candidates.push(Buffer.from(text, 'hex'));
  for (const candidate of candidates) {
    const content = uncompressed(candidate);
    if (looksLoadable(content)) return content;
  }
  return undefined;
}

function uncompressed(bytes: Buffer): Buffer {
  try {
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes, { maxOutputLength: decodedMost });
    if (bytes[0] === 0x78) return inflateSync(bytes, { maxOutputLength: decodedMost });
  } catch {
    // Not compressed after all: the bytes are looked at as they are.
  }
  return bytes;
}
