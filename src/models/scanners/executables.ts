import type { Source } from './source.ts';

/** The native program or script that bytes begin with; undefined when they are none. Strict, so that weights do not look like one. */
export function executableAt(source: Source, offset = 0): string | undefined {
  const head = source.read(offset, 64);
  if (head.length < 4) return undefined;
  if (
    head.readUInt32BE(0) === 0x7f454c46 &&
    [1, 2].includes(head[4]!) &&
    [1, 2].includes(head[5]!) &&
    head[6] === 1
  )
    return 'an ELF program';
  if (head.readUInt16LE(0) === 0x5a4d && head.length >= 64) {
    const at = head.readUInt32LE(60);
    if (source.read(offset + at, 4).toString('latin1') === 'PE\0\0') return 'a Windows program';
  }
  const magic = head.readUInt32BE(0);
  const cpu =
    head.length >= 16 ? (magic === 0xcffaedfe || magic === 0xcefaedfe ? head.readUInt32LE(4) : 0) : 0;
  if (cpu === 0x01000007 || cpu === 0x0100000c || cpu === 7 || cpu === 12) return 'a Mach-O program';
  if (/^#! ?\/[\w./-]+/.test(head.toString('latin1'))) return 'a script';
  return undefined;
}
