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
  const limits = { ...defaultLimits, ...options.limits };
  const request: ScanRequest =
    typeof target === 'string'
      ? { path: readable(target), file: options.name ?? target, limits }
      : { bytes: target, file: options.name ?? 'bytes', limits };
  const isolation = options.isolation ?? (import.meta.url.endsWith('.js') ? 'worker' : 'here');
  return isolation === 'here' ? scanHere(request) : scanInWorker(request);
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

function scanInWorker(request: ScanRequest): Promise<ScanResult> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: request,
    resourceLimits: {
      maxOldGenerationSizeMb: request.limits.megabytes,
      maxYoungGenerationSizeMb: 16,
      stackSizeMb: 4,
    },
    stdout: false,
    stderr: false,
  });
  return new Promise((resolve) => {
    const done = (result: ScanResult): void => {
      clearTimeout(timer);
      resolve(result);
      void worker.terminate();
    };
    const failed = (rule: string, evidence: string): void =>
      done({
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
      });
    const timer = setTimeout(
      () => failed('timeout', `${request.limits.milliseconds} ms`),
      request.limits.milliseconds + grace,
    );
    worker.once('message', (result: ScanResult) => done(result));
    worker.once('error', (error: NodeJS.ErrnoException) =>
      failed(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'scanner-failed',
        error.code ?? error.name,
      ),
    );
    worker.once('exit', (code) => failed('scanner-failed', `exit ${code}`));
  });
}
