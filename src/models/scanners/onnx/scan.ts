import { defineScanner, Malformed, type ScanContext } from '../contract.ts';
import { executableAt } from '../executables.ts';
import { judgePath } from '../paths.ts';
import { fieldsOf, numbersOf, textAt, varintAt, type Field } from '../protobuf-wire.ts';
import type { Source } from '../source.ts';

// Field numbers of onnx.proto (IR version 12). Only what can make a loader reach outside is followed: tensors with external
// data, wherever they stand, the operators and their domains.

const nestingMost = 16;
const nodesMost = 2_000_000;

const knownDomains = new Set([
  '',
  'ai.onnx',
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview',
  'ai.onnx.preview.training',
  'com.microsoft',
  'com.microsoft.nchwc',
  'com.microsoft.experimental',
  'com.ms.internal.nhwc',
  'com.microsoft.dml',
]);
/** Bits of one value of each TensorProto.DataType. */
const bitsOf = new Map([
  [1, 32],
  [2, 8],
  [3, 8],
  [4, 16],
  [5, 16],
  [6, 32],
  [7, 64],
  [9, 8],
  [10, 16],
  [11, 64],
  [12, 32],
  [13, 64],
  [14, 64],
  [15, 128],
  [16, 16],
  [17, 8],
  [18, 8],
  [19, 8],
  [20, 8],
  [21, 4],
  [22, 4],
  [23, 4],
]);

/** Top-level fields of a source that is a message from start to end; undefined when it is none. */
function topLevel(source: Source, most: number): Field[] | undefined {
  const first = source.read(0, 1)[0];
  if (first === undefined || source.size < 8) return undefined;
  const fields: Field[] = [];
  try {
    for (const field of fieldsOf(source, 0, source.size)) {
      fields.push(field);
      if (fields.length > most) return undefined;
    }
  } catch {
    return fields.length >= 3 ? fields : undefined;
  }
  return fields;
}

export function isOnnx(source: Source): boolean {
  if (source.read(0, 1)[0] !== 0x08) return false;
  const fields = topLevel(source, 10_000);
  if (fields === undefined) return false;
  const version = fields.find(({ number, wire }) => number === 1 && wire === 0);
  const graph = fields.find(({ number, wire }) => number === 7 && wire === 2);
  const opsets = fields.some(({ number, wire }) => number === 8 && wire === 2);
  return version !== undefined && isVersion(varintAt(source, version)) && (graph !== undefined || opsets);
}

const isVersion = (value: bigint): boolean => value > 0n && value < 100n;

export const scanner = defineScanner({
  id: 'onnx',
  title: 'ONNX',

  recognise: (source) => (isOnnx(source) ? 'magic' : undefined),

  scan(source, context) {
    new Reader(source, context).model();
  },
});

class Reader {
  readonly #source: Source;
  readonly #context: ScanContext;
  /** Domains whose functions are in the model itself. */
  readonly #own = new Set<string>();
  #nodes = 0;

  constructor(source: Source, context: ScanContext) {
    this.#source = source;
    this.#context = context;
  }

  model(): void {
    const fields = [...fieldsOf(this.#source, 0, this.#source.size)];
    for (const field of fields)
      if (field.number === 25 && field.wire === 2)
        for (const inner of this.#fields(field))
          if (inner.number === 10 && inner.wire === 2) this.#own.add(textAt(this.#source, inner));
    for (const field of fields) {
      if (field.wire !== 2) continue;
      if (field.number === 7) this.#graph(field, 0);
      else if (field.number === 14) this.#metadata(field);
      else if (field.number === 20) this.#training(field);
      else if (field.number === 25) this.#function(field);
    }
  }

  *#fields(field: Field): Generator<Field> {
    yield* fieldsOf(this.#source, field.start, field.end);
  }

  #report(
    rule: string,
    weight: 'suspicious' | 'malicious' | 'error' | 'note',
    offset: number,
    evidence: string,
    why: string,
  ): void {
    this.#context.report({ rule, weight, offset, evidence, why });
  }

  #graph(graph: Field, depth: number): void {
    if (depth > nestingMost) throw new Malformed(graph.start, `graphs nest deeper than ${nestingMost}`);
    for (const field of this.#fields(graph)) {
      if (field.wire !== 2) continue;
      if (field.number === 1) this.#node(field, depth);
      else if (field.number === 5) this.#tensor(field);
      else if (field.number === 15) this.#sparse(field);
    }
  }

  #training(info: Field): void {
    for (const field of this.#fields(info))
      if (field.wire === 2 && (field.number === 1 || field.number === 2)) this.#graph(field, 1);
  }

  #function(body: Field): void {
    for (const field of this.#fields(body)) {
      if (field.wire !== 2) continue;
      if (field.number === 7) this.#node(field, 1);
      else if (field.number === 11) this.#attribute(field, 1);
    }
  }

  #node(node: Field, depth: number): void {
    this.#nodes += 1;
    if (this.#nodes > nodesMost) throw new Malformed(node.start, 'too many nodes');
    if (this.#nodes % 10_000 === 0) this.#context.spend({});
    let operator = '';
    let domain = '';
    for (const field of this.#fields(node)) {
      if (field.wire !== 2) continue;
      if (field.number === 4) operator = textAt(this.#source, field, 200);
      else if (field.number === 7) domain = textAt(this.#source, field, 200);
      else if (field.number === 5) this.#attribute(field, depth);
    }
    if (
      /^Py(?:Op|Func|Custom)/.test(operator) ||
      /^(?:ai\.onnx\.contrib|com\.microsoft\.extensions)$/.test(domain)
    )
      this.#report(
        'onnx-python-operator',
        'suspicious',
        node.start,
        `${domain}::${operator}`,
        'runs Python or a library of extensions',
      );
    else if (!knownDomains.has(domain) && !this.#own.has(domain))
      this.#report(
        'onnx-custom-operator',
        'suspicious',
        node.start,
        `${domain}::${operator}`,
        'needs a native library of the domain to be loaded',
      );
  }

  #attribute(attribute: Field, depth: number): void {
    for (const field of this.#fields(attribute)) {
      if (field.wire !== 2) continue;
      if (field.number === 5 || field.number === 10) this.#tensor(field);
      else if (field.number === 6 || field.number === 11) this.#graph(field, depth + 1);
      else if (field.number === 22 || field.number === 23) this.#sparse(field);
    }
  }

  #sparse(sparse: Field): void {
    for (const field of this.#fields(sparse))
      if (field.wire === 2 && (field.number === 1 || field.number === 2)) this.#tensor(field);
  }

  #tensor(tensor: Field): void {
    let values = 1n;
    let type = 0;
    let name = '';
    let raw: Field | undefined;
    let external = false;
    const outside: Field[] = [];
    for (const field of this.#fields(tensor)) {
      if (field.number === 1)
        for (const size of numbersOf(this.#source, field)) values *= BigInt.asIntN(64, size);
      else if (field.number === 2) type = Number(varintAt(this.#source, field));
      else if (field.number === 8) name = textAt(this.#source, field, 200);
      else if (field.number === 9) raw = field;
      else if (field.number === 13) outside.push(field);
      else if (field.number === 14) external = varintAt(this.#source, field) === 1n;
    }
    if (values < 0n)
      this.#report('onnx-tensor-shape', 'error', tensor.start, name, 'a dimension is negative');
    if (outside.length > 0 || external) this.#external(outside, name, tensor.start);
    const bits = bitsOf.get(type);
    if (raw !== undefined && !external && bits !== undefined) {
      const wanted = (values * BigInt(bits) + 7n) / 8n;
      if (wanted !== BigInt(raw.end - raw.start))
        this.#report(
          'onnx-tensor-size',
          'error',
          tensor.start,
          `${name}: ${raw.end - raw.start} bytes for ${wanted}`,
          'the data does not fill the declared shape',
        );
      const native =
        raw.end - raw.start >= 16 ? executableAt(this.#source.slice(raw.start, raw.end)) : undefined;
      if (native !== undefined)
        this.#report(
          'tensor-executable',
          'suspicious',
          raw.start,
          `${name}: ${native}`,
          'numbers of a model do not begin like a program',
        );
    }
  }

  #external(entries: Field[], name: string, offset: number): void {
    for (const entry of entries) {
      let key = '';
      let value = '';
      for (const field of this.#fields(entry)) {
        if (field.wire !== 2) continue;
        if (field.number === 1) key = textAt(this.#source, field, 200);
        else if (field.number === 2) value = textAt(this.#source, field);
      }
      if (key === 'location') {
        const wrong =
          value === ''
            ? { weight: 'suspicious' as const, why: 'an empty location names the folder itself' }
            : judgePath(value);
        if (wrong !== undefined)
          this.#report('onnx-external-path', wrong.weight, offset, `${name}: ${value}`, wrong.why);
      } else if ((key === 'offset' || key === 'length') && !/^\d{1,15}$/.test(value))
        this.#report(
          'onnx-external-range',
          'error',
          offset,
          `${name}: ${key} ${value}`,
          'the range of external data is no number',
        );
      else if (!/^(?:offset|length|checksum|basepath)$/.test(key))
        this.#report(
          'onnx-external-key',
          'suspicious',
          offset,
          `${name}: ${key}`,
          'loaders set attributes of this name',
        );
      else if (key === 'basepath' && value !== '')
        this.#report(
          'onnx-external-path',
          'suspicious',
          offset,
          `${name}: basepath ${value}`,
          'moves the folder that external data is read from',
        );
    }
  }

  #metadata(entry: Field): void {
    for (const field of this.#fields(entry)) {
      if (field.number !== 2 || field.wire !== 2) continue;
      const found = /<script\b|javascript:|\bpowershell\b|(?:curl|wget)\b[^\n]{0,80}\|\s*(?:ba)?sh\b/i.exec(
        textAt(this.#source, field, 65_536),
      );
      if (found !== null)
        this.#report(
          'onnx-metadata',
          'suspicious',
          field.start,
          found[0],
          'metadata holds active content for whoever displays it',
        );
    }
  }
}
