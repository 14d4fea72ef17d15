import type { Level } from '../../kernel/severity.ts';
import type { Source } from './source.ts';

/** `error` means that the file could not be judged; it is as blocked as `malicious`. */
export type ScanVerdict = 'clean' | 'suspicious' | 'malicious' | 'error';

/** What a finding says about the file it is in. A `note` changes nothing. */
export type Weight = 'note' | 'error' | 'suspicious' | 'malicious';

/** What a scanner reports. `offset` counts bytes of the source that the scanner was given. */
export interface Observation {
  rule: string;
  weight: Weight;
  offset: number;
  /** What was seen: shortened and made printable before it leaves. */
  evidence: string;
  why: string;
}

export interface ScanFinding {
  rule: string;
  severity: Level;
  /** Bytes from the start of the file; within a container `entry!offset`. */
  offset: number | string;
  evidence: string;
  why: string;
}

export interface ScanResult {
  file: string;
  format: string;
  verdict: ScanVerdict;
  findings: ScanFinding[];
}

export interface ScanLimits {
  /** Containers inside containers. */
  depth: number;
  /** Entries of one container. */
  entries: number;
  /** Unpacked bytes per packed byte, once more than a mebibyte came out. */
  ratio: number;
  /** Unpacked bytes of one entry that are held in memory. */
  entryBytes: number;
  /** Unpacked bytes over the whole file. */
  totalBytes: number;
  /** Pickle opcodes over the whole file. */
  opcodes: number;
  /** Milliseconds over the whole file. */
  milliseconds: number;
  /** Megabytes of heap for the worker. */
  megabytes: number;
}

export const defaultLimits: ScanLimits = {
  depth: 6,
  entries: 10_000,
  ratio: 200,
  entryBytes: 64 * 1024 * 1024,
  totalBytes: 512 * 1024 * 1024,
  opcodes: 50_000_000,
  milliseconds: 60_000,
  megabytes: 128,
};

/** What a nested source is in its container. */
export type Role =
  /** A file of its own: an unknown format is not proved harmless. */
  | 'file'
  /** Raw numbers by declaration: only what is clearly executable is reported. */
  | 'tensor'
  /** A value inside a document: judged when it is a loadable format, ignored otherwise. */
  | 'value'
  /** A pickle that `torch.load` reads, with storages as persistent ids. */
  | 'torch-pickle'
  /** Code that the TorchScript interpreter runs. */
  | 'torchscript-code'
  /** A Jinja template that is rendered with conversations. */
  | 'chat-template';

export interface ScanContext {
  /** Name of the file or entry, for rules that a loader ties to names. Never decides the format. */
  readonly name: string;
  readonly role: Role;
  readonly depth: number;
  readonly limits: ScanLimits;
  report(observation: Observation): void;
  /** Scans bytes found inside. Returns the formats it was read as; with `base`, their offsets are offsets of this source. */
  nested(name: string, source: Source, options?: { role?: Role; base?: number }): string[];
  /** Takes from the budgets of the whole scan and throws LimitExceeded when one is spent. */
  spend(cost: { opcodes?: number; bytes?: number }): void;
}

export interface Scanner {
  /** The folder's name and the `format` of the answer. */
  id: string;
  title: string;
  /** Whether the bytes are of this format: `magic` by signature or structure, `likely` by the look of a text without one. */
  recognise(source: Source, context: Pick<ScanContext, 'name' | 'role'>): 'magic' | 'likely' | undefined;
  scan(source: Source, context: ScanContext): void;
}

export function defineScanner(scanner: Scanner): Scanner {
  return scanner;
}

/** A loader would refuse these bytes here. */
export class Malformed extends Error {
  readonly offset: number;
  constructor(offset: number, why: string) {
    super(why);
    this.offset = offset;
  }
}

/** A bound of the scan was reached: what lies behind it is not judged. */
export class LimitExceeded extends Error {}
