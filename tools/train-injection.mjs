/**
 * Trains the prompt-injection models of assets/inspection from the shared labelled texts and from texts grown here.
 * `npm run build && node tools/train-injection.mjs` writes them (about two minutes, one core).
 * `--cross-validate` only measures: each source of attacks is held out in turn, with a share of the harmless sources. The
 * `context` model is measured so each time, because its development texts are too few to set the thresholds alone.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { grownTexts, pick, plantedText, randomFrom } from './injection-texts.mjs';
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
const assets = resolve(import.meta.dirname, '../assets/inspection');
const options = { alpha: 0.6, positive: 0.35, ...JSON.parse(process.env.MERLON_TRAINING ?? '{}') };
const window = { size: options.size ?? 600, step: options.step ?? 400 };
const falsePositives = 0.01;
const isAttack = ({ label }) => label === 'injection' || label === 'jailbreak';

/** Sources that are held out together. What is in no fold is always trained on (grown texts, prompts of the `system` surface). */
const userFolds = {
  spikee: 0,
  banking77: 0,
  xquad: 0,
  docs_18f_handbook: 0,
  xsafety_goal_hijacking: 1,
  xsafety_benign_half: 1,
  gsm8k: 1,
  bfcl: 1,
  docs_tldr: 1,
  salesforce_prompt_leakage: 2,
  sgd: 2,
  p3_t0: 2,
  awesome_chatgpt_prompts: 2,
  jailbreak_llms_2023_12: 3,
  do_not_answer: 3,
  glaive_toolcall: 3,
  piarena_contexts: 3,
  docs_mcp: 3,
  aisafetylab_templates: 4,
  gptfuzz: 4,
  catqa: 4,
  toolbench: 4,
  nlu_eval: 4,
  docs_otel: 4,
  authored_emails: 4,
  authored_multilingual_injection: 5,
  authored_multilingual_benign: 5,
  rulm_seed: 5,
  authored_secret_extraction: 6,
  authored_hard_negatives: 6,
  fuzzyai_benign: 6,
  advbench: 6,
  docs_trpc: 6,
};
const contextFolds = {
  'composed_indirect:asb': 0,
  docs_18f_handbook: 0,
  sgd: 0,
  docs_trpc: 0,
  'composed_indirect:tasktracker': 1,
  docs_tldr: 1,
  toolbench: 1,
  docs_mcp: 1,
  'composed_indirect:piarena': 2,
  xquad: 2,
  glaive_toolcall: 2,
  docs_otel: 2,
  authored_emails: 2,
  spikee: 3,
  docs_rust_book: 3,
  wiki_demo: 3,
  bfcl: 3,
  piarena_contexts: 3,
  docs_clef_handbook: 3,
};

function foldOf(text, folds) {
  const family = text.family?.split('_')[0];
  return folds[`${text.source}:${family}`] ?? folds[text.source];
}

/** What people type: attacks, requests of every kind (harmful ones without an attack are no attack), and pasted documents. */
function userTexts(rows) {
  return rows.filter(
    (row, index) =>
      row.label !== 'injection_payload' &&
      row.label !== 'benign_quoted' &&
      (row.surface === 'user' ||
        row.surface === 'system' ||
        (row.surface === 'document' &&
          row.label === 'benign' &&
          (index % 3 === 0 || /mail|manual/.test(row.source)))),
  );
}

/** Documents and tool results as they are, with attacks in them, and with requests in them that only a user may make. */
function contextTexts(rows, seed, plantedCount) {
  const random = randomFrom(seed);
  const own = rows.filter(
    (row) => (row.surface === 'document' || row.surface === 'tool_result') && row.label !== 'benign_quoted',
  );
  const carriers = own.filter((row) => row.label === 'benign');
  const documents = carriers.filter((row) => row.surface === 'document');
  const results = carriers.filter((row) => row.surface === 'tool_result');
  const requests = rows.filter(
    (row) =>
      row.text.length < 400 &&
      ((row.surface === 'user' &&
        (isAttack(row) || /^(?:bfcl|dolly|glaive|toolbench)/.test(row.family ?? ''))) ||
        row.label === 'injection_payload'),
  );
  const texts = [...own];
  for (let index = 0; index < plantedCount; index++) {
    const carrier = pick(random, index % 2 === 0 ? results : documents);
    const request = random() < 0.55 ? undefined : pick(random, requests);
    const payload = request?.text ?? plantedText(random);
    const composed = plant(carrier, payload, random);
    texts.push({
      ...composed,
      label: 'injection',
      surface: carrier.surface,
      lang: carrier.lang,
      source: `planted_${carrier.surface}`,
      from: [carrier, request],
    });
  }
  return texts;
}

/** Puts a payload into a carrier: inside a JSON string, between sentences or lines, at the start or at the end. */
function plant(carrier, payload, random) {
  const text = carrier.text.length > 2500 ? carrier.text.slice(0, 2500) : carrier.text;
  const strings = [...text.matchAll(/"(?:[^"\\]|\\.){3,200}"(?=\s*[,}\]])/g)];
  if (strings.length > 0 && random() < 0.85) {
    const chosen = pick(random, strings);
    const inside = JSON.stringify(payload).slice(1, -1);
    const keeps = random() < 0.5;
    const start = keeps ? chosen.index + chosen[0].length - 1 : chosen.index + 1;
    const end = chosen.index + chosen[0].length - 1;
    return splice(text, start, end, keeps ? ` ${inside}` : inside);
  }
  const place = random();
  if (place < 0.15) return random() < 0.3 ? { text: payload, payload } : splice(text, 0, 0, `${payload}\n\n`);
  if (place < 0.4)
    return splice(text, text.length, text.length, random() < 0.5 ? ` ${payload}` : `\n\n${payload}`);
  const gaps = [...text.matchAll(/(?<=[.!?。])\s|\n/g)];
  const gap = gaps.length > 0 ? pick(random, gaps).index : text.length;
  return splice(text, gap, gap, random() < 0.7 ? ` ${payload}` : `\n${payload}\n`);
}

function splice(text, start, end, insert) {
  return { text: text.slice(0, start) + insert + text.slice(end), span: [start, start + insert.length] };
}

function spanOf(row) {
  if (row.span) return row.span;
  const at = row.payload ? row.text.indexOf(row.payload) : -1;
  return at < 0 ? undefined : [at, at + row.payload.length];
}

function windowsOfTexts(texts) {
  const set = new WindowSet(window);
  for (const [number, row] of texts.entries()) {
    const text = cleaned(row.text);
    set.add(number, text, { span: isAttack(row) && text === row.text ? spanOf(row) : undefined });
  }
  return set;
}

function fit(texts, set, isIncluded, options) {
  const labels = new Uint8Array(set.size);
  const chosen = [];
  for (let index = 0; index < set.size; index++) {
    const row = texts[set.text[index]];
    labels[index] = isAttack(row) && set.marked[index] === 1 ? 1 : 0;
    if (isIncluded(row) && set.marked[index] >= 0) chosen.push(index);
  }
  const sourceOf = (index) => {
    const row = texts[set.text[index]];
    return `${row.source}:${row.source === 'composed_indirect' ? row.family : ''}:${labels[index]}`;
  };
  return train(set, chosen, labels, balance(chosen, labels, sourceOf, options), options);
}

/** Mean over the held-out groups: recall at 1 % false positives on harmless texts of the same surface, all unseen. */
function crossValidate(name, texts, set, folds, surfaces, options) {
  const summary = {};
  const heldOut = [];
  const count = Math.max(...Object.values(folds)) + 1;
  for (let fold = 0; fold < count; fold++) {
    const isOut = (row) =>
      foldOf(row, folds) === fold || row.from?.some((part) => part && foldOf(part, folds) === fold);
    const model = fit(texts, set, (row) => !isOut(row), options);
    const scores = scoreTexts(model, set, (number) => foldOf(texts[number], folds) === fold);
    for (const [number, score] of scores) {
      if (!isAttack(texts[number])) heldOut.push({ ...score, row: texts[number] });
    }
    for (const surface of surfaces) {
      const of = (wanted) =>
        [...scores].filter(
          ([number]) =>
            (texts[number].surface === surface || (surface === 'user' && !isAttack(texts[number]))) &&
            wanted(texts[number]),
        );
      const negatives = of((row) => !isAttack(row)).map(([, { raw }]) => raw);
      const positives = of(isAttack).map(([, { raw }]) => raw);
      if (positives.length === 0 || negatives.length === 0) continue;
      const bar = quantile(negatives, falsePositives);
      const found = {
        recall: shareAbove(positives, bar),
        auc: areaUnder(positives, negatives),
        positives: positives.length,
        negatives: negatives.length,
      };
      (summary[surface] ??= []).push(found);
      const held = [...new Set(of(isAttack).map(([number]) => texts[number].source))].join(', ');
      console.log(
        `${name} ${surface} fold ${fold}: raw bar ${bar.toFixed(2)}, recall ${found.recall.toFixed(3)}, AUC ${found.auc.toFixed(3)}, ${found.positives} attacks (${held}), ${found.negatives} harmless; above the bar: ${loudest(of((row) => !isAttack(row)))}`,
      );

      function loudest(list) {
        const bySource = new Map();
        for (const [number, { raw }] of list) {
          const { source } = texts[number];
          bySource.set(source, [...(bySource.get(source) ?? []), raw]);
        }
        return [...bySource]
          .map(([source, scores]) => `${source} ${(100 * shareAbove(scores, bar)).toFixed(1)} %`)
          .join(', ');
      }
    }
  }
  for (const [surface, list] of Object.entries(summary)) {
    const mean = (key) => list.reduce((sum, one) => sum + one[key], 0) / list.length;
    console.log(
      `${name} ${surface}: mean recall at 1 % false positives ${mean('recall').toFixed(3)}, mean AUC ${mean('auc').toFixed(3)}`,
    );
  }
  return heldOut;
}

/** Score that this share of harmless texts exceeds, when every source counts the same: no single source sets the bar. */
function quantileBySource(list, rate) {
  const sizes = new Map();
  for (const { row } of list) sizes.set(row.source, (sizes.get(row.source) ?? 0) + 1);
  const weighted = list
    .map(({ raw, row }) => ({ raw, weight: 1 / Math.max(50, sizes.get(row.source)) }))
    .sort((left, right) => right.raw - left.raw);
  let left = rate * weighted.reduce((sum, { weight }) => sum + weight, 0);
  for (const { raw, weight } of weighted) {
    left -= weight;
    if (left < 0) return raw;
  }
  return weighted.at(-1).raw;
}

/**
 * Raw scores become comparable: a text of many windows loses what its length gains by chance, and the bar becomes 0.5. The
 * bar is the score that one harmless development text in a hundred exceeds. Where the development texts hold few sources, it
 * is raised until at most three in a hundred of the held-out sources exceed it, each source counting the same. The slope is
 * a constant: it spreads the scores and changes no decision at 0.5.
 */
function calibration(developed, heldOut, surface) {
  const isHarmless = ({ row }) => row.surface === surface && !isAttack(row) && row.label !== 'benign_quoted';
  const negatives = developed.filter(isHarmless);
  const others = heldOut.filter(isHarmless);
  const bucketOf = (windows) => (windows === 1 ? 0 : windows < 4 ? 1 : windows < 8 ? 2 : 3);
  const byLength = [0, 0, 0, 0];
  const all = [...negatives, ...others];
  const base = quantileBySource(all, 0.03);
  for (const bucket of byLength.keys()) {
    const inBucket = all.filter(({ windows }) => bucketOf(windows) === bucket);
    // Shrunk towards no correction where there are few texts.
    if (inBucket.length >= 60) {
      byLength[bucket] =
        Math.max(0, quantileBySource(inBucket, 0.03) - base) * Math.min(1, inBucket.length / 400);
    }
  }
  const corrected = (list) =>
    list.map(({ raw, windows, row }) => ({ raw: raw - byLength[bucketOf(windows)], row }));
  const bar = quantile(
    corrected(negatives).map(({ raw }) => raw),
    falsePositives,
  );
  const center =
    others.length === 0 ? bar : Math.max(bar, quantileBySource(corrected(others), 3 * falsePositives));
  return { surface, center, slope: 0.8, byLength };
}

function report(name, model, calibrations, texts) {
  const set = windowsOfTexts(texts);
  const scores = scoreTexts(model, set, () => true);
  for (const { surface, center, byLength } of calibrations) {
    const groups = new Map();
    for (const [number, { raw, windows }] of scores) {
      const row = texts[number];
      if (row.surface !== surface) continue;
      const key = `${row.source} ${row.label}`;
      const bucket = windows === 1 ? 0 : windows < 4 ? 1 : windows < 8 ? 2 : 3;
      groups.set(key, [...(groups.get(key) ?? []), raw - byLength[bucket] - center]);
    }
    for (const [key, list] of groups)
      console.log(
        `  ${name} ${surface} ${key}: ${shareAbove(list, 0).toFixed(3)} of ${list.length} above the threshold`,
      );
  }
}

const started = performance.now();
const grown = grownTexts();
const rows = [...sharedTexts('train'), ...grown];
const dev = sharedTexts('dev');
const kinds = [
  { name: 'user', texts: userTexts(rows), folds: userFolds, surfaces: ['user'] },
  {
    name: 'context',
    texts: contextTexts(rows, 11, options.planted ?? 16_000),
    folds: contextFolds,
    surfaces: ['document', 'tool_result'],
  },
].filter(({ name }) => !process.argv.includes('--only') || process.argv.includes(name));

for (const { name, texts, folds, surfaces } of kinds) {
  const set = windowsOfTexts(texts);
  console.log(
    `${name}: ${texts.length} texts, ${set.size} windows, ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
  const measuresOnly = process.argv.includes('--cross-validate');
  const heldOut =
    measuresOnly || name === 'context' ? crossValidate(name, texts, set, folds, surfaces, options) : [];
  if (measuresOnly) continue;
  const model = fit(texts, set, () => true, options);
  const devTexts = dev.filter((row) => surfaces.includes(row.surface));
  const devSet = windowsOfTexts(devTexts);
  const devScores = [...scoreTexts(model, devSet, () => true)].map(([number, score]) => ({
    ...score,
    row: devTexts[number],
  }));
  const calibrations = surfaces.map((surface) => calibration(devScores, heldOut, surface));
  for (const { surface, center, byLength } of calibrations)
    console.log(
      `${name} ${surface}: raw threshold ${center.toFixed(3)}, by length ${byLength.map((one) => one.toFixed(2)).join(' ')}`,
    );
  report(name, model, calibrations, devTexts);
  const header = {
    window,
    surfaces: Object.fromEntries(calibrations.map(({ surface, ...rest }) => [surface, rest])),
  };
  mkdirSync(assets, { recursive: true });
  const file = join(assets, `injection-${name}.bin`);
  const bytes = encodeModel(model, header, [charSize, wordSize, conceptSize]);
  writeFileSync(file, bytes);
  console.log(`wrote ${file}, ${bytes.length} bytes, ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
