/**
 * Trains assets/inspection/names.bin, the tagger of people, places and organisations, from the shared annotated sentences.
 * `npm run build && node tools/train-names.mjs` writes it (about two minutes, one core). `--evaluate` only measures: first with
 * sentences held out (tweets by id, templates whole), then with each source held out whole. Figures: docs/guides/dataset-scan.md.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { root, shared } from './shared.mjs';

const product = process.env.MERLON_PRODUCT ?? join(root, 'dist');
const model = await import(join(product, 'inspection/names/features.js'));
const { createNameDetector } = await import(join(product, 'inspection/names/detector.js'));
const {
  buckets,
  encodeNames,
  featureCount,
  featuresOf,
  follows,
  hash,
  lexiconSize,
  acting,
  placed,
  ordinary,
  passes,
  proper,
  tagCount,
  tags,
  createTokenizer,
} = model;

const lines = (file) =>
  gunzipSync(readFileSync(join(shared, 'data', file)))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** What the sources call it → what we do. */
const kinds = {
  PERSON: 'person',
  LOCATION: 'location',
  GPE: 'location',
  ORGANIZATION: 'organisation',
  ORGANIZATION_GROUP: 'organisation',
};

const random = (() => {
  let state = 20261122;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
})();
const pick = (list) => list[Math.floor(random() * list.length)];

const sentences = [...lines('pii/ner.jsonl.gz'), ...lines('pii/presidio_synth.jsonl.gz')].map(
  ({ text, spans, source, template_id: template, masked }, index) => ({
    text,
    source,
    group:
      masked === undefined
        ? `${source} ${index}`
        : masked
            .toLowerCase()
            .replace(/\{\{\w+\}\}/g, '_')
            .replace(/\W+/g, ' '),
    template,
    spans: spans
      .filter(({ type }) => kinds[type])
      .map(({ start, end, type }) => ({ start, end, kind: kinds[type] })),
    addresses: spans.filter(({ type }) => /ADDRESS|ZIP/.test(type)),
  }),
);

const placesFollow = new Set([
  'in',
  'near',
  'from',
  'across',
  'visit',
  'visiting',
  'outside',
  'around',
  'toward',
  'towards',
]);
const peopleFollow = new Set([
  'mr',
  'mrs',
  'ms',
  'dr',
  'by',
  'with',
  'president',
  'king',
  'queen',
  'sir',
  'captain',
  'named',
  'actor',
  'singer',
  'dear',
  'hi',
  'called',
]);
const peoplePrecede = new Set([
  'said',
  'says',
  'was',
  'wrote',
  'told',
  'asked',
  'has',
  'had',
  'is',
  'who',
  'could',
  'went',
  'wanted',
  'and',
]);

/** Words of prose without annotation: which are ordinary, and which always have a capital. */
function lexiconOf() {
  const seen = new Map();
  const read = (text) => {
    for (const line of text.split(/\n+|(?<=[.!?:])\s+/)) {
      const words = line.match(/[\p{L}\p{N}_][\p{M}]*(?:['’.\-&]?[\p{L}\p{M}\p{N}_])*/gu) ?? [];
      const capitals = words.filter((word) => /^\p{Lu}/u.test(word)).length;
      if (capitals > words.length * 0.5) continue;
      words.forEach((word, at) => {
        const small = word.toLowerCase();
        const count = seen.get(small) ?? { small: 0, capital: 0, placed: 0, acting: 0 };
        if (word === small) count.small += 1;
        else if (at > 0) count.capital += 1;
        if (word !== small) {
          const before = words[at - 1]?.toLowerCase() ?? '';
          const after = words[at + 1]?.toLowerCase() ?? '';
          if (placesFollow.has(before)) count.placed += 1;
          if (peopleFollow.has(before) || peoplePrecede.has(after)) count.acting += 1;
        }
        seen.set(small, count);
      });
    }
  };
  for (const file of ['corpora/wikitext2_valid.txt.gz', 'corpora/tinyshakespeare.txt.gz'])
    read(
      gunzipSync(readFileSync(join(shared, 'data', file)))
        .toString('utf8')
        .replaceAll(' @-@ ', '-'),
    );
  for (const { text, label } of lines('text/train.jsonl.gz'))
    if (label === 'benign' && text.length < 8000) read(text);
  const lexicon = new Uint8Array(lexiconSize);
  for (const [word, { small, capital, placed: places, acting: acts }] of [...seen].sort(
    (left, right) => left[1].small + left[1].capital - right[1].small - right[1].capital,
  )) {
    if (small + capital < 3) continue;
    lexicon[hash(word, 0, word.length) & (lexiconSize - 1)] =
      small >= capital ? ordinary : capital > small * 4 ? proper : ordinary | proper;
    if (places >= 2 && places > capital * 0.3)
      lexicon[hash(word, 0, word.length) & (lexiconSize - 1)] |= placed;
    if (acts >= 2 && acts > capital * 0.3) lexicon[hash(word, 0, word.length) & (lexiconSize - 1)] |= acting;
  }
  return lexicon;
}

/** Names of countries and of the cities that name time zones, as every ICU has them. */
function places() {
  const found = new Set();
  for (const language of ['en', 'en', 'de', 'fr', 'es', 'it', 'nl', 'pt', 'pl']) {
    const names = new Intl.DisplayNames([language], { type: 'region' });
    for (let a = 65; a <= 90; a += 1)
      for (let b = 65; b <= 90; b += 1) {
        const code = String.fromCharCode(a, b);
        const name = names.of(code);
        if (name !== code && !/unknown|pseudo|outlying|united nations|eurozone/i.test(name)) found.add(name);
      }
  }
  for (const zone of Intl.supportedValuesOf('timeZone'))
    if (zone.includes('/') && !zone.startsWith('Etc')) found.add(zone.split('/').at(-1).replaceAll('_', ' '));
  return [...found].filter((name) => name.length < 30);
}

/** The sentence with other names in it, so that words around names are learnt rather than the names. */
function renamed(sentence, names) {
  let text = '';
  let at = 0;
  const spans = [];
  for (const { start, end, kind } of [...sentence.spans].sort((left, right) => left.start - right.start)) {
    if (start < at) continue;
    text += sentence.text.slice(at, start);
    const name = pick(names[kind]);
    spans.push({ start: text.length, end: text.length + name.length, kind });
    text += name;
    at = end;
  }
  return { ...sentence, text: text + sentence.text.slice(at), spans };
}

function grown(train) {
  const names = { person: [], location: [], organisation: [] };
  for (const { text, spans } of train)
    for (const { start, end, kind } of spans) names[kind].push(text.slice(start, end));
  const known = places();
  names.location.push(...known, ...known);
  const named = train.filter(({ spans }) => spans.length > 0);
  const renamedOnes = [...named, ...named].map((sentence) => renamed(sentence, names));
  // People also write without capitals, and headlines in capitals.
  const small = named.filter((_, index) => index % 8 === 0).map((one) => ({ ...one, text: lower(one.text) }));
  return [...train, ...train.filter(({ source }) => source === 'wnut17_train'), ...renamedOnes, ...small];
}

/** Small letters without a change of length. */
function lower(text) {
  return text.replace(/\p{Lu}/gu, (char) =>
    char.toLowerCase().length === char.length ? char.toLowerCase() : char,
  );
}

function goldOf(tokens, spans) {
  return tokens.map(({ start, end }) => {
    const span = spans.find((one) => one.start < end && start < one.end);
    if (span === undefined) return 0;
    const begins = !tokens.some(
      (other) => other.end <= start && other.end > span.start && other.start < span.end,
    );
    return tags.indexOf(`${begins ? 'B' : 'I'}-${span.kind}`);
  });
}

/** Averaged perceptron (Collins 2002), greedy, on its own predictions. Adds its weights to `sum`. */
function round(data, lexicon, sum, epochs) {
  const weights = new Float32Array(buckets * tagCount);
  const totals = new Float64Array(buckets * tagCount);
  const stamps = new Uint32Array(buckets * tagCount);
  const tokensOf = createTokenizer(lexicon);
  const rows = data.map(({ text, spans }) => {
    const tokens = tokensOf(text);
    return { tokens, gold: goldOf(tokens, spans) };
  });
  const features = new Uint32Array(featureCount);
  let step = 0;
  const change = (row, tag, by) => {
    const at = row + tag;
    totals[at] += (step - stamps[at]) * weights[at];
    stamps[at] = step;
    weights[at] += by;
  };
  for (let epoch = 0; epoch < epochs; epoch += 1) {
    for (let at = rows.length - 1; at > 0; at -= 1) {
      const other = Math.floor(random() * (at + 1));
      [rows[at], rows[other]] = [rows[other], rows[at]];
    }
    for (const { tokens, gold } of rows) {
      let before = 0;
      let beforeThat = 0;
      for (let at = 0; at < tokens.length; at += 1) {
        let best = 0;
        if (!passes(tokens[at], before)) {
          featuresOf(tokens, at, before, beforeThat, features);
          let top = -Infinity;
          for (let tag = 0; tag < tagCount; tag += 1) {
            if (!follows(before, tag)) continue;
            let score = 0;
            for (const row of features) score += weights[row + tag];
            // Recall is bought here: leaving a name out costs more than a name too many.
            if (tag === 0 && gold[at] !== 0) score += margin.missed;
            if (tag !== 0 && gold[at] === 0) score += margin.invented;
            if (score > top) {
              top = score;
              best = tag;
            }
          }
          step += 1;
          const wanted = follows(before, gold[at]) ? gold[at] : gold[at] - 1;
          if (best !== wanted)
            for (const row of features) {
              change(row, wanted, 1);
              change(row, best, -1);
            }
        }
        beforeThat = before;
        before = best;
      }
    }
  }
  for (let at = 0; at < weights.length; at += 1)
    sum[at] += (totals[at] + (step - stamps[at]) * weights[at]) / step;
}

/** Several rounds in other orders with other names: their mean is steadier than each of them. */
function train(data, lexicon, { rounds = 4, epochs = 6 } = {}) {
  const averaged = new Float64Array(buckets * tagCount);
  for (let at = 0; at < rounds; at += 1) round(grown(data), lexicon, averaged, epochs);
  // Few weights are large: the scale fits nearly all, and those few are clipped.
  const sizes = Float64Array.from(averaged, Math.abs)
    .filter((one) => one > 0)
    .sort();
  const scale = sizes[Math.floor(sizes.length * 0.9995)] / 127;
  return {
    scale: scale / rounds,
    lexicon,
    weights: Int8Array.from(averaged, (one) => Math.max(-127, Math.min(127, Math.round(one / scale)))),
  };
}

const margin = { missed: Number(process.env.MISSED ?? 2), invented: Number(process.env.INVENTED ?? 1) };

/** Precision, recall and F1 of spans: exact, and by overlap with the right kind. */
function evaluate(name, built, data) {
  const detector = createNameDetector(encodeNames(built));
  const per = {};
  const total = { exact: 0, overlap: 0, found: 0, wanted: 0 };
  for (const { text, spans, addresses } of data) {
    const found = detector
      .detect(text)
      .filter(({ start, end }) => !addresses.some((one) => one.start < end && start < one.end));
    for (const { type } of found) (per[type] ??= { hit: 0, found: 0, wanted: 0 }).found += 1;
    for (const { kind } of spans) (per[kind] ??= { hit: 0, found: 0, wanted: 0 }).wanted += 1;
    total.found += found.length;
    total.wanted += spans.length;
    for (const { start, end, kind } of spans) {
      if (found.some((one) => one.type === kind && one.start === start && one.end === end)) {
        total.exact += 1;
        per[kind].hit += 1;
      }
      if (found.some((one) => one.type === kind && one.start < end && start < one.end)) total.overlap += 1;
    }
  }
  const f1 = (hit, found, wanted) => ((2 * hit) / Math.max(1, found + wanted)).toFixed(3);
  const { exact, overlap, found, wanted } = total;
  console.log(
    `${name.padEnd(34)} exact P ${(exact / found).toFixed(3)} R ${(exact / wanted).toFixed(3)} F1 ${f1(exact, found, wanted)}  overlap F1 ${f1(overlap, found, wanted)}  ` +
      Object.entries(per)
        .map(([kind, one]) => `${kind} ${f1(one.hit, one.found, one.wanted)}`)
        .join('  '),
  );
}

const lexicon = lexiconOf();
if (process.argv.includes('--evaluate')) {
  const heldOut = ({ group }) => hash(group, 0, group.length) % 5 === 0;
  const tweets = (one) => one.source === 'wnut17_train';
  const built = train(
    sentences.filter((one) => !heldOut(one)),
    lexicon,
  );
  const unseen = sentences.filter(heldOut);
  evaluate('tweets, sentences held out', built, unseen.filter(tweets));
  evaluate(
    'templates held out',
    built,
    unseen.filter((one) => !tweets(one)),
  );
  evaluate('all held out', built, unseen);
  if (!process.argv.includes('--quick')) {
    evaluate(
      'templates, trained on tweets only',
      train(sentences.filter(tweets), lexicon),
      sentences.filter((one) => !tweets(one)),
    );
    evaluate(
      'tweets, trained on templates only',
      train(
        sentences.filter((one) => !tweets(one)),
        lexicon,
      ),
      sentences.filter(tweets),
    );
  }
} else {
  const out = resolve(root, 'assets/inspection/names.bin');
  mkdirSync(dirname(out), { recursive: true });
  const bytes = encodeNames(train(sentences, lexicon));
  writeFileSync(out, bytes);
  console.log(`${out}: ${bytes.length} bytes`);
}
