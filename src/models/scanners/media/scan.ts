import { defineScanner } from '../contract.ts';

/** Pictures, sounds, films, fonts and papers that stand beside models. */
const signatures: RegExp[] = [
  /^\x89PNG\r\n\x1a\n/, /^\xff\xd8\xff/, /^GIF8[79]a/, /^RIFF[\s\S]{4}(?:WEBP|WAVE|AVI )/, /^ID3|^\xff[\xfb\xf3\xf2]/, /^fLaC/, /^OggS/,
  /^[\s\S]{4}ftyp/, /^%PDF-1\.|^%PDF-2\./, /^\0\x01\0\0\0|^OTTO|^wOF[F2]/, /^BM[\s\S]{8}6\0\0\0/, /^PAR1/, /^ARROW1/,
];

export const scanner = defineScanner({
  id: 'media',
  title: 'Pictures, sound, tables and papers',

  recognise(source) {
    const head = source.read(0, 16).toString('latin1');
    return signatures.some((one) => one.test(head)) ? 'magic' : undefined;
  },

  scan(source, context) {
    if (!source.read(0, 5).toString('latin1').startsWith('%PDF')) return;
    const text = source.read(0, 4 * 1024 * 1024).toString('latin1');
    const active = /\/(?:JavaScript|JS|Launch|EmbeddedFile)\b/.exec(text);
    if (active !== null)
      context.report({ rule: 'pdf-active-content', weight: 'suspicious', offset: active.index, evidence: active[0], why: 'the paper carries actions or files' });
  },
});
