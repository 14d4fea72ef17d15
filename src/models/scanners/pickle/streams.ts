import { LimitExceeded, type Role, type ScanContext, type Weight } from '../contract.ts';
import { encodedValue, looksLoadable } from '../encoded.ts';
import { executableAt } from '../executables.ts';
import { bytesSource, type Source } from '../source.ts';
import { runPickle, type PickleRun } from './machine.ts';

/** Operands up to this size are looked into; larger ones by their beginning. */
const operandMost = 1024 * 1024;
const operandLeast = 12;
/** How many pickles one file may hold one after the other. */
const streamsMost = 10_000;

/** First bytes of what `torch.save` wrote before 1.6: a pickled magic number. */
export const torchMagic = Buffer.from('80028a0a6cfc9c46f9206aa85019', 'hex');

export interface StreamOptions {
  torch?: boolean;
  admits?: (module: string, name: string) => boolean;
  /** Pickles that the loader reads; what follows is raw data. */
  streams?: number;
}

/** Scans the pickles from `start` on. Whatever runs before an error has run, so nothing is forgiven for being broken. */
export function scanPickles(
  source: Source,
  start: number,
  context: ScanContext,
  options: StreamOptions = {},
): void {
  let at = start;
  const inert = context.role === 'tensor' || context.role === 'value';
  for (let count = 0; at < source.size; count++) {
    if (count >= (options.streams ?? streamsMost)) return;
    if (count > 0 && !startsPickle(source, at)) {
      reportRest(source, at, context);
      return;
    }
    const held: Parameters<ScanContext['report']>[0][] = [];
    const run = runOne(source, at, context, held, options);
    const certain = run.stopped || held.some(({ weight }) => weight === 'malicious');
    if (!inert || certain) held.forEach((one) => context.report(one));
    if (!run.stopped) {
      if (!inert)
        context.report({
          rule: 'pickle-broken',
          weight: 'error',
          offset: run.end,
          evidence: `after ${run.opcodes} opcodes`,
          why: run.fault ?? 'a loader would refuse this',
        });
      if (!inert) resume(source, run.end, context, options);
      return;
    }
    at = run.end;
    if (inert) return;
  }
}

/** Runs one pickle without reporting; undefined when `spend` ended it. */
export function probePickle(
  source: Source,
  start: number,
  { spend }: { spend: (cost: { opcodes: number }) => void },
): (PickleRun & { malicious: boolean }) | undefined {
  let malicious = false;
  try {
    const run = runPickle(source, start, {
      torch: false,
      operand: () => undefined,
      spend: (opcodes) => spend({ opcodes }),
      report: (weight) => {
        malicious ||= weight === 'malicious';
      },
    });
    return { ...run, malicious };
  } catch (error) {
    if (error instanceof LimitExceeded) return undefined;
    throw error;
  }
}

function runOne(
  source: Source,
  start: number,
  context: ScanContext,
  out: Parameters<ScanContext['report']>[0][],
  { torch = false, admits }: StreamOptions,
): PickleRun {
  const seen = new Set<string>();
  return runPickle(source, start, {
    torch,
    ...(admits === undefined ? {} : { admits }),
    spend: (opcodes) => context.spend({ opcodes }),
    report(weight: Weight, rule: string, offset: number, evidence: string, why: string) {
      const key = `${rule}\n${evidence}`;
      if (seen.has(key) || seen.size > 5000) return;
      seen.add(key);
      out.push({ rule, weight, offset, evidence, why });
    },
    operand: (from, to, kind) => lookInside(source, from, to, kind, context),
  });
}

/** A string in a pickle that is itself loadable is there to be loaded by something. */
function lookInside(
  source: Source,
  from: number,
  to: number,
  kind: 'bytes' | 'text',
  context: ScanContext,
): void {
  if (to - from < operandLeast || context.depth >= context.limits.depth) return;
  const head = source.read(from, 16);
  if (looksLoadable(head)) {
    context.nested('', source.slice(from, to), { role: 'value', base: from });
    return;
  }
  if (to - from > operandMost) return;
  if (kind === 'text' && source.read(from, to - from).includes(0xc2)) {
    // Python 2 bytes travel as text in Latin-1 (`_codecs.encode`).
    const bytes = Buffer.from(source.read(from, to - from).toString('utf8'), 'latin1');
    if (looksLoadable(bytes)) context.nested('', bytesSource(bytes), { role: 'value', base: from });
  }
  const decoded = encodedValue(source.read(from, to - from));
  if (decoded !== undefined) context.nested('', bytesSource(decoded), { role: 'value', base: from });
}

function startsPickle(source: Source, at: number): boolean {
  const [first, second] = source.read(at, 2);
  return (first === 0x80 && second !== undefined && second <= 5) || first === 0x28 || first === 0x63;
}

function reportRest(source: Source, at: number, context: ScanContext): void {
  const length = source.size - at;
  const rest = source.read(at, Math.min(length, 1024 * 1024));
  if (rest.every((byte) => byte === 0 || byte === 10 || byte === 13 || byte === 32)) return;
  const native = executableAt(source, at);
  context.report({
    rule: 'pickle-trailing-data',
    weight: 'suspicious',
    offset: at,
    evidence: `${length} bytes${native === undefined ? '' : `: ${native}`}`,
    why: 'data follows the end of the pickle; something else may read it',
  });
  resume(source, at, context, {});
}

/** Looks behind a fault for further streams: a loader that seeks would start there. */
function resume(source: Source, from: number, context: ScanContext, options: StreamOptions): void {
  const most = 16 * 1024 * 1024;
  const bytes = source.read(from + 1, most);
  let tried = 0;
  for (let at = bytes.indexOf(0x80); at >= 0 && tried < 64; at = bytes.indexOf(0x80, at + 1)) {
    const protocol = bytes[at + 1];
    if (protocol === undefined || protocol < 2 || protocol > 5) continue;
    tried += 1;
    const held: Parameters<ScanContext['report']>[0][] = [];
    runOne(source, from + 1 + at, context, held, options);
    const found = held.filter(({ weight }) => weight === 'malicious');
    found.forEach((one) => context.report(one));
    if (found.length > 0) return;
  }
}

/** What a container says of a pickle inside it. */
export function streamOptionsOf(role: Role): StreamOptions {
  return role === 'torch-pickle' ? { torch: true } : {};
}
