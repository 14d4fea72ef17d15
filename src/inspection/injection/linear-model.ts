import { Problem } from '../../kernel/problem.ts';
import { denseNames, sparseSize, WindowReader, type Prepared } from './features.ts';

/** What stands before the weights in a model file. */
export interface ModelHeader {
  format: 'merlon-linear/1';
  /** Windows in folded units. */
  window: { size: number; step: number };
  bias: number;
  dense: number[];
  /** Value of one step of the 8-bit weights, per group of features. */
  scales: [number, number, number];
  /** Per surface: how raw scores become comparable ones. */
  surfaces: Record<string, Calibration>;
}

export interface Calibration {
  /** Raw score that becomes 0.5: the shipped operating point. */
  center: number;
  slope: number;
  /** Taken off the raw score of a text of so many windows (1, 2–3, 4–7, 8 and more): the best of many is high by chance. */
  byLength: [number, number, number, number];
}

export interface LinearModel {
  header: ModelHeader;
  weights: Int8Array;
}

/**
 * A model file: length of the header (32-bit little-endian), the header as JSON, one signed byte per feature.
 * @throws Problem ASSET_MISSING when the bytes are not such a file
 */
export function parseLinearModel(bytes: Uint8Array, name: string): LinearModel {
  try {
    const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as ModelHeader;
    const body = bytes.subarray(4 + length);
    const isWhole =
      header.format === 'merlon-linear/1' &&
      body.length === sparseSize &&
      header.dense.length === denseNames.length;
    if (isWhole) return { header, weights: new Int8Array(body) };
  } catch (cause) {
    throw unreadable(name, cause);
  }
  throw unreadable(name);
}

function unreadable(name: string, cause?: unknown): Problem {
  return new Problem('ASSET_MISSING', {
    detail: `the model file \`${name}\` cannot be read`,
    fix: 'Restore it from the distribution, or train it again with the script in tools/.',
    cause,
  });
}

/** The window that speaks most for the class, in folded units, with its raw score (log-odds). */
export interface Best {
  raw: number;
  from: number;
  to: number;
  windows: number;
}

/** Windows over `length` units: one for a short text, else steps with the last one flush with the end. */
export function* windowsOf(
  length: number,
  { size, step }: { size: number; step: number },
): Generator<[number, number]> {
  if (length <= size * 1.25) {
    yield [0, length];
    return;
  }
  for (let from = 0; from + size < length; from += step) yield [from, from + size];
  yield [length - size, length];
}

/** Scores windows with one model. Not for two texts at once. */
export function createScorer({ header, weights }: LinearModel): (text: Prepared) => Best {
  const reader = new WindowReader(weights);
  const { bias, dense, scales, window } = header;
  return (text) => {
    const best: Best = { raw: -Infinity, from: 0, to: text.length, windows: 0 };
    let word = 0;
    for (const [from, to] of windowsOf(text.length, window)) {
      while (word < text.words && text.wordStart[word]! < from) word++;
      reader.read(text, from, to, word);
      const raw = scoreWindow();
      best.windows++;
      if (raw > best.raw) Object.assign(best, { raw, from, to });
    }
    return best;
  };

  function scoreWindow(): number {
    let raw = bias;
    let start = 0;
    for (let group = 0; group < 3; group++) {
      const end = reader.ends[group]!;
      raw += (reader.sums[group]! * scales[group]!) / Math.sqrt(end - start + 1);
      start = end;
    }
    for (let index = 0; index < dense.length; index++) raw += dense[index]! * reader.dense[index]!;
    return raw;
  }
}

/** Comparable score in 0..1 of the best of so many windows; 0.5 is the shipped operating point. */
export function calibrate({ raw, windows }: Best, { center, slope, byLength }: Calibration): number {
  const bucket = windows === 1 ? 0 : windows < 4 ? 1 : windows < 8 ? 2 : 3;
  return 1 / (1 + Math.exp(-slope * (raw - byLength[bucket] - center)));
}
