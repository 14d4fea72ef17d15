/** What becomes of each UTF-16 unit before features are read, by pages of 256: 0 drops it, blanks become one space, digits one digit. */
const pages: (Uint16Array | undefined)[] = [];

/** Lower case without accents, so that "Ignorez", "IGNOREZ" and "ignorèz" read the same. One unit gives one unit, or none. */
export function foldUnit(unit: number): number {
  return (pages[unit >> 8] ??= foldPage(unit >> 8))[unit & 255]!;
}

/** The same for ASCII, without the pages. */
export const foldAscii: Uint16Array = foldPage(0).subarray(0, 128);

export function foldWord(word: string): number[] {
  const units: number[] = [];
  for (let index = 0; index < word.length; index++) {
    const folded = foldUnit(word.charCodeAt(index));
    if (folded !== 0) units.push(folded);
  }
  return units;
}

function foldPage(page: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, low) => {
    const unit = (page << 8) | low;
    if (unit <= 32 || unit === 0x7f || (unit >= 0x80 && unit <= 0xa0) || unit === 0x3000) return 32;
    if (unit >= 48 && unit <= 57) return 48;
    if (unit >= 0xd800 && unit <= 0xdfff) return unit;
    if (unit >= 0x0300 && unit <= 0x036f) return 0;
    if (unit === 0x2018 || unit === 0x2019) return 39;
    if (unit === 0x201c || unit === 0x201d) return 34;
    const lower = String.fromCharCode(unit).toLowerCase();
    const hasAccents = (unit >= 0xc0 && unit < 0x0530) || (unit >= 0x1e00 && unit < 0x2000);
    const base = hasAccents ? lower.normalize('NFD') : lower;
    return base.charCodeAt(0);
  });
}

/** Scripts written without blanks: each character counts as a word. */
export function isUnspaced(unit: number): boolean {
  return (
    (unit >= 0x3040 && unit <= 0x30ff) ||
    (unit >= 0x3400 && unit <= 0x9fff) ||
    (unit >= 0x0e00 && unit <= 0x0eff)
  );
}

export function isWordUnit(unit: number): boolean {
  return (
    (unit >= 97 && unit <= 122) ||
    unit === 48 ||
    (unit > 0xbf &&
      !(unit >= 0x2000 && unit <= 0x2fff) &&
      !(unit >= 0x3000 && unit <= 0x303f) &&
      !(unit >= 0xff00 && unit <= 0xff0f) &&
      unit !== 0x060c)
  );
}
