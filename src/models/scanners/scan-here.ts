import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import type { ScanLimits, ScanResult } from './contract.ts';
import { inspect } from './inspect.ts';
import { bytesSource, fileSource } from './source.ts';

export interface ScanRequest {
  path?: string;
  bytes?: Uint8Array;
  /** What the answer calls it. */
  file: string;
  limits: ScanLimits;
}

/** Scans in the calling thread. */
export function scanHere({ path, bytes, file, limits }: ScanRequest): ScanResult {
  if (path === undefined) return inspect(file, bytesSource(bytes ?? new Uint8Array()), limits);
  if (statSync(path).isDirectory()) return { file, format: 'folder', verdict: 'clean', findings: [] };
  const descriptor = openSync(path, 'r');
  try {
    return inspect(file, fileSource(descriptor, fstatSync(descriptor).size), limits);
  } finally {
    closeSync(descriptor);
  }
}
