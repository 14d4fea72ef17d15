import { Malformed } from './contract.ts';
import { Cursor, type Source } from './source.ts';

// Protocol Buffers wire format (protobuf.dev/programming-guides/encoding), read without a schema and without copying:
// a field is a place in the source. Groups are refused, as the formats read here have none.

export interface Field {
  number: number;
  wire: 0 | 1 | 2 | 5;
  /** Place of the varint, the fixed value or the content of wire type 2. */
  start: number;
  end: number;
}

/** The fields of the message between two positions; throws Malformed where the wire format is broken. */
export function* fieldsOf(source: Source, start: number, end: number): Generator<Field> {
  const cursor = new Cursor(source, start);
  const most = Math.min(end, source.size);
  const number = (): number => {
    let value = 0;
    let unit = 1;
    for (let index = 0; index < 10; index++) {
      const byte = cursor.position < most ? cursor.byte() : undefined;
      if (byte === undefined) throw new Malformed(cursor.position, 'a message ends early');
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 128;
    }
    throw new Malformed(cursor.position, 'a number has no end');
  };
  while (cursor.position < most) {
    const at = cursor.position;
    const tag = number();
    const field = Math.floor(tag / 8);
    const wire = tag % 8;
    if (field === 0 || field > 536_870_911) throw new Malformed(at, 'a field has no valid number');
    if (wire !== 0 && wire !== 1 && wire !== 2 && wire !== 5)
      throw new Malformed(at, `wire type ${wire} is not read`);
    if (wire === 0) {
      const from = cursor.position;
      number();
      yield { number: field, wire, start: from, end: cursor.position };
      continue;
    }
    const length = wire === 1 ? 8 : wire === 5 ? 4 : number();
    const from = cursor.position;
    if (from + length > most) throw new Malformed(at, 'a field goes past the end of its message');
    cursor.position = from + length;
    yield { number: field, wire, start: from, end: from + length };
  }
}

/** The value of a varint field; 0 for another. */
export function varintAt(source: Source, field: Field): bigint {
  const [value] = field.wire === 0 ? numbersOf(source, field) : [];
  return value ?? 0n;
}

export function textAt(source: Source, { start, end }: Field, most = 4096): string {
  return source.read(start, Math.min(end - start, most)).toString('utf8');
}

/** Numbers of a repeated field, packed or not. */
export function* numbersOf(source: Source, field: Field): Generator<bigint> {
  if (field.wire !== 0 && field.wire !== 2) return;
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
