import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeAttribute, encodeSensitive, penalty, type Encoded } from './encoded.ts';
import { holds, type Goals } from './goals.ts';
import { flatHierarchy, hierarchyFromRows, intervalHierarchy, labelOf, maskHierarchy } from './hierarchy.ts';
import { applyNode, compareRanked, minimalNodes, rankedLoss, satisfyingNodes } from './lattice.ts';
import { riskOf } from './risk.ts';

const rows = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 19 }).map(String),
    fc.constantFrom('111', '112', '121', '211'),
    fc.constantFrom('a', 'b', 'c'),
  ),
  { minLength: 1, maxLength: 40 },
);
const goals: fc.Arbitrary<Goals> = fc
  .record({ k: fc.integer({ min: 1, max: 5 }) })
  .chain(({ k }) =>
    fc.constantFrom<Goals>(
      { k },
      { k, l: { kind: 'distinct', l: 2 } },
      { k, l: { kind: 'recursive', l: 2, c: 3 } },
      { k, t: { t: 0.4, distance: 'equal' } },
    ),
  );

function encode(table: readonly (readonly string[])[], wanted: Goals): Encoded {
  const cells = (at: number): string[] => table.map((row) => row[at]!);
  return {
    rows: table.length,
    attributes: [
      encodeAttribute('age', cells(0), intervalHierarchy(cells(0), [2, 10], 'age')),
      encodeAttribute('zip', cells(1), maskHierarchy(cells(1), 'zip')),
    ],
    sensitive: [encodeSensitive('illness', cells(2))],
    goals: wanted,
  };
}

/** The definition, row by row. */
function judged(encoded: Encoded, node: readonly number[]) {
  const classes = new Map<string, number[]>();
  for (let row = 0; row < encoded.rows; row++) {
    const key = encoded.attributes
      .map(({ codes, hierarchy }, at) => hierarchy.levels[node[at]!]!.group[codes[row]!]!)
      .join();
    classes.set(key, [...(classes.get(key) ?? []), row]);
  }
  let [suppressed, loss, discernibility] = [0, 0, 0];
  const { codes, overall } = encoded.sensitive[0]!;
  for (const members of classes.values()) {
    const counts = new Float64Array(overall.length);
    for (const row of members) counts[codes[row]!]!++;
    if (!holds(encoded.goals, members.length, counts, overall, encoded.rows)) {
      suppressed += members.length;
      continue;
    }
    discernibility += members.length ** 2;
    for (const { codes, hierarchy } of encoded.attributes) {
      const at = encoded.attributes.findIndex((one) => one.hierarchy === hierarchy);
      const level = hierarchy.levels[node[at]!]!;
      const { low, high } = level.groups[level.group[codes[members[0]!]!]!]!;
      loss += (members.length * penalty(hierarchy, low, high)) / encoded.attributes.length;
    }
  }
  return {
    suppressed,
    discernibility: discernibility + suppressed * encoded.rows,
    loss: (loss + suppressed) / encoded.rows,
  };
}

test('the search over the lattice agrees with the definition at every node', () => {
  fc.assert(
    fc.property(rows, goals, fc.constantFrom(0, 0.2, 1), (table, wanted, suppression) => {
      const encoded = encode(table, wanted);
      const { results, lattice } = satisfyingNodes(encoded, suppression);
      const heights = encoded.attributes.map(({ hierarchy }) => hierarchy.levels.length);
      expect(lattice).toBe(heights[0]! * heights[1]!);
      let satisfying = 0;
      for (let a = 0; a < heights[0]!; a++)
        for (let b = 0; b < heights[1]!; b++) {
          const expected = judged(encoded, [a, b]);
          const found = results.find(({ node }) => node[0] === a && node[1] === b);
          if (expected.suppressed > suppression * table.length + 1e-9) {
            expect(found).toBeUndefined();
            continue;
          }
          satisfying++;
          expect(found).toMatchObject({
            suppressed: expected.suppressed,
            discernibility: expected.discernibility,
          });
          expect(found!.loss).toBeCloseTo(expected.loss, 9);
          expect(applyNode(encoded, [a, b]).suppressed.length).toBe(expected.suppressed);
        }
      expect(results.length).toBe(satisfying);
      for (const node of minimalNodes(results, heights)) {
        const below = results.filter(
          (one) =>
            one.node.reduce((sum, level, at) => sum + Math.abs(level - node[at]!), 0) === 1 &&
            one.node.every((level, at) => level <= node[at]!),
        );
        expect(below).toEqual([]);
      }
    }),
    { numRuns: 60, seed: 4 },
  );
});

test('ranked loss lets the worst-hit attribute decide', () => {
  const encoded = encode(
    [
      ['1', '111', 'a'],
      ['2', '112', 'b'],
    ],
    { k: 1 },
  );
  expect(compareRanked(rankedLoss(encoded, [0, 1]), rankedLoss(encoded, [0, 3]))).toBeLessThanOrEqual(0);
  expect(compareRanked(rankedLoss(encoded, [0, 0]), rankedLoss(encoded, [0, 0]))).toBe(0);
});

test('risk is told for those who know that a person is in the table and for those who do not', () => {
  const partition = (size: number) => ({
    low: new Int32Array(0),
    high: new Int32Array(0),
    rows: new Int32Array(size),
  });
  expect(riskOf({ partitions: [partition(1), partition(5)] }, [10, 8])).toMatchObject({
    prosecutor: { highest: 1, average: 1 / 3, atRisk: 1 / 6 },
    journalist: { highest: 1 / 8, average: (0.1 + 5 / 8) / 6 },
    uniqueness: 1 / 6,
    classSizes: { smallest: 1, largest: 5, mean: 3 },
  });
  expect(riskOf({ partitions: [] }).prosecutor.highest).toBe(0);
});

test('hierarchies that are no trees are refused', () => {
  for (const wrong of [
    [
      ['a', 'x', '*'],
      ['b', 'x', 'y'],
    ],
    [
      ['a', '*'],
      ['a', '*'],
    ],
    [['a', '*'], ['b']],
    [],
  ])
    expect(() => hierarchyFromRows(wrong, 'column')).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
});

test('an interval of leaves is written as its level, its range or its values', () => {
  const tree = hierarchyFromRows(
    [
      ['Graz', 'Austria', '*'],
      ['Bonn', 'Germany', '*'],
      ['Linz', 'Austria', '*'],
      ['Ulm', 'Germany', '*'],
    ],
    'city',
  );
  expect(tree.leaves).toEqual(['Graz', 'Linz', 'Bonn', 'Ulm']);
  expect(labelOf(tree, 0, 1)).toBe('Austria');
  expect(labelOf(tree, 1, 2)).toBe('{Linz|Bonn}');
  expect(labelOf(tree, 0, 3)).toBe('*');
  expect(labelOf(flatHierarchy(['10', '9', '30'], 'x'), 0, 1)).toBe('[9, 10]');
});
