// Written by `npm run generate`. Do not edit.
import type { Scanner } from './contract.ts';
import { scanner as compressed } from './compressed/scan.ts';
import { scanner as executable } from './executable/scan.ts';
import { scanner as pickle } from './pickle/scan.ts';
import { scanner as safetensors } from './safetensors/scan.ts';
import { scanner as text } from './text/scan.ts';
import { scanner as torch } from './torch/scan.ts';
import { scanner as zip } from './zip/scan.ts';

export const scanners: readonly Scanner[] = [
  compressed,
  executable,
  pickle,
  safetensors,
  text,
  torch,
  zip,
];
