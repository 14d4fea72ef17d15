import type { Anonymised } from './encoded.ts';

/** Re-identification risk, from the sizes of the classes that are released. */
export interface Risk {
  rows: number;
  classes: number;
  /** Knows that the person is in the table. */
  prosecutor: { highest: number; average: number; atRisk: number };
  /** Knows only that the person is in the population that the table was drawn from; the table itself where none is given. */
  journalist: { highest: number; average: number };
  /** Wants to link as many as possible: the share of right links to expect. */
  marketer: number;
  /** Share of rows that look like no other. */
  uniqueness: number;
  classSizes: { smallest: number; median: number; mean: number; largest: number };
}

/** Rows above this prosecutor risk count as at risk. */
export const riskThreshold = 0.2;

/** `population` gives, for each class in order, how many of the population look like it (at least its own size). */
export function riskOf({ partitions }: Pick<Anonymised, 'partitions'>, population?: readonly number[]): Risk {
  const sizes = partitions.map(({ rows }) => rows.length);
  const rows = sizes.reduce((sum, size) => sum + size, 0);
  const classes = sizes.length;
  const within = sizes.map((size, at) => Math.max(size, population?.[at] ?? size));
  const ordered = sizes.toSorted((a, b) => a - b);
  const share = (part: number): number => (rows === 0 ? 0 : part / rows);
  const linked = sizes.reduce((sum, size, at) => sum + size / within[at]!, 0);
  return {
    rows,
    classes,
    prosecutor: {
      highest: classes === 0 ? 0 : 1 / ordered[0]!,
      average: share(classes),
      atRisk: share(sizes.reduce((sum, size) => sum + (1 / size > riskThreshold ? size : 0), 0)),
    },
    journalist: {
      highest: within.reduce((most, size) => Math.max(most, 1 / size), 0),
      average: share(linked),
    },
    marketer: share(linked),
    uniqueness: share(sizes.filter((size) => size === 1).length),
    classSizes: {
      smallest: ordered[0] ?? 0,
      median: ordered[classes >> 1] ?? 0,
      mean: classes === 0 ? 0 : rows / classes,
      largest: ordered.at(-1) ?? 0,
    },
  };
}
