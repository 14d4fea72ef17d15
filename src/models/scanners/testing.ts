import { crc32, deflateRawSync } from 'node:zlib';
import { defaultLimits, type ScanLimits, type ScanResult } from './contract.ts';
import { inspect } from './inspect.ts';
import { bytesSource } from './source.ts';

// Builders of small model files for tests. Nothing here is ever loaded.

/** Scans bytes in this thread. */
export function scanBytes(
  bytes: Uint8Array,
  name = 'model.bin',
  limits: Partial<ScanLimits> = {},
): ScanResult {
  return inspect(name, bytesSource(bytes), { ...defaultLimits, ...limits });
}

/** Rules of the findings, without repetition. */
export function rulesOf({ findings }: ScanResult): string[] {
  return [...new Set(findings.map(({ rule }) => rule))];
}

export const bytes = (...parts: (string | number | Uint8Array)[]): Buffer =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === 'string'
        ? Buffer.from(part, 'latin1')
        : typeof part === 'number'
          ? Buffer.from([part])
          : part,
    ),
  );

/** SHORT_BINUNICODE. */
export const text = (value: string): Buffer => {
  const utf8 = Buffer.from(value);
  return bytes(0x8c, utf8.length, utf8);
};

/** A protocol 4 pickle of these opcodes with STOP. */
export const pickle = (...opcodes: (string | number | Uint8Array)[]): Buffer =>
  bytes(0x80, 4, ...opcodes, '.');

/** STACK_GLOBAL of two texts. */
export const imported = (module: string, name: string): Buffer => bytes(text(module), text(name), 0x93);

/** A pickle that calls a name with one text. */
export const calling = (module: string, name: string, argument = 'x'): Buffer =>
  pickle(imported(module, name), text(argument), 0x85, 'R');

export interface ZipItem {
  name: string;
  content: Uint8Array | string;
  flags?: number;
  deflate?: boolean;
  mode?: number;
  /** Name in the local header when it differs. */
  localName?: string;
  /** Left out of the directory. */
  hidden?: boolean;
  crc?: number;
}

/** A ZIP file of these entries. */
export function zipOf(items: readonly ZipItem[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let at = 0;
  for (const item of items) {
    const content = Buffer.from(item.content as Uint8Array);
    const packed = item.deflate === true ? deflateRawSync(content) : content;
    const fields = (size: number): Buffer => {
      const head = Buffer.alloc(size);
      head.writeUInt16LE(20, 0);
      head.writeUInt16LE(item.flags ?? 0, 2);
      head.writeUInt16LE(item.deflate === true ? 8 : 0, 4);
      head.writeUInt32LE(item.crc ?? crc32(content), 10);
      head.writeUInt32LE(packed.length, 14);
      head.writeUInt32LE(content.length, 18);
      return head;
    };
    const localName = Buffer.from(item.localName ?? item.name);
    const head = fields(26);
    head.writeUInt16LE(localName.length, 22);
    const record = bytes('PK\x03\x04', head, localName, packed);
    const name = Buffer.from(item.name);
    const tail = Buffer.alloc(18);
    tail.writeUInt16LE(name.length, 0);
    tail.writeUInt32LE(((item.mode ?? 0o100644) << 16) >>> 0, 10);
    tail.writeUInt32LE(at, 14);
    if (item.hidden !== true) central.push(bytes('PK\x01\x02', 20, 3, fields(22), tail, name));
    local.push(record);
    at += record.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(central.length, 4);
  end.writeUInt16LE(central.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(at, 12);
  return bytes(...local, directory, 'PK\x05\x06', end);
}

/** A PyTorch archive with this pickle. */
export const torchZip = (data: Uint8Array, more: readonly ZipItem[] = []): Buffer =>
  zipOf([
    { name: 'archive/data.pkl', content: data },
    { name: 'archive/byteorder', content: 'little' },
    { name: 'archive/data/0', content: Buffer.alloc(16, 1) },
    { name: 'archive/version', content: '3\n' },
    ...more,
  ]);

/** A state dictionary with one tensor, as `torch.save` pickles it. */
export const stateDict: Buffer = bytes(
  0x80,
  2,
  '}X',
  Buffer.from([1, 0, 0, 0]),
  'wctorch._utils\n_rebuild_tensor_v2\n((X',
  Buffer.from([7, 0, 0, 0]),
  'storagectorch\nFloatStorage\nX',
  Buffer.from([1, 0, 0, 0]),
  '0X',
  Buffer.from([3, 0, 0, 0]),
  'cpuK\x04tQK\x00K\x04\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRs.',
);

/** A tar file of these entries. */
export function tarOf(
  items: readonly { name: string; content?: Uint8Array | string; type?: string; link?: string }[],
): Buffer {
  const blocks: Buffer[] = [];
  for (const { name, content = '', type = '0', link = '' } of items) {
    const data = Buffer.from(content as Uint8Array);
    const header = Buffer.alloc(512);
    header.write(name, 0, 100);
    header.write('0000644\0', 100);
    header.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write(type, 156);
    header.write(link, 157, 100);
    header.write('ustar\0', 257);
    header.fill(32, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    blocks.push(header, data, Buffer.alloc((512 - (data.length % 512)) % 512));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** A protobuf field: a number as varint, anything else with its length. */
export function field(number: number, value: number | string | Uint8Array): Buffer {
  if (typeof value === 'number') return bytes(varint(number * 8), varint(value));
  const content = Buffer.from(value as Uint8Array);
  return bytes(varint(number * 8 + 2), varint(content.length), content);
}

function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  do {
    out.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(out);
}

/** A safetensors file: header object (or text) and data. */
export function safetensors(header: object | string, data: Uint8Array = new Uint8Array()): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return bytes(length, json, data);
}

/** A GGUF file with these texts as metadata and no tensors. */
export function gguf(texts: Readonly<Record<string, string>>): Buffer {
  const u32 = (value: number): Buffer => {
    const out = Buffer.alloc(4);
    out.writeUInt32LE(value);
    return out;
  };
  const u64 = (value: number): Buffer => bytes(u32(value), u32(0));
  const string = (value: string): Buffer => bytes(u64(Buffer.byteLength(value)), Buffer.from(value));
  const pairs = Object.entries(texts).map(([key, value]) => bytes(string(key), u32(8), string(value)));
  return bytes('GGUF', u32(3), u64(0), u64(pairs.length), ...pairs);
}

/** An npy file with this header literal and data. */
export function npy(header: string, data: Uint8Array = new Uint8Array()): Buffer {
  const line = `${header}\n`;
  return bytes('\x93NUMPY', 1, 0, line.length & 255, line.length >> 8, line, data);
}
