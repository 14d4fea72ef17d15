import { defineScanner, type ScanContext } from '../contract.ts';
import { parseJson, type Json } from '../json-strict.ts';
import { judgeKeras } from '../keras/rules.ts';
import type { Source } from '../source.ts';

const magic = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');
const piece = 4 * 1024 * 1024;
const configMost = 8 * 1024 * 1024;

export const scanner = defineScanner({
  id: 'hdf5',
  title: 'HDF5 (Keras 2)',

  recognise(source) {
    if (source.read(0, 8).equals(magic)) return 'magic';
    // A user block may come first: the superblock stands at 512, 1024, 2048, ... (HDF5 file format 3.0 §II.A).
    for (let at = 512; at <= 1024 * 1024 && at < source.size; at *= 2)
      if (source.read(at, 8).equals(magic)) return 'magic';
    return undefined;
  },

  scan(source, context) {
    if (!source.read(0, 8).equals(magic))
      context.report({
        rule: 'hdf5-user-block',
        weight: 'suspicious',
        offset: 0,
        evidence: 'bytes before the superblock',
        why: 'the file can be another format from its start',
      });
    const reader = new ConfigReader(source, context);
    for (let at = 0; at < source.size; at += piece) {
      const bytes = source.read(at, piece + 65_536);
      reader.look(bytes, at);
      externalsIn(bytes, at, context);
      context.spend({});
    }
  },
});

/** Configurations that are parsed, and bytes that are searched for their ends. */
const configsMost = 100;
const searchedMost = 32 * 1024 * 1024;

/** Keras stores its configuration as one text, whole in the global heap or in the header of the root group. */
class ConfigReader {
  readonly #source: Source;
  readonly #context: ScanContext;
  #configs = 0;
  #searched = 0;

  constructor(source: Source, context: ScanContext) {
    this.#source = source;
    this.#context = context;
  }

  look(bytes: Buffer, base: number): void {
    const first = bytes.indexOf('"class_name"', 0, 'latin1');
    if (first < 0) return;
    // Whatever can be parsed: the names that always mean code are looked for in the text itself.
    lookForNames(bytes.toString('latin1'), base, this.#context);
    for (let at = first; at >= 0 && at < piece; at = bytes.indexOf('"class_name"', at + 1, 'latin1')) {
      if (this.#configs >= configsMost || this.#searched > searchedMost) return;
      const open = openingBefore(bytes, at);
      if (open === undefined) continue;
      const text = objectAt(this.#source, base + open);
      this.#searched += text?.length ?? configMost;
      if (text === undefined) continue;
      this.#configs += 1;
      this.#judge(text, base + open);
      at = Math.max(at, open + text.length);
    }
  }

  #judge(text: string, offset: number): void {
    let document: Json;
    try {
      document = parseJson(text, { python: true, onDuplicate: () => undefined });
    } catch {
      return;
    }
    for (const finding of judgeKeras(document)) this.#context.report({ ...finding, offset });
  }
}

function openingBefore(bytes: Buffer, at: number): number | undefined {
  for (let index = at - 1; index >= Math.max(0, at - 256); index--) {
    const byte = bytes[index]!;
    if (byte === 0x7b) return index;
    if (byte < 0x20 && byte !== 10 && byte !== 9) return undefined;
  }
  return undefined;
}

/** The object that begins here, by its braces. */
function objectAt(source: Source, start: number): string | undefined {
  const bytes = source.read(start, configMost);
  let depth = 0;
  let inText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (inText) {
      if (byte === 0x5c) at += 1;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x7b) depth += 1;
    else if (byte === 0x7d) {
      depth -= 1;
      if (depth === 0) return bytes.subarray(0, at + 1).toString('utf8');
    } else if (byte === 0) return undefined;
  }
  return undefined;
}

function lookForNames(text: string, offset: number, context: ScanContext): void {
  const found =
    /"(?:class_name|function_type)"\s*:\s*"(?:Lambda|__lambda__|lambda|TFSMLayer|TorchModuleWrapper)"/.exec(
      text,
    );
  if (found !== null)
    context.report({
      rule: 'keras-dangerous-name',
      weight: 'malicious',
      offset: offset + found.index,
      evidence: found[0],
      why: 'Python bytecode or another model is loaded with this one',
    });
}

/** Absolute or climbing file names next to the words of external links and storage. */
function externalsIn(bytes: Buffer, base: number, context: ScanContext): void {
  const text = bytes.toString('latin1');
  for (const found of text.matchAll(
    /\0((?:\/etc\/|\/proc\/|\/root\/|\/home\/|\.\.\/|[A-Za-z]:\\|\\\\)[\x20-\x7e]{2,200})\0/g,
  ))
    context.report({
      rule: 'hdf5-external-path',
      weight: 'suspicious',
      offset: base + found.index,
      evidence: found[1]!,
      why: 'external links and storage read another file when the model loads',
    });
}
