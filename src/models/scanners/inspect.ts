import type { Level } from '../../kernel/severity.ts';
import {
  LimitExceeded,
  Malformed,
  type Observation,
  type Role,
  type ScanFinding,
  type ScanLimits,
  type Scanner,
  type ScanContext,
  type ScanResult,
  type ScanVerdict,
  type Weight,
} from './contract.ts';
import { printable } from './printable.ts';
import { scanners } from './registry.gen.ts';
import type { Source } from './source.ts';

/** Most findings of one file; the worst are kept. */
const findingsMost = 200;
/** Entries, operands and tensors looked into over the whole file. */
const nestedMost = 40_000;

const severityOf: Record<Weight, Level> = {
  malicious: 'critical',
  suspicious: 'high',
  error: 'medium',
  note: 'low',
};
const verdictOf: Record<Weight, ScanVerdict> = {
  malicious: 'malicious',
  suspicious: 'suspicious',
  error: 'error',
  note: 'clean',
};
const worstFirst: readonly Weight[] = ['malicious', 'suspicious', 'error', 'note'];

interface Held extends ScanFinding {
  weight: Weight;
}

interface Scan {
  limits: ScanLimits;
  findings: Map<string, Held>;
  opcodes: number;
  bytes: number;
  nested: number;
  /** What the file itself was read as, known also when a limit ends the scan. */
  formats: string[];
  deadline: number;
}

function newScan(limits: ScanLimits): Scan {
  return {
    limits,
    findings: new Map(),
    opcodes: 0,
    bytes: 0,
    nested: 0,
    formats: [],
    deadline: Date.now() + limits.milliseconds,
  };
}

/** Reads a source as every format that it can be read as, and judges what the loaders of those formats would do. */
export function inspect(file: string, source: Source, limits: ScanLimits): ScanResult {
  const scan = newScan(limits);
  bounded(scan, '', () => read(scan, { name: baseName(file), place: '', role: 'file', depth: 0 }, source));
  return { file, format: scan.formats[0] ?? 'unknown', ...judged([...scan.findings.values()]) };
}

export interface Member {
  /** Path inside the folder, with `/`. */
  name: string;
  /** Opens it for the time of the call. */
  use(work: (source: Source) => void): void;
}

/** Judges files that are loaded together: each by its content, and `rules` on all of them. */
export function inspectMembers(
  file: string,
  format: string,
  members: readonly Member[],
  limits: ScanLimits,
  rules: (
    report: (place: string, observation: Observation) => void,
    formatOf: ReadonlyMap<string, string[]>,
  ) => void,
): ScanResult {
  const scan = newScan(limits);
  const formats = new Map<string, string[]>();
  for (const { name, use } of members)
    bounded(scan, name, () => {
      use((source) => {
        formats.set(name, read(scan, { name: baseName(name), place: name, role: 'file', depth: 0 }, source));
      });
      return [];
    });
  rules((place, observation) => add(scan, place, observation), formats);
  return { file, format, ...judged([...scan.findings.values()]) };
}

function judged(held: Held[]): Pick<ScanResult, 'verdict' | 'findings'> {
  const sorted = held.sort((one, other) => worstFirst.indexOf(one.weight) - worstFirst.indexOf(other.weight));
  return {
    verdict: sorted[0] === undefined ? 'clean' : verdictOf[sorted[0].weight],
    findings: sorted
      .slice(0, findingsMost)
      .map(({ rule, severity, offset, evidence, why }) => ({ rule, severity, offset, evidence, why })),
  };
}

/** The verdict on several files that belong together: the worst of them. */
export function worstVerdict(verdicts: readonly ScanVerdict[]): ScanVerdict {
  const order: readonly ScanVerdict[] = ['malicious', 'suspicious', 'error'];
  return order.find((one) => verdicts.includes(one)) ?? 'clean';
}

interface Place {
  name: string;
  /** `` at the top, else the names of the entries on the way. */
  place: string;
  /** Offset in the place at which the source begins. */
  base?: number;
  role: Role;
  depth: number;
}

function bounded(scan: Scan, place: string, work: () => string[]): string[] {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error;
    add(scan, place, {
      rule: 'limit',
      weight: 'error',
      offset: 0,
      evidence: error.message,
      why: 'what lies behind a limit was not judged',
    });
    return [];
  }
}

function add(scan: Scan, place: string, { rule, weight, offset, evidence, why }: Observation): void {
  const finding: Held = {
    rule,
    severity: severityOf[weight],
    offset: place === '' ? offset : `${place}!${offset}`,
    evidence: printable(evidence),
    why,
    weight,
  };
  // The same name imported a thousand times is one finding, at its first place.
  const key = `${rule}\n${place}\n${finding.evidence}`;
  if (scan.findings.has(key)) return;
  if (scan.findings.size >= findingsMost * 4 && weight !== 'malicious') return;
  if (scan.findings.size >= findingsMost * 8) return;
  scan.findings.set(key, finding);
}

/** Runs every scanner whose format the bytes have. The order of formats is that of the registry, signatures first. */
function read(scan: Scan, at: Place, source: Source): string[] {
  if (at.depth > scan.limits.depth) throw new LimitExceeded(`nested deeper than ${scan.limits.depth}`);
  const context = contextOf(scan, at);
  const within = candidatesOf[at.role];
  const candidates = within === undefined ? scanners : scanners.filter(({ id }) => within.has(id));
  const readings = candidates.map((scanner) => ({ scanner, how: scanner.recognise(source, context) }));
  const certain = readings.filter(({ how }) => how === 'magic').map(({ scanner }) => scanner);
  const likely = readings.filter(({ how }) => how === 'likely').map(({ scanner }) => scanner);
  const chosen: Scanner[] =
    certain.length > 0 ? certain : likely.length > 1 ? likely.filter(({ id }) => id !== 'text') : likely;
  if (certain.length > 1 && at.role === 'file') reportPolyglot(certain, context);
  if (at.depth === 0 && at.place === '') scan.formats = chosen.map(({ id }) => id);
  for (const scanner of chosen) runScanner(scanner, source, context, at.role);
  if (chosen.length === 0 && at.role === 'file') unknown(source, context);
  return chosen.map(({ id }) => id);
}

/** What is looked for in raw numbers and in values: anything more would find patterns in noise. */
const candidatesOf: Partial<Record<Role, ReadonlySet<string>>> = {
  tensor: new Set(['executable', 'pickle', 'torch', 'zip']),
  value: new Set(['compressed', 'pickle', 'torch', 'zip', 'tar', 'numpy']),
};

function reportPolyglot(certain: readonly Scanner[], context: ScanContext): void {
  context.report({
    rule: 'polyglot',
    weight: 'suspicious',
    offset: 0,
    evidence: certain.map(({ id }) => id).join(' and '),
    why: 'the file is valid in several formats, so that what is checked may not be what is loaded',
  });
}

function runScanner(scanner: Scanner, source: Source, context: ScanContext, role: Role): void {
  try {
    scanner.scan(source, context);
  } catch (error) {
    if (error instanceof LimitExceeded) throw error;
    const refused = error instanceof Malformed;
    // A parser of ours that breaks has not judged the file: an error, never silence.
    context.report({
      rule: refused ? `${scanner.id}-malformed` : 'scanner-failed',
      weight: role === 'file' || !refused ? 'error' : 'note',
      offset: refused ? error.offset : 0,
      evidence: error instanceof Error ? error.message : String(error),
      why: refused ? 'a loader would refuse this' : 'the scanner itself failed on it',
    });
  }
  context.spend({});
}

function unknown(source: Source, context: ScanContext): void {
  const head = source.read(0, 16);
  context.report({
    rule: source.size === 0 ? 'empty' : 'unknown-format',
    weight: source.size === 0 ? 'error' : 'suspicious',
    offset: 0,
    evidence: source.size === 0 ? '0 bytes' : head.toString('latin1'),
    why: 'no scanner knows this format, so it is not proved harmless',
  });
}

function contextOf(scan: Scan, at: Place): ScanContext {
  return {
    name: at.name,
    role: at.role,
    depth: at.depth,
    limits: scan.limits,
    report: (observation) =>
      add(scan, at.place, { ...observation, offset: observation.offset + (at.base ?? 0) }),
    nested(name, source, { role = 'file', base } = {}) {
      scan.nested += 1;
      if (scan.nested > nestedMost) throw new LimitExceeded(`more than ${nestedMost} nested contents`);
      return read(
        scan,
        base === undefined
          ? {
              name,
              place: at.place === '' ? printable(name, 200) : `${at.place}!${printable(name, 200)}`,
              role,
              depth: at.depth + 1,
            }
          : { name, place: at.place, base: (at.base ?? 0) + base, role, depth: at.depth + 1 },
        source,
      );
    },
    spend({ opcodes = 0, bytes = 0 }) {
      scan.opcodes += opcodes;
      scan.bytes += bytes;
      if (scan.opcodes > scan.limits.opcodes)
        throw new LimitExceeded(`more than ${scan.limits.opcodes} opcodes`);
      if (scan.bytes > scan.limits.totalBytes)
        throw new LimitExceeded(`more than ${scan.limits.totalBytes} unpacked bytes`);
      if (Date.now() > scan.deadline)
        throw new LimitExceeded(`more than ${scan.limits.milliseconds} milliseconds`);
    },
  };
}

function baseName(file: string): string {
  return file.split(/[\\/]/).at(-1) ?? file;
}
