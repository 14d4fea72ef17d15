import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Problem } from '../../kernel/problem.ts';
import { defaultLimits, type ScanLimits, type ScanResult } from './contract.ts';
import { scanHere, type ScanRequest } from './scan-here.ts';

export type { ScanFinding, ScanLimits, ScanResult, ScanVerdict } from './contract.ts';
export { worstVerdict } from './inspect.ts';

export interface ScanOptions {
  /** What the answer calls bytes that have no path. */
  name?: string;
  limits?: Partial<ScanLimits>;
  /**
   * `worker` (default where the program is built): a thread of its own, ended when it takes too much memory or time.
   * `here`: the calling thread, with the same limits on input but none on the engine.
   */
  isolation?: 'worker' | 'here';
}

/** Milliseconds that a worker may take beyond its own deadline before it is ended. */
const grace = 2000;

/**
 * Scans one file, or a folder as one model. Never rejects for what a file holds: what cannot be judged has the verdict `error`.
 * Throws FILE_UNREADABLE when there is no such file.
 */
export async function scanArtifact(
  target: string | Uint8Array,
  options: ScanOptions = {},
): Promise<ScanResult> {
  const scanner = openScanner(options);
  try {
    return await scanner.scan(target, options.name);
  } finally {
    scanner.close();
  }
}

export interface OpenScanner {
  /** As `scanArtifact`; scans follow each other in one thread, which is replaced when one of them ends it. */
  scan(target: string | Uint8Array, name?: string): Promise<ScanResult>;
  close(): void;
}

/** For many files: the thread is started once. */
export function openScanner({ limits: own, isolation }: Omit<ScanOptions, 'name'> = {}): OpenScanner {
  const limits = { ...defaultLimits, ...own };
  const here = (isolation ?? (import.meta.url.endsWith('.js') ? 'worker' : 'here')) === 'here';
  let worker: Worker | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const scanNext = async (request: ScanRequest): Promise<ScanResult> => {
    worker ??= startWorker(limits);
    const { result, alive } = await scanInWorker(worker, request);
    if (!alive) worker = undefined;
    return result;
  };
  return {
    async scan(target, name) {
      const request: ScanRequest =
        typeof target === 'string'
          ? { path: readable(target), file: name ?? target, limits }
          : { bytes: target, file: name ?? 'bytes', limits };
      if (here) return scanHere(request);
      const result = last.then(() => scanNext(request));
      last = result;
      return result;
    },
    close() {
      void worker?.terminate();
      worker = undefined;
    },
  };
}

/** Files below a path in the order of their names, links not followed; the path itself when it is a file. */
export function filesBelow(path: string): string[] {
  if (!statSync(readable(path)).isDirectory()) return [path];
  const files: string[] = [];
  const open = [path];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop())
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const child = join(folder, entry.name);
      if (entry.isDirectory()) open.push(child);
      else if (entry.isFile()) files.push(child);
    }
  return files.sort();
}

function readable(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !(stat.isFile() || stat.isDirectory()))
    throw new Problem('FILE_UNREADABLE', {
      detail: `\`${path}\` is no file or folder that can be read`,
      fix: 'Give the path of a model file or of a folder with one.',
      facts: { file: path },
    });
  return path;
}

function startWorker(limits: ScanLimits): Worker {
  return new Worker(new URL('./worker.js', import.meta.url), {
    resourceLimits: {
      maxOldGenerationSizeMb: limits.megabytes,
      maxYoungGenerationSizeMb: 16,
      stackSizeMb: 4,
    },
  });
}

/** Never rejects: whatever ends the thread is an answer. */
function scanInWorker(worker: Worker, request: ScanRequest): Promise<{ result: ScanResult; alive: boolean }> {
  return new Promise((resolve) => {
    const done = (result: ScanResult, alive: boolean): void => {
      clearTimeout(timer);
      worker.off('message', answered).off('error', broke).off('exit', ended);
      // An idle thread keeps no process from ending; one that is ended may still report why, and nobody waits for it.
      worker.unref();
      if (!alive) {
        worker.on('error', () => undefined);
        void worker.terminate();
      }
      resolve({ result, alive });
    };
    const failed = (rule: string, evidence: string): void =>
      done(
        {
          file: request.file,
          format: 'unknown',
          verdict: 'error',
          findings: [
            {
              rule,
              severity: 'medium',
              offset: 0,
              evidence,
              why: 'the scan did not end, so nothing is proved',
            },
          ],
        },
        false,
      );
    const timer = setTimeout(
      () => failed('timeout', `${request.limits.milliseconds} ms`),
      request.limits.milliseconds + grace,
    );
    const answered = (result: ScanResult): void => done(result, true);
    const broke = (error: NodeJS.ErrnoException): void =>
      failed(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'scanner-failed',
        error.code ?? error.name,
      );
    const ended = (code: number): void => failed('scanner-failed', `exit ${code}`);
    worker.on('message', answered).on('error', broke).on('exit', ended);
    worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    worker.postMessage(request);
  });
}
