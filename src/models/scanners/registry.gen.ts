// Written by `npm run generate`. Do not edit.
import type { Scanner } from './contract.ts';
import { scanner as compressed } from './compressed/scan.ts';
import { scanner as executable } from './executable/scan.ts';
import { scanner as gguf } from './gguf/scan.ts';
import { scanner as hdf5 } from './hdf5/scan.ts';
import { scanner as json } from './json/scan.ts';
import { scanner as keras } from './keras/scan.ts';
import { scanner as media } from './media/scan.ts';
import { scanner as numpy } from './numpy/scan.ts';
import { scanner as onnx } from './onnx/scan.ts';
import { scanner as pickle } from './pickle/scan.ts';
import { scanner as python } from './python/scan.ts';
import { scanner as safetensors } from './safetensors/scan.ts';
import { scanner as savedmodel } from './savedmodel/scan.ts';
import { scanner as skops } from './skops/scan.ts';
import { scanner as tar } from './tar/scan.ts';
import { scanner as template } from './template/scan.ts';
import { scanner as text } from './text/scan.ts';
import { scanner as tokenizer } from './tokenizer/scan.ts';
import { scanner as torch } from './torch/scan.ts';
import { scanner as xml } from './xml/scan.ts';
import { scanner as yaml } from './yaml/scan.ts';
import { scanner as zip } from './zip/scan.ts';

export const scanners: readonly Scanner[] = [
  compressed,
  executable,
  gguf,
  hdf5,
  json,
  keras,
  media,
  numpy,
  onnx,
  pickle,
  python,
  safetensors,
  savedmodel,
  skops,
  tar,
  template,
  text,
  tokenizer,
  torch,
  xml,
  yaml,
  zip,
];
