import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { Problem } from '../../kernel/problem.ts';
import { digestKey, headerLength, parseHeader, type Tensor } from '../language-model/safetensors.ts';
import { binomialTail, type Tail } from './exact-tails.ts';

/** Bits that a fingerprint has at most; each lies in one weight. */
const bitsWanted = 4096;

/** One weight in this many carries a bit at most, so that the model does not feel it. */
const sparsity = 16;

/**
 * Which bit of a weight (as float32) carries: the lowest that the stored type has; for float32 the lowest that float16 has
 * too. What is below is cleared, so that the bit survives a conversion to float16 and back.
 */
const carriers: Record<string, { bit: number; size: number }> = {
  F32: { bit: 13, size: 4 },
  F16: { bit: 13, size: 2 },
  BF16: { bit: 16, size: 2 },
};

/** Weights whose absolute value lies outside lose their low bits in float16, so they never carry. */
const smallest = 2 ** -14;
const largest = 65_504;

export interface FingerprintReport {
  bits: number;
  tensors: number;
  /** Largest change of a weight, relative to it. */
  largestChange: number;
}

/**
 * Writes a copy of a safetensors file in which chosen weights carry the code of one recipient (quantisation index
 * modulation at secret places). Places depend on the key and on each tensor's name and size, not on its weights or the recipient.
 */
export async function embedFingerprint(
  source: string,
  target: string,
  key: Buffer,
  recipient: string,
): Promise<FingerprintReport> {
  const aside = `${target}.${process.pid}.part`;
  try {
    await copyFile(source, aside, constants.COPYFILE_FICLONE);
  } catch (cause) {
    throw unreadable(source, cause);
  }
  try {
    const handle = await open(aside, 'r+');
    try {
      const report = await mark(handle, key, recipient);
      await handle.sync();
      await handle.close();
      await rename(aside, target);
      return report;
    } finally {
      await handle.close().catch(() => undefined);
    }
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}

async function mark(handle: FileHandle, key: Buffer, recipient: string): Promise<FingerprintReport> {
  const { tensors, dataStart, metadata } = await readHeader(handle);
  const report: FingerprintReport = { bits: 0, tensors: 0, largestChange: 0 };
  for (const tensor of carrying(tensors)) {
    const places = placesOf(key, tensor, tensors);
    const code = codeOf(key, recipient, tensor, places.length);
    report.tensors += 1;
    for (const [index, place] of places.entries()) {
      const weight = await readWeight(handle, dataStart, tensor, place);
      if (!usable(weight.value)) continue;
      const { bit } = carriers[tensor.dtype]!;
      const cleared = (weight.word >>> (bit + 1)) << (bit + 1);
      const marked = (cleared | (code[index]! << bit)) >>> 0;
      const change = Math.abs(floatOf(marked) - weight.value) / Math.abs(weight.value);
      report.largestChange = Math.max(report.largestChange, change);
      report.bits += 1;
      await handle.write(bytesOf(tensor.dtype, marked), 0, weight.size, weight.position);
    }
  }
  if (report.bits < 64)
    throw new Problem('INPUT_INVALID', {
      detail: `the model has room for ${report.bits} bits only`,
      fix: 'Fingerprints need at least a thousand weights of type F32, F16 or BF16.',
    });
  if (metadata[digestKey] !== undefined) await renewDigest(handle, dataStart, metadata[digestKey]);
  return report;
}

export interface Identification {
  recipient: string;
  matches: number;
  bits: number;
  /** Probability of so many matches in a file that was not made for this recipient, for all recipients and readings tried. */
  tail: Tail;
}

/** How well a file agrees with each recipient's code, best first. */
export async function identifyFingerprint(
  file: string,
  key: Buffer,
  recipients: readonly string[],
): Promise<Identification[]> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (cause) {
    throw unreadable(file, cause);
  }
  try {
    const { tensors, dataStart } = await readHeader(handle);
    const words: { tensor: Tensor; words: (number | undefined)[] }[] = [];
    for (const tensor of carrying(tensors)) {
      const read: (number | undefined)[] = [];
      for (const place of placesOf(key, tensor, tensors)) {
        const { value, word } = await readWeight(handle, dataStart, tensor, place);
        read.push(usable(value) ? word : undefined);
      }
      words.push({ tensor, words: read });
    }
    // A file may have been converted since: both bits that carry in some type are looked at.
    const readings = [13, 16];
    const tries = recipients.length * readings.length;
    return recipients
      .map((recipient): Identification => {
        const found = readings.map((bit) => agreement(key, recipient, words, bit));
        return found.reduce((left, right) => (right.tail.log10 < left.tail.log10 ? right : left));
      })
      .map((one) => ({ ...one, tail: severalTries(one.tail, tries) }))
      .sort((left, right) => left.tail.log10 - right.tail.log10);
  } finally {
    await handle.close();
  }
}

function agreement(
  key: Buffer,
  recipient: string,
  read: readonly { tensor: Tensor; words: readonly (number | undefined)[] }[],
  bit: number,
): Identification {
  let matches = 0;
  let bits = 0;
  for (const { tensor, words } of read) {
    const code = codeOf(key, recipient, tensor, words.length);
    words.forEach((word, index) => {
      if (word === undefined) return;
      bits += 1;
      matches += Number(((word >>> bit) & 1) === code[index]);
    });
  }
  return { recipient, matches, bits, tail: binomialTail(bits, matches, 0.5) };
}

function severalTries({ p, log10 }: Tail, tries: number): Tail {
  return { p: Math.min(1, p * tries), log10: Math.min(0, log10 + Math.log10(tries)) };
}

function carrying(tensors: readonly Tensor[]): Tensor[] {
  return tensors.filter((tensor) => carriers[tensor.dtype] && elements(tensor) >= sparsity);
}

const elements = ({ shape }: Tensor): number => shape.reduce((product, size) => product * size, 1);

/** Secret places in one tensor, a share of the bits that fits its size. The same for a file that lost other tensors. */
function placesOf(key: Buffer, tensor: Tensor, tensors: readonly Tensor[]): number[] {
  const size = elements(tensor);
  const whole = carrying(tensors).reduce((sum, one) => sum + elements(one), 0);
  // As many as would be wanted if the tensor were alone are drawn in a fixed order; how many are used depends on the others.
  const count = Math.min(Math.floor(size / sparsity), Math.max(1, Math.ceil((bitsWanted * size) / whole)));
  const places = new Set<number>();
  const stream = randomBytesOf(key, `places ${tensor.name} ${size}`, 8 * count * 4);
  for (let i = 0; places.size < count && i + 8 <= stream.length; i += 8)
    places.add(Number(stream.readBigUInt64LE(i) % BigInt(size)));
  return [...places];
}

function codeOf(key: Buffer, recipient: string, tensor: Tensor, count: number): number[] {
  const stream = randomBytesOf(key, `code ${recipient.length} ${recipient} ${tensor.name}`, count);
  return Array.from(stream, (byte) => byte & 1);
}

function randomBytesOf(key: Buffer, label: string, length: number): Buffer {
  const seed = createHmac('sha256', key).update(`merlon-fingerprint/1 ${label}`).digest();
  return createCipheriv('aes-256-ctr', seed, Buffer.alloc(16)).update(Buffer.alloc(length));
}

async function readHeader(handle: FileHandle): Promise<ReturnType<typeof parseHeader>> {
  const { size } = await handle.stat();
  const prefix = Buffer.alloc(8);
  const { bytesRead } = await handle.read(prefix, 0, 8, 0);
  const header = Buffer.alloc(8 + headerLength(prefix.subarray(0, bytesRead), size));
  await handle.read(header, 0, header.length, 0);
  return parseHeader(header, size);
}

/** A weight as a number and as the bits of its float32. */
async function readWeight(handle: FileHandle, dataStart: number, tensor: Tensor, place: number) {
  const { size } = carriers[tensor.dtype]!;
  const position = dataStart + tensor.start + place * size;
  const bytes = Buffer.alloc(size);
  await handle.read(bytes, 0, size, position);
  const word = wordOf(tensor.dtype, bytes);
  return { position, size, word, value: floatOf(word) };
}

const usable = (value: number): boolean => Math.abs(value) >= smallest && Math.abs(value) <= largest;

function floatOf(word: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(word);
  return bytes.readFloatLE();
}

/** Bits of the float32 that equals the stored number. Subnormal and infinite float16 become what is never usable. */
function wordOf(dtype: string, bytes: Buffer): number {
  if (dtype === 'F32') return bytes.readUInt32LE();
  const half = bytes.readUInt16LE();
  if (dtype === 'BF16') return (half << 16) >>> 0;
  const exponent = (half >>> 10) & 0x1f;
  if (exponent === 0 || exponent === 31) return 0;
  return (((half & 0x8000) << 16) | ((exponent + 112) << 23) | ((half & 0x3ff) << 13)) >>> 0;
}

function bytesOf(dtype: string, word: number): Buffer {
  const bytes = Buffer.alloc(carriers[dtype]!.size);
  if (dtype === 'F32') bytes.writeUInt32LE(word);
  else if (dtype === 'BF16') bytes.writeUInt16LE(word >>> 16);
  else
    bytes.writeUInt16LE(
      ((word >>> 16) & 0x8000) | ((((word >>> 23) & 0xff) - 112) << 10) | ((word >>> 13) & 0x3ff),
    );
  return bytes;
}

/** The digest that our own files carry has a fixed length: it is replaced in place. */
async function renewDigest(handle: FileHandle, dataStart: number, old: string): Promise<void> {
  const header = Buffer.alloc(dataStart);
  await handle.read(header, 0, dataStart, 0);
  const hash = createHash('sha256');
  for await (const chunk of handle.createReadStream({ start: dataStart, autoClose: false }))
    hash.update(chunk as Buffer);
  const at = header.indexOf(`"${digestKey}":"${old}"`);
  if (at === -1 || old.length !== 64) return;
  await handle.write(hash.digest('hex'), at + digestKey.length + 4, 'latin1');
}

function unreadable(file: string, cause: unknown): Problem {
  return new Problem('FILE_UNREADABLE', { detail: `\`${file}\` cannot be read`, facts: { file }, cause });
}
