import type { KeyObject } from 'node:crypto';

/** Bytes of plaintext in every chunk but the last. */
export const chunkBytes = 65_536;
/** Bytes of the GCM tag after every chunk. */
export const tagBytes = 16;
/** Bytes of every stored chunk but the last. */
export const sealedBytes = chunkBytes + tagBytes;
/** A counter of 32 bits numbers the chunks: 256 TiB. */
export const maxChunks = 2 ** 32;

/** What every chunk of one object shares. */
export interface ChunkContext {
  key: KeyObject;
  /** 7 random bytes of the header. */
  prefix: Uint8Array;
  /** SHA-256 of the header's fixed part: no chunk opens under another header. */
  aad: Uint8Array;
}

/** Seals and opens single chunks. */
export interface ChunkCipher {
  /** Ciphertext and tag, to be stored one after the other. */
  seal(plain: Uint8Array, index: number, last: boolean): [Buffer, Buffer];
  /** The plaintext, or undefined when anything about the chunk is not as it was sealed. */
  open(sealed: Uint8Array, index: number, last: boolean): Buffer | undefined;
}

/** AES-GCM with 96-bit nonces and 128-bit tags. Whoever calls answers for the nonce. */
export interface Gcm {
  /** Ciphertext and tag. */
  seal(nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): [Buffer, Buffer];
  /** The plaintext, or undefined when anything is not as it was sealed. */
  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer | undefined;
}

/** AES-GCM under one key. Sent to worker threads as source text, so it may use nothing from this module. */
export function aesGcm(key: KeyObject): Gcm {
  const { createCipheriv, createDecipheriv } = process.getBuiltinModule('node:crypto');
  const name = `aes-${(key.symmetricKeySize ?? 0) * 8}-gcm` as 'aes-256-gcm';
  const options = { authTagLength: 16 };
  return {
    seal(nonce, aad, plain) {
      const cipher = createCipheriv(name, key, nonce, options);
      cipher.setAAD(aad);
      const sealed = cipher.update(plain);
      cipher.final();
      return [sealed, cipher.getAuthTag()];
    },
    open(nonce, aad, sealed) {
      const end = sealed.length - 16;
      if (end < 0) return undefined;
      const decipher = createDecipheriv(name, key, nonce, options);
      decipher.setAAD(aad);
      decipher.setAuthTag(sealed.subarray(end));
      const plain = decipher.update(sealed.subarray(0, end));
      try {
        decipher.final();
        return plain;
      } catch {
        return undefined;
      }
    },
  };
}

/**
 * AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): the nonce is the prefix of the object, the
 * number of the chunk (32 bits, big-endian) and one byte that says whether it is the last. So no chunk can be dropped, doubled,
 * moved, cut off or appended. Sent to worker threads as source text like `aesGcm`, which they hand to it.
 */
export function chunkCipher({ key, prefix, aad }: ChunkContext, gcmOf: (key: KeyObject) => Gcm): ChunkCipher {
  const gcm = gcmOf(key);
  const nonce = Buffer.alloc(12);
  nonce.set(prefix);
  const nonceOf = (index: number, last: boolean): Buffer => {
    nonce.writeUInt32BE(index, 7);
    nonce[11] = last ? 1 : 0;
    return nonce;
  };
  return {
    seal: (plain, index, last) => gcm.seal(nonceOf(index, last), aad, plain),
    open: (sealed, index, last) => gcm.open(nonceOf(index, last), aad, sealed),
  };
}
