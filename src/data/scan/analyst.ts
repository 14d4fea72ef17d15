import type { Finding } from '../../kernel/finding.ts';
import { classOf, type FindingClass } from './classes.ts';
import { kindOf, rolesOf, type CellKind, type ColumnRole } from './columns.ts';
import { CellDetector, type Coverage, type ScanAssets } from './detect.ts';
import { parseCsv } from './formats/csv.ts';
import type { Format } from './formats/format.ts';
import { jsonValues, leavesOf } from './formats/json.ts';
import { passages } from './formats/text.ts';
import { excerpt, masked, maskedSecret } from './mask.ts';
import { emptyColumn, valuesKept, type ColumnCounts } from './profile.ts';
import { FloodCounts, type Flood } from './sketch/flood-counts.ts';
import { DistinctSample } from './sketch/distinct-sample.ts';
import { hash32 } from './sketch/hash.ts';
import { HyperLogLog } from './sketch/hyperloglog.ts';
import { bandKeys, bands, keyOf, wordHashes } from './sketch/minhash.ts';

/** Work for one thread: whole records of one file. */
export interface Job {
  file: number;
  seq: number;
  format: Format;
  bytes?: Uint8Array;
  first?: boolean;
  /** Names of the columns of a table. */
  columns?: readonly string[];
  /** The document is one array whose elements are the records. */
  inArray?: boolean;
  parquet?: { path: string } | { bytes: Uint8Array };
  rows?: { start: number; end: number };
  /** The models read everything. */
  whole: boolean;
}

export interface LocatedFinding {
  /** From 1 within the job; row number for Parquet. */
  line: number;
  /** Name of the column; undefined in text. */
  column?: string;
  /** JSON pointer within the record, where the column alone does not say it. */
  pointer?: string;
  /** Text only: unit of the line, from 1. */
  at?: number;
  type: string;
  class: FindingClass;
  detector: string;
  score: number;
  start: number;
  end: number;
  sample: string;
}

export interface JobResult {
  seq: number;
  findings: LocatedFinding[];
  /** Lines, records and UTF-16 units of the job. */
  lines: number;
  units: number;
  records: number;
  unparsed: number;
}

/** A record that may be seen again: what is kept of it. */
export interface SampledRecord {
  /** Beginning of its text. */
  text: string;
  count: number;
  /** Label → how often, and the first line. */
  labels: Map<string, { count: number; line: number; seq: number }>;
}

/** What a thread knows of a file: plain data. */
export interface FileReport {
  columns: Map<string, ColumnCounts>;
  floods: Flood[];
  records: { level: number; entries: [number, SampledRecord][] };
  /** Combinations of quasi-identifiers. */
  groups: { level: number; entries: [number, number][] };
  rows: number;
  zeroWidth: number;
  spdx: Map<string, number>;
  coverage: Coverage;
}

const columnsKept = 2_000;
const recordsKept = 20_000;
const groupsKept = 20_000;
const textKept = 480;
const labelUnits = 80;

interface ColumnState {
  name: string;
  counts: ColumnCounts;
  distinct: HyperLogLog;
  roles: ReadonlySet<ColumnRole>;
  /** A part of a JSON record: findings need the place within it. */
  nested: boolean;
}

interface FileState {
  columns: Map<string, ColumnState>;
  floods: FloodCounts;
  records: DistinctSample<SampledRecord>;
  groups: DistinctSample<number>;
  rows: number;
  zeroWidth: number;
  spdx: Map<string, number>;
}

/** The work of one thread: reads records, runs the detectors on every cell, and counts. */
export class Analyst {
  readonly #detector: CellDetector;
  readonly #files = new Map<number, FileState>();
  readonly #words = new Uint32Array(256);
  readonly #keys = new Float64Array(bands);

  constructor(assets: ScanAssets) {
    this.#detector = new CellDetector(assets);
  }

  async run(job: Job): Promise<JobResult> {
    const file = this.#file(job.file);
    const result: JobResult = { seq: job.seq, findings: [], lines: 0, units: 0, records: 0, unparsed: 0 };
    const reading: Reading = { job, file, result };
    if (job.parquet !== undefined) {
      const { readRows } = await import('./formats/parquet.ts');
      let row = job.rows!.start;
      for (const record of await readRows(job.parquet, job.rows!)) this.#json(record, (row += 1), reading);
      return result;
    }
    const text = new TextDecoder().decode(job.bytes);
    result.units = text.length;
    result.lines = countLines(text);
    switch (job.format.kind) {
      case 'csv':
        this.#table(text, job.format.dialect, reading);
        break;
      case 'jsonl':
        this.#lines(text, reading);
        break;
      case 'json':
        for (const { text: value, line } of jsonValues(text, job.first === true, job.inArray === true))
          this.#jsonText(value, line, reading);
        break;
      default:
        this.#prose(text, reading);
    }
    return result;
  }

  /** What is known of a file; forgets it. */
  report(file: number): FileReport {
    const state = this.#file(file);
    this.#files.delete(file);
    const { injection, names } = this.#detector.coverage;
    const coverage: Coverage = { injection: { ...injection }, names: { ...names } };
    injection.eligible = injection.read = names.eligible = names.read = 0;
    return {
      columns: new Map([...state.columns].map(([name, { counts }]) => [name, counts])),
      floods: state.floods.list(),
      records: { level: state.records.level, entries: [...state.records.entries] },
      groups: { level: state.groups.level, entries: [...state.groups.entries] },
      rows: state.rows,
      zeroWidth: state.zeroWidth,
      spdx: state.spdx,
      coverage,
    };
  }

  #file(id: number): FileState {
    let state = this.#files.get(id);
    if (state === undefined) {
      state = {
        columns: new Map(),
        floods: new FloodCounts(),
        records: sampleOfRecords(),
        groups: sampleOfGroups(),
        rows: 0,
        zeroWidth: 0,
        spdx: new Map(),
      };
      this.#files.set(id, state);
    }
    return state;
  }

  #table(text: string, dialect: Parameters<typeof parseCsv>[1], reading: Reading): void {
    const names = reading.job.columns ?? [];
    let header = reading.job.first === true && dialect.header;
    const row = new Row();
    for (const { fields, line } of parseCsv(text, dialect)) {
      if (header) {
        header = false;
        continue;
      }
      row.begin(line);
      for (let index = 0; index < fields.length; index += 1) {
        const value = fields[index]!;
        this.#cell(names[index] ?? `column ${index + 1}`, '', value, kindOf(value), row, reading);
      }
      this.#finish(row, reading);
    }
  }

  #lines(text: string, reading: Reading): void {
    let line = 0;
    for (let at = 0; at < text.length;) {
      const lf = text.indexOf('\n', at);
      const end = lf < 0 ? text.length : lf;
      line += 1;
      const record = text.slice(at, end).trim();
      if (record !== '') this.#jsonText(record, line, reading);
      at = end + 1;
    }
  }

  #jsonText(text: string, line: number, reading: Reading): void {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      // What cannot be parsed is read as text: nothing is left out.
      reading.result.unparsed += 1;
      const row = new Row();
      row.begin(line);
      for (const { text: passage } of passages(text))
        this.#cell('(not JSON)', '', passage, 'string', row, reading);
      this.#finish(row, reading);
      return;
    }
    this.#json(value, line, reading);
  }

  #json(record: unknown, line: number, reading: Reading): void {
    const row = new Row();
    row.begin(line);
    const { leaves, dropped } = leavesOf(record);
    for (const { column, pointer, value } of leaves) {
      if (typeof value === 'string')
        this.#cell(column, pointer, value, value === '' ? 'null' : kindOf(value), row, reading);
      else if (value === null) this.#cell(column, pointer, '', 'null', row, reading);
      else
        this.#cell(
          column,
          pointer,
          String(value),
          typeof value === 'boolean' ? 'boolean' : Number.isInteger(value) ? 'integer' : 'number',
          row,
          reading,
        );
    }
    if (dropped > 0) reading.result.unparsed += 1;
    this.#finish(row, reading);
  }

  #prose(text: string, reading: Reading): void {
    const row = new Row();
    for (const passage of passages(text)) {
      row.begin(passage.line);
      row.passage = passage.start;
      row.lineStart = text.lastIndexOf('\n', passage.start - 1) + 1;
      this.#cell('', '', passage.text, 'string', row, reading);
      this.#finish(row, reading);
    }
  }

  #cell(name: string, pointer: string, text: string, kind: CellKind, row: Row, reading: Reading): void {
    const column = this.#column(name, reading.file);
    const { counts, roles } = column;
    counts.cells += 1;
    if (kind === 'null') {
      counts.nulls += 1;
      return;
    }
    counts.kinds[kind] = (counts.kinds[kind] ?? 0) + 1;
    counts.units += text.length;
    if (text.length > counts.longest) counts.longest = text.length;
    column.distinct.add(text);
    if ((roles.has('licence') || roles.has('provenance')) && text.length <= 200)
      if (counts.values.has(text) || counts.values.size < valuesKept)
        counts.values.set(text, (counts.values.get(text) ?? 0) + 1);
    if (roles.has('label') && text.length <= labelUnits) row.label ??= text;
    else if (kind === 'string' && isProse(text) && !roles.has('provenance') && !roles.has('licence'))
      row.text += row.text === '' ? text : `\n${text}`;
    if (roles.has('quasi')) row.group = hash32(text, row.group ^ hash32(name)) | 0;

    const { findings, zeroWidth } = this.#detector.detect(name, text, reading.job.whole);
    reading.file.zeroWidth += zeroWidth;
    if (text.length >= 24 && text.includes('SPDX-License-Identifier:')) countLicence(text, reading.file.spdx);
    if (findings.length === 0) return;
    let last = '';
    for (const finding of findings) {
      if (finding.type !== last) counts.findings[finding.type] = (counts.findings[finding.type] ?? 0) + 1;
      last = finding.type;
      reading.result.findings.push(located(finding, findings, text, column, pointer, row));
    }
  }

  #finish(row: Row, { file, result, job }: Reading): void {
    result.records += 1;
    file.rows += 1;
    if (row.group !== 0) file.groups.add(row.group >>> 0, 1);
    const length = row.text === '' ? 0 : wordHashes(row.text, this.#words);
    if (length >= 3) {
      const place = { line: row.line, seq: job.seq };
      file.records.add(keyOf(this.#words, length), {
        text: row.text.slice(0, textKept),
        count: 1,
        labels: new Map(row.label === undefined ? [] : [[row.label, { count: 1, ...place }]]),
      });
      if (bandKeys(this.#words, length, this.#keys)) file.floods.add(this.#keys, place);
    }
  }

  #column(name: string, file: FileState): ColumnState {
    let state = file.columns.get(name);
    if (state === undefined) {
      if (file.columns.size >= columnsKept && name !== '(further columns)')
        return this.#column('(further columns)', file);
      const counts = emptyColumn();
      state = {
        name,
        counts,
        distinct: new HyperLogLog(counts.distinct),
        roles: rolesOf(name),
        nested: name.includes('.') || name.includes('['),
      };
      file.columns.set(name, state);
    }
    return state;
  }
}

interface Reading {
  job: Job;
  file: FileState;
  result: JobResult;
}

/** What is gathered over the cells of one record. */
class Row {
  line = 1;
  text = '';
  label: string | undefined;
  group = 0;
  passage = -1;
  lineStart = 0;

  begin(line: number): void {
    this.line = line;
    this.text = '';
    this.label = undefined;
    this.group = 0;
    this.passage = -1;
  }
}

export function sampleOfRecords(): DistinctSample<SampledRecord> {
  return new DistinctSample(recordsKept, (left, right) => {
    left.count += right.count;
    for (const [label, { count, line, seq }] of right.labels) {
      const known = left.labels.get(label);
      if (known === undefined) left.labels.set(label, { count, line, seq });
      else {
        known.count += count;
        if (seq < known.seq || (seq === known.seq && line < known.line)) Object.assign(known, { line, seq });
      }
    }
    return left;
  });
}

export function sampleOfGroups(): DistinctSample<number> {
  return new DistinctSample(groupsKept, (left, right) => left + right);
}

/** Values of a list of choices are no text of their own. */
function isProse(text: string): boolean {
  return text.length >= 16 && (text.split(' ', 4).length > 3 || text.charCodeAt(8) > 0x2e80);
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

function countLicence(text: string, spdx: Map<string, number>): void {
  for (const [, id] of text.matchAll(
    /SPDX-License-Identifier:[ \t]{0,4}([\w.+-]{2,60}(?: (?:OR|AND|WITH) [\w.+-]{2,60}){0,4})/g,
  ))
    if (spdx.has(id!) || spdx.size < valuesKept) spdx.set(id!, (spdx.get(id!) ?? 0) + 1);
}

function located(
  finding: Finding,
  all: readonly Finding[],
  text: string,
  column: ColumnState,
  pointer: string,
  row: Row,
): LocatedFinding {
  const { type, detector, score, start, end } = finding;
  const value = text.slice(start, end);
  const sample =
    type === 'secret'
      ? maskedSecret(value)
      : classOf(type) === 'untrusted'
        ? excerpt(
            text,
            start,
            end,
            all.filter((other) => classOf(other.type) !== 'untrusted'),
          )
        : masked(value);
  const found = {
    type,
    class: classOf(type),
    detector,
    score: Math.round(score * 1000) / 1000,
    sample,
  };
  if (row.passage < 0)
    return {
      line: row.line,
      column: column.name,
      ...(column.nested ? { pointer } : {}),
      ...found,
      start,
      end,
    };
  const before = text.slice(0, start);
  const lines = countLines(before);
  const lineBegin = before.lastIndexOf('\n') + 1;
  return {
    line: row.line + lines,
    at: (lines === 0 ? row.passage - row.lineStart + start : start - lineBegin) + 1,
    ...found,
    start: row.passage + start,
    end: row.passage + end,
  };
}
