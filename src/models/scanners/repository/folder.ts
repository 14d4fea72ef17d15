import { closeSync, fstatSync, lstatSync, openSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { LimitExceeded, type Observation, type ScanLimits, type ScanResult } from '../contract.ts';
import { inspectMembers, type Member } from '../inspect.ts';
import { fileSource } from '../source.ts';

/** Formats of weights that run code when they are loaded, and those that cannot. */
const loadable = new Set([
  'pickle',
  'torch',
  'compressed',
  'numpy',
  'keras',
  'hdf5',
  'savedmodel',
  'skops',
  'tar',
  'zip',
]);
const inert = new Set(['safetensors', 'gguf', 'onnx']);

/** A folder as one model: every file by its content, and what only their combination shows. */
export function scanRepository(path: string, file: string, limits: ScanLimits): ScanResult {
  const found = membersOf(path, limits.entries);
  return inspectMembers(file, 'repository', found.members, limits, (report, formats) => {
    for (const { name, observation } of found.observations) report(name, observation);
    reportShadowing(formats, report);
  });
}

function reportShadowing(
  formats: ReadonlyMap<string, string[]>,
  report: (place: string, observation: Observation) => void,
): void {
  const safe = [...formats].find(([, own]) => own.some((one) => inert.has(one)))?.[0];
  if (safe === undefined) return;
  for (const [name, own] of formats)
    if (own.some((one) => loadable.has(one)) && dirname(name) === dirname(safe))
      report(name, {
        rule: 'format-shadowing',
        weight: 'note',
        offset: 0,
        evidence: `${name} beside ${safe}`,
        why: 'a loader that prefers this format, or is told to, loads this file instead of the safe one',
      });
}

interface Found {
  members: Member[];
  observations: { name: string; observation: Observation }[];
}

/** Files below a folder in the order of their names. Links to files are followed, as loaders do; a link out of the model is reported. */
function membersOf(root: string, most: number): Found {
  const members: Member[] = [];
  const observations: Found['observations'] = [];
  const real = realpathSync(root);
  // A hub cache keeps contents in `blobs` beside `snapshots`.
  const blobs = /[\\/]snapshots[\\/][^\\/]+$/.test(real) ? join(dirname(dirname(real)), 'blobs') : undefined;
  const open = [root];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop())
    for (const entry of readdirSync(folder).sort()) {
      const path = join(folder, entry);
      const name = relative(root, path).replaceAll(sep, '/');
      if (name === '.git') continue;
      if (members.length + open.length > most) throw new LimitExceeded(`more than ${most} files`);
      const own = lstatSync(path);
      if (own.isSymbolicLink()) {
        const observation = judgeLink(path, real, blobs);
        if (observation !== undefined) observations.push({ name, observation });
        if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) continue;
      } else if (own.isDirectory()) {
        open.push(path);
        continue;
      } else if (!own.isFile()) {
        observations.push({
          name,
          observation: {
            rule: 'special-file',
            weight: 'suspicious',
            offset: 0,
            evidence: name,
            why: 'a model has no devices, pipes or sockets',
          },
        });
        continue;
      }
      members.push(memberAt(path, name));
    }
  return { members: members.sort((one, other) => (one.name < other.name ? -1 : 1)), observations };
}

function judgeLink(path: string, root: string, blobs: string | undefined): Observation | undefined {
  let target: string;
  try {
    target = realpathSync(path);
  } catch {
    return {
      rule: 'broken-link',
      weight: 'suspicious',
      offset: 0,
      evidence: path.slice(root.length),
      why: 'the link leads nowhere yet',
    };
  }
  if (
    [root, blobs].some(
      (folder) => folder !== undefined && (target === folder || target.startsWith(folder + sep)),
    )
  )
    return undefined;
  return {
    rule: 'link-out-of-model',
    weight: 'suspicious',
    offset: 0,
    evidence: target,
    why: 'the link leads out of the model',
  };
}

function memberAt(path: string, name: string): Member {
  return {
    name,
    use(work) {
      const descriptor = openSync(path, 'r');
      try {
        const stat = fstatSync(descriptor);
        work(fileSource(descriptor, stat.size));
      } finally {
        closeSync(descriptor);
      }
    },
  };
}
