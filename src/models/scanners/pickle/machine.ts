import { printable } from '../printable.ts';
import { Cursor, type Source } from '../source.ts';
import type { Weight } from '../contract.ts';
import { judgeGlobal } from './globals.ts';

// A pickle is a program for a stack machine (Python `pickletools`, protocols 0 to 5). This machine runs it on symbols:
// nothing is imported, called or built, and large operands are stepped over.

interface Base {
  /** Offset of the opcode that made it. */
  at: number;
  /** Values it stands for when every shared reference is copied out. */
  weight: number;
}
interface Atom extends Base {
  kind: 'atom';
  value?: number;
}
interface Text extends Base {
  kind: 'text';
  /** Undefined when longer than any name can be. */
  text: string | undefined;
}
interface Global extends Base {
  kind: 'global';
  module: string;
  name: string;
}
interface Call extends Base {
  kind: 'call';
  callee: Value;
  args: Value;
}
interface Container extends Base {
  kind: 'tuple' | 'list' | 'dict' | 'set';
  /** The first few, for the rules that look inside. Keys and values alternate in a dict. */
  items: Value[];
}
export type Value = Atom | Text | Global | Call | Container;

export interface PickleHost {
  report(weight: Weight, rule: string, offset: number, evidence: string, why: string): void;
  /** A string of bytes or text in the stream: the host looks into it. */
  operand(start: number, end: number, kind: 'bytes' | 'text'): void;
  /** Whether `torch.load` reads this stream: then storages are persistent ids. */
  torch: boolean;
  /** Names that the container makes harmless. */
  admits?(module: string, name: string): boolean;
  /** Called now and then with the number of opcodes since the last call. */
  spend(opcodes: number): void;
}

export interface PickleRun {
  /** Where the machine ended: after STOP, or at the opcode that failed. */
  end: number;
  stopped: boolean;
  /** Why a loader would raise here. */
  fault?: string;
  opcodes: number;
  globals: number;
  calls: number;
  result?: Value;
}

const stackMost = 1_000_000;
const memoMost = 1_000_000;
const nameMost = 4096;
/** Different names that one pickle may import. */
const namesMost = 100_000;
const itemsKept = 32;
/** Copies of shared values in the finished object above which memory is at risk. */
const expansionMost = 1_000_000;

class Fault extends Error {}

/** Runs one stream from `start`. Never throws for what the bytes say; whatever ran before a fault has been reported. */
export function runPickle(source: Source, start: number, host: PickleHost): PickleRun {
  const machine = new Machine(source, start, host);
  return machine.run();
}

class Machine {
  readonly #in: Cursor;
  readonly #source: Source;
  readonly #host: PickleHost;
  readonly #start: number;
  #stack: Value[] = [];
  readonly #marks: number[] = [];
  /** Indexes from 0 without gaps, as picklers number them; others in the map. */
  readonly #memo: Value[] = [];
  readonly #sparse = new Map<number, Value>();
  readonly #judged = new Set<string>();
  #protocol: number | undefined;
  #frameEnd = -1;
  #at = 0;
  #opcodes = 0;
  #globals = 0;
  #calls = 0;
  #expanded = false;

  constructor(source: Source, start: number, host: PickleHost) {
    this.#in = new Cursor(source, start);
    this.#source = source;
    this.#host = host;
    this.#start = start;
  }

  run(): PickleRun {
    try {
      for (;;) {
        this.#at = this.#in.position;
        const opcode = this.#in.byte();
        if (opcode === undefined) throw new Fault('the stream ends without STOP');
        this.#opcodes += 1;
        if ((this.#opcodes & 0xffff) === 0) this.#host.spend(0x10000);
        if (opcode === 0x2e) {
          const result = this.#pop();
          this.#leaveFrame(opcode);
          return this.#ended(true, undefined, result);
        }
        this.#step(opcode);
        this.#leaveFrame(opcode);
      }
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return this.#ended(false, error.message);
    }
  }

  #ended(stopped: boolean, fault?: string, result?: Value): PickleRun {
    this.#host.spend(this.#opcodes & 0xffff);
    return {
      end: stopped ? this.#in.position : this.#at,
      stopped,
      opcodes: this.#opcodes,
      globals: this.#globals,
      calls: this.#calls,
      ...(fault === undefined ? {} : { fault }),
      ...(result === undefined ? {} : { result }),
    };
  }

  /** An opcode that begins inside a frame must end inside it; loaders disagree on what they read otherwise. */
  #leaveFrame(opcode: number): void {
    if (this.#frameEnd < 0 || opcode === 0x95) return;
    if (this.#at < this.#frameEnd && this.#in.position > this.#frameEnd)
      this.#host.report(
        'suspicious',
        'pickle-frame-straddle',
        this.#at,
        `opcode 0x${opcode.toString(16)} crosses the end of its frame`,
        'loaders disagree on what follows a frame that is too short',
      );
    if (this.#in.position >= this.#frameEnd) this.#frameEnd = -1;
  }

  // oxlint-disable-next-line complexity -- one case per opcode, in the order of pickletools
  #step(opcode: number): void {
    switch (opcode) {
      case 0x28: // MARK
        if (this.#marks.length >= stackMost) throw new Fault('too many marks');
        this.#marks.push(this.#stack.length);
        return;
      case 0x30: // POP
        if (this.#marks.at(-1) === this.#stack.length && this.#marks.length > 0) this.#marks.pop();
        else this.#pop();
        return;
      case 0x31: // POP_MARK
        this.#popMark();
        return;
      case 0x32: // DUP
        this.#push(this.#top());
        return;
      case 0x46: // FLOAT
      case 0x49: // INT
      case 0x4c: // LONG
        this.#number(this.#line());
        return;
      case 0x4a: // BININT
        this.#push({ kind: 'atom', at: this.#at, weight: 1, value: this.#take(4).readInt32LE(0) });
        return;
      case 0x4b: // BININT1
        this.#push({ kind: 'atom', at: this.#at, weight: 1, value: this.#take(1)[0]! });
        return;
      case 0x4d: // BININT2
        this.#push({ kind: 'atom', at: this.#at, weight: 1, value: this.#take(2).readUInt16LE(0) });
        return;
      case 0x8a: // LONG1
        this.#long(this.#take(1)[0]!);
        return;
      case 0x8b: // LONG4
        this.#long(this.#take(4).readInt32LE(0));
        return;
      case 0x47: // BINFLOAT
        this.#take(8);
        this.#atom();
        return;
      case 0x4e: // NONE
      case 0x88: // NEWTRUE
      case 0x89: // NEWFALSE
        this.#atom();
        return;
      case 0x53: // STRING
        this.#quoted(this.#line());
        return;
      case 0x56: // UNICODE
        this.#rawUnicode(this.#line());
        return;
      case 0x54: // BINSTRING
        this.#string(this.#take(4).readInt32LE(0), 'text');
        return;
      case 0x55: // SHORT_BINSTRING
      case 0x8c: // SHORT_BINUNICODE
        this.#string(this.#take(1)[0]!, 'text');
        return;
      case 0x58: // BINUNICODE
        this.#string(this.#take(4).readUInt32LE(0), 'text');
        return;
      case 0x8d: // BINUNICODE8
        this.#string(this.#long8(), 'text');
        return;
      case 0x43: // SHORT_BINBYTES
        this.#string(this.#take(1)[0]!, 'bytes');
        return;
      case 0x42: // BINBYTES
        this.#string(this.#take(4).readUInt32LE(0), 'bytes');
        return;
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        this.#string(this.#long8(), 'bytes');
        return;
      case 0x97: // NEXT_BUFFER
      case 0x98: // READONLY_BUFFER
        this.#host.report(
          'suspicious',
          'pickle-buffer',
          this.#at,
          opcode === 0x97 ? 'NEXT_BUFFER' : 'READONLY_BUFFER',
          'takes content from outside the stream, which nobody can judge here',
        );
        if (opcode === 0x97) this.#atom();
        return;
      case 0x5d: // EMPTY_LIST
        this.#container('list', []);
        return;
      case 0x7d: // EMPTY_DICT
        this.#container('dict', []);
        return;
      case 0x29: // EMPTY_TUPLE
        this.#container('tuple', []);
        return;
      case 0x8f: // EMPTY_SET
        this.#container('set', []);
        return;
      case 0x6c: // LIST
        this.#container('list', this.#popMark());
        return;
      case 0x64: {
        // DICT
        const items = this.#popMark();
        this.#fill(this.#container('dict', []), items);
        return;
      }
      case 0x74: // TUPLE
        this.#container('tuple', this.#popMark());
        return;
      case 0x91: // FROZENSET
        this.#container('set', this.#popMark());
        return;
      case 0x85: // TUPLE1
        this.#container('tuple', this.#popMany(1));
        return;
      case 0x86: // TUPLE2
        this.#container('tuple', this.#popMany(2));
        return;
      case 0x87: // TUPLE3
        this.#container('tuple', this.#popMany(3));
        return;
      case 0x61: // APPEND
        this.#extend(this.#popMany(1));
        return;
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        this.#extend(this.#popMark());
        return;
      case 0x73: // SETITEM
        this.#setItems(this.#popMany(2));
        return;
      case 0x75: // SETITEMS
        this.#setItems(this.#popMark());
        return;
      case 0x67: // GET
        this.#get(this.#index());
        return;
      case 0x68: // BINGET
        this.#get(this.#take(1)[0]!);
        return;
      case 0x6a: // LONG_BINGET
        this.#get(this.#take(4).readUInt32LE(0));
        return;
      case 0x70: // PUT
        this.#put(this.#index());
        return;
      case 0x71: // BINPUT
        this.#put(this.#take(1)[0]!);
        return;
      case 0x72: // LONG_BINPUT
        this.#put(this.#take(4).readUInt32LE(0));
        return;
      case 0x94: // MEMOIZE
        this.#put(this.#memo.length + this.#sparse.size);
        return;
      case 0x63: // GLOBAL
        this.#import(this.#line().toString('utf8'), this.#line().toString('utf8'));
        return;
      case 0x93: // STACK_GLOBAL
        this.#stackGlobal();
        return;
      case 0x69: {
        // INST
        const module = this.#line().toString('utf8');
        const name = this.#line().toString('utf8');
        const args = this.#popMark();
        this.#import(module, name);
        this.#call(this.#pop(), this.#made('tuple', args), 'INST');
        return;
      }
      case 0x6f: {
        // OBJ
        const [callee, ...args] = this.#popMark();
        if (callee === undefined) throw new Fault('OBJ without a class');
        this.#call(callee, this.#made('tuple', args), 'OBJ');
        return;
      }
      case 0x52: {
        // REDUCE
        const [callee, args] = this.#popMany(2);
        this.#call(callee!, args!, 'REDUCE');
        return;
      }
      case 0x81: {
        // NEWOBJ
        const [callee, args] = this.#popMany(2);
        this.#call(callee!, args!, 'NEWOBJ');
        return;
      }
      case 0x92: {
        // NEWOBJ_EX
        const [callee, args, named] = this.#popMany(3);
        this.#call(callee!, this.#made('tuple', [args!, named!]), 'NEWOBJ_EX');
        return;
      }
      case 0x62: // BUILD
        this.#build();
        return;
      case 0x50: // PERSID
        this.#persistent({ kind: 'text', at: this.#at, weight: 1, text: this.#line().toString('latin1') });
        return;
      case 0x51: // BINPERSID
        this.#persistent(this.#pop());
        return;
      case 0x82: // EXT1
        this.#extension(this.#take(1)[0]!);
        return;
      case 0x83: // EXT2
        this.#extension(this.#take(2).readUInt16LE(0));
        return;
      case 0x84: // EXT4
        this.#extension(this.#take(4).readInt32LE(0));
        return;
      case 0x80: // PROTO
        this.#proto(this.#take(1)[0]!);
        return;
      case 0x95: // FRAME
        this.#frame(this.#long8());
        return;
      default:
        throw new Fault(`byte 0x${opcode.toString(16).padStart(2, '0')} is no opcode`);
    }
  }

  #take(length: number): Buffer {
    const bytes = this.#in.take(length);
    if (bytes.length < length) throw new Fault('the stream ends inside an operand');
    return bytes;
  }

  #line(): Buffer {
    const line = this.#in.line();
    if (line === undefined) throw new Fault('a line of the stream has no end');
    return line;
  }

  #long8(): number {
    const length = this.#take(8).readBigUInt64LE(0);
    return length > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(length);
  }

  #push(value: Value): void {
    if (this.#stack.length >= stackMost) throw new Fault('the stack outgrows its limit');
    this.#stack.push(value);
  }

  #atom(): void {
    this.#push({ kind: 'atom', at: this.#at, weight: 1 });
  }

  #top(): Value {
    const value = this.#stack.at(-1);
    if (value === undefined || this.#stack.length <= (this.#marks.at(-1) ?? 0))
      throw new Fault('the stack is empty');
    return value;
  }

  #pop(): Value {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popMany(count: number): Value[] {
    if (this.#stack.length - count < (this.#marks.at(-1) ?? 0)) throw new Fault('the stack is too short');
    return this.#stack.splice(this.#stack.length - count, count);
  }

  #popMark(): Value[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw new Fault('there is no mark');
    return mark === this.#stack.length ? [] : this.#stack.splice(mark);
  }

  #number(line: Buffer): void {
    const value = Number(line.toString('latin1').replace(/L$/, ''));
    this.#push({ kind: 'atom', at: this.#at, weight: 1, ...(Number.isSafeInteger(value) ? { value } : {}) });
  }

  #long(length: number): void {
    if (length < 0) throw new Fault('a number has a negative length');
    const start = this.#in.position;
    this.#skip(length);
    const value =
      length <= 6 && length > 0 ? this.#source.read(start, length).readIntLE(0, length) : undefined;
    this.#push({ kind: 'atom', at: this.#at, weight: 1, ...(value === undefined ? {} : { value }) });
  }

  #skip(length: number): void {
    if (length < 0 || this.#in.position + length > this.#source.size)
      throw new Fault(`an operand of ${length} bytes goes past the end`);
    this.#in.position += length;
  }

  #string(length: number, kind: 'bytes' | 'text'): void {
    const start = this.#in.position;
    this.#skip(length);
    const text = length <= nameMost ? this.#source.read(start, length).toString('utf8') : undefined;
    this.#push({ kind: 'text', at: this.#at, weight: 1, text });
    this.#host.operand(start, start + length, kind);
  }

  #quoted(line: Buffer): void {
    const raw = line.toString('latin1').trim();
    const text = /^(['"]).*\1$/s.test(raw) ? raw.slice(1, -1) : raw;
    this.#lineText(unescaped(text), line.length);
  }

  #rawUnicode(line: Buffer): void {
    this.#lineText(
      line
        .toString('latin1')
        .replace(/\\u([0-9a-f]{4})|\\U([0-9a-f]{8})/gi, (whole, short?: string, long?: string) =>
          character(Number.parseInt(short ?? long ?? '', 16), whole),
        ),
      line.length,
    );
  }

  #lineText(text: string, length: number): void {
    this.#push({ kind: 'text', at: this.#at, weight: 1, text: text.length <= nameMost ? text : undefined });
    this.#host.operand(this.#in.position - 1 - length, this.#in.position - 1, 'text');
  }

  #made(kind: Container['kind'], items: readonly Value[]): Container {
    const value: Container = { kind, at: this.#at, weight: 1, items: items.slice(0, itemsKept) };
    this.#grow(value, items);
    return value;
  }

  #container(kind: Container['kind'], items: readonly Value[]): Container {
    const value = this.#made(kind, items);
    this.#push(value);
    return value;
  }

  #grow(value: Value, items: readonly Value[]): void {
    for (const item of items) value.weight += item.weight;
    if (value.weight <= expansionMost || value.weight < this.#opcodes * 1000 || this.#expanded) return;
    this.#expanded = true;
    this.#host.report(
      'suspicious',
      'pickle-expansion',
      this.#at,
      `${value.weight.toExponential(1)} values from ${this.#opcodes} opcodes`,
      'shared references multiply into an object that exhausts memory when it is copied, hashed or printed',
    );
  }

  #fill(target: Value, items: readonly Value[]): void {
    if (target.kind === 'dict' || target.kind === 'list' || target.kind === 'set')
      for (const item of items) {
        if (target.items.length >= itemsKept) break;
        target.items.push(item);
      }
    this.#grow(target, items);
  }

  #extend(items: readonly Value[]): void {
    const target = this.#top();
    if (target.kind === 'global') this.#tampering(target, 'appends to an imported name');
    this.#fill(target, items);
  }

  #setItems(items: readonly Value[]): void {
    const target = this.#top();
    if (target.kind === 'global') this.#tampering(target, 'sets an item of an imported name');
    if (items.length % 2 === 1) throw new Fault('a key without a value');
    this.#fill(target, items);
    for (let index = 0; index < items.length; index += 2) this.#planted(items[index]!, items[index + 1]!);
  }

  /** State that carries the methods of the protocol changes what later opcodes call. */
  #planted(key: Value, value: Value): void {
    if (key.kind !== 'text' || key.text === undefined) return;
    if (
      !/^__(?:setstate|reduce|reduce_ex|class|call|getattr|getattribute|init|new|del|set_name|init_subclass)__$/.test(
        key.text,
      )
    )
      return;
    if (value.kind === 'atom' || value.kind === 'text') return;
    this.#host.report(
      'malicious',
      'pickle-planted-method',
      key.at,
      `${key.text} = ${describe(value)}`,
      'plants a special method, so that a harmless-looking opcode calls it',
    );
  }

  #index(): number {
    const index = wholeNumber(this.#line());
    if (index === undefined) throw new Fault('a memo index is no number');
    return index;
  }

  #get(index: number): void {
    const value = this.#memo[index] ?? this.#sparse.get(index);
    if (value === undefined) throw new Fault(`memo ${index} was never set`);
    this.#push(value);
  }

  #put(index: number): void {
    const value = this.#top();
    if (this.#memo.length + this.#sparse.size >= memoMost) throw new Fault('the memo outgrows its limit');
    if (index < this.#memo.length) this.#memo[index] = value;
    else if (index === this.#memo.length && !this.#sparse.has(index)) this.#memo.push(value);
    else this.#sparse.set(index, value);
  }

  #stackGlobal(): void {
    const [module, name] = this.#popMany(2);
    if (
      module!.kind === 'text' &&
      name!.kind === 'text' &&
      module!.text !== undefined &&
      name!.text !== undefined
    ) {
      this.#import(module!.text, name!.text);
      return;
    }
    this.#host.report(
      'malicious',
      'pickle-computed-name',
      this.#at,
      `STACK_GLOBAL of ${describe(module!)} and ${describe(name!)}`,
      'the imported name is not a string in the stream; no pickler writes this',
    );
    this.#globals += 1;
    this.#push({ kind: 'call', at: this.#at, weight: 1, callee: module!, args: name! });
  }

  #import(module: string, name: string): void {
    this.#globals += 1;
    this.#push({ kind: 'global', at: this.#at, weight: 1, module, name });
    if (this.#host.admits?.(module, name) === true) return;
    // A name imported a million times is judged and reported once.
    const key = `${module}\n${name}`;
    if (this.#judged.has(key)) return;
    if (this.#judged.size >= namesMost) throw new Fault(`more than ${namesMost} different imports`);
    this.#judged.add(key);
    const { standing, why } = judgeGlobal(module, name);
    if (standing === 'safe') return;
    this.#host.report(
      standing === 'dangerous' ? 'malicious' : 'suspicious',
      standing === 'dangerous' ? 'pickle-dangerous-import' : 'pickle-unknown-import',
      this.#at,
      `${module} ${name}`,
      why,
    );
  }

  #call(callee: Value, args: Value, how: string): void {
    this.#calls += 1;
    if (callee.kind === 'call')
      this.#host.report(
        'malicious',
        'pickle-computed-call',
        this.#at,
        `${how} of ${describe(callee)}`,
        'calls what an earlier call returned',
      );
    else if (callee.kind !== 'global') throw new Fault(`${how} of what is not callable`);
    const value: Call = { kind: 'call', at: this.#at, weight: 1, callee, args };
    this.#grow(value, [args]);
    this.#push(value);
  }

  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    if (target.kind === 'global') this.#tampering(target, 'changes the state of an imported name');
    this.#calls += 1;
    this.#grow(target, [state]);
    if (target.kind === 'call' && isArrayWrapper(target.callee)) this.#rawArray(state);
  }

  /** joblib writes the values of an array behind the opcode that builds its wrapper; the loader reads them there. */
  #rawArray(state: Value): void {
    const { objects, size, aligned } = rawArrayOf(state);
    if (objects) {
      const inner = runPickle(this.#source, this.#in.position, this.#host);
      if (!inner.stopped) throw new Fault(`an array of objects: ${inner.fault}`);
      this.#in.position = inner.end;
      return;
    }
    if (size === undefined) throw new Fault('an array whose length is not known');
    if (aligned) this.#skip(this.#take(1)[0]!);
    this.#skip(size);
  }

  #tampering(target: Global, what: string): void {
    this.#host.report(
      'malicious',
      'pickle-tampering',
      this.#at,
      `${target.module} ${target.name}`,
      `${what}: other code sees the change`,
    );
  }

  #persistent(id: Value): void {
    const [word, type] = id.kind === 'tuple' ? id.items : [];
    const storage =
      word?.kind === 'text' &&
      word.text === 'storage' &&
      type?.kind === 'global' &&
      type.name.endsWith('Storage');
    if (!this.#host.torch || !storage)
      this.#host.report(
        'suspicious',
        'pickle-persistent-id',
        this.#at,
        describe(id),
        'the loader decides what this id stands for',
      );
    this.#atom();
  }

  #extension(code: number): void {
    this.#host.report(
      'suspicious',
      'pickle-extension',
      this.#at,
      `extension ${code}`,
      'imports what the loading process has registered under a number',
    );
    this.#globals += 1;
    this.#push({ kind: 'global', at: this.#at, weight: 1, module: 'copyreg extension', name: String(code) });
  }

  #proto(version: number): void {
    if (this.#at !== this.#start || this.#protocol !== undefined)
      this.#host.report(
        'suspicious',
        'pickle-late-protocol',
        this.#at,
        `PROTO ${version}`,
        'the protocol is declared again or not first; no pickler writes this',
      );
    this.#protocol = version;
    if (version > 5) throw new Fault(`protocol ${version} does not exist`);
  }

  #frame(length: number): void {
    if (this.#frameEnd > this.#at)
      this.#host.report(
        'suspicious',
        'pickle-frame-nested',
        this.#at,
        `FRAME ${length}`,
        'a frame begins inside another; no pickler writes this',
      );
    this.#frameEnd = this.#in.position + length;
    if (this.#frameEnd > this.#source.size)
      this.#host.report(
        'suspicious',
        'pickle-frame-length',
        this.#at,
        `FRAME ${length}`,
        'the frame is longer than the file',
      );
  }
}

function isArrayWrapper(callee: Value): boolean {
  return (
    callee.kind === 'global' && callee.module === 'joblib.numpy_pickle' && callee.name === 'NumpyArrayWrapper'
  );
}

/** Length in bytes of the raw values that `joblib.numpy_pickle.NumpyArrayWrapper` describes. */
function rawArrayOf(state: Value): { objects: boolean; size: number | undefined; aligned: boolean } {
  const fields = new Map<string, Value>();
  if (state.kind === 'dict')
    for (let index = 0; index + 1 < state.items.length; index += 2) {
      const key = state.items[index]!;
      if (key.kind === 'text' && key.text !== undefined) fields.set(key.text, state.items[index + 1]!);
    }
  const type = fields.get('dtype');
  const [code] = type?.kind === 'call' && type.args.kind === 'tuple' ? type.args.items : [];
  const letters = code?.kind === 'text' ? code.text : undefined;
  const alignment = fields.get('numpy_array_alignment_bytes');
  const aligned = alignment?.kind === 'atom' && (alignment.value ?? 0) > 0;
  if (letters?.includes('O') === true) return { objects: true, size: undefined, aligned };
  const width = /^[<>|=]?([?bBiufcmMSVU])(\d+)$/.exec(letters ?? '');
  const shape = fields.get('shape');
  if (width === null || shape?.kind !== 'tuple' || shape.items.length >= itemsKept)
    return { objects: false, size: undefined, aligned };
  let size = Number(width[2]) * (width[1] === 'U' ? 4 : 1);
  for (const length of shape.items) {
    if (length.kind !== 'atom' || length.value === undefined || length.value < 0)
      return { objects: false, size: undefined, aligned };
    size *= length.value;
  }
  return { objects: false, size, aligned };
}

/** Decimal digits without making a string of them. */
function wholeNumber(line: Buffer): number | undefined {
  if (line.length === 0 || line.length > 15) return undefined;
  let value = 0;
  for (const byte of line) {
    if (byte < 0x30 || byte > 0x39) return undefined;
    value = value * 10 + byte - 0x30;
  }
  return value;
}

function character(code: number, otherwise: string): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : otherwise;
}

/** Python escapes of a protocol 0 string, as far as a name can be hidden in them. */
function unescaped(text: string): string {
  return text.replace(
    /\\(?:x([0-9a-f]{2})|([0-7]{1,3})|(.))/gis,
    (_, hex?: string, octal?: string, plain?: string) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
      return { n: '\n', t: '\t', r: '\r' }[plain!] ?? plain!;
    },
  );
}

function describe(value: Value): string {
  switch (value.kind) {
    case 'global':
      return `${value.module} ${value.name}`;
    case 'call':
      return `the result of ${value.callee.kind === 'global' ? describe(value.callee) : 'a call'}`;
    case 'text':
      return printable(value.text ?? 'a long string', 60);
    case 'atom':
      return value.value === undefined ? 'a value' : String(value.value);
    default:
      return `a ${value.kind}`;
  }
}
