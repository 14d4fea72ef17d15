import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { LimitExceeded, type ScanLimits, type ScanResult } from './contract.ts';
import { inspect } from './inspect.ts';
import { printable } from './printable.ts';
import { scanRepository } from './repository/folder.ts';
import { bytesSource, fileSource } from './source.ts';

export interface ScanRequest {
  path?: string;
  bytes?: Uint8Array;
  /** What the answer calls it. */
  file: string;
  limits: ScanLimits;
}

/** Scans in the calling thread. What stops the scan is an answer too: nothing that was not judged is clean. */
export function scanHere(request: ScanRequest): ScanResult {
  try {
    return scanNow(request);
  } catch (error) {
    const evidence = error instanceof Error ? error.message : String(error);
    return {
      file: request.file,
      format: 'unknown',
      verdict: 'error',
      findings: [
        {
          rule: error instanceof LimitExceeded ? 'limit' : 'scanner-failed',
          severity: 'medium',
          offset: 0,
          evidence: printable(evidence),
          why: 'the scan did not end, so nothing is proved',
        },
      ],
    };
  }
}

function scanNow({ path, bytes, file, limits }: ScanRequest): ScanResult {
  if (path === undefined) return inspect(file, bytesSource(bytes ?? new Uint8Array()), limits);
  if (statSync(path).isDirectory()) return scanRepository(path, file, limits);
  const descriptor = openSync(path, 'r');
  try {
    return inspect(file, fileSource(descriptor, fstatSync(descriptor).size), limits);
  } finally {
    closeSync(descriptor);
  }
}
