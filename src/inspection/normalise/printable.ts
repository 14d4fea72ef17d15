import { isUtf8 } from 'node:buffer';

const utf8 = new TextDecoder();

/** Text of these bytes when they are UTF-8 that a person could read, else undefined. */
export function readable(bytes: Uint8Array): string | undefined {
  let control = 0;
  for (const byte of bytes) {
    if (byte < 0x20 && byte !== 9 && byte !== 10 && byte !== 13) control++;
  }
  if (control * 20 > bytes.length) return undefined;
  if (!isUtf8(bytes)) return undefined;
  const text = utf8.decode(bytes);
  return mostlyLetters(text) ? text : undefined;
}

/** Letters, digits and blanks make up at least four fifths: prose, code and data pass, noise does not. */
export function mostlyLetters(text: string): boolean {
  let good = 0;
  let letters = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    const lower = unit | 0x20;
    if (lower >= 97 && lower <= 122) letters++;
    else if (unit > 0xbf && (unit < 0x2000 || unit > 0x2fff) && unit < 0xe000) letters++;
    else if (unit === 32 || unit === 10 || (unit >= 48 && unit <= 57)) good++;
  }
  return letters * 2 >= text.length && (good + letters) * 5 >= text.length * 4;
}
