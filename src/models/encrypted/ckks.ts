import { createCipheriv, createDecipheriv, createHash, randomBytes, scryptSync } from 'node:crypto';
import type { SEALLibrary } from 'node-seal/implementation/seal.js';
import { Problem } from '../../kernel/problem.ts';
import type { Secret } from '../../kernel/secret.ts';
import { open, parameters, seal } from './envelope.ts';
import { encryptedFeatures } from './features.ts';
import { probability, type LinearModel } from './linear.ts';

/** What the client keeps, and what it gives to the server. */
export interface KeyPair {
  secret: Buffer;
  evaluation: Buffer;
}

export interface Score {
  finds: string;
  /** Probability, 0..1. */
  score: number;
  raw: number;
  threshold: number;
  found: boolean;
}

/** Homomorphic scoring. Clients and servers hold memory until they are closed. */
export interface Ckks {
  keygen(passphrase?: Secret): KeyPair;
  client(secret: Buffer, passphrase?: Secret): CkksClient;
  server(evaluation: Buffer, model: LinearModel): CkksServer;
}

export interface CkksClient {
  /** Features of the text, encrypted with the secret key. About 115 kB. */
  encrypt(text: string, dimensions: LinearModel['dimensions']): Buffer;
  decrypt(reply: Buffer): Score;
  close(): void;
}

export interface CkksServer {
  /** Scores without seeing: knows neither features nor score. */
  score(request: Buffer): Buffer;
  close(): void;
}

/** Slots of a ciphertext. */
const slots = parameters.degree / 2;
const scale = 2 ** parameters.scaleBits;
/** Every slot of the reply but the first is drowned in noise of this size: partial sums would tell weights. */
const maskSize = 2 ** 14;
const scrypt = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 << 20 } as const;

/**
 * Loads SEAL (WebAssembly), which is an optional dependency.
 * @throws Problem ASSET_MISSING when it is not installed
 */
export async function openCkks(load: () => Promise<unknown> = () => import('node-seal')): Promise<Ckks> {
  return ckks(await instantiate(load));
}

async function instantiate(load: () => Promise<unknown>): Promise<SEALLibrary> {
  let loaded: unknown;
  try {
    loaded = await load();
  } catch (cause) {
    throw new Problem('ASSET_MISSING', {
      detail: 'encrypted scoring needs the package `node-seal`, which is not installed',
      fix: 'Install it beside Merlon: npm install node-seal@6.0.3',
      cause,
    });
  }
  // A CommonJS module whose default export is one or two levels down, by bundle.
  let start = loaded;
  while (typeof start === 'object' && start !== null && 'default' in start) start = start.default;
  return (start as () => Promise<SEALLibrary>)();
}

type Deletable = { delete: () => void };

function ckks(library: SEALLibrary): Ckks {
  const settings = library.EncryptionParameters(library.SchemeType.ckks);
  settings.setPolyModulusDegree(parameters.degree);
  settings.setCoeffModulus(
    library.CoeffModulus.Create(parameters.degree, Int32Array.from(parameters.moduli)),
  );
  const context = library.Context(settings, true, library.SecurityLevel.tc128);
  const encoder = library.CKKSEncoder(context);
  const evaluator = library.Evaluator(context);

  /** WebAssembly memory is not collected: what is made within is deleted at the end, secrets first of all. */
  function scoped<T>(work: (keep: <D extends Deletable>(one: D) => D) => T): T {
    const made: Deletable[] = [];
    try {
      return work((one) => {
        made.push(one);
        return one;
      });
    } finally {
      for (const one of made.reverse()) one.delete();
    }
  }

  /**
   * SEAL checks what it loads against the parameters; what it says means that the file is damaged. Its own header is read
   * first (magic 0xA15E, length at byte 8), because a short stream makes the library abort instead of answering.
   */
  function loading<T>(file: string, bytes: Buffer, work: (bytes: Buffer) => T): T {
    const damaged = (cause?: unknown) =>
      new Problem('INPUT_INVALID', { detail: `${file} is damaged`, facts: { file }, cause });
    if (bytes.length < 16 || bytes.readUInt16LE(0) !== 0xa15e) throw damaged();
    if (bytes.readBigUInt64LE(8) !== BigInt(bytes.length)) throw damaged();
    try {
      return work(bytes);
    } catch (cause) {
      throw damaged(cause);
    }
  }

  function encoded(values: Float64Array, at: number) {
    return encoder.encode(values, at) as Exclude<ReturnType<typeof encoder.encode>, void>;
  }

  return {
    keygen: (passphrase) =>
      scoped((keep) => {
        const generator = keep(library.KeyGenerator(context));
        const secretKey = keep(generator.secretKey());
        const steps: number[] = [];
        for (let step = 1; step < slots; step *= 2) steps.push(step);
        const evaluation = keep(generator.createGaloisKeysSerializable(Int32Array.from(steps))).saveArray();
        const key = createHash('sha256').update(evaluation).digest('hex').slice(0, 32);
        const plain = Buffer.from(secretKey.saveArray());
        const header = { kind: 'secret-key', parameters: asWritten(), key } as const;
        return {
          secret: passphrase ? locked(header, plain, passphrase) : seal(header, plain),
          evaluation: seal({ kind: 'evaluation-key', parameters: asWritten(), key }, evaluation),
        };
      }),

    client(secret, passphrase) {
      const { key, payload } = unlocked(secret, passphrase);
      const secretKey = library.SecretKey();
      loading('the secret key', payload, (bytes) => secretKey.loadArray(context, bytes));
      const generator = library.KeyGenerator(context, secretKey);
      const publicKey = generator.createPublicKey();
      const encryptor = library.Encryptor(context, publicKey, secretKey);
      const decryptor = library.Decryptor(context, secretKey);
      return {
        encrypt: (text, dimensions) =>
          scoped((keep) => {
            const features = encryptedFeatures(text, dimensions);
            // Repeated over all slots, the sum of rotations is the whole score in every slot, and no partial one.
            const tiled = new Float64Array(slots);
            for (let at = 0; at < slots; at += dimensions) tiled.set(features, at);
            const plain = keep(encoded(tiled, scale));
            const encrypted = keep(encryptor.encryptSymmetricSerializable(plain));
            return seal(
              { kind: 'features', parameters: asWritten(), key, dimensions },
              encrypted.saveArray(),
            );
          }),
        decrypt: (reply) =>
          scoped((keep) => {
            const { header, payload: answer } = open(reply, 'score', 'the reply');
            if (header.key !== key)
              throw new Problem('INPUT_INVALID', { detail: 'the reply belongs to another key' });
            const encrypted = keep(library.CipherText());
            const plain = keep(library.PlainText());
            const raw = loading('the reply', answer, (bytes) => {
              encrypted.loadArray(context, bytes);
              decryptor.decrypt(encrypted, plain);
              return encoder.decode(plain)[0]!;
            });
            const score = probability(raw);
            const { finds, threshold } = header;
            return { finds, score, raw, threshold, found: score >= threshold };
          }),
        close() {
          for (const one of [secretKey, decryptor, encryptor, publicKey, generator]) one.delete();
        },
      };
    },

    server(evaluation, model) {
      const { header, payload } = open(evaluation, 'evaluation-key', 'the evaluation key');
      const galois = library.GaloisKeys();
      loading('the evaluation key', payload, (bytes) => galois.loadArray(context, bytes));
      const tiled = new Float64Array(slots);
      for (let at = 0; at < slots; at += model.dimensions) tiled.set(model.weights, at);
      const weights = encoded(tiled, scale);
      return {
        score: (request) =>
          scoped((keep) => {
            const { header: asked, payload: features } = open(request, 'features', 'the request');
            if (asked.key !== header.key)
              throw new Problem('INPUT_INVALID', {
                detail: 'the request was encrypted with another key',
                fix: 'Send the evaluation key that was made together with the secret key.',
              });
            if (asked.dimensions !== model.dimensions)
              throw new Problem('INPUT_INVALID', {
                detail: `the request has ${asked.dimensions} dimensions, the model ${model.dimensions}`,
                fix: `Encrypt with \`--dimensions ${model.dimensions}\`.`,
              });
            const sum = keep(library.CipherText());
            return loading('the request', features, (bytes) => {
              sum.loadArray(context, bytes);
              evaluator.multiplyPlain(sum, weights, sum);
              evaluator.rescaleToNext(sum, sum);
              for (let step = 1; step < model.dimensions; step *= 2) {
                const turned = keep(library.CipherText());
                evaluator.rotateVector(sum, step, galois, turned);
                evaluator.add(sum, turned, sum);
              }
              const mask = keep(encoded(maskOf(model.bias), sum.scale));
              evaluator.plainModSwitchToNext(mask, mask);
              evaluator.addPlain(sum, mask, sum);
              const { finds, threshold } = model;
              return seal(
                { kind: 'score', parameters: asWritten(), key: header.key, finds, threshold },
                sum.saveArray(),
              );
            });
          }),
        close() {
          weights.delete();
          galois.delete();
        },
      };
    },
  };
}

/** A fresh copy: the header's types are mutable. */
function asWritten() {
  return { ...parameters, moduli: [60, 40, 60] as [60, 40, 60] };
}

/** The bias in the first slot, uniform noise in all others. */
function maskOf(bias: number): Float64Array {
  const random = randomBytes(slots * 4);
  const mask = new Float64Array(slots);
  for (let slot = 1; slot < slots; slot++)
    mask[slot] = (random.readUInt32LE(slot * 4) / 2 ** 31 - 1) * maskSize;
  mask[0] = bias;
  return mask;
}

type SecretHeader = ReturnType<typeof open<'secret-key'>>['header'];

function locked(header: SecretHeader, plain: Buffer, passphrase: Secret): Buffer {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', scryptSync(passphrase.reveal(), salt, 32, scrypt), nonce);
  cipher.setAAD(Buffer.from(header.key));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  const [saltText, nonceText, tag] = [salt, nonce, cipher.getAuthTag()].map((one) => one.toString('base64'));
  return seal({ ...header, seal: { salt: saltText!, nonce: nonceText!, tag: tag! } }, sealed);
}

function unlocked(secret: Buffer, passphrase: Secret | undefined): { key: string; payload: Buffer } {
  const { header, payload } = open(secret, 'secret-key', 'the secret key');
  if (!header.seal) return { key: header.key, payload };
  if (!passphrase)
    throw new Problem('UNAUTHENTICATED', {
      detail: 'the secret key is sealed with a passphrase',
      fix: 'Set MERLON_KEY_PASSPHRASE.',
    });
  const [salt, nonce, tag] = [header.seal.salt, header.seal.nonce, header.seal.tag].map((one) =>
    Buffer.from(one, 'base64'),
  );
  try {
    const decipher = createDecipheriv(
      'aes-256-gcm',
      scryptSync(passphrase.reveal(), salt!, 32, scrypt),
      nonce!,
      {
        authTagLength: 16,
      },
    );
    decipher.setAAD(Buffer.from(header.key));
    decipher.setAuthTag(tag!);
    return { key: header.key, payload: Buffer.concat([decipher.update(payload), decipher.final()]) };
  } catch (cause) {
    throw new Problem('UNAUTHENTICATED', {
      detail: 'the passphrase does not open the secret key',
      fix: 'Check MERLON_KEY_PASSPHRASE.',
      cause,
    });
  }
}
