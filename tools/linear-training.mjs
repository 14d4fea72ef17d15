/**
 * Logistic regression on hashed features, by AdaGrad (Duchi et al. 2011), for the small text models. Features come from
 * the built product, so that training and run time cannot differ: run `npm run build` first.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { root, shared } from './shared.mjs';

const built = process.env.MERLON_BUILT ?? join(root, 'dist');
if (!existsSync(join(built, 'inspection/injection/features.js'))) {
  console.error('The product is not built yet. Run: npm run build');
  process.exit(3);
}
const { denseNames, prepare, sparseSize, WindowReader } = await import(
  join(built, 'inspection/injection/features.js')
);
const { windowsOf } = await import(join(built, 'inspection/injection/linear-model.js'));
export const { views } = await import(join(built, 'inspection/normalise/views.js'));
export const product = built;

/** Labelled texts of the shared data; exits with a clear line when they are not there. */
export function sharedTexts(name) {
  const file = join(shared, 'data/text', `${name}.jsonl.gz`);
  if (!existsSync(file)) {
    console.error(`${file} is not there. Set MERLON_SHARED to the folder that holds data/text.`);
    process.exit(3);
  }
  return gunzipSync(readFileSync(file))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** The text as the detector reads it first: hidden characters and look-alikes undone, nothing decoded. */
export function cleaned(text) {
  return views(text, { depth: 0 }).at(-1).text;
}

/** Windows of many texts with their features, in flat arrays. */
export class WindowSet {
  #reader = new WindowReader();
  #features = new Uint32Array(1 << 22);
  #used = 0;
  #starts = [];
  dense = [];
  /** Text of each window. */
  text = [];
  /** 1 when the window overlaps the marked span of its text, 0 when not, -1 when it is unclear. */
  marked = [];

  constructor({ size, step }) {
    this.window = { size, step };
  }

  get size() {
    return this.text.length;
  }

  get features() {
    return this.#features;
  }

  /** Start of the groups of a window and its end. */
  bounds(window) {
    return this.#starts[window];
  }

  /** Adds up to `most` windows of a text, evenly spread. `span` marks the part that makes the text what it is. */
  add(number, text, { most = 10, span } = {}) {
    const prepared = prepare(text);
    if (prepared.words === 0) return;
    const all = [...windowsOf(prepared.length, this.window)];
    const chosen =
      all.length <= most
        ? all
        : Array.from({ length: most }, (_, index) => all[Math.floor((index * all.length) / most)]);
    let word = 0;
    for (const [from, to] of chosen) {
      while (word < prepared.words && prepared.wordStart[word] < from) word++;
      this.#reader.read(prepared, from, to, word);
      this.#keep(this.#reader);
      this.text.push(number);
      this.marked.push(span ? overlap(prepared.at[from], prepared.at[to - 1] + 1, span) : 1);
    }
  }

  #keep({ sparse, ends, dense }) {
    const count = ends[2];
    if (this.#used + count > this.#features.length) {
      const wider = new Uint32Array(this.#features.length * 2);
      wider.set(this.#features);
      this.#features = wider;
    }
    this.#features.set(sparse.subarray(0, count), this.#used);
    this.#starts.push([this.#used, this.#used + ends[0], this.#used + ends[1], this.#used + count]);
    this.#used += count;
    this.dense.push(Float32Array.from(dense));
  }
}

function overlap(from, to, [start, end]) {
  const common = Math.min(to, end) - Math.max(from, start);
  if (common <= 0) return 0;
  return common * 2 >= end - start || common >= 200 ? 1 : -1;
}

/** Trains on the windows `chosen` with labels and weights per window. */
export function train(
  set,
  chosen,
  labels,
  weights,
  { epochs = 4, rate = 0.15, decay = 1e-6, seed = 7 } = {},
) {
  const sparse = new Float32Array(sparseSize);
  const sparseSquares = new Float32Array(sparseSize).fill(0.01);
  const dense = new Float32Array(denseNames.length);
  const denseSquares = new Float32Array(denseNames.length).fill(0.01);
  let bias = 0;
  let biasSquares = 0.01;
  const order = Int32Array.from(chosen);
  let state = seed;
  const { features } = set;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let index = order.length - 1; index > 0; index--) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const other = state % (index + 1);
      [order[index], order[other]] = [order[other], order[index]];
    }
    for (const window of order) {
      const bounds = set.bounds(window);
      const described = set.dense[window];
      const raw = rawScore({ sparse, dense, bias }, features, bounds, described);
      const error = (1 / (1 + Math.exp(-raw)) - labels[window]) * weights[window];
      if (Math.abs(error) < 1e-4) continue;
      for (let group = 0; group < 3; group++) {
        const step = error / Math.sqrt(bounds[group + 1] - bounds[group] + 1);
        for (let index = bounds[group]; index < bounds[group + 1]; index++) {
          const feature = features[index];
          const gradient = step + decay * sparse[feature];
          sparseSquares[feature] += gradient * gradient;
          sparse[feature] -= (rate * gradient) / Math.sqrt(sparseSquares[feature]);
        }
      }
      for (let index = 0; index < dense.length; index++) {
        const gradient = error * described[index];
        denseSquares[index] += gradient * gradient;
        dense[index] -= (rate * gradient) / Math.sqrt(denseSquares[index]);
      }
      biasSquares += error * error;
      bias -= (rate * error) / Math.sqrt(biasSquares);
    }
  }
  return { sparse, dense, bias };
}

function rawScore({ sparse, dense, bias }, features, bounds, described) {
  let raw = bias;
  for (let group = 0; group < 3; group++) {
    let sum = 0;
    for (let index = bounds[group]; index < bounds[group + 1]; index++) sum += sparse[features[index]];
    raw += sum / Math.sqrt(bounds[group + 1] - bounds[group] + 1);
  }
  for (let index = 0; index < dense.length; index++) raw += dense[index] * described[index];
  return raw;
}

/** Raw score of the best window and number of windows, per text for which `wanted` holds. */
export function scoreTexts(model, set, wanted) {
  const scores = new Map();
  for (let window = 0; window < set.size; window++) {
    const text = set.text[window];
    if (!wanted(text)) continue;
    const raw = rawScore(model, set.features, set.bounds(window), set.dense[window]);
    const before = scores.get(text);
    if (!before) scores.set(text, { raw, windows: 1 });
    else {
      before.windows++;
      before.raw = Math.max(before.raw, raw);
    }
  }
  return scores;
}

/** Weight per window: every source counts by the `1 - alpha`th power of its size, the classes as `positive : 1 - positive`. */
export function balance(chosen, labels, sourceOf, { alpha = 0.5, positive = 0.35 } = {}) {
  const sizes = new Map();
  for (const window of chosen) sizes.set(sourceOf(window), (sizes.get(sourceOf(window)) ?? 0) + 1);
  const weights = new Float32Array(labels.length);
  const sums = [0, 0];
  for (const window of chosen) {
    weights[window] = sizes.get(sourceOf(window)) ** -alpha;
    sums[labels[window]] += weights[window];
  }
  for (const window of chosen) {
    weights[window] *= (chosen.length * (labels[window] ? positive : 1 - positive)) / sums[labels[window]];
  }
  return weights;
}

/** Score that the share `rate` of these is above. */
export function quantile(scores, rate) {
  const sorted = Float64Array.from(scores).sort();
  return sorted[Math.max(0, Math.ceil(sorted.length * (1 - rate)) - 1)];
}

export const shareAbove = (scores, bar) => scores.filter((score) => score > bar).length / scores.length;

/** Area under the ROC curve, by ranks (Mann and Whitney 1947), ties count half. */
export function areaUnder(positives, negatives) {
  const all = [...positives.map((score) => [score, 1]), ...negatives.map((score) => [score, 0])].sort(
    (a, b) => a[0] - b[0],
  );
  let ranks = 0;
  for (let index = 0; index < all.length;) {
    let end = index;
    while (end < all.length && all[end][0] === all[index][0]) end++;
    for (let tied = index; tied < end; tied++) if (all[tied][1]) ranks += (index + end + 1) / 2;
    index = end;
  }
  return (ranks - (positives.length * (positives.length + 1)) / 2) / (positives.length * negatives.length);
}

/** The file that `parseLinearModel` reads. */
export function encodeModel(model, header, groupSizes) {
  const weights = new Int8Array(sparseSize);
  const scales = [];
  let start = 0;
  for (const size of groupSizes) {
    const group = model.sparse.subarray(start, start + size);
    const largest = Float32Array.from(group, Math.abs).sort()[Math.floor(size * 0.9999)];
    const scale = Math.max(largest, 1e-6) / 127;
    scales.push(scale);
    for (let index = 0; index < size; index++) {
      weights[start + index] = Math.max(-127, Math.min(127, Math.round(group[index] / scale)));
    }
    start += size;
  }
  const json = Buffer.from(
    JSON.stringify({
      format: 'merlon-linear/1',
      ...header,
      bias: model.bias,
      dense: [...model.dense],
      scales,
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json, Buffer.from(weights.buffer)]);
}
