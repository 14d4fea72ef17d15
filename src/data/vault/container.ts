import {
  createHash,
  createHmac,
  createSecretKey,
  randomBytes,
  randomUUID,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto';
import { Problem } from '../../kernel/problem.ts';
import { chunkBytes, sealedBytes, tagBytes, type ChunkContext } from './chunks.ts';
import { hkdf } from './primitives.ts';

// The container format MRLV1; docs/guides/vault.md has it byte by byte.

/** `MRLV1` and the four bytes that show a transfer as text (the idea of the PNG signature). */
const magic = Buffer.from('MRLV1\r\n\x1a\n', 'latin1');
const fixedBytes = 128;
const slotBytes = 960;
const macBytes = 32;
const slotHeadBytes = 8;
/** Shows without any key that a list was written whole. */
const sumBytes = 8;

/** Bytes before the first chunk. */
export const headerBytes = fixedBytes + 2 * slotBytes;

/** Whether the object's key stands in the store, where it can be destroyed, or the custodian alone opens the object. */
export type Keeping = 'kept' | 'portable';

/** The data key of an object, as a custodian wrapped it. */
export interface Recipient {
  keyId: string;
  /** Additional data that the custodian binds: it unwraps for no other use. */
  context: string;
  wrapped: Buffer;
}

/** The part of a header that never changes. */
export interface Fixed {
  object: string;
  keeping: Keeping;
  /** Milliseconds since the epoch. */
  created: number;
  bytes: Buffer;
}

/** One of the two places for recipients. Rewrapping fills the other one and then empties the old one. */
export interface Slot {
  generation: number;
  recipients: Recipient[];
  /** What the code covers, and the code. */
  signed: Buffer;
  mac: Buffer;
}

export interface Header extends Fixed {
  /** By place; undefined when empty. */
  slots: [Slot | undefined, Slot | undefined];
  /** The one with the newest recipients. */
  current: Slot;
}

/** The keys of one object, all derived from its data key. */
export interface ObjectKeys extends ChunkContext {
  header: KeyObject;
}

/** Makes the fixed part of a new object and its keys. */
export function newObject({
  dataKey,
  keeping,
  now,
  object = randomUUID(),
}: {
  dataKey: KeyObject;
  keeping: Keeping;
  now: number;
  object?: string;
}): { fixed: Fixed; keys: ObjectKeys } {
  const bytes = Buffer.alloc(fixedBytes);
  magic.copy(bytes);
  bytes[9] = 1; // suite
  bytes[10] = Math.log2(chunkBytes);
  bytes[11] = keeping === 'kept' ? 1 : 0;
  bytes.writeUInt32BE(headerBytes, 12);
  Buffer.from(object.replaceAll('-', ''), 'hex').copy(bytes, 16);
  randomBytes(32).copy(bytes, 32);
  randomBytes(7).copy(bytes, 64);
  bytes.writeBigUInt64BE(BigInt(now), 72);
  commitment(dataKey, bytes).copy(bytes, 96);
  return { fixed: { object, keeping, created: now, bytes }, keys: derive(dataKey, bytes) };
}

/**
 * The keys of an object, when the data key is the one it was made with. The commitment stands against a file that would open
 * to different texts under different keys, which GCM alone does not exclude.
 * @throws Problem OBJECT_DAMAGED when it is another key, or a part of the header was changed
 */
export function openHeader(header: Header, dataKey: KeyObject): ObjectKeys {
  if (!timingSafeEqual(commitment(dataKey, header.bytes), header.bytes.subarray(96, 128))) {
    throw damaged('the key does not belong to this object, or its header was changed');
  }
  const keys = derive(dataKey, header.bytes);
  for (const slot of header.slots) {
    if (slot && !timingSafeEqual(slotCode(keys, header.bytes, slot.signed), slot.mac)) {
      throw damaged('the list of recipients in the header was changed');
    }
  }
  return keys;
}

function commitment(dataKey: KeyObject, fixed: Buffer): Buffer {
  return hkdf(dataKey, fixed.subarray(32, 64), 'merlon vault/v1 commitment', 32);
}

function derive(dataKey: KeyObject, fixed: Buffer): ObjectKeys {
  const salt = fixed.subarray(32, 64);
  const key = (purpose: string): KeyObject => {
    const bytes = hkdf(dataKey, salt, `merlon vault/v1 ${purpose}`, 32);
    const object = createSecretKey(bytes);
    bytes.fill(0);
    return object;
  };
  return {
    key: key('payload'),
    header: key('header'),
    prefix: fixed.subarray(64, 71),
    aad: createHash('sha256').update(fixed).digest(),
  };
}

function slotCode(keys: ObjectKeys, fixed: Buffer, signed: Buffer): Buffer {
  return createHmac('sha256', keys.header).update(fixed).update(signed).digest();
}

/** A whole header with its recipients in the first place. */
export function writeHeader(fixed: Fixed, keys: ObjectKeys, recipients: readonly Recipient[]): Buffer {
  return Buffer.concat([
    fixed.bytes,
    writeSlot(fixed, keys, { generation: 1, recipients }),
    Buffer.alloc(slotBytes),
  ]);
}

/** @throws Problem INPUT_INVALID when the recipients need more room than a slot has */
export function writeSlot(
  fixed: Fixed,
  keys: ObjectKeys,
  { generation, recipients }: Pick<Slot, 'generation'> & { recipients: readonly Recipient[] },
): Buffer {
  const parts = recipients.flatMap(({ keyId, context, wrapped }) =>
    [Buffer.from(keyId), Buffer.from(context), wrapped].flatMap((part) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(part.length);
      return [length, part];
    }),
  );
  const body = Buffer.concat(parts);
  if (slotHeadBytes + body.length + macBytes + sumBytes > slotBytes) {
    throw new Problem('INPUT_INVALID', {
      detail: `wrapped keys of ${body.length} bytes do not fit into a header`,
      fix: 'Use a key of at most 4096 bits, with a shorter name.',
    });
  }
  const head = Buffer.alloc(slotHeadBytes);
  head.writeUInt32BE(generation, 0);
  head.writeUInt16BE(body.length, 4);
  head[6] = recipients.length;
  const signed = Buffer.concat([head, body]);
  const slot = Buffer.alloc(slotBytes);
  const written = Buffer.concat([signed, slotCode(keys, fixed.bytes, signed)]);
  written.copy(slot);
  sumOf(written).copy(slot, written.length);
  return slot;
}

/** Where in the file a slot stands. */
export function slotOffset(place: 0 | 1): number {
  return fixedBytes + place * slotBytes;
}

export const emptySlot: Buffer = Buffer.alloc(slotBytes);

/**
 * Reads a header strictly: what is not used must be zero.
 * @param lenient lets one unreadable slot pass, as an interrupted rewrap may leave it after a loss of power
 * @throws Problem INPUT_INVALID when it is no container, OBJECT_DAMAGED when it is a broken one
 */
export function readHeader(bytes: Buffer, { lenient = false } = {}): Header {
  if (bytes.length < magic.length || !bytes.subarray(0, 5).equals(magic.subarray(0, 5))) {
    throw new Problem('INPUT_INVALID', {
      detail: 'this is no vault container: it does not begin with `MRLV1`',
      fix: 'Give a file that `merlon vault encrypt` wrote.',
    });
  }
  if (!bytes.subarray(0, magic.length).equals(magic)) {
    throw damaged('it was carried as text, which changes line ends', 'Copy it as a binary file.');
  }
  if (bytes.length < headerBytes) throw damaged('it ends inside its header');
  const [suite, chunk, kept] = bytes.subarray(9, 12);
  if (
    suite !== 1 ||
    chunk !== Math.log2(chunkBytes) ||
    kept! > 1 ||
    bytes.readUInt32BE(12) !== headerBytes ||
    bytes[71] !== 0 ||
    bytes.subarray(80, 96).some((byte) => byte !== 0)
  ) {
    throw damaged('its header asks for what version 1 does not have');
  }
  const created = bytes.readBigUInt64BE(72);
  if (created > BigInt(Number.MAX_SAFE_INTEGER))
    throw damaged('its header asks for what version 1 does not have');
  const slots = [0, 1].map((place) => {
    const slot = bytes.subarray(slotOffset(place as 0 | 1), slotOffset(place as 0 | 1) + slotBytes);
    const read = readSlot(slot);
    if (read !== 'unreadable') return read;
    if (lenient) return undefined;
    throw damaged(
      'one of its two lists of recipients is unreadable',
      'If the machine lost power while keys were rewrapped, `merlon vault rewrap FILE` repairs it.',
    );
  }) as Header['slots'];
  const current = slots
    .filter((slot) => slot !== undefined)
    .toSorted((a, b) => b.generation - a.generation)[0];
  if (!current) {
    throw bytes.subarray(fixedBytes, headerBytes).every((byte) => byte === 0)
      ? new Problem('OBJECT_SHREDDED', { detail: 'this object has no recipients any more: it was shredded' })
      : damaged('none of its lists of recipients is readable');
  }
  return {
    object: uuid(bytes.subarray(16, 32)),
    keeping: kept === 1 ? 'kept' : 'portable',
    created: Number(created),
    bytes: Buffer.from(bytes.subarray(0, fixedBytes)),
    slots,
    current,
  };
}

function readSlot(slot: Buffer): Slot | undefined | 'unreadable' {
  if (slot.every((byte) => byte === 0)) return undefined;
  const generation = slot.readUInt32BE(0);
  const length = slot.readUInt16BE(4);
  const end = slotHeadBytes + length;
  const macEnd = end + macBytes;
  if (generation === 0 || macEnd + sumBytes > slotBytes || slot[7] !== 0) return 'unreadable';
  if (!slot.subarray(macEnd, macEnd + sumBytes).equals(sumOf(slot.subarray(0, macEnd)))) return 'unreadable';
  if (slot.subarray(macEnd + sumBytes).some((byte) => byte !== 0)) return 'unreadable';
  let at = slotHeadBytes;
  const part = (): Buffer | undefined => {
    if (at + 2 > end) return undefined;
    const from = at + 2;
    const to = from + slot.readUInt16BE(at);
    if (to > end) return undefined;
    at = to;
    return Buffer.from(slot.subarray(from, to));
  };
  const recipients: Recipient[] = [];
  for (let n = 0; n < slot[6]!; n += 1) {
    const [keyId, context, wrapped] = [part(), part(), part()];
    if (!keyId || !context || !wrapped) return 'unreadable';
    recipients.push({ keyId: keyId.toString(), context: context.toString(), wrapped });
  }
  if (at !== end || recipients.length === 0) return 'unreadable';
  return {
    generation,
    recipients,
    signed: Buffer.from(slot.subarray(0, end)),
    mac: Buffer.from(slot.subarray(end, macEnd)),
  };
}

function sumOf(written: Buffer): Buffer {
  return createHash('sha256').update(written).digest().subarray(0, sumBytes);
}

function uuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Size of a container, in bytes, that holds so many. */
export function containerSize(plain: number): number {
  return headerBytes + plain + Math.max(1, Math.ceil(plain / chunkBytes)) * tagBytes;
}

/**
 * Chunks and bytes of plaintext in a container of this size.
 * @throws Problem OBJECT_DAMAGED when no container can have this size
 */
export function layoutOf(size: number): { chunks: number; plain: number } {
  const body = size - headerBytes;
  const chunks = Math.ceil(body / sealedBytes);
  const plain = body - chunks * tagBytes;
  // Only an object without content has an empty chunk.
  if (body < tagBytes || plain < 0 || (plain === 0 ? chunks > 1 : containerSize(plain) !== size)) {
    throw damaged('it is cut off');
  }
  return { chunks, plain };
}

/** The Problem for everything that must not be believed. */
export function damaged(why: string, fix?: string): Problem {
  return new Problem('OBJECT_DAMAGED', {
    detail: `the encrypted object is damaged or forged: ${why}`,
    ...(fix === undefined ? {} : { fix }),
  });
}
