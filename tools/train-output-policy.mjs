/**
 * Trains the harm model of assets/inspection from harmful requests of the shared texts and from answers grown here.
 * `npm run build && node tools/train-output-policy.mjs`; `--cross-validate` only measures, each kind of harm held out in turn.
 */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { grownTexts } from './injection-texts.mjs';
import { grownOutputs } from './output-policy-texts.mjs';
import {
  areaUnder,
  balance,
  cleaned,
  encodeModel,
  product,
  quantile,
  scoreTexts,
  sharedTexts,
  shareAbove,
  train,
  WindowSet,
} from './linear-training.mjs';

const { charSize, conceptSize, wordSize } = await import(join(product, 'inspection/injection/features.js'));
const window = { size: 600, step: 400 };

/** Requests by category, where the source gives one; all other harmless texts of train, thinned. */
function labelled(rows) {
  const texts = [];
  for (const [index, row] of rows.entries()) {
    if (row.label === 'harmful_request') {
      const part =
        row.source === 'do_not_answer' ? row.family : row.source === 'catqa' ? row.family : row.source;
      // Questions that are only delicate (advice, adult content, chat about oneself) are not harmful use.
      if (/human_chatbox|information_hazard|Financial Advice|Adult|discrimination/.test(part)) continue;
      texts.push({ text: row.text, label: 1, source: `request:${part}` });
    } else if (row.label === 'benign' && index % 2 === 0)
      texts.push({ text: row.text, label: 0, source: row.source });
  }
  return texts;
}

const folds = [
  [/grown_phishing/, /grown_service|authored_emails/],
  [/grown_fraud|request:catqa:Fraud/, /grown_lesson|banking77/],
  [/grown_disinformation|request:.*(?:misinformation|Political)/, /grown_report|wiki_demo|xquad/],
  [/grown_impersonation/, /grown_refusal|fuzzyai/],
  [/grown_malware|request:catqa:Malware/, /grown_code|humaneval|docs_rust_book|docs_tldr/],
  [/request:/, /docs_18f|p3_t0|dolly/],
];

const texts = [
  ...labelled(sharedTexts('train')),
  ...grownOutputs(),
  ...grownTexts()
    .filter(({ label, source }) => label === 'benign' && !source.endsWith('_user'))
    .map(({ text, source }) => ({ text, label: 0, source })),
];
const set = new WindowSet(window);
for (const [number, { text }] of texts.entries()) set.add(number, cleaned(text), { most: 5 });
const labels = Uint8Array.from({ length: set.size }, (_, index) => texts[set.text[index]].label);
const fit = (isIncluded) => {
  const chosen = [...set.text.keys()].filter((index) => isIncluded(texts[set.text[index]]));
  const options = { alpha: 0.5, positive: 0.3 };
  return train(
    set,
    chosen,
    labels,
    balance(chosen, labels, (index) => texts[set.text[index]].source, options),
    options,
  );
};

if (process.argv.includes('--cross-validate')) {
  for (const [positives, negatives] of folds) {
    const isOut = ({ source }) => positives.test(source) || negatives.test(source);
    const model = fit((text) => !isOut(text));
    const scores = [...scoreTexts(model, set, (number) => isOut(texts[number]))];
    const of = (label) =>
      scores.filter(([number]) => texts[number].label === label).map(([, { raw }]) => raw);
    const bar = quantile(of(0), 0.01);
    console.log(
      `harm without ${positives.source}: recall at 1 % false positives ${shareAbove(of(1), bar).toFixed(3)}, AUC ${areaUnder(of(1), of(0)).toFixed(3)}, ${of(1).length} harmful, ${of(0).length} harmless`,
    );
  }
} else {
  const model = fit(() => true);
  const dev = sharedTexts('dev').filter(({ label }) => label === 'benign');
  const devSet = new WindowSet(window);
  for (const [number, { text }] of dev.entries()) devSet.add(number, cleaned(text));
  const raw = [...scoreTexts(model, devSet, () => true).values()].map((score) => score.raw);
  const center = quantile(raw, 0.005);
  console.log(
    `harm: raw threshold ${center.toFixed(3)}, 0.5 % of ${raw.length} harmless development texts above it`,
  );
  const header = { window, surfaces: { assistant: { center, slope: 0.8, byLength: [0, 0, 0, 0] } } };
  const bytes = encodeModel(model, header, [charSize, wordSize, conceptSize]);
  const file = resolve(import.meta.dirname, '../assets/inspection/harm.bin');
  writeFileSync(file, bytes);
  console.log(`wrote ${file}, ${bytes.length} bytes`);
}
