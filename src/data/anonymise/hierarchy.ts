import { Problem } from '../../kernel/problem.ts';

/**
 * How the values of a column become coarser. Leaves are ordered so that every group of every level is one interval of
 * them; any generalised value is then an interval too, also one that no level names.
 */
export interface Hierarchy {
  leaves: readonly string[];
  /** Place of a leaf in `leaves`. */
  placeOf: ReadonlyMap<string, number>;
  /** From the values themselves (0) to the coarsest. */
  levels: readonly Level[];
}

export interface Level {
  /** Group of each leaf, counted from 0 in order of the leaves. */
  group: Int32Array;
  groups: readonly { label: string; low: number; high: number }[];
}

export const everything = '*';

/** A hierarchy from rows `[value, coarser, …, coarsest]`, one per value, as ARX writes them. @throws Problem INPUT_INVALID */
export function hierarchyFromRows(rows: readonly (readonly string[])[], name: string): Hierarchy {
  const depth = rows[0]?.length ?? 0;
  if (depth === 0) throw invalid(name, 'is empty');
  const odd = rows.find((row) => row.length !== depth);
  if (odd) throw invalid(name, `has ${odd.length} levels for \`${odd[0] ?? ''}\` and ${depth} for others`);
  // Order by the coarsest label first, labels in order of appearance: then every group is an interval.
  const orders = Array.from({ length: depth }, (_, level) => {
    const seen = new Map<string, number>();
    for (const row of rows) if (!seen.has(row[level]!)) seen.set(row[level]!, seen.size);
    return seen;
  });
  const sorted = rows.toSorted((left, right) => {
    for (let level = depth - 1; level >= 0; level--) {
      const difference = orders[level]!.get(left[level]!)! - orders[level]!.get(right[level]!)!;
      if (difference !== 0) return difference;
    }
    return 0;
  });
  const leaves = sorted.map((row) => row[0]!);
  const placeOf = new Map(leaves.map((leaf, place) => [leaf, place]));
  if (placeOf.size !== leaves.length) {
    const twice = leaves.find((leaf, place) => placeOf.get(leaf) !== place);
    throw invalid(name, `names \`${twice ?? ''}\` twice`);
  }
  const levels = orders.map((_, level) =>
    levelOf(
      sorted.map((row) => row[level]!),
      level,
      name,
    ),
  );
  for (let level = 1; level < depth; level++) {
    const torn = levels[level - 1]!.groups.find(
      ({ low, high }) => levels[level]!.group[low] !== levels[level]!.group[high],
    );
    if (torn) throw invalid(name, `level ${level} tears \`${torn.label}\` of level ${level - 1} apart`);
  }
  return { leaves, placeOf, levels };
}

function levelOf(labels: readonly string[], level: number, name: string): Level {
  const group = new Int32Array(labels.length);
  const groups: { label: string; low: number; high: number }[] = [];
  for (const [place, label] of labels.entries()) {
    const last = groups.at(-1);
    if (last?.label === label) last.high = place;
    else groups.push({ label, low: place, high: place });
    group[place] = groups.length - 1;
  }
  if (new Set(groups.map(({ label }) => label)).size < groups.length)
    throw invalid(name, `level ${level} uses one label for groups that a coarser level keeps apart`);
  return { group, groups };
}

/** Values as they are, and everything. */
export function flatHierarchy(values: Iterable<string>, name: string): Hierarchy {
  const distinct = sortedValues(values);
  return hierarchyFromRows(
    distinct.map((value) => [value, everything]),
    name,
  );
}

/** Numbers in intervals of growing width, such as 5, 10, 20, and everything. Each width must divide the next. */
export function intervalHierarchy(
  values: Iterable<string>,
  widths: readonly number[],
  name: string,
): Hierarchy {
  for (const [index, width] of widths.entries()) {
    const before = widths[index - 1];
    if (!(width > 0) || (before !== undefined && (width <= before || width % before !== 0)))
      throw invalid(name, `the width ${width} is not a multiple of the one before it`);
  }
  const distinct = sortedValues(values);
  const odd = distinct.find((value) => !isNumber(value));
  if (odd !== undefined) throw invalid(name, `\`${odd}\` is not a number and has no interval`);
  return hierarchyFromRows(
    distinct.map((value) => [
      value,
      ...widths.map((width) => {
        const low = Math.floor(Number(value) / width) * width;
        return `[${low}, ${low + width})`;
      }),
      everything,
    ]),
    name,
  );
}

/** Hides one more character from the right at each level, such as for postal codes, and everything. */
export function maskHierarchy(values: Iterable<string>, name: string): Hierarchy {
  const distinct = sortedValues(values);
  const longest = Math.max(1, ...distinct.map((value) => value.length));
  return hierarchyFromRows(
    distinct.map((value) => {
      const padded = value.padEnd(longest, ' ');
      const row = [value];
      for (let hidden = 1; hidden < longest; hidden++)
        row.push(padded.slice(0, longest - hidden).trimEnd() + everything.repeat(hidden));
      return [...row, everything];
    }),
    name,
  );
}

/** Numbers in their order, else text in its order. */
export function sortedValues(values: Iterable<string>): string[] {
  const distinct = [...new Set(values)];
  return distinct.every(isNumber)
    ? distinct.toSorted((left, right) => Number(left) - Number(right) || (left < right ? -1 : 1))
    : distinct.toSorted();
}

export const isNumber = (value: string): boolean => value.trim() !== '' && Number.isFinite(Number(value));

/** Longest list of values that stands for an interval without a name. */
const longestList = 12;

/** What is written for an interval of leaves: the label of the level that has it, a range of numbers, a set of values. */
export function labelOf({ leaves, levels }: Hierarchy, low: number, high: number): string {
  if (low === high) return leaves[low]!;
  for (const { group, groups } of levels) {
    const named = groups[group[low]!]!;
    if (named.low === low && named.high === high) return named.label;
  }
  if (low === 0 && high === leaves.length - 1) return everything;
  const inside = leaves.slice(low, high + 1);
  if (inside.every(isNumber)) {
    const numbers = inside.map(Number);
    return `[${Math.min(...numbers)}, ${Math.max(...numbers)}]`;
  }
  return inside.length <= longestList ? `{${inside.join('|')}}` : `{${leaves[low]!}…${leaves[high]!}}`;
}

function invalid(name: string, what: string): Problem {
  return new Problem('INPUT_INVALID', {
    detail: `the hierarchy of \`${name}\` ${what}`,
    fix: 'One row per value, from the value itself to the coarsest label, each level a union of groups of the one before.',
  });
}
