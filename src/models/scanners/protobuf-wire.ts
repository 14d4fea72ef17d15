import { Malformed } from './contract.ts';
import type { Source } from './source.ts';

// Protocol Buffers wire format (protobuf.dev/programming-guides/encoding), read without a schema and without copying:
// a field is a place in the source. Groups are refused, as the formats read here have none.

export interface Field {
  number: number;
  wire: 0 | 1 | 2 | 5;
  /** Of a varint. */
  value: bigint;
  /** Place of the content of wire type 2, and of fixed values. */
  start: number;
  end: number;
}

/** The fields of the message between two positions; throws Malformed where the wire format is broken. */
export function* fieldsOf(source: Source, start: number, end: number): Generator<Field> {
  let at = start;
  const varint = (): bigint => {
    const bytes = source.read(at, Math.min(10, end - at));
    let value = 0n;
    for (let index = 0; index < bytes.length; index++) {
      value |= BigInt(bytes[index]! & 0x7f) << BigInt(7 * index);
      if ((bytes[index]! & 0x80) === 0) {
        at += index + 1;
        return value;
      }
    }
    throw new Malformed(at, 'a number has no end');
  };
  const small = (): number => {
    const byte = source.read(at, 1)[0];
    if (byte === undefined || at >= end) throw new Malformed(at, 'a message ends early');
    if (byte < 0x80) {
      at += 1;
      return byte;
    }
    const value = varint();
    return value > 0xffffffffn ? Number.MAX_SAFE_INTEGER : Number(value);
  };
  while (at < end) {
    const fieldAt = at;
    const tag = small();
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (number === 0 || number > 536_870_911) throw new Malformed(fieldAt, 'a field has no valid number');
    if (wire === 0) {
      const from = at;
      yield { number, wire, value: varint(), start: from, end: at };
      continue;
    }
    if (wire !== 1 && wire !== 2 && wire !== 5) throw new Malformed(fieldAt, `wire type ${wire} is not read`);
    const length = wire === 1 ? 8 : wire === 5 ? 4 : small();
    if (at + length > end) throw new Malformed(fieldAt, 'a field goes past the end of its message');
    const from = at;
    at += length;
    yield { number, wire, value: 0n, start: from, end: at };
  }
}

export function textAt(source: Source, { start, end }: Field, most = 4096): string {
  return source.read(start, Math.min(end - start, most)).toString('utf8');
}

/** Numbers of a repeated field, packed or not. */
export function* numbersOf(source: Source, field: Field): Generator<bigint> {
  if (field.wire === 0) {
    yield field.value;
    return;
  }
  if (field.wire !== 2) return;
  let value = 0n;
  let shift = 0n;
  for (const byte of source.read(field.start, Math.min(field.end - field.start, 65_536))) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if ((byte & 0x80) === 0) {
      yield value;
      value = 0n;
      shift = 0n;
    } else if (shift > 63n) throw new Malformed(field.start, 'a number has no end');
  }
}
