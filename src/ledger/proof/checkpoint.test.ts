import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Secret } from '../../kernel/secret.ts';
import { ed25519Signer } from '../signer.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { openCheckpoint, parseCheckpoint, publicKeyFromPem, publicKeyToPem } from './checkpoint.ts';

const signer = ed25519Signer('merlon.example/log', new Secret(Buffer.alloc(32, 1)));
const root = new Uint8Array(32).fill(3);
const note = signer.sign(1234, root);

test('writes a checkpoint as c2sp.org/tlog-checkpoint has it', () => {
  expect(note).toMatch(
    /^merlon\.example\/log\n1234\nAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\n\n— merlon\.example\/log [A-Za-z0-9+/]{91}=\n$/u,
  );
});

test('opens what the key signed, and nothing else', async () => {
  expect(await openCheckpoint(note, signer.publicKey)).toEqual({
    origin: 'merlon.example/log',
    size: 1234,
    root,
  });
  const other = ed25519Signer('merlon.example/log', new Secret(Buffer.alloc(32, 2)));
  expect(await openCheckpoint(note, other.publicKey)).toBeUndefined();
  const renamed = ed25519Signer('another.example/log', new Secret(Buffer.alloc(32, 1)));
  expect(
    await openCheckpoint(renamed.sign(1234, root).replaceAll('another', 'merlonx'), signer.publicKey),
  ).toBeUndefined();
  expect(await openCheckpoint(note, new Uint8Array(7))).toBeUndefined();
});

test('opens a note that a witness has signed too', async () => {
  const witness = `— witness.example ${toBase64(new Uint8Array(68))}\n`;
  expect(await openCheckpoint(note + witness, signer.publicKey)).toMatchObject({ size: 1234 });
});

test('refuses a note of which any byte is another', async () => {
  const bytes = Buffer.from(note);
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1 << bit;
      expect(await openCheckpoint(changed.toString(), signer.publicKey)).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test('reads no text that is no checkpoint, however long', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parseCheckpoint(text)).toBeUndefined();
      expect(publicKeyFromPem(text)).toBeUndefined();
    }),
  );
  expect(parseCheckpoint('a\n'.repeat(500_000))).toBeUndefined();
  expect(parseCheckpoint(note.replace('1234', '01234'))).toBeUndefined();
  expect(parseCheckpoint(note.replace('1234', '9999999999999999'))).toBeUndefined();
});

test('reads a public key back as it was written', () => {
  expect(publicKeyFromPem(signer.publicKeyPem)).toEqual(signer.publicKey);
  expect(publicKeyToPem(signer.publicKey)).toBe(signer.publicKeyPem);
});

test('takes only the one canonical base64 of some bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      expect(fromBase64(toBase64(bytes))).toEqual(bytes);
    }),
  );
  for (const wrong of ['A', 'AA', 'AB==', 'AAB=', 'A A=', 'AA==\n', '====', 'AA-_']) {
    expect(fromBase64(wrong)).toBeUndefined();
  }
});
