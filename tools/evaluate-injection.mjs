/**
 * Measures the shipped injection models on the development texts, which no model was trained on: share of texts above the
 * threshold by source, and recall of the same attacks in disguise. `npm run build && node tools/evaluate-injection.mjs`.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { product, sharedTexts } from './linear-training.mjs';

const { createInjectionDetector, shippedThreshold } = await import(
  join(product, 'inspection/injection/detector.js')
);
const assets = resolve(import.meta.dirname, '../assets/inspection');
const detector = createInjectionDetector({
  user: readFileSync(join(assets, 'injection-user.bin')),
  context: readFileSync(join(assets, 'injection-context.bin')),
});

const cyrillic = {
  a: 'а',
  c: 'с',
  e: 'е',
  i: 'і',
  o: 'о',
  p: 'р',
  x: 'х',
  y: 'у',
  A: 'А',
  E: 'Е',
  O: 'О',
  C: 'С',
  I: 'І',
};
const leet = { a: '4', e: '3', i: '1', o: '0', s: '5', t: '7' };
const rot13 = (text) =>
  text.replace(/[a-z]/gi, (letter) => {
    const unit = letter.charCodeAt(0);
    return String.fromCharCode((unit | 32) < 110 ? unit + 13 : unit - 13);
  });

const disguises = {
  plain: (text) => text,
  'zero-width': (text) => text.split('').join('\u200b'),
  'full width': (text) => text.replace(/[!-~]/g, (one) => String.fromCharCode(one.charCodeAt(0) + 0xfee0)),
  homoglyph: (text) => text.replace(/[aceiopxyAEOCI]/g, (one) => cyrillic[one]),
  leet: (text) => text.replace(/[aeiost]/gi, (one) => leet[one.toLowerCase()]),
  spaced: (text) => text.split('').join(' '),
  'Unicode tags': (text) =>
    text.replace(/[ -~]/g, (one) => String.fromCodePoint(0xe0000 + one.charCodeAt(0))),
  base64: (text) => Buffer.from(text).toString('base64'),
  hexadecimal: (text) => Buffer.from(text).toString('hex'),
  ROT13: rot13,
  reversed: (text) => text.split('').reverse().join(''),
  percent: (text) =>
    Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
};

const dev = sharedTexts('dev');
const groups = new Map();
for (const row of dev) {
  const key = `${row.surface} | ${row.source} | ${row.label}`;
  const above = detector.score(row.text, row.surface) >= shippedThreshold ? 1 : 0;
  const group = groups.get(key) ?? { above: 0, count: 0 };
  groups.set(key, { above: group.above + above, count: group.count + 1 });
}
console.log('surface | source | label | above the threshold | texts');
for (const [key, { above, count }] of [...groups].sort(([left], [right]) => (left < right ? -1 : 1))) {
  console.log(`${key} | ${((100 * above) / count).toFixed(1)} % | ${count}`);
}
for (const surface of ['user', 'document', 'tool_result']) {
  const harmless = [...groups].filter(([key]) => key.startsWith(`${surface} `) && key.endsWith('| benign'));
  const sum = (field) => harmless.reduce((total, [, group]) => total + group[field], 0);
  console.log(
    `${surface}: ${((100 * sum('above')) / sum('count')).toFixed(2)} % false positives of ${sum('count')}`,
  );
}

const attacks = dev.filter(
  ({ surface, label, lang, text }) =>
    surface === 'user' && label === 'injection' && lang === 'en' && text.length < 1000,
);
console.log(`\nrecall of ${attacks.length} English attacks at the threshold, in disguise`);
const found = (disguise) =>
  attacks.filter(({ text }) => detector.score(disguise(text), 'user') >= shippedThreshold).length /
  attacks.length;
const plain = found(disguises.plain);
for (const [name, disguise] of Object.entries(disguises)) {
  const recall = found(disguise);
  console.log(`${name}: ${recall.toFixed(3)} (${Math.round((100 * recall) / plain)} % of plain)`);
}
