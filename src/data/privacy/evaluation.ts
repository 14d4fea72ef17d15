import { encodeAttribute, encodeSensitive } from '../anonymise/encoded.ts';
import { flatHierarchy } from '../anonymise/hierarchy.ts';
import { modelScore, taskOf, type Score } from '../anonymise/utility.ts';

export interface SynthesisReport {
  label: string;
  testRows: number;
  majority: number;
  /** A model trained on seven tenths of the real rows. */
  real: Score;
  /** The same model trained on the synthetic rows. Both answer the remaining real rows. */
  synthetic: Score;
}

/**
 * How well a model does that never saw a real row. Reads the real rows without noise: the figures belong to those who hold the data.
 */
export function evaluateSynthesis(
  columns: readonly string[],
  real: readonly (readonly string[])[],
  synthetic: readonly (readonly string[])[],
  label: string,
  seed = 1,
): SynthesisReport {
  const rows = [...real, ...synthetic];
  const attributes = columns.map((column, at) => {
    const cells = rows.map((row) => row[at]!);
    return encodeAttribute(column, cells, flatHierarchy(cells, column));
  });
  const labels = encodeSensitive(
    label,
    rows.map((row) => row[columns.indexOf(label)]!),
  );
  const encoded = { rows: rows.length, attributes, sensitive: [], goals: { k: 1 } };
  const split = taskOf({ ...encoded, rows: real.length }, label, labels.codes.slice(0, real.length), seed);
  const task = (realTrain: 0 | 2, made: 0 | 2) => ({
    ...split,
    labels: labels.codes,
    classes: labels.values.length,
    test: Uint8Array.from(rows, (_, row) =>
      row >= real.length ? made : split.test[row] === 1 ? 1 : realTrain,
    ),
  });
  const counts = new Map<number, number>();
  let testRows = 0;
  for (let row = 0; row < real.length; row++) {
    if (split.test[row] !== 1) continue;
    counts.set(labels.codes[row]!, (counts.get(labels.codes[row]!) ?? 0) + 1);
    testRows++;
  }
  return {
    label,
    testRows,
    majority: Math.max(0, ...counts.values()) / Math.max(1, testRows),
    real: modelScore(encoded, task(0, 2)),
    synthetic: modelScore(encoded, task(2, 0)),
  };
}
