import { defineScanner } from '../contract.ts';

/** Signatures of what stands beside models, in hexadecimal: pictures, sound, films, fonts, papers and column files. */
const signatures: [offset: number, hex: string][] = [
  [0, '89504e470d0a1a0a'],
  [0, 'ffd8ff'],
  [0, '474946383761'],
  [0, '474946383961'],
  [8, '57454250'],
  [8, '57415645'],
  [0, '494433'],
  [0, '664c6143'],
  [0, '4f676753'],
  [4, '66747970'],
  [0, '255044462d'],
  [0, '4f54544f'],
  [0, '774f4646'],
  [0, '774f4632'],
  [0, '50415231'],
  [0, '4152524f5731'],
];

export const scanner = defineScanner({
  id: 'media',
  title: 'Pictures, sound, tables and papers',

  recognise(source) {
    const head = source.read(0, 16).toString('hex');
    return signatures.some(([offset, hex]) => head.startsWith(hex, offset * 2)) ? 'magic' : undefined;
  },

  scan(source, context) {
    if (!source.read(0, 5).toString('latin1').startsWith('%PDF')) return;
    const text = source.read(0, 4 * 1024 * 1024).toString('latin1');
    const active = /\/(?:JavaScript|JS|Launch|EmbeddedFile)\b/.exec(text);
    if (active !== null)
      context.report({
        rule: 'pdf-active-content',
        weight: 'suspicious',
        offset: active.index,
        evidence: active[0],
        why: 'the paper carries actions or files',
      });
  },
});
