import { seededRandom, shuffle } from '../privacy/random.ts';
import { penalty, type Anonymised, type Attribute, type Encoded } from './encoded.ts';
import { evaluate, fitLogistic, type Example } from './regression.ts';

export interface Utility {
  rows: number;
  suppressed: number;
  /** Mean normalised certainty penalty, 0 (as it was) to 1 (nothing left). */
  ncp: number;
  discernibility: number;
  /** Rows per class over k: 1 is the best. */
  classSize: number;
  task?: TaskUtility;
}

export interface TaskUtility {
  label: string;
  trainRows: number;
  testRows: number;
  /** Always answering the most frequent label. */
  majority: number;
  original: Score;
  anonymised: Score;
}

export interface Score {
  accuracy: number;
  auc: number;
}

export function utilityOf(encoded: Encoded, { partitions, suppressed }: Anonymised): Utility {
  const { attributes, rows, goals } = encoded;
  let lost = suppressed.length;
  let discernibility = suppressed.length * rows;
  for (const { low, high, rows: members } of partitions) {
    const mean =
      attributes.reduce((sum, { hierarchy }, at) => sum + penalty(hierarchy, low[at]!, high[at]!), 0) /
      Math.max(1, attributes.length);
    lost += members.length * mean;
    discernibility += members.length ** 2;
  }
  return {
    rows: rows - suppressed.length,
    suppressed: suppressed.length,
    ncp: rows === 0 ? 0 : lost / rows,
    discernibility,
    classSize: partitions.length === 0 ? 0 : (rows - suppressed.length) / partitions.length / goals.k,
  };
}

export interface Task {
  name: string;
  labels: Int32Array;
  classes: number;
  /** 0 for rows to train on, 1 for rows to test on, 2 for neither. */
  test: Uint8Array;
  /** The attributes that the model sees: all quasi-identifiers but the label. */
  inputs: readonly number[];
}

/** Three of ten rows are kept for the test, the same ones for the same seed. */
export function taskOf({ attributes, rows }: Encoded, name: string, labels: Int32Array, seed: number): Task {
  const order = shuffle(
    Int32Array.from({ length: rows }, (_, row) => row),
    seededRandom(seed),
  );
  const test = new Uint8Array(rows);
  for (const row of order.subarray(0, Math.round(rows * 0.3))) test[row] = 1;
  return {
    name,
    labels,
    classes: labels.reduce((most, label) => Math.max(most, label + 1), 0),
    test,
    inputs: attributes.flatMap((attribute, at) => (attribute.name === name ? [] : [at])),
  };
}

/**
 * Trains on original and on anonymised training rows and asks both about the same original test rows. Coarse values are
 * read as equal shares of their leaves. Test rows are brought to the levels of a full-domain result, as its users would.
 */
export function taskUtility(encoded: Encoded, result: Anonymised, task: Task): TaskUtility {
  const features = layout(encoded, task);
  const exact = exactExamples(encoded, task, features, undefined);
  const coarse = result.node ? exactExamples(encoded, task, features, result.node).test : exact.test;
  const anonymised = coarseExamples(result, task, features);
  const counts = new Float64Array(task.classes);
  for (let row = 0; row < encoded.rows; row++)
    if (task.test[row] === 1) counts[task.labels[row]!] = counts[task.labels[row]!]! + 1;
  const testRows = counts.reduce((sum, count) => sum + count, 0);
  return {
    label: task.name,
    trainRows: anonymised.reduce((sum, { count }) => sum + count, 0),
    testRows,
    majority: testRows === 0 ? 0 : Math.max(...counts) / testRows,
    original: evaluate(fitLogistic(exact.train, features.size, task.classes), exact.test),
    anonymised: evaluate(fitLogistic(anonymised, features.size, task.classes), coarse),
  };
}

/** Score of a result on a third of the training rows, for searching: the test rows are not looked at. */
export function validationScore(encoded: Encoded, result: Anonymised, task: Task): Score {
  const order = seededRandom(7);
  const test = Uint8Array.from(task.test, (tested) => (tested === 1 ? 2 : order.uint32() % 3 === 0 ? 1 : 0));
  const inner: Task = { ...task, test };
  const features = layout(encoded, inner);
  const train = coarseExamples(result, inner, features);
  const asked = exactExamples(encoded, inner, features, result.node).test;
  return evaluate(fitLogistic(train, features.size, task.classes), asked);
}

/** Trains on the rows marked 0 and asks about those marked 1. */
export function modelScore(encoded: Encoded, task: Task): Score {
  const features = layout(encoded, task);
  const { train, test } = exactExamples(encoded, task, features, undefined);
  return evaluate(fitLogistic(train, features.size, task.classes), test);
}

/** Leaves that have a coefficient of their own; the rest of a large domain shares them by position. */
const widest = 128;

interface Features {
  size: number;
  /** First feature of each input, and how many leaves share a feature. */
  starts: number[];
  strides: number[];
}

function layout({ attributes }: Encoded, { inputs }: Task): Features {
  const starts: number[] = [];
  const strides: number[] = [];
  let size = 0;
  for (const at of inputs) {
    const leaves = attributes[at]!.hierarchy.leaves.length;
    const stride = Math.ceil(leaves / widest);
    starts.push(size);
    strides.push(stride);
    size += Math.ceil(leaves / stride);
  }
  return { size, starts, strides };
}

/** Shares of the features that an interval of leaves covers. */
function encodeInterval(
  { starts, strides }: Features,
  input: number,
  low: number,
  high: number,
  indices: number[],
  weights: number[],
): void {
  const stride = strides[input]!;
  const [first, last] = [Math.floor(low / stride), Math.floor(high / stride)];
  const leaves = high - low + 1;
  for (let feature = first; feature <= last; feature++) {
    const covered = Math.min(high, (feature + 1) * stride - 1) - Math.max(low, feature * stride) + 1;
    indices.push(starts[input]! + feature);
    weights.push(covered / leaves);
  }
}

function coarseExamples({ partitions }: Anonymised, task: Task, features: Features): Example[] {
  const examples: Example[] = [];
  for (const { low, high, rows } of partitions) {
    const counts = new Float64Array(task.classes);
    for (const row of rows)
      if (task.test[row] === 0) counts[task.labels[row]!] = counts[task.labels[row]!]! + 1;
    const indices: number[] = [];
    const weights: number[] = [];
    for (const [input, at] of task.inputs.entries())
      encodeInterval(features, input, low[at]!, high[at]!, indices, weights);
    for (const [label, count] of counts.entries())
      if (count > 0) examples.push({ indices, weights, label, count });
  }
  return examples;
}

/** The original rows, brought to the levels of a node if one is given; equal ones are merged. */
function exactExamples(
  { attributes, rows }: Encoded,
  task: Task,
  features: Features,
  node: readonly number[] | undefined,
): { train: Example[]; test: Example[] } {
  const merged = [new Map<string, Example>(), new Map<string, Example>()];
  const groupOf = (attribute: Attribute, at: number, row: number): { low: number; high: number } => {
    const { codes, hierarchy } = attribute;
    const level = hierarchy.levels[node?.[at] ?? 0]!;
    return level.groups[level.group[codes[row]!]!]!;
  };
  for (let row = 0; row < rows; row++) {
    if (task.test[row] === 2) continue;
    const groups = task.inputs.map((at) => groupOf(attributes[at]!, at, row));
    const key = `${groups.map(({ low }) => low).join(',')};${task.labels[row]!}`;
    const known = merged[task.test[row]!]!.get(key);
    if (known) {
      known.count++;
      continue;
    }
    const indices: number[] = [];
    const weights: number[] = [];
    for (const [input, { low, high }] of groups.entries())
      encodeInterval(features, input, low, high, indices, weights);
    merged[task.test[row]!]!.set(key, { indices, weights, label: task.labels[row]!, count: 1 });
  }
  return { train: [...merged[0]!.values()], test: [...merged[1]!.values()] };
}
