import { createSecretKey } from 'node:crypto';
import { aesGcm } from './chunks.ts';
import { hkdf, unwrapKey, wrapKey } from './primitives.ts';

type Row = Record<string, string | number>;

/** Judges a row of Wycheproof's AES-GCM, AES-KWP and HKDF vectors by the vault's own functions: undefined, or why it fails. */
export function judgeCryptoVector(row: Row): string | undefined {
  const hex = (name: string): Buffer => Buffer.from(String(row[name] ?? ''), 'hex');
  const judges: Record<string, () => string | undefined> = {
    AeadTest: () => aead(row, hex),
    KeywrapTest: () => keyWrap(row, hex),
    HkdfTest: () => derivation(row, hex),
  };
  const judge = judges[String(row['type'])];
  return judge ? judge() : `a type that is not known: ${row['type']}`;
}

type Hex = (name: string) => Buffer;

function aead({ result }: Row, hex: Hex): string | undefined {
  const gcm = aesGcm(createSecretKey(hex('key')));
  const [nonce, aad, plain, sealed] = [
    hex('iv'),
    hex('aad'),
    hex('msg'),
    Buffer.concat([hex('ct'), hex('tag')]),
  ];
  const opened = attempt(() => gcm.open(nonce, aad, sealed));
  if (result === 'invalid') return opened === undefined ? undefined : 'opened what is invalid';
  if (!opened?.equals(plain)) return result === 'valid' ? 'did not open what is valid' : undefined;
  return Buffer.concat(gcm.seal(nonce, aad, plain)).equals(sealed) ? undefined : 'seals to other bytes';
}

function keyWrap({ result }: Row, hex: Hex): string | undefined {
  const wrapper = createSecretKey(hex('key'));
  const [key, wrapped] = [hex('msg'), hex('ct')];
  const bare = attempt(() => unwrapKey(wrapper, wrapped));
  if (result === 'invalid') return bare === undefined ? undefined : 'unwrapped what is invalid';
  if (!bare?.equals(key)) return result === 'valid' ? 'did not unwrap what is valid' : undefined;
  return wrapKey(wrapper, key).equals(wrapped) ? undefined : 'wraps to other bytes';
}

function derivation({ result, size }: Row, hex: Hex): string | undefined {
  const derived = attempt(() => hkdf(createSecretKey(hex('ikm')), hex('salt'), hex('info'), Number(size)));
  if (result === 'invalid') return derived === undefined ? undefined : 'derived what cannot be derived';
  return derived?.equals(hex('okm')) || result === 'acceptable' ? undefined : 'derives other bytes';
}

/** What throws is refused. */
function attempt(work: () => Buffer | undefined): Buffer | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
