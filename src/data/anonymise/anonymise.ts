import type { Finding } from '../../kernel/finding.ts';
import { Problem } from '../../kernel/problem.ts';
import { goalsOf, type AnonymiseConfig } from './config.ts';
import { encodeAttribute, encodeSensitive, type Anonymised, type Encoded } from './encoded.ts';
import {
  flatHierarchy,
  intervalHierarchy,
  labelOf,
  maskHierarchy,
  hierarchyFromRows,
  type Hierarchy,
} from './hierarchy.ts';
import { applyNode, compareRanked, rankedLoss, satisfyingNodes, type NodeResult } from './lattice.ts';
import { mondrian } from './mondrian.ts';
import { mask, redact, type Pseudonyms } from './pseudonyms.ts';
import { riskOf, type Risk } from './risk.ts';
import { requireColumn, type Table } from './table.ts';
import { taskOf, taskUtility, utilityOf, validationScore, type Task, type Utility } from './utility.ts';

export interface AnonymiseDeps {
  pseudonyms: Pseudonyms;
  /** What must not stay in free text. */
  detect(text: string): readonly Pick<Finding, 'type' | 'start' | 'end'>[];
  /** Rows of a hierarchy that the configuration names as a file. */
  hierarchyRows(file: string): Promise<string[][]>;
  onNode?(done: number, total: number): void;
}

export interface AnonymiseReport {
  met: boolean;
  /** Why the goals cannot be met. */
  reason?: string;
  goals: ReturnType<typeof goalsOf> & { suppression: number };
  method: AnonymiseConfig['method'];
  /** Level per quasi-identifier of a full-domain result. */
  node?: Record<string, number>;
  risk?: { before: Risk; after: Risk };
  utility?: Utility;
  columns: Record<string, string>;
}

/** Candidates that are trained on when utility decides. */
const trainedCandidates = 24;

/** The table without what would point to a person; without `table` when the goals cannot be met. */
export async function anonymise(
  input: Table,
  config: AnonymiseConfig,
  deps: AnonymiseDeps,
): Promise<{ table?: Table; report: AnonymiseReport }> {
  requireRoles(input, config);
  const encoded = await encode(input, config, deps);
  const labels =
    config.label === undefined
      ? undefined
      : encodeSensitive(config.label, cellsOf(input, config.label)).codes;
  const task =
    config.label === undefined || labels === undefined
      ? undefined
      : taskOf(encoded, config.label, labels, config.seed);
  const result = search(encoded, config, task, deps.onNode);
  const described = {
    goals: { ...encoded.goals, suppression: config.suppression },
    method: config.method,
    columns: Object.fromEntries(
      input.columns.map((column) => [column, treatmentOf(config.columns[column]!)]),
    ),
  };
  if (!result)
    return {
      report: {
        met: false,
        reason: `no generalisation of ${encoded.attributes.length} quasi-identifiers meets the goals on ${encoded.rows} rows with at most ${config.suppression} of them taken out`,
        ...described,
      },
    };
  const before = applyNode(
    { ...encoded, goals: { k: 1 } },
    encoded.attributes.map(() => 0),
  );
  return {
    table: written(input, config, encoded, result, deps),
    report: {
      met: true,
      ...described,
      ...(result.node && {
        node: Object.fromEntries(encoded.attributes.map(({ name }, at) => [name, result.node![at]!])),
      }),
      risk: { before: riskOf(before), after: riskOf(result) },
      utility: {
        ...utilityOf(encoded, result),
        ...(task && task.inputs.length > 0 && { task: taskUtility(encoded, result, task) }),
      },
    },
  };
}

function requireRoles(table: Table, { columns, label }: AnonymiseConfig): void {
  for (const column of Object.keys(columns)) requireColumn(table, column);
  if (label !== undefined) requireColumn(table, label);
  const open = table.columns.filter((column) => columns[column] === undefined);
  if (open.length > 0)
    throw new Problem('CONFIG_INVALID', {
      detail: `${open.map((column) => `\`${column}\``).join(', ')}: no role is given`,
      fix: 'Say for every column whether it is an identifier, a quasi-identifier, sensitive or insensitive.',
    });
}

const cellsOf = (table: Table, column: string): string[] => {
  const at = requireColumn(table, column);
  return table.rows.map((row) => row[at]!);
};

async function encode(table: Table, config: AnonymiseConfig, deps: AnonymiseDeps): Promise<Encoded> {
  const attributes = [];
  const sensitive = [];
  for (const column of table.columns) {
    const { role, hierarchy: source } = config.columns[column]!;
    const cells = cellsOf(table, column);
    if (role === 'sensitive') sensitive.push(encodeSensitive(column, cells));
    if (role !== 'quasi-identifier') continue;
    let hierarchy: Hierarchy;
    if (source === undefined) hierarchy = flatHierarchy(cells, column);
    else if (typeof source === 'string')
      hierarchy = hierarchyFromRows(await deps.hierarchyRows(source), column);
    else if ('intervals' in source) hierarchy = intervalHierarchy(cells, source.intervals, column);
    else if ('mask' in source) hierarchy = maskHierarchy(cells, column);
    else hierarchy = hierarchyFromRows(source.levels, column);
    attributes.push(encodeAttribute(column, cells, hierarchy));
  }
  if (attributes.length === 0 && config.k > 1)
    throw new Problem('CONFIG_INVALID', {
      detail: 'no column is a quasi-identifier, so nothing can look alike',
      fix: 'Give the columns by which people could be recognised `role: quasi-identifier`.',
    });
  return { rows: table.rows.length, attributes, sensitive, goals: goalsOf(config) };
}

function search(
  encoded: Encoded,
  config: AnonymiseConfig,
  task: Task | undefined,
  onNode: AnonymiseDeps['onNode'],
): Anonymised | undefined {
  if (config.method === 'mondrian') {
    if (config.optimize !== 'utility' || !task) return mondrian(encoded);
    // Cuts by width and cuts by what they tell of the label: training decides.
    const candidates = [mondrian(encoded), mondrian(encoded, trainingLabels(task))];
    return bestBy(
      candidates.filter((one) => one !== undefined),
      (one) => validationScore(encoded, one, task).auc,
    );
  }
  const { results } = satisfyingNodes(encoded, config.suppression, onNode);
  // Of equals the one with the finer levels comes first, and wins.
  const height = (node: readonly number[]): number => node.reduce((sum, level) => sum + level, 0);
  const kept = results
    .filter(({ suppressed }) => suppressed < encoded.rows)
    .toSorted((left, right) => height(left.node) - height(right.node));
  if (kept.length === 0) return undefined;
  switch (config.optimize) {
    case 'loss':
      return applyNode(encoded, bestBy(kept, ({ loss }) => -loss)!.node);
    case 'discernibility':
      return applyNode(encoded, bestBy(kept, ({ discernibility }) => -discernibility)!.node);
    case 'rank': {
      const ranked = kept.map(({ node }) => ({ node, loss: rankedLoss(encoded, node) }));
      return applyNode(
        encoded,
        ranked.reduce((best, one) => (compareRanked(one.loss, best.loss) < 0 ? one : best)).node,
      );
    }
    case 'utility':
      break;
  }
  const candidates = promising(encoded, kept, task!).map(({ node }) => applyNode(encoded, node));
  return bestBy(candidates, (one) => validationScore(encoded, one, task!).auc);
}

/** Test rows must not steer the cuts that they later judge: to them a label is unknown. */
function trainingLabels({ labels, test, classes }: Task): Int32Array {
  return labels.map((label, row) => (test[row] === 1 ? classes : label));
}

/** Nodes that tell most about the label, attribute by attribute, less what is taken out. */
function promising({ attributes, rows }: Encoded, results: readonly NodeResult[], task: Task): NodeResult[] {
  const information = attributes.map(({ codes, hierarchy }, at) =>
    hierarchy.levels.map(({ group, groups }) => {
      if (!task.inputs.includes(at)) return 0;
      const joint = new Float64Array(groups.length * task.classes);
      for (let row = 0; row < rows; row++)
        if (task.test[row] === 0) {
          const cell = group[codes[row]!]! * task.classes + task.labels[row]!;
          joint[cell] = joint[cell]! + 1;
        }
      return mutualInformation(joint, groups.length, task.classes);
    }),
  );
  const worth = ({ node, suppressed }: NodeResult): number =>
    node.reduce((sum, level, at) => sum + information[at]![level]!, 0) * (1 - suppressed / rows);
  return results
    .map((result) => ({ result, worth: worth(result) }))
    .toSorted((left, right) => right.worth - left.worth)
    .slice(0, trainedCandidates)
    .map(({ result }) => result);
}

function mutualInformation(joint: Float64Array, height: number, width: number): number {
  const rows = new Float64Array(height);
  const columns = new Float64Array(width);
  let total = 0;
  for (let i = 0; i < height; i++)
    for (let j = 0; j < width; j++) {
      const count = joint[i * width + j]!;
      rows[i] = rows[i]! + count;
      columns[j] = columns[j]! + count;
      total += count;
    }
  let information = 0;
  for (let i = 0; i < height; i++)
    for (let j = 0; j < width; j++) {
      const count = joint[i * width + j]!;
      if (count > 0) information += (count / total) * Math.log((count * total) / (rows[i]! * columns[j]!));
    }
  return information;
}

function bestBy<T>(list: readonly T[], worth: (one: T) => number): T | undefined {
  let best: { one: T; worth: number } | undefined;
  for (const one of list) {
    const value = worth(one);
    if (!best || value > best.worth) best = { one, worth: value };
  }
  return best?.one;
}

type ColumnConfig = AnonymiseConfig['columns'][string];

function treatmentOf({ role, do: treatment }: ColumnConfig): string {
  if (role === 'quasi-identifier') return 'generalise';
  return treatment ?? (role === 'identifier' ? 'remove' : 'keep');
}

function written(
  input: Table,
  config: AnonymiseConfig,
  { attributes }: Encoded,
  { partitions }: Anonymised,
  { pseudonyms, detect }: AnonymiseDeps,
): Table {
  const rows: (string[] | undefined)[] = input.rows.map(() => undefined);
  const kept = input.columns.flatMap((column, at) =>
    treatmentOf(config.columns[column]!) === 'remove' ? [] : [{ column, at, ...config.columns[column]! }],
  );
  const attributeAt = new Map(attributes.map(({ name }, at) => [name, at]));
  for (const { low, high, rows: members } of partitions) {
    const labels = attributes.map(({ hierarchy }, at) => labelOf(hierarchy, low[at]!, high[at]!));
    for (const row of members)
      rows[row] = kept.map((one) => {
        const generalised = attributeAt.get(one.column);
        return generalised === undefined ? treated(one, input.rows[row]![one.at]!) : labels[generalised]!;
      });
  }
  function treated(column: ColumnConfig & { column: string }, cell: string): string {
    if (cell === '') return cell;
    switch (treatmentOf(column)) {
      case 'pseudonym':
        return pseudonyms.of(column.domain ?? column.column, cell);
      case 'mask':
        return mask(cell, column.show);
      case 'redact':
        return redact(cell, detect(cell), pseudonyms);
      default:
        return cell;
    }
  }
  return {
    columns: kept.map(({ column }) => column),
    rows: rows.filter((row) => row !== undefined),
    format: input.format,
  };
}
