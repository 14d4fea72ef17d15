/** What every class of rows that look alike must satisfy. */
export interface Goals {
  k: number;
  l?: Diversity;
  t?: { t: number; distance: 'equal' | 'ordered' };
}

export type Diversity =
  | { kind: 'distinct'; l: number }
  | { kind: 'entropy'; l: number }
  /** The most frequent value is rarer than c times all from the l-th on together (Machanavajjhala et al. 2007). */
  | { kind: 'recursive'; l: number; c: number };

/** Sums of floating point stand against limits typed by people. */
const slack = 1e-9;

/**
 * Judges one class by its size and by how often each sensitive value occurs in it. `overall` is the same for the whole table.
 * Values are in their order, which only the ordered distance needs.
 */
export function holds(
  { k, l, t }: Goals,
  size: number,
  counts: ArrayLike<number>,
  overall: ArrayLike<number>,
  total: number,
): boolean {
  if (size < k) return false;
  if (l && !diverse(l, size, counts)) return false;
  return !t || distanceOf(t.distance, size, counts, overall, total) <= t.t + slack;
}

function diverse(goal: Diversity, size: number, counts: ArrayLike<number>): boolean {
  switch (goal.kind) {
    case 'distinct': {
      let distinct = 0;
      for (let value = 0; value < counts.length; value++) if (counts[value]! > 0) distinct++;
      return distinct >= goal.l;
    }
    case 'entropy':
      return entropyOf(size, counts) >= Math.log(goal.l) - slack;
    case 'recursive':
      break;
  }
  const falling = Array.from(counts)
    .filter((count) => count > 0)
    .toSorted((left, right) => right - left);
  let rest = 0;
  for (let rank = goal.l - 1; rank < falling.length; rank++) rest += falling[rank]!;
  return falling[0]! < goal.c * rest;
}

/** Natural entropy of the sensitive values in a class. */
export function entropyOf(size: number, counts: ArrayLike<number>): number {
  let entropy = 0;
  for (let value = 0; value < counts.length; value++) {
    const share = counts[value]! / size;
    if (share > 0) entropy -= share * Math.log(share);
  }
  return entropy;
}

/** Earth mover's distance between a class and the table: all values equally far apart, or in their order (Li et al. 2007). */
export function distanceOf(
  distance: 'equal' | 'ordered',
  size: number,
  counts: ArrayLike<number>,
  overall: ArrayLike<number>,
  total: number,
): number {
  let moved = 0;
  let carried = 0;
  for (let value = 0; value < counts.length; value++) {
    const difference = counts[value]! / size - overall[value]! / total;
    carried += difference;
    moved += Math.abs(distance === 'equal' ? difference : carried);
  }
  return distance === 'equal' ? moved / 2 : counts.length > 1 ? moved / (counts.length - 1) : 0;
}
