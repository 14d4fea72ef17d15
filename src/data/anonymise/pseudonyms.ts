import { createHmac } from 'node:crypto';
import type { Finding } from '../../kernel/finding.ts';
import type { Secret } from '../../kernel/secret.ts';

/** Crockford's alphabet: no letters that read as digits. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * The same value gives the same pseudonym under one key and one domain, so that tables still join; without the key neither
 * hashing nor guessing leads back. Values are compared as they stand, without surrounding white space.
 */
export class Pseudonyms {
  readonly #key: Secret<Buffer>;

  constructor(key: Secret<Buffer>) {
    this.#key = key;
  }

  /** `prefix-` and 80 bits. */
  of(domain: string, value: string, prefix = domain): string {
    const bytes = this.#bytes(domain, value);
    let text = '';
    for (let at = 0; at < 16; at++) text += alphabet[bytes[at]! & 31];
    return `${prefix.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${text}`;
  }

  /** A value of the same look for free text, which no real person, phone or card has. */
  surrogate(type: string, value: string): string {
    const bytes = this.#bytes(`text/${type}`, value);
    const digit = (at: number): number => bytes[at % 32]! % 10;
    const token = Array.from(bytes.subarray(0, 6), (byte) => alphabet[byte & 31]).join('');
    switch (type) {
      // Reserved for examples: RFC 2606, RFC 5737, and the 555-01xx numbers of North America.
      case 'email_address':
        return `${token}@example.org`;
      case 'ip_address':
        return value.includes(':')
          ? `2001:db8::${bytes.subarray(0, 2).toString('hex')}`
          : `192.0.2.${bytes[0]!}`;
      case 'phone_number':
        return `+1 ${2 + (bytes[2]! % 8)}${digit(3)}${digit(4)} 555 01${digit(0)}${digit(1)}`;
      case 'url':
        return `https://example.org/${token}`;
      default:
        return `[${type.toUpperCase()}-${token}]`;
    }
  }

  #bytes(domain: string, value: string): Buffer {
    return createHmac('sha256', this.#key.reveal())
      .update(`${Buffer.byteLength(domain)}:${domain}`)
      .update(value.trim())
      .digest();
  }
}

/** Free text with everything that was found replaced by surrogates; overlapping findings count as one, the longest names it. */
export function redact(
  text: string,
  findings: readonly Pick<Finding, 'type' | 'start' | 'end'>[],
  pseudonyms: Pseudonyms,
): string {
  const ordered = findings.toSorted((left, right) => left.start - right.start || right.end - left.end);
  let out = '';
  let done = 0;
  for (let at = 0; at < ordered.length;) {
    let { type, start, end } = ordered[at]!;
    let longest = end - start;
    for (at++; at < ordered.length && ordered[at]!.start < end; at++) {
      const next = ordered[at]!;
      if (next.end - next.start > longest) {
        type = next.type;
        longest = next.end - next.start;
      }
      end = Math.max(end, next.end);
    }
    out += text.slice(done, start) + pseudonyms.surrogate(type, text.slice(start, end));
    done = end;
  }
  return out + text.slice(done);
}

/** Hides all but the last characters; separators stay, so that the shape can still be read. */
export function mask(value: string, keep: number): string {
  const characters = Array.from(value);
  const shown = Math.min(keep, Math.floor(characters.length / 2));
  return characters
    .map((character, at) => (at >= characters.length - shown || /[\s@./-]/.test(character) ? character : '*'))
    .join('');
}
