import { readFileSync, unwatchFile, watchFile, writeFileSync, renameSync } from 'node:fs';
import { relative } from 'node:path';
import { controls } from '../gateway/controls/registry.gen.ts';
import { probes } from '../gateway/controls/probes.gen.ts';
import { Problem } from '../kernel/problem.ts';
import type { Mode } from '../kernel/vocabulary.ts';
import { analyze, type Analysis } from '../threat-model/analyze.ts';
import type { Rule } from '../threat-model/rules.ts';

/** What runs without a threat model: one client, one model, everything else observed. */
const unmodelled = `schema: merlon/v1
system: {id: observed, name: Observed application, mode: observe}
zones:
  - {id: app, trust: 2}
  - {id: provider, trust: 1, kind: third_party}
elements:
  - {id: app, kind: app, zone: app}
  - {id: llm, kind: model, zone: provider, hosting: provider_api}
flows:
  - {id: prompt, from: app, to: llm}
`;

/** The threat model that runs: the file, what follows from it, and its changes. */
export interface ModelFile {
  /** Path as people wrote it; undefined when there is no file. */
  file: string | undefined;
  text(): string;
  current(): Analysis;
  /** Writes the file as a whole and makes it current. @throws Problem CONFLICT when there is no file or `from` is not its text, MODEL_INVALID */
  write(change: { from: string; to: string }): void;
  close(): void;
}

interface ModelFileOptions {
  path: string | undefined;
  mode: Mode | undefined;
  rules: readonly Rule[];
  now(): number;
  /** A changed file that holds; the old one is enforced until then. */
  onChange(analysis: Analysis): void;
  /** A changed file that does not hold: the old one stays. */
  onProblem(problem: unknown): void;
}

/** @throws Problem FILE_UNREADABLE, MODEL_INVALID */
export function openModelFile({ path, mode, rules, now, onChange, onProblem }: ModelFileOptions): ModelFile {
  const file = path === undefined ? undefined : relative(process.cwd(), path) || path;
  const read = (text: string): Analysis =>
    analyze(text, {
      rules,
      controls,
      probes,
      now: now(),
      ...(file === undefined ? {} : { file }),
      ...(mode ? { mode } : {}),
    });
  let text = path === undefined ? unmodelled : readText(path);
  let analysis = read(text);

  const take = (next: string): void => {
    if (next === text) return;
    const fresh = read(next);
    onChange(fresh);
    text = next;
    analysis = fresh;
  };
  const watch = (): void => {
    try {
      take(readText(path!));
    } catch (problem) {
      onProblem(problem);
    }
  };
  if (path !== undefined) watchFile(path, { interval: 1000, persistent: false }, watch);

  return {
    file,
    text: () => text,
    current: () => analysis,
    write({ from, to }) {
      if (path === undefined) {
        throw new Problem('CONFLICT', {
          detail: 'no threat model file is in use',
          fix: 'Run `merlon init`, then `merlon up --model threat-model.yaml`.',
        });
      }
      if (readText(path) !== from) {
        throw new Problem('CONFLICT', {
          detail: `\`${file}\` changed in the meantime`,
          fix: 'Read it again, and make the change on what it says now.',
        });
      }
      read(to);
      // Beside and renamed: a reader sees the old file or the new one.
      writeFileSync(`${path}.new`, to);
      renameSync(`${path}.new`, path);
      take(to);
    },
    close: () => path !== undefined && unwatchFile(path, watch),
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Problem('FILE_UNREADABLE', {
      detail: `\`${path}\` cannot be read`,
      fix: 'Name an existing threat model with `--model`, or make one with `merlon init`.',
      cause,
    });
  }
}
