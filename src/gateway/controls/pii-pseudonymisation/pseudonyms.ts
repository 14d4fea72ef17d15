import { createHmac } from 'node:crypto';
import type { Finding } from '../../../kernel/finding.ts';

/**
 * `PII_<KIND>_<16 hex digits>`: fixed prefix, fixed length after it, never a prefix of another. 64 bits of HMAC under a key
 * of the conversation: the same value has the same name within it, and no relation to any other conversation.
 */
const marker = 'PII';
const hexLength = 16;

/** Short words for the model, so that it can still write good sentences. Other types are `ID`. */
const kinds: Record<string, string> = {
  email_address: 'EMAIL',
  phone_number: 'PHONE',
  credit_card: 'CARD',
  iban_code: 'IBAN',
  ip_address: 'IP',
  mac_address: 'MAC',
  street_address: 'ADDRESS',
  date_of_birth: 'BIRTHDATE',
  person: 'PERSON',
  crypto_address: 'WALLET',
};
const longestKind = 9;

/**
 * What models make of a name: other case, an escaped separator. The digits must be whole, and nothing that could continue
 * them may follow. What stands before does not matter: only a known name is restored.
 */
const seen = new RegExp(
  `${marker}\\\\{0,2}[_-]([A-Za-z]{2,${longestKind}})\\\\{0,2}[_-]([0-9A-Fa-f]{${hexLength}})(?![0-9A-Fa-f])`,
  'gi',
);
/** A name, whole or its beginning, at the end of a text. */
const beginning = new RegExp(
  `(P(?:I(?:I(?:\\\\{0,2}(?:[_-](?:[A-Za-z]{0,${longestKind}}(?:\\\\{0,2}(?:[_-][0-9A-Fa-f]{0,${hexLength}})?)?)?)?)?)?)?)$`,
  'i',
);
/** Longest name with everything a model may add to it, and the unit before it. */
export const longestName = marker.length + longestKind + hexLength + 8;

/** The names of one conversation within one exchange. */
export class Pseudonyms {
  readonly #key: Buffer;
  readonly #values = new Map<string, string>();

  constructor(key: Buffer) {
    this.#key = key;
  }

  get size(): number {
    return this.#values.size;
  }

  /** The name of a value; from now on it can be restored. */
  nameOf(type: string, value: string): string {
    const kind = kinds[type] ?? 'ID';
    const digest = createHmac('sha256', this.#key)
      .update(`${kind}\0${value}`)
      .digest('hex')
      .slice(0, hexLength);
    this.#values.set(digest, value);
    return `${marker}_${kind}_${digest}`;
  }

  /** One pass: what was put in is not read again. Values that are found inside JSON text go through `read`. */
  hide(text: string, findings: readonly Finding[], json: boolean): string {
    let out = '';
    let at = 0;
    for (const { type, start, end } of findings) {
      if (start < at) continue;
      out +=
        text.slice(at, start) +
        this.nameOf(type, json ? unescaped(text.slice(start, end)) : text.slice(start, end));
      at = end;
    }
    return out + text.slice(at);
  }

  /** Puts the values back. A name that this exchange does not know never goes on. */
  restore(text: string, json: boolean): string {
    return text.replace(seen, (_name, kind: string, digest: string) => {
      const value = this.#values.get(digest.toLowerCase());
      if (value === undefined) return `[${kind.toLowerCase()}]`;
      return json ? JSON.stringify(value).slice(1, -1) : value;
    });
  }
}

/** How many trailing units may be the beginning of a name, or a name whose end is not yet sure. */
export function heldName(text: string): number {
  const tail = text.slice(-longestName);
  const found = beginning.exec(tail);
  return found === null ? 0 : found[1]!.length;
}

/** The value that stands escaped inside a JSON string, or the text itself when it is not escaped. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
}
