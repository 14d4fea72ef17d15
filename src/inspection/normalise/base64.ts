const sextets = new Uint8Array(128).fill(255);
for (const [value, sign] of Array.from(
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
).entries())
  sextets[sign.charCodeAt(0)] = value;
sextets[45] = 62;
sextets[95] = 63;

/**
 * False where the first bytes of base64 already cannot be text, as `readable` has it: most words and identifiers end here,
 * before anything is allocated.
 */
export function beginsAsText(text: string, from: number, to: number): boolean {
  const control = Math.floor(((to - from) * 3) / 80);
  let controls = 0;
  let follow = 0;
  let bits = 0;
  let held = 0;
  for (let index = from; index < to && index < from + 24; index++) {
    const sextet = sextets[text.charCodeAt(index)] ?? 255;
    if (sextet === 255) return true;
    held = (held << 6) | sextet;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    const byte = (held >> bits) & 255;
    held &= (1 << bits) - 1;
    if (follow > 0) {
      if ((byte & 0xc0) !== 0x80) return false;
      follow--;
    } else if (byte >= 0x80) {
      if (byte < 0xc2 || byte > 0xf4) return false;
      follow = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    } else if (byte < 0x20 && byte !== 9 && byte !== 10 && byte !== 13 && ++controls > control) return false;
  }
  return true;
}
