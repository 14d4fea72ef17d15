import { Problem } from '../../kernel/problem.ts';
import type { Goals } from './goals.ts';
import { sortedValues, type Hierarchy } from './hierarchy.ts';

/** A quasi-identifier: the leaf of each row. */
export interface Attribute {
  name: string;
  hierarchy: Hierarchy;
  codes: Int32Array;
}

/** The sensitive value of each row, as a place in `values`. */
export interface Sensitive {
  name: string;
  values: readonly string[];
  codes: Int32Array;
  overall: Float64Array;
}

/** What the searches work on. */
export interface Encoded {
  rows: number;
  attributes: readonly Attribute[];
  sensitive: readonly Sensitive[];
  goals: Goals;
}

/** Rows that look alike: an interval of leaves per attribute. `groups` are their rows. */
export interface Partition {
  low: Int32Array;
  high: Int32Array;
  rows: Int32Array;
}

/** The result of a search: classes that meet the goals, and the rows that were taken out. */
export interface Anonymised {
  method: 'full-domain' | 'mondrian';
  /** Level per attribute, of a full-domain result. */
  node?: number[];
  partitions: Partition[];
  suppressed: Int32Array;
}

/** @throws Problem INPUT_INVALID for a value that the hierarchy does not know */
export function encodeAttribute(name: string, cells: readonly string[], hierarchy: Hierarchy): Attribute {
  const codes = new Int32Array(cells.length);
  for (const [row, cell] of cells.entries()) {
    const place = hierarchy.placeOf.get(cell);
    if (place === undefined)
      throw new Problem('INPUT_INVALID', {
        detail: `row ${row + 1}: \`${name}\` has a value that its hierarchy does not know`,
        fix: 'Add a row for it to the hierarchy, or correct the data.',
        facts: { row: row + 1, column: name },
      });
    codes[row] = place;
  }
  return { name, hierarchy, codes };
}

export function encodeSensitive(name: string, cells: readonly string[]): Sensitive {
  const values = sortedValues(cells);
  const places = new Map(values.map((value, place) => [value, place]));
  const codes = Int32Array.from(cells, (cell) => places.get(cell)!);
  const overall = new Float64Array(values.length);
  for (const code of codes) overall[code] = overall[code]! + 1;
  return { name, values, codes, overall };
}

/** Normalised certainty penalty of a value: 0 for a leaf, 1 for everything. */
export function penalty({ leaves }: Hierarchy, low: number, high: number): number {
  return leaves.length <= 1 ? 0 : (high - low) / (leaves.length - 1);
}
