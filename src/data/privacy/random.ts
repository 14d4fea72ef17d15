import { randomFillSync } from 'node:crypto';

/** Uniform random bits. Releases use the operating system's; tests pass a seeded source. */
export interface RandomSource {
  /** 32 uniform bits as an integer. */
  uint32(): number;
}

/** Bits of the operating system, read in blocks. A used block is never read again. */
export function systemRandom(): RandomSource {
  const block = new Uint32Array(2048);
  let next = block.length;
  return {
    uint32() {
      if (next === block.length) {
        randomFillSync(block);
        next = 0;
      }
      return block[next++]!;
    },
  };
}

/** A repeatable stream (SplitMix32) for tests and for choices that protect nobody, such as the split of a utility report. */
export function seededRandom(seed: number): RandomSource {
  let state = seed >>> 0;
  return {
    uint32() {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a2d97);
      return (mixed ^ (mixed >>> 15)) >>> 0;
    },
  };
}

/** Uniform on 0 … bound − 1 without bias, for an integer bound up to 2^53. */
export function uniform(random: RandomSource, bound: number): number {
  if (bound <= 1) return 0;
  if (bound <= 0x1_0000_0000) {
    const mask = (0xffff_ffff >>> Math.clz32(bound - 1)) >>> 0;
    for (;;) {
      const drawn = (random.uint32() & mask) >>> 0;
      if (drawn < bound) return drawn;
    }
  }
  const high = Math.floor((bound - 1) / 0x1_0000_0000);
  const mask = (0xffff_ffff >>> Math.clz32(high)) >>> 0;
  for (;;) {
    const drawn = ((random.uint32() & mask) >>> 0) * 0x1_0000_0000 + random.uint32();
    if (drawn < bound) return drawn;
  }
}

/** Uniform on 0 … bound − 1 without bias, for any bound. */
export function uniformBig(random: RandomSource, bound: bigint): bigint {
  if (bound <= 1n) return 0n;
  const bits = (bound - 1n).toString(2).length;
  const words = Math.ceil(bits / 32);
  for (;;) {
    let drawn = 0n;
    for (let word = 0; word < words; word++) drawn = (drawn << 32n) | BigInt(random.uint32());
    drawn = BigInt.asUintN(bits, drawn);
    if (drawn < bound) return drawn;
  }
}

/** Shuffles in place (Fisher-Yates), every order with the same probability. */
export function shuffle<T extends { [index: number]: unknown; length: number }>(
  list: T,
  random: RandomSource,
): T {
  for (let last = list.length - 1; last > 0; last--) {
    const other = uniform(random, last + 1);
    const kept = list[last];
    list[last] = list[other];
    list[other] = kept;
  }
  return list;
}
