import { parentPort, workerData } from 'node:worker_threads';
import { scanHere, type ScanRequest } from './scan-here.ts';

// The thread in which hostile files are read. It answers once; whoever started it ends it.
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.postMessage(scanHere(workerData as ScanRequest));
