import { parentPort } from 'node:worker_threads';
import { scanHere, type ScanRequest } from './scan-here.ts';

// The thread in which hostile files are read. One request, one answer; whoever started it ends it.
parentPort?.on('message', (request: ScanRequest) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(scanHere(request));
});
