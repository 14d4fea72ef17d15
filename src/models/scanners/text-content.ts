import type { Source } from './source.ts';

/** Texts up to this size are read whole. */
export const textMost = 16 * 1024 * 1024;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** The whole content as text, when it is UTF-8 without control characters; undefined otherwise. */
export function textOf(source: Source): string | undefined {
  if (source.size > textMost || !isText(source)) return undefined;
  try {
    return decoder.decode(source.read(0, source.size));
  } catch {
    return undefined;
  }
}

/** Whether the first bytes are UTF-8 text. */
export function isText(source: Source): boolean {
  const head = source.read(0, 4096);
  if (head.length === 0) return false;
  if (head.some((byte) => byte < 9 || (byte > 13 && byte < 32 && byte !== 27))) return false;
  try {
    // The last character may be cut.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}
