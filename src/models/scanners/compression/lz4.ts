import { Malformed } from '../contract.ts';
import { Output } from './output.ts';

/** Unpacks LZ4 frames (lz4_Frame_format.md 1.6.4); throws LimitExceeded above `most` bytes. Checksums are not compared. */
export function unpackLz4(packed: Buffer, most: number): Buffer {
  let at = 4;
  const flags = packed[at]!;
  if (flags >> 6 !== 1) throw new Malformed(at, 'an LZ4 frame of an unknown version');
  at += 2 + ((flags & 8) === 0 ? 0 : 8) + ((flags & 1) === 0 ? 0 : 4) + 1;
  const out = new Output(most);
  for (;;) {
    if (at + 4 > packed.length) throw new Malformed(at, 'an LZ4 frame has no end');
    const size = packed.readUInt32LE(at);
    at += 4;
    if (size === 0) return out.bytes();
    const length = size & 0x7fffffff;
    if (at + length > packed.length) throw new Malformed(at, 'an LZ4 block goes past the end');
    if (size >>> 31 === 1) out.copy(packed.subarray(at, at + length));
    else unpackBlock(packed.subarray(at, at + length), out);
    at += length + ((flags & 16) === 0 ? 0 : 4);
  }
}

function unpackBlock(block: Buffer, out: Output): void {
  let at = 0;
  const more = (length: number): number => {
    if (length !== 15) return length;
    let sum = length;
    for (;;) {
      const byte = block[at++];
      if (byte === undefined) throw new Malformed(0, 'an LZ4 length has no end');
      sum += byte;
      if (byte !== 255) return sum;
    }
  };
  while (at < block.length) {
    const token = block[at++]!;
    const literals = more(token >> 4);
    if (at + literals > block.length) throw new Malformed(0, 'LZ4 literals go past the end');
    out.copy(block.subarray(at, at + literals));
    at += literals;
    if (at >= block.length) return;
    if (at + 2 > block.length) throw new Malformed(0, 'an LZ4 match has no distance');
    const distance = block.readUInt16LE(at);
    at += 2;
    out.repeat(distance, more(token & 15) + 4);
  }
}
