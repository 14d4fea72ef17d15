import type { Secret } from '../kernel/secret.ts';

/**
 * Holds the root key and never gives it away. Data keys are wrapped by it; scoped keys are derived from it.
 * Fails closed: an adapter that cannot reach its key throws, and callers refuse to work.
 */
export interface KeyCustody {
  /** Id of the current root key version; stands in every wrapped key. */
  currentKey(): Promise<string>;
  /** Wraps a data key (≤ 64 bytes). `context` is bound as additional data. */
  wrap(key: Secret<Buffer>, context: string): Promise<{ keyId: string; wrapped: Buffer }>;
  /** @throws Problem when the key id is unknown or the context differs */
  unwrap(keyId: string, wrapped: Buffer, context: string): Promise<Secret<Buffer>>;
  /** 32 bytes for one purpose, the same each time (HKDF-SHA-256 under the root, RFC 5869). */
  derive(purpose: string): Promise<Secret<Buffer>>;
  /** A new data key of 32 bytes and its wrap, where the custodian makes keys itself. */
  generate?(context: string): Promise<{ key: Secret<Buffer>; keyId: string; wrapped: Buffer }>;
  /** The same key under the current root key version, where the custodian can do that without giving the key out. */
  rewrap?(keyId: string, wrapped: Buffer, context: string): Promise<{ keyId: string; wrapped: Buffer }>;
  /** Makes a root key version and the current one; older ones still unwrap. Returns its id. */
  rotate?(): Promise<string>;
  /** Root key versions that still unwrap; `created` in milliseconds since the epoch. */
  versions?(): Promise<{ id: string; created?: number }[]>;
}
