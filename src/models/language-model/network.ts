import type { Random } from './random.ts';

/** Bytes 0–255 are tokens; this one pads the context at the start of a line. */
export const startOfLine = 256;
export const vocabulary = 256;
const inputs = vocabulary + 1;

/** Sizes of the model: how many bytes it looks back, numbers per byte, hidden units. */
export interface Shape {
  context: number;
  embedding: number;
  hidden: number;
}

/** Views into one flat array, so that optimiser, clipping and noise see a single vector. */
export interface Weights {
  all: Float64Array;
  /** [257][embedding] */
  embedding: Float64Array;
  /** [hidden][context × embedding] */
  inner: Float64Array;
  /** [hidden] */
  innerBias: Float64Array;
  /** [256][hidden] */
  outer: Float64Array;
  /** [256] */
  outerBias: Float64Array;
}

export function parts({ context, embedding, hidden }: Shape): { name: keyof Weights; shape: number[] }[] {
  return [
    { name: 'embedding', shape: [inputs, embedding] },
    { name: 'inner', shape: [hidden, context * embedding] },
    { name: 'innerBias', shape: [hidden] },
    { name: 'outer', shape: [vocabulary, hidden] },
    { name: 'outerBias', shape: [vocabulary] },
  ];
}

export function emptyWeights(shape: Shape): Weights {
  const sizes = parts(shape).map((part) => part.shape.reduce((product, size) => product * size, 1));
  const all = new Float64Array(sizes.reduce((sum, size) => sum + size, 0));
  let offset = 0;
  const views = sizes.map((size) => all.subarray(offset, (offset += size)));
  return {
    all,
    embedding: views[0]!,
    inner: views[1]!,
    innerBias: views[2]!,
    outer: views[3]!,
    outerBias: views[4]!,
  };
}

/** Normal weights, scaled so that signals keep their size (Glorot and Bengio 2010). */
export function initialWeights(shape: Shape, random: Random): Weights {
  const weights = emptyWeights(shape);
  const fill = (part: Float64Array, deviation: number): void => {
    for (let i = 0; i < part.length; i++) part[i] = random.normal() * deviation;
  };
  fill(weights.embedding, 0.5);
  fill(weights.inner, 1 / Math.sqrt(shape.context * shape.embedding * 0.25));
  fill(weights.outer, 0.5 / Math.sqrt(shape.hidden));
  return weights;
}

/** What a pass over up to `examples` contexts needs besides the weights; made once, reused. All are [example][…]. */
export interface Scratch {
  input: Float64Array;
  hidden: Float64Array;
  /** Logits after `forward`; what `backward` leaves there is of no use. */
  output: Float64Array;
  hiddenGradient: Float64Array;
  inputGradient: Float64Array;
  /** Which factors of a sum are not negligible. */
  places: Int32Array;
}

export function createScratch({ context, embedding, hidden }: Shape, examples: number): Scratch {
  return {
    input: new Float64Array(examples * context * embedding),
    hidden: new Float64Array(examples * hidden),
    output: new Float64Array(examples * vocabulary),
    hiddenGradient: new Float64Array(examples * hidden),
    inputGradient: new Float64Array(examples * context * embedding),
    places: new Int32Array(Math.max(examples, vocabulary, hidden)),
  };
}

/** `output` gets the logits of the byte after each of `count` contexts: `windows` is [example][context], oldest first. */
export function forward(
  { context, embedding, hidden: units }: Shape,
  weights: Weights,
  windows: ArrayLike<number>,
  count: number,
  { input, hidden, output }: Scratch,
): void {
  for (let slot = 0; slot < count * context; slot++) {
    const from = windows[slot]! * embedding;
    const to = slot * embedding;
    for (let i = 0; i < embedding; i++) input[to + i] = weights.embedding[from + i]!;
  }
  layer(weights.inner, weights.innerBias, input, hidden, count, context * embedding);
  for (let i = 0; i < count * units; i++) hidden[i] = Math.tanh(hidden[i]!);
  layer(weights.outer, weights.outerBias, hidden, output, count, units);
}

/** out[e] = matrix · vectors[e] + bias, two examples by four rows at once: each number loaded serves several products. */
function layer(
  matrix: Float64Array,
  bias: Float64Array,
  vectors: Float64Array,
  out: Float64Array,
  count: number,
  width: number,
): void {
  const rows = bias.length;
  for (let example = 0; example < count; example += 2) {
    const left = example * width;
    // The last one of an odd number is done twice.
    const right = Math.min(example + 1, count - 1) * width;
    const toLeft = example * rows;
    const toRight = Math.min(example + 1, count - 1) * rows;
    for (let row = 0; row < rows; row += 4) {
      const one = row * width;
      const two = one + width;
      const three = two + width;
      const four = three + width;
      let a = bias[row]!;
      let b = bias[row + 1]!;
      let c = bias[row + 2]!;
      let d = bias[row + 3]!;
      let e = a;
      let f = b;
      let g = c;
      let h = d;
      for (let i = 0; i < width; i++) {
        const x = vectors[left + i]!;
        const y = vectors[right + i]!;
        const p = matrix[one + i]!;
        const q = matrix[two + i]!;
        const r = matrix[three + i]!;
        const s = matrix[four + i]!;
        a += p * x;
        b += q * x;
        c += r * x;
        d += s * x;
        e += p * y;
        f += q * y;
        g += r * y;
        h += s * y;
      }
      out[toLeft + row] = a;
      out[toLeft + row + 1] = b;
      out[toLeft + row + 2] = c;
      out[toLeft + row + 3] = d;
      out[toRight + row] = e;
      out[toRight + row + 1] = f;
      out[toRight + row + 2] = g;
      out[toRight + row + 3] = h;
    }
  }
}

/** Logits in [start, end) become probabilities, in place; returns the logarithm of the sum of exponentials. */
export function softmax(values: Float64Array, start = 0, end = values.length): number {
  let largest = -Infinity;
  for (let i = start; i < end; i++) if (values[i]! > largest) largest = values[i]!;
  let sum = 0;
  for (let i = start; i < end; i++) {
    const one = Math.exp(values[i]! - largest);
    values[i] = one;
    sum += one;
  }
  for (let i = start; i < end; i++) values[i] = values[i]! / sum;
  return largest + Math.log(sum);
}

/** Slopes below this are taken for zero: most of the 256 bytes hardly ever occur, and skipping them halves the work. */
const negligible = 2e-5;

/**
 * After `forward` with the same windows: adds the gradient of the sum of −ln p(target), times `scale`, to `gradient`.
 * Returns that sum in nats.
 */
export function backward(
  shape: Shape,
  weights: Weights,
  windows: ArrayLike<number>,
  targets: ArrayLike<number>,
  count: number,
  scratch: Scratch,
  gradient: Weights,
  scale: number,
): number {
  const { context, embedding, hidden: units } = shape;
  const { input, hidden, output, hiddenGradient, inputGradient, places } = scratch;
  let loss = 0;
  for (let example = 0; example < count; example++) {
    const from = example * vocabulary;
    const target = from + targets[example]!;
    const logit = output[target]!;
    loss += softmax(output, from, from + vocabulary) - logit;
    output[target] = output[target]! - 1;
  }
  for (let i = 0; i < count * vocabulary; i++) {
    const slope = output[i]!;
    output[i] = slope < negligible && slope > -negligible ? 0 : slope * scale;
  }
  throughLayer(weights.outer, output, hiddenGradient, count, vocabulary, units, places);
  addOuterProducts(gradient.outer, gradient.outerBias, output, hidden, count, vocabulary, units, places);
  for (let i = 0; i < count * units; i++) {
    const value = hidden[i]!;
    hiddenGradient[i] = hiddenGradient[i]! * (1 - value * value);
  }
  const width = context * embedding;
  throughLayer(weights.inner, hiddenGradient, inputGradient, count, units, width, places);
  addOuterProducts(gradient.inner, gradient.innerBias, hiddenGradient, input, count, units, width, places);
  for (let slot = 0; slot < count * context; slot++) {
    const to = windows[slot]! * embedding;
    const from = slot * embedding;
    for (let i = 0; i < embedding; i++)
      gradient.embedding[to + i] = gradient.embedding[to + i]! + inputGradient[from + i]!;
  }
  return loss;
}

/** out[e] = Σ slopes[e][row] · matrix[row], four rows at once. */
function throughLayer(
  matrix: Float64Array,
  slopes: Float64Array,
  out: Float64Array,
  count: number,
  rows: number,
  width: number,
  places: Int32Array,
): void {
  out.fill(0, 0, count * width);
  for (let example = 0; example < count; example++) {
    const from = example * rows;
    const to = example * width;
    let used = 0;
    for (let row = 0; row < rows; row++) if (slopes[from + row] !== 0) places[used++] = row;
    let place = 0;
    for (; place + 3 < used; place += 4) {
      const one = places[place]!;
      const two = places[place + 1]!;
      const three = places[place + 2]!;
      const four = places[place + 3]!;
      addFour(
        out,
        to,
        matrix,
        one * width,
        two * width,
        three * width,
        four * width,
        slopes[from + one]!,
        slopes[from + two]!,
        slopes[from + three]!,
        slopes[from + four]!,
        width,
      );
    }
    for (; place < used; place++)
      addOne(out, to, matrix, places[place]! * width, slopes[from + places[place]!]!, width);
  }
}

/** gradient[row] += Σ slopes[e][row] · vectors[e], four examples at once; the bias gets the slopes alone. */
function addOuterProducts(
  gradient: Float64Array,
  bias: Float64Array,
  slopes: Float64Array,
  vectors: Float64Array,
  count: number,
  rows: number,
  width: number,
  places: Int32Array,
): void {
  for (let row = 0; row < rows; row++) {
    let used = 0;
    let sum = 0;
    for (let example = 0; example < count; example++) {
      const slope = slopes[example * rows + row]!;
      if (slope === 0) continue;
      sum += slope;
      places[used++] = example;
    }
    bias[row] = bias[row]! + sum;
    const to = row * width;
    let place = 0;
    for (; place + 3 < used; place += 4) {
      const one = places[place]!;
      const two = places[place + 1]!;
      const three = places[place + 2]!;
      const four = places[place + 3]!;
      addFour(
        gradient,
        to,
        vectors,
        one * width,
        two * width,
        three * width,
        four * width,
        slopes[one * rows + row]!,
        slopes[two * rows + row]!,
        slopes[three * rows + row]!,
        slopes[four * rows + row]!,
        width,
      );
    }
    for (; place < used; place++)
      addOne(gradient, to, vectors, places[place]! * width, slopes[places[place]! * rows + row]!, width);
  }
}

function addFour(
  out: Float64Array,
  to: number,
  from: Float64Array,
  one: number,
  two: number,
  three: number,
  four: number,
  a: number,
  b: number,
  c: number,
  d: number,
  width: number,
): void {
  for (let i = 0; i < width; i++)
    out[to + i] =
      out[to + i]! + a * from[one + i]! + b * from[two + i]! + c * from[three + i]! + d * from[four + i]!;
}

function addOne(
  out: Float64Array,
  to: number,
  from: Float64Array,
  start: number,
  factor: number,
  width: number,
): void {
  for (let i = 0; i < width; i++) out[to + i] = out[to + i]! + factor * from[start + i]!;
}
