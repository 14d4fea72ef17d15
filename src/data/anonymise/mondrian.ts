import { penalty, type Anonymised, type Encoded, type Partition } from './encoded.ts';
import { meets } from './lattice.ts';

/** Candidate cuts of one attribute that are tried for goals beyond k. */
const cutsTried = 8;

/**
 * Strict multidimensional recoding (LeFevre, DeWitt and Ramakrishnan 2006): a part of the table is cut at a value of one attribute as
 * long as both sides meet the goals. Cuts run through the ordered leaves of the hierarchy. The attribute with the widest
 * range is cut at its middle; with `label` (a class per row) the cut that tells most about it is taken.
 * Undefined when not even the whole table meets the goals.
 */
export function mondrian(encoded: Encoded, label?: Int32Array): Anonymised | undefined {
  const all = Int32Array.from({ length: encoded.rows }, (_, row) => row);
  if (encoded.rows === 0 || !meets(encoded, all)) return undefined;
  const partitions: Partition[] = [];
  const open: Partition[] = [
    {
      rows: all,
      low: new Int32Array(encoded.attributes.length),
      high: Int32Array.from(encoded.attributes, ({ hierarchy }) => hierarchy.leaves.length - 1),
    },
  ];
  for (let part = open.pop(); part; part = open.pop()) {
    const cut = cutOf(encoded, part, label);
    if (cut) open.push(...cut);
    else partitions.push(tight(encoded, part));
  }
  return { method: 'mondrian', partitions, suppressed: new Int32Array(0) };
}

interface Cut {
  at: number;
  /** Rows with a code up to this go left. */
  last: number;
  worth: number;
}

function cutOf(encoded: Encoded, part: Partition, label: Int32Array | undefined): Partition[] | undefined {
  const { attributes, goals } = encoded;
  if (part.rows.length < 2 * goals.k) return undefined;
  const cuts = attributes.flatMap((_, at) => cutsOf(encoded, part, at, label));
  cuts.sort((left, right) => right.worth - left.worth);
  for (const { at, last } of cuts) {
    const { codes } = attributes[at]!;
    const left = part.rows.filter((row) => codes[row]! <= last);
    const right = part.rows.filter((row) => codes[row]! > last);
    if (!meets(encoded, left) || !meets(encoded, right)) continue;
    const leftHigh = part.high.slice();
    const rightLow = part.low.slice();
    leftHigh[at] = last;
    rightLow[at] = last + 1;
    return [
      { rows: left, low: part.low, high: leftHigh },
      { rows: right, low: rightLow, high: part.high },
    ];
  }
  return undefined;
}

/** Cuts of one attribute that leave k rows on both sides, the nearest to the middle first. */
function cutsOf(
  { attributes, goals }: Encoded,
  { rows }: Partition,
  at: number,
  label: Int32Array | undefined,
): Cut[] {
  const { codes, hierarchy } = attributes[at]!;
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(codes[row]!, (counts.get(codes[row]!) ?? 0) + 1);
  if (counts.size < 2) return [];
  const values = [...counts.keys()].toSorted((left, right) => left - right);
  const gains = label && gainsOf(rows, codes, label);
  const width = penalty(hierarchy, values[0]!, values.at(-1)!);
  const cuts: (Cut & { off: number })[] = [];
  let below = 0;
  for (const value of values.slice(0, -1)) {
    below += counts.get(value)!;
    if (below < goals.k || rows.length - below < goals.k) continue;
    const off = Math.abs(2 * below - rows.length);
    cuts.push({ at, last: value, off, worth: gains?.get(value) ?? width });
  }
  cuts.sort((left, right) => right.worth - left.worth || left.off - right.off);
  if (!goals.l && !goals.t) return cuts.slice(0, 1);
  return cuts.slice(0, cutsTried);
}

/** Information about the label that a cut after each value gives. */
function gainsOf(rows: Int32Array, codes: Int32Array, label: Int32Array): Map<number, number> {
  const classes = rows.reduce((most, row) => Math.max(most, label[row]! + 1), 0);
  const byValue = new Map<number, Float64Array>();
  const right = new Float64Array(classes);
  for (const row of rows) {
    let own = byValue.get(codes[row]!);
    if (!own) byValue.set(codes[row]!, (own = new Float64Array(classes)));
    own[label[row]!] = own[label[row]!]! + 1;
    right[label[row]!] = right[label[row]!]! + 1;
  }
  const whole = spread(right);
  const left = new Float64Array(classes);
  const gains = new Map<number, number>();
  for (const value of [...byValue.keys()].toSorted((a, b) => a - b)) {
    const own = byValue.get(value)!;
    for (let one = 0; one < classes; one++) {
      left[one] = left[one]! + own[one]!;
      right[one] = right[one]! - own[one]!;
    }
    gains.set(value, whole - spread(left) - spread(right));
  }
  return gains;
}

/** Entropy of the counts times their sum. */
function spread(counts: Float64Array): number {
  let total = 0;
  let sum = 0;
  for (const count of counts) {
    total += count;
    if (count > 0) sum += count * Math.log(count);
  }
  return total > 0 ? total * Math.log(total) - sum : 0;
}

/** The intervals that the rows really span. */
function tight({ attributes }: Encoded, { rows }: Partition): Partition {
  const low = new Int32Array(attributes.length);
  const high = new Int32Array(attributes.length);
  for (const [at, { codes }] of attributes.entries()) {
    low[at] = rows.reduce((least, row) => Math.min(least, codes[row]!), Infinity);
    high[at] = rows.reduce((most, row) => Math.max(most, codes[row]!), 0);
  }
  return { rows, low, high };
}
