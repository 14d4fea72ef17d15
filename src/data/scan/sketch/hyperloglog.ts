import { hash32, mix } from './hash.ts';

/** 4,096 registers: standard error 1.04/√4096 = 1.6 %. */
const bits = 12;
const registers = 1 << bits;

/** Counts distinct values in 4 KiB (Flajolet et al. 2007, with linear counting for small counts). */
export class HyperLogLog {
  readonly registers: Uint8Array;

  constructor(filled: Uint8Array = new Uint8Array(registers)) {
    this.registers = filled;
  }

  add(value: string): void {
    const hash = hash32(value);
    // The rank comes from a second mix, so that 32 bits are left after the register is chosen.
    const index = hash >>> (32 - bits);
    const rank = Math.clz32(mix(hash ^ 0x5bd1e995)) + 1;
    if (rank > this.registers[index]!) this.registers[index] = rank;
  }

  merge(other: Uint8Array): void {
    for (let at = 0; at < registers; at += 1)
      if (other[at]! > this.registers[at]!) this.registers[at] = other[at]!;
  }

  get count(): number {
    let sum = 0;
    let empty = 0;
    for (const rank of this.registers) {
      sum += 2 ** -rank;
      if (rank === 0) empty += 1;
    }
    const raw = ((0.7213 / (1 + 1.079 / registers)) * registers * registers) / sum;
    const count = raw <= 2.5 * registers && empty > 0 ? registers * Math.log(registers / empty) : raw;
    return Math.round(count);
  }
}
