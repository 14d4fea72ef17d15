import { parentPort, workerData } from 'node:worker_threads';
import { Analyst, type Job } from './analyst.ts';
import type { ScanAssets } from './detect.ts';

/** What the main thread asks; answers carry the same id. */
export type Ask = { id: number; job: Job } | { id: number; report: number };

const port = parentPort;
if (port) {
  const analyst = new Analyst(workerData as ScanAssets);
  const answer = async (ask: Ask): Promise<void> => {
    try {
      const answered = 'job' in ask ? await analyst.run(ask.job) : analyst.report(ask.report);
      port.postMessage({ id: ask.id, answer: answered });
    } catch (error) {
      port.postMessage({ id: ask.id, error: error instanceof Error ? error.message : String(error) });
    }
  };
  port.on('message', (ask: Ask) => void answer(ask));
}
