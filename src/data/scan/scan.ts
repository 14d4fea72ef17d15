import { basename } from 'node:path';
import { Problem } from '../../kernel/problem.ts';
import { widest, type DataClass } from '../../kernel/vocabulary.ts';
import {
  sampleOfGroups,
  sampleOfRecords,
  type FileReport,
  type Job,
  type JobResult,
  type LocatedFinding,
} from './analyst.ts';
import { chunksOf } from './chunks.ts';
import type { FindingClass } from './classes.ts';
import { rolesOf } from './columns.ts';
import type { Coverage } from './detect.ts';
import { parseCsv, type Dialect } from './formats/csv.ts';
import type { Format } from './formats/format.ts';
import { findPoisoning, type Poisoning } from './poisoning.ts';
import type { Pool } from './pool.ts';
import { emptyColumn, mergeColumns, profileOf, type ColumnProfile } from './profile.ts';
import { sourceLimits, sourcesOf, type Skipped, type Source, type SourceLimits } from './sources.ts';

/** One finding, as DESIGN prints it. Further fields may follow. */
export interface DatasetFinding {
  file: string;
  /** From 1: line on which the record begins, line of the finding in text, row of a Parquet file. */
  line: number;
  /** Name of the column of a table or field of a record; in text the unit within the line, from 1. */
  column: string | number;
  type: string;
  class: FindingClass;
  /** UTF-16 units of the cell; in text, of the file. */
  start: number;
  end: number;
  score: number;
  /** Masked. */
  sample: string;
  detector: string;
  /** JSON pointer within the record, for nested fields. */
  pointer?: string;
}

/** Records of one file that are nearly the same text. */
export interface FloodReport {
  count: number;
  share: number;
  /** The first of them. */
  line: number;
}

export interface FileSummary {
  file: string;
  format: Format['kind'];
  dialect?: Dialect;
  encoding: Source['encoding'];
  bytes: number;
  rows: number;
  class: DataClass;
  columns: ColumnProfile[];
  findings: Record<string, number>;
  quasiIdentifiers?: { columns: string[]; groups: number; unique: number };
  duplicates: { distinct: number; share: number; oneIn: number };
  floods: FloodReport[];
  poisoning?: Poisoning;
  zeroWidth: number;
  licences: Record<string, number>;
  provenance: Record<string, string[]>;
  /** What could not be read as its format says and was read as text instead. */
  problems: string[];
}

export interface ScanSummary {
  path: string;
  files: FileSummary[];
  skipped: Skipped[];
  totals: { files: number; rows: number; cells: number; bytes: number; findings: number };
  types: Record<string, number>;
  classes: Record<FindingClass, number>;
  /** The most sensitive class in any file. */
  class: DataClass;
  /** What the models did not read: shares of the text that can be an instruction or hold names. */
  sampling: { whole: boolean; injection: Share; names: Share; note: string };
}

interface Share {
  eligible: number;
  read: number;
}

export interface ScanOptions {
  pool: Pool;
  /** The models read everything, whatever the size. */
  exhaustive?: boolean;
  limits?: SourceLimits;
  /** The next finding waits for it: what is written out slowly is read slowly. */
  onFinding: (finding: DatasetFinding) => Promise<void>;
  onProgress?: (file: string, done: number, size: number) => void;
}

/** Bytes of each file that the models read whole; of what follows, cells with telling words and a sample. */
const wholeBytes = 2 * 1024 ** 2;
/** Jobs waiting per thread: what is read ahead is held in memory. */
const ahead = 2;
const floodsKept = 20;
/** So many nearly equal records are a flood. */
const floodFrom = 10;

/** Scans every file below a path. Findings come in the order of files and records. */
export async function scanDataset(path: string, options: ScanOptions): Promise<ScanSummary> {
  const summary: ScanSummary = {
    path: basename(path),
    files: [],
    skipped: [],
    totals: { files: 0, rows: 0, cells: 0, bytes: 0, findings: 0 },
    types: {},
    classes: { public: 0, internal: 0, confidential: 0, restricted: 0, untrusted: 0 },
    class: 'public',
    sampling: {
      whole: options.exhaustive === true,
      injection: { eligible: 0, read: 0 },
      names: { eligible: 0, read: 0 },
      note: samplingNote(options.exhaustive === true),
    },
  };
  let id = 0;
  for await (const source of sourcesOf(
    path,
    (skipped) => summary.skipped.push(skipped),
    options.limits ?? sourceLimits,
  )) {
    const file = await scanSource(source, (id += 1), options, summary);
    summary.files.push(file);
    summary.totals.files += 1;
    summary.totals.rows += file.rows;
    summary.totals.bytes += file.bytes;
    summary.totals.cells += file.columns.reduce((sum, { cells }) => sum + cells, 0);
    summary.class = widest([summary.class, file.class]);
  }
  return summary;
}

function samplingNote(exhaustive: boolean): string {
  return exhaustive
    ? 'every detector read every cell'
    : 'secrets, personal data and hidden characters: every cell. Injected instructions and names: the first 2 MiB of each file; then every cell with a telling word (instructions only) and a sample';
}

async function scanSource(
  source: Source,
  id: number,
  { pool, exhaustive = false, onFinding, onProgress }: ScanOptions,
  summary: ScanSummary,
): Promise<FileSummary> {
  const problems: string[] = [];
  const found: Record<string, number> = {};
  /** First line of every job, in order; jobs end out of order. */
  const firstLines: number[] = [];
  let line = 1;
  let units = 0;
  let bytes = 0;
  let rows = 0;
  let unparsed = 0;
  let cuts = 0;

  const deliver = async (result: JobResult): Promise<void> => {
    firstLines[result.seq] = line;
    for (const finding of result.findings) {
      const one = publish(finding, source, line, units);
      found[one.type] = (found[one.type] ?? 0) + 1;
      summary.types[one.type] = (summary.types[one.type] ?? 0) + 1;
      summary.classes[one.class] += 1;
      summary.totals.findings += 1;
      await onFinding(one);
    }
    line += result.lines;
    units += result.units;
    rows += result.records;
    unparsed += result.unparsed;
  };

  const running: Promise<JobResult>[] = [];
  const bound = Math.max(1, pool.threads * ahead);
  try {
    for await (const { job, done, cut } of jobsOf(source, id, exhaustive, problems)) {
      bytes = done;
      if (cut) cuts += 1;
      const result = pool.run(job);
      // Awaited in order below; a failure before that must not end the process.
      result.catch(() => undefined);
      running.push(result);
      if (running.length >= bound) await deliver(await running.shift()!);
      onProgress?.(source.file, done, source.size);
    }
    for (let result = running.shift(); result; result = running.shift()) await deliver(await result);
  } catch (error) {
    await Promise.allSettled(running);
    if (!(error instanceof Problem) || error.code === 'INTERNAL') {
      if (error instanceof Problem) throw error;
      const code = (error as { code?: unknown }).code;
      if (typeof code !== 'string') throw error;
      problems.push(`cannot be read to the end (${code})`);
    } else problems.push(`cannot be read to the end: ${error.detail}`);
  }
  if (unparsed > 0) problems.push(`${unparsed} records are not what the format says; they were read as text`);
  if (cuts > 0) problems.push(`${cuts} records are longer than the limit and were cut`);

  const report = merged(await pool.reports(id));
  addCoverage(summary.sampling, report.coverage);
  const columns = [...report.columns].map(([name, counts]) => profileOf(name, counts));
  const lineOf = (place: { line: number; seq: number }): number =>
    source.format.kind === 'parquet' ? place.line : (firstLines[place.seq] ?? 1) + place.line - 1;
  const poisoning = findPoisoning(report.records.entries, report.records.oneIn, lineOf);
  return {
    file: source.file,
    format: source.format.kind,
    ...(source.format.kind === 'csv' ? { dialect: source.format.dialect } : {}),
    encoding: source.encoding,
    bytes: source.parquet === undefined ? bytes : source.size,
    rows,
    class: widest(columns.map((column) => column.class)),
    columns: columns.map((column) => (column.name === '' ? { ...column, name: 'text' } : column)),
    findings: found,
    ...quasiIdentifiersOf(columns, report.groups.entries, report.groups.oneIn),
    duplicates: duplicatesOf(report),
    floods: floodsOf(report, rows, lineOf),
    ...(poisoning === undefined ? {} : { poisoning }),
    zeroWidth: report.zeroWidth,
    licences: licencesOf(report),
    provenance: provenanceOf(report),
    problems,
  };
}

/** The work of one file, in order, with the bytes of it that are handed out so far. */
async function* jobsOf(
  source: Source,
  file: number,
  exhaustive: boolean,
  problems: string[],
): AsyncGenerator<{ job: Job; done: number; cut: boolean }> {
  const { format } = source;
  if (source.parquet !== undefined) {
    const { rowGroups } = await import('./formats/parquet.ts');
    const { ranges, rows, refused } = await rowGroups(source.parquet).catch((cause: unknown) => {
      throw new Problem('INPUT_INVALID', {
        detail: 'not a Parquet file that can be read',
        facts: { file: source.file },
        cause,
      });
    });
    if (refused > 0)
      problems.push(`${refused} rows lie in row groups too large to be held and were NOT scanned`);
    let seq = 0;
    for (const range of ranges) {
      const done = Math.round((source.size * range.end) / Math.max(1, rows));
      const whole = exhaustive || done <= wholeBytes;
      yield {
        job: { file, seq: seq++, format, parquet: source.parquet, rows: range, whole },
        done,
        cut: false,
      };
    }
    return;
  }
  let seq = 0;
  let done = 0;
  let columns: readonly string[] | undefined;
  let inArray = false;
  for await (const { bytes, first, cut } of chunksOf(source.read!(), format)) {
    if (first && format.kind === 'csv') columns = columnsOf(bytes, format.dialect);
    if (first && format.kind === 'json')
      inArray = /^\s*\[/.test(new TextDecoder().decode(bytes.subarray(0, 4096)));
    const whole = exhaustive || done < wholeBytes;
    done += bytes.length;
    yield { job: { file, seq: seq++, format, bytes, first, columns, inArray, whole }, done, cut };
  }
}

/** Names of the columns: the header, with numbers where a name is missing or comes twice. */
function columnsOf(bytes: Uint8Array, dialect: Dialect): string[] {
  const [record] = parseCsv(new TextDecoder().decode(bytes), dialect);
  const names = (dialect.header ? record?.fields : record?.fields.map(() => '')) ?? [];
  const seen = new Set<string>();
  return names.map((given, index) => {
    let name = given.trim() === '' ? `column ${index + 1}` : given.trim();
    if (seen.has(name)) name = `${name} (column ${index + 1})`;
    seen.add(name);
    return name;
  });
}

function publish(finding: LocatedFinding, source: Source, line: number, units: number): DatasetFinding {
  const { type, class: dataClass, detector, score, sample, start, end, pointer } = finding;
  const inText = finding.column === undefined;
  const offset = inText ? units : 0;
  return {
    file: source.file,
    line: source.parquet === undefined ? line + finding.line - 1 : finding.line,
    column: finding.column ?? finding.at ?? 1,
    type,
    class: dataClass,
    start: start + offset,
    end: end + offset,
    score,
    sample,
    detector,
    ...(pointer === undefined ? {} : { pointer }),
  };
}

interface Merged {
  columns: FileReport['columns'];
  floods: FileReport['floods'];
  records: ReturnType<typeof sampleOfRecords>;
  groups: ReturnType<typeof sampleOfGroups>;
  rows: number;
  zeroWidth: number;
  spdx: Map<string, number>;
  coverage: Coverage;
}

function merged(reports: readonly FileReport[]): Merged {
  const columns: FileReport['columns'] = new Map();
  const floods = new Map<number, FileReport['floods'][number]>();
  const records = sampleOfRecords();
  const groups = sampleOfGroups();
  const spdx = new Map<string, number>();
  const coverage: Coverage = { injection: { eligible: 0, read: 0 }, names: { eligible: 0, read: 0 } };
  let rows = 0;
  let zeroWidth = 0;
  for (const report of reports) {
    rows += report.rows;
    zeroWidth += report.zeroWidth;
    addCoverage(coverage, report.coverage);
    for (const [name, counts] of report.columns) {
      let into = columns.get(name);
      if (into === undefined) columns.set(name, (into = emptyColumn()));
      mergeColumns(into, counts);
    }
    for (const flood of report.floods) {
      const known = floods.get(flood.key);
      if (known === undefined) floods.set(flood.key, { ...flood });
      else {
        known.count += flood.count;
        if (flood.seq < known.seq || (flood.seq === known.seq && flood.line < known.line))
          Object.assign(known, { seq: flood.seq, line: flood.line });
      }
    }
    records.raise(report.records.level);
    for (const [key, record] of report.records.entries) records.add(key, record);
    groups.raise(report.groups.level);
    for (const [key, count] of report.groups.entries) groups.add(key, count);
    for (const [id, count] of report.spdx) spdx.set(id, (spdx.get(id) ?? 0) + count);
  }
  return { columns, floods: [...floods.values()], records, groups, rows, zeroWidth, spdx, coverage };
}

function addCoverage(into: { injection: Share; names: Share }, from: Coverage): void {
  for (const kind of ['injection', 'names'] as const) {
    into[kind].eligible += from[kind].eligible;
    into[kind].read += from[kind].read;
  }
}

/** Columns that single people out together, and the share of their combinations that only one row has. */
function quasiIdentifiersOf(
  columns: readonly ColumnProfile[],
  groups: ReadonlyMap<number, number>,
  oneIn: number,
): Pick<FileSummary, 'quasiIdentifiers'> {
  const names = columns.filter(({ roles }) => roles.includes('quasi')).map(({ name }) => name);
  if (names.length === 0 || groups.size === 0) return {};
  const rows = [...groups.values()].reduce((sum, count) => sum + count, 0);
  const single = [...groups.values()].filter((count) => count === 1).length;
  return {
    quasiIdentifiers: {
      columns: names,
      groups: groups.size * oneIn,
      unique: Math.round((single / rows) * 10_000) / 10_000,
    },
  };
}

function duplicatesOf({ records }: Merged): FileSummary['duplicates'] {
  const counts = [...records.entries.values()].map(({ count }) => count);
  const seen = counts.reduce((sum, count) => sum + count, 0);
  return {
    distinct: counts.length * records.oneIn,
    share: seen === 0 ? 0 : Math.round((1 - counts.length / seen) * 10_000) / 10_000,
    oneIn: records.oneIn,
  };
}

/** The same flood shares several keys: it is told once, by its first record. */
function floodsOf(
  { floods }: Merged,
  rows: number,
  lineOf: (place: { line: number; seq: number }) => number,
): FloodReport[] {
  const byLine = new Map<number, FloodReport>();
  for (const flood of [...floods].sort((left, right) => right.count - left.count)) {
    if (flood.count < floodFrom) break;
    const line = lineOf(flood);
    if (!byLine.has(line))
      byLine.set(line, {
        count: flood.count,
        share: Math.round((flood.count / rows) * 10_000) / 10_000,
        line,
      });
    if (byLine.size >= floodsKept) break;
  }
  return [...byLine.values()];
}

function licencesOf({ columns, spdx }: Merged): Record<string, number> {
  const found = new Map(spdx);
  for (const [name, { values }] of columns)
    if (rolesOf(name).has('licence'))
      for (const [value, count] of values) found.set(value, (found.get(value) ?? 0) + count);
  return Object.fromEntries([...found].sort((left, right) => right[1] - left[1]));
}

function provenanceOf({ columns }: Merged): Record<string, string[]> {
  return Object.fromEntries(
    [...columns]
      .filter(([name]) => rolesOf(name).has('provenance'))
      .map(([name, { values }]) => [name, [...values.keys()].slice(0, 5)]),
  );
}
