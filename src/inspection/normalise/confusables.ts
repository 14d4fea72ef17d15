/**
 * Letters of other scripts that look like an ASCII letter in common fonts, our own selection: each row is the ASCII
 * letter followed by its look-alikes. Compatibility forms (full width, mathematical, circled) need no row: NFKC folds them.
 */
const rows = [
  'aаαɑᴀǎ',
  'bьƅʙвᏏ',
  'cсϲᴄⅽ',
  'dԁɗᴅժ',
  'eеєҽεᴇ',
  'fƒғꜰ',
  'gɡցɢǥ',
  'hһհʜн',
  'iіιıɪɩ',
  'jјϳᴊ',
  'kκкᴋқ',
  'lӏⅼʟɭ',
  'mмᴍⅿ',
  'nոпɴηռ',
  'oоοօᴏσ',
  'pрρᴘ',
  'qԛզգ',
  'rгʀᴦг',
  'sѕꜱʂ',
  'tтτᴛ',
  'uυսᴜцʋ',
  'vνѵᴠ',
  'wԝшᴡω',
  'xхχҳ',
  'yуγүʏ',
  'zᴢʐ',
  'AАΑᎪ',
  'BВΒᏴ',
  'CСϹᏟ',
  'DᎠ',
  'EЕΕᎬ',
  'FϜ',
  'GԌᏀ',
  'HНΗᎻ',
  'IІΙӀ',
  'JЈᎫ',
  'KКΚᏦ',
  'LᏞ',
  'MМΜᎷ',
  'NΝ',
  'OОΟՕ',
  'PРΡᏢ',
  'QԚ',
  'RᎡ',
  'SЅᏚՏ',
  'TТΤᎢ',
  'UՍ',
  'VѴᏙ',
  'WԜᎳ',
  'XХΧ',
  'YҮΥ',
  'ZΖᏃ',
];

const table = new Map<number, string>();
for (const row of rows) {
  for (const letter of row.slice(1)) table.set(letter.codePointAt(0)!, row[0]!);
}

/** The ASCII letter that this UTF-16 unit looks like. */
export function lookAlike(unit: number): string | undefined {
  return table.get(unit);
}
