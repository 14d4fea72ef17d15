import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { Problem } from '../../kernel/problem.ts';
import { Secret } from '../../kernel/secret.ts';
import type { KeyCustody } from '../../ports/key-custody.ts';

/** A custodian in memory, for tests; `forget` destroys a version. */
export function memoryCustody(): KeyCustody &
  Required<Pick<KeyCustody, 'rotate' | 'versions'>> & { forget(id: string): void } {
  const roots = new Map([['root-1', randomBytes(32)]]);
  const first = roots.get('root-1')!;
  let made = 1;
  const current = (): [string, Buffer] => [...roots].at(-1)!;
  return {
    currentKey: async () => current()[0],
    async wrap(key, context) {
      const [keyId, root] = current();
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', root, iv).setAAD(Buffer.from(context));
      const sealed = Buffer.concat([cipher.update(key.reveal()), cipher.final()]);
      return { keyId, wrapped: Buffer.concat([iv, sealed, cipher.getAuthTag()]) };
    },
    async unwrap(keyId, wrapped, context) {
      const root = roots.get(keyId);
      if (!root) throw new Problem('NOT_FOUND', { detail: `no root key \`${keyId}\`` });
      const decipher = createDecipheriv('aes-256-gcm', root, wrapped.subarray(0, 12), { authTagLength: 16 });
      decipher.setAAD(Buffer.from(context)).setAuthTag(wrapped.subarray(-16));
      try {
        return new Secret(Buffer.concat([decipher.update(wrapped.subarray(12, -16)), decipher.final()]));
      } catch {
        throw new Problem('FORBIDDEN', { detail: 'a wrapped key is damaged' });
      }
    },
    derive: async (purpose) => new Secret(createHash('sha256').update(first).update(purpose).digest()),
    async rotate() {
      made += 1;
      const id = `root-${made}`;
      roots.set(id, randomBytes(32));
      return id;
    },
    versions: async () => Array.from(roots.keys(), (id) => ({ id })),
    forget: (id) => void roots.delete(id),
  };
}
