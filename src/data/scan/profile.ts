import type { DataClass } from '../../kernel/vocabulary.ts';
import { classOf } from './classes.ts';
import { rolesOf, type CellKind, type ColumnRole } from './columns.ts';
import { HyperLogLog } from './sketch/hyperloglog.ts';

/** What a thread knows of a column: plain data that crosses threads and merges. */
export interface ColumnCounts {
  cells: number;
  nulls: number;
  kinds: Partial<Record<CellKind, number>>;
  distinct: Uint8Array;
  units: number;
  longest: number;
  /** Cells with a finding of the type. */
  findings: Record<string, number>;
  /** Values of a column of licences or sources, while there are few. */
  values: Map<string, number>;
}

export function emptyColumn(): ColumnCounts {
  return {
    cells: 0,
    nulls: 0,
    kinds: {},
    distinct: new HyperLogLog().registers,
    units: 0,
    longest: 0,
    findings: {},
    values: new Map(),
  };
}

export const valuesKept = 32;

export function mergeColumns(into: ColumnCounts, from: ColumnCounts): void {
  into.cells += from.cells;
  into.nulls += from.nulls;
  into.units += from.units;
  into.longest = Math.max(into.longest, from.longest);
  for (const [kind, count] of Object.entries(from.kinds))
    into.kinds[kind as CellKind] = (into.kinds[kind as CellKind] ?? 0) + count;
  for (const [type, count] of Object.entries(from.findings))
    into.findings[type] = (into.findings[type] ?? 0) + count;
  for (const [value, count] of from.values)
    if (into.values.has(value) || into.values.size < valuesKept)
      into.values.set(value, (into.values.get(value) ?? 0) + count);
  new HyperLogLog(into.distinct).merge(from.distinct);
}

export interface ColumnProfile {
  name: string;
  /** The kind of most values, or `mixed` when none makes nine in ten. */
  type: CellKind | 'mixed' | 'empty';
  cells: number;
  nulls: number;
  /** Estimated, standard error 1.6 %. */
  distinct: number;
  /** Distinct values per value, 0..1. */
  uniqueness: number;
  class: DataClass;
  /** 0..1: how well it tells people apart together with others; 0 for what identifies alone and for free text. */
  quasiIdentifier: number;
  /** What most cells hold, such as `email_address`. */
  semantic?: string;
  roles: ColumnRole[];
  /** Cells with a finding, by type. */
  findings: Record<string, number>;
  meanLength: number;
  maxLength: number;
}

/** Share of the cells of a column from which on a type says what the column is. */
const semanticShare = 0.5;

export function profileOf(name: string, counts: ColumnCounts): ColumnProfile {
  const values = counts.cells - counts.nulls;
  const distinct = Math.min(values, new HyperLogLog(counts.distinct).count);
  const [kind, most] = Object.entries(counts.kinds).sort((left, right) => right[1] - left[1])[0] ?? [
    'empty',
    0,
  ];
  const uniqueness = values === 0 ? 0 : Math.min(1, distinct / values);
  const semantic = Object.entries(counts.findings)
    .filter(([, count]) => count >= values * semanticShare)
    .sort((left, right) => right[1] - left[1])[0]?.[0];
  const roles = [...rolesOf(name)];
  const meanLength = values === 0 ? 0 : counts.units / values;
  return {
    name,
    type: values === 0 ? 'empty' : most >= values * 0.9 ? (kind as CellKind) : 'mixed',
    cells: counts.cells,
    nulls: counts.nulls,
    distinct,
    uniqueness: round(uniqueness),
    class: columnClass(counts.findings, roles),
    quasiIdentifier: round(quasiScore({ values, distinct, uniqueness, meanLength, roles, semantic })),
    ...(semantic === undefined ? {} : { semantic }),
    roles,
    findings: counts.findings,
    meanLength: round(meanLength),
    maxLength: counts.longest,
  };
}

const classes: readonly DataClass[] = ['public', 'internal', 'confidential', 'restricted'];

/** The most sensitive thing that was found in it; a person is identified by a quasi-identifier too, so that is internal. */
function columnClass(findings: Record<string, number>, roles: readonly ColumnRole[]): DataClass {
  let top = roles.includes('person') || roles.includes('identifier') ? 2 : roles.includes('quasi') ? 1 : 0;
  for (const type of Object.keys(findings)) {
    const found = classOf(type);
    if (found !== 'untrusted') top = Math.max(top, classes.indexOf(found));
  }
  return classes[top]!;
}

const direct = new Set(['email_address', 'phone_number', 'person', 'secret', 'iban_code', 'credit_card']);

/**
 * A known name (age, sex, postcode …) weighs most. Of the others: values that repeat, yet split the rows into many groups
 * (their share of the information that would single out every row), are worth something; constants and prose are not.
 */
function quasiScore(column: {
  values: number;
  distinct: number;
  uniqueness: number;
  meanLength: number;
  roles: readonly ColumnRole[];
  semantic: string | undefined;
}): number {
  const { values, distinct, uniqueness, meanLength, roles, semantic } = column;
  if (values < 2 || distinct < 2 || roles.includes('identifier') || roles.includes('label')) return 0;
  if (semantic !== undefined && (direct.has(semantic) || classOf(semantic) === 'restricted')) return 0;
  const split = Math.log(distinct) / Math.log(values);
  if (roles.includes('quasi') || roles.includes('location') || semantic === 'date_of_birth')
    return Math.min(1, 0.6 + 0.4 * split);
  if (meanLength > 40 || uniqueness > 0.9) return 0;
  return Math.min(0.5, split * 0.6);
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
