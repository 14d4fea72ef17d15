import { Worker } from 'node:worker_threads';
import { Problem } from '../../kernel/problem.ts';
import { Analyst, type FileReport, type Job, type JobResult } from './analyst.ts';
import type { ScanAssets } from './detect.ts';
import type { Ask } from './thread.ts';

/** Threads that analyse records. */
export interface Pool {
  threads: number;
  run(job: Job): Promise<JobResult>;
  /** What every thread knows of a file, once all its jobs are done. */
  reports(file: number): Promise<FileReport[]>;
  close(): Promise<void>;
}

/** MiB of one thread: models, sketches and the chunks at hand. Together with the main thread a scan stays below 512 MiB. */
const heap = { maxOldGenerationSizeMb: 160, maxYoungGenerationSizeMb: 16 };
export const mostThreads = 2;

/** Threads of the compiled package; `threads: 0` works in this thread, as everything does from the sources. */
export function openPool(assets: ScanAssets, threads: number): Pool {
  if (threads === 0 || !import.meta.url.endsWith('.js')) {
    const analyst = new Analyst(assets);
    return {
      threads: 0,
      run: (job) => analyst.run(job),
      reports: async (file) => [analyst.report(file)],
      close: async () => undefined,
    };
  }
  const workers = Array.from({ length: threads }, () => openThread(assets));
  return {
    threads,
    run(job) {
      const idle = workers.reduce((best, one) => (one.waiting() < best.waiting() ? one : best));
      return idle.ask<JobResult>(
        (id) => ({ id, job }),
        job.bytes?.buffer instanceof ArrayBuffer ? [job.bytes.buffer] : [],
      );
    },
    reports: (file) => Promise.all(workers.map((one) => one.ask<FileReport>((id) => ({ id, report: file })))),
    async close() {
      await Promise.all(workers.map((one) => one.close()));
    },
  };
}

interface Thread {
  ask<T>(ask: (id: number) => Ask, transfer?: ArrayBuffer[]): Promise<T>;
  waiting(): number;
  close(): Promise<number>;
}

function openThread(workerData: ScanAssets): Thread {
  const worker = new Worker(new URL('./thread.js', import.meta.url), { workerData, resourceLimits: heap });
  const waiting = new Map<number, { resolve: (answer: never) => void; reject: (error: unknown) => void }>();
  let last = 0;
  let broken: Problem | undefined;
  const fail = (cause: unknown): void => {
    broken ??= new Problem('INTERNAL', {
      detail: 'a thread of the scan broke',
      fix: 'Run it again with `--threads 1`; a record of many megabytes may need it.',
      cause,
    });
    for (const { reject } of waiting.values()) reject(broken);
    waiting.clear();
  };
  worker.on('error', fail);
  worker.on('exit', (code) => fail(code));
  worker.on('message', ({ id, answer, error }: { id: number; answer?: never; error?: string }) => {
    const caller = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) caller?.resolve(answer as never);
    else caller?.reject(new Problem('INPUT_INVALID', { detail: error }));
  });
  return {
    ask: (make, transfer = []) =>
      new Promise((resolve, reject) => {
        if (broken !== undefined) return reject(broken);
        const id = (last += 1);
        waiting.set(id, { resolve, reject });
        worker.postMessage(make(id), transfer);
      }),
    waiting: () => waiting.size,
    close: () => worker.terminate(),
  };
}
