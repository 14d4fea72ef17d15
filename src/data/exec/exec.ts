import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { arch, constants, platform, release, tmpdir } from 'node:os';
import { basename, delimiter, dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { Problem } from '../../kernel/problem.ts';
import { digestFile } from '../../manifest/digest.ts';
import { discard, sweep, workName } from '../../manifest/snapshot.ts';
import type { DatasetRegistry, View } from '../registry/registry.ts';
import { launcher } from './launcher.ts';
import { pythonHelper } from './python-helper.ts';

export interface ExecRequest {
  datasets: readonly string[];
  purpose?: string | undefined;
  model?: string | undefined;
  command: readonly string[];
  cwd: string;
  env: Record<string, string | undefined>;
  /** Names of variables that the command also gets. */
  passed?: readonly string[];
  /** Files and folders that are code beside those found by their names. */
  code?: readonly string[];
  /** Folder for what the run makes; new or empty. */
  out?: string | undefined;
  /** Also run where the kernel cannot enforce. */
  allowAdvisory?: boolean;
  now(): number;
  /** The command's output; inherited by default. */
  output?: 'inherit' | 'ignore' | ((chunk: Buffer) => void);
}

/** `kernel`: Landlock and seccomp hold. `advisory`: only the copy and its digests do. */
export type Enforcement = 'kernel' | 'advisory';

export interface Run {
  run: string;
  exit: number;
  enforcement: Enforcement;
  out: string;
  /** The signed receipt, a Sigstore bundle. */
  receipt: string;
  outputs: { path: string; sha256: string }[];
}

interface LauncherState {
  landlock: number;
  network: boolean;
  problems: string[];
}

const system = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/etc', '/proc', '/sys', '/nix/store'];
const devices = ['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom', '/dev/tty'];
const codeNames = new Set([
  '.py',
  '.pyi',
  '.pyx',
  '.so',
  '.js',
  '.mjs',
  '.cjs',
  '.ts',
  '.sh',
  '.r',
  '.jl',
  '.toml',
  '.cfg',
  '.ini',
  '.yaml',
  '.yml',
]);
const keptVariables = /^(?:PATH|LANG|LC_\w+|TZ|TERM|OMP_\w+|MKL_\w+|CUDA_VISIBLE_DEVICES)$/;
const skippedFolders = new Set(['.git', 'node_modules', '__pycache__', '.venv', 'venv']);
/** Never code, whoever says so. */
const dataNames =
  /\.(?:csv|tsv|jsonl|ndjson|parquet|arrow|feather|npy|npz|zip|gz|bz2|xz|zst|tar|db|sqlite|h5|xlsx)$/i;
/** Data that calls itself code is small and stands in the receipt. */
const largestCode = 1 << 20;
const mostCode = 5000;

/**
 * Runs a command that can read approved datasets and nothing else of the kind: each is copied fresh, verified against its
 * signed approval, and is the only data that the process and its children may open. Ends with a signed receipt.
 * @throws Problem BLOCKED when a dataset may not be used, ASSET_MISSING when nothing can enforce it
 */
export async function execute(
  registry: Pick<DatasetRegistry, 'open' | 'receipt'>,
  request: ExecRequest,
): Promise<Run> {
  const { command, now } = request;
  if (command.length === 0)
    throw new Problem('USAGE', { detail: 'there is no command', fix: 'Write it after `--`.' });
  if (request.datasets.length === 0)
    throw new Problem('USAGE', { detail: 'no dataset is named', fix: 'Give `--dataset ID`.' });
  const run = `${new Date(now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}-${randomBytes(4).toString('hex')}`;
  // Copies of a run that was killed hold data: they go first.
  const place = realpathSync(tmpdir());
  await sweep(place, 'merlon-run-');
  const folder = join(place, workName('merlon-run-'));
  await mkdir(folder, { mode: 0o700 });
  try {
    const views = new Map<string, View>();
    for (const id of new Set(request.datasets)) {
      const { purpose, model } = request;
      views.set(id, await registry.open(id, { purpose, model }, join(folder, 'data', id)));
    }
    const out = await emptyFolder(resolve(request.cwd, request.out ?? join('runs', run)));
    const started = now();
    const { exit, state, code } = await launch(request, { folder, views, out });
    const enforcement: Enforcement = state.landlock > 0 && state.network ? 'kernel' : 'advisory';
    const outputs = await outputsOf(out);
    const { bundle } = await registry.receipt({
      run,
      inputs: [...views.values()].map(({ dataset, root, approver, expires }) => ({
        dataset,
        root,
        approver,
        expires,
      })),
      purpose: request.purpose ?? [...views.values()][0]!.purpose,
      model: request.model ?? null,
      command: {
        program: basename(command[0]!),
        arguments: command.length - 1,
        sha256: sha256(JSON.stringify(command)),
      },
      code,
      environment: {
        platform: platform(),
        release: release(),
        arch: arch(),
        variables: passedVariables(request),
      },
      enforcement: { level: enforcement, ...state },
      outputs,
      exit,
      started,
      ended: now(),
    });
    return { run, exit, enforcement, out, receipt: bundle, outputs };
  } finally {
    await discard(folder);
  }
}

async function launch(
  request: ExecRequest,
  { folder, views, out }: { folder: string; views: ReadonlyMap<string, View>; out: string },
): Promise<{ exit: number; state: LauncherState; code: { path: string; sha256: string }[] }> {
  const { env, command, allowAdvisory = false } = request;
  const scratch = join(folder, 'tmp');
  const support = join(folder, 'support');
  await Promise.all([mkdir(scratch), mkdir(support)]);
  await writeFile(join(support, 'merlon_data.py'), pythonHelper);
  const python = await findPython(env);
  const program = await findProgram(request, python);
  const { files: codeFiles, folders: codeFolders } = await codeOf(request);
  const code = await Promise.all(
    codeFiles.map(async (path) => ({ path, sha256: await digestFile(path, 'sha256') })),
  );

  const environment: Record<string, string> = {
    ...Object.fromEntries(passedVariables(request).map((name) => [name, env[name]!])),
    HOME: scratch,
    TMPDIR: scratch,
    PYTHONPATH: support,
    PYTHONDONTWRITEBYTECODE: '1',
    HF_HUB_OFFLINE: '1',
    MERLON_DATASETS: JSON.stringify(
      Object.fromEntries(
        Array.from(views, ([id, { path, resources }]) => [
          id,
          { path, files: Object.fromEntries(resources.map((one) => [one.path, one.digest])) },
        ]),
      ),
    ),
    MERLON_OUT: out,
  };
  const policy = {
    cwd: request.cwd,
    command: [program.path, ...command.slice(1)],
    environment,
    advisory: allowAdvisory,
    allow: {
      run: [...system, ...program.places],
      device: devices,
      read: [support, ...Array.from(views.values(), ({ path }) => path)],
      file: codeFiles,
      list: codeFolders,
      write: [scratch, out],
    },
  };
  const policyFile = join(folder, 'policy.json');
  await writeFile(policyFile, JSON.stringify(policy), { mode: 0o600 });
  const launcherFile = join(folder, 'launcher.py');
  await writeFile(launcherFile, launcher);

  if (!python) {
    if (!allowAdvisory) throw cannotEnforce('Python 3 is not there to start the command');
    const state = { landlock: 0, network: false, problems: ['no Python 3'] };
    return { exit: await wait(start(policy.command, environment, request)), state, code };
  }
  const child = start([python, '-I', '-S', launcherFile, policyFile], { ...environment }, request);
  const said = read(child.stdio[3] as Readable);
  const exit = await wait(child);
  const state = parseState(await said);
  if (exit === 125 && !(state.landlock > 0 && state.network)) {
    throw cannotEnforce(state.problems.join('; ') || 'the launcher failed');
  }
  return { exit, state, code };
}

function start(command: readonly string[], env: Record<string, string>, request: ExecRequest) {
  const { output = 'inherit' } = request;
  const stream = typeof output === 'function' ? 'pipe' : output;
  // No standard input: data could come in there, and nobody would have approved it.
  const child = spawn(command[0]!, command.slice(1), {
    cwd: request.cwd,
    env,
    stdio: ['ignore', stream, stream, 'pipe'],
  });
  if (typeof output === 'function') {
    child.stdout!.on('data', output);
    child.stderr!.on('data', output);
  }
  return child;
}

/** How the command ended. A signal to us goes to it, so that what follows it still happens. */
function wait(child: ReturnType<typeof start>): Promise<number> {
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  return new Promise<number>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) =>
      done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  }).finally(() => {
    for (const signal of signals) process.off(signal, forward);
  });
}

async function read(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

function parseState(text: string): LauncherState {
  try {
    return JSON.parse(text) as LauncherState;
  } catch {
    return { landlock: 0, network: false, problems: ['the launcher said nothing'] };
  }
}

function cannotEnforce(why: string): Problem {
  return new Problem('ASSET_MISSING', {
    detail: `this machine cannot keep the command from other data: ${why}`,
    fix: 'Run it on Linux ≥ 6.7 with Landlock and Python 3, or accept an unenforced run with `--allow-advisory`.',
  });
}

const run = promisify(execFile);

/** The real interpreter behind `python3`, past version managers. */
async function findPython(env: ExecRequest['env']): Promise<string | undefined> {
  for (const name of ['/usr/bin/python3', 'python3', 'python']) {
    const found = await whereIs(name, env);
    if (found) return found.executable;
  }
  return undefined;
}

async function whereIs(
  python: string,
  env: ExecRequest['env'],
): Promise<{ executable: string; prefixes: string[] } | undefined> {
  try {
    const { stdout } = await run(
      python,
      [
        '-I',
        '-c',
        'import json,sys;print(json.dumps([sys.executable,sys.prefix,sys.base_prefix,sys.version_info[0]]))',
      ],
      { env, timeout: 10_000 },
    );
    const [executable, prefix, base, major] = JSON.parse(stdout) as [string, string, string, number];
    return major === 3 ? { executable, prefixes: [prefix, base] } : undefined;
  } catch {
    return undefined;
  }
}

/** The program behind the first word of the command, and the folders it is installed in. */
async function findProgram(
  { command, cwd, env }: ExecRequest,
  python: string | undefined,
): Promise<{ path: string; places: string[] }> {
  const name = command[0]!;
  const path = name.includes(sep)
    ? resolve(cwd, name)
    : (env['PATH'] ?? '')
        .split(delimiter)
        .filter((folder) => isAbsolute(folder))
        .map((folder) => join(folder, name))
        .find((file) => existsSync(file) && statSync(file).isFile());
  if (path === undefined || !existsSync(path)) {
    throw new Problem('FILE_UNREADABLE', {
      detail: `there is no program \`${name}\``,
      facts: { file: name },
    });
  }
  const pythonPlaces = python === undefined ? [] : [dirname(dirname(realpathSync(python)))];
  if (/^python[\d.]*$/.test(basename(name))) {
    const found = await whereIs(path, env);
    if (found)
      return { path: found.executable, places: [...found.prefixes, ...pythonPlaces].filter(installation) };
  }
  const real = realpathSync(path);
  const prefix = dirname(dirname(real));
  const installed =
    basename(dirname(real)) === 'bin' && !`${realpathSync(cwd)}${sep}`.startsWith(prefix + sep);
  // A program of the project brings itself only: what lies beside it may be data.
  return { path, places: [...(installed ? [prefix] : []), real, ...pythonPlaces].filter(installation) };
}

/** A folder of programs, not one that also holds people's files. */
function installation(folder: string): boolean {
  return (
    folder.split(sep).length > 2 &&
    !/^\/(?:home|Users)\/[^/]+$|^\/(?:root|tmp|var|mnt|media|srv|data)(?:\/[^/]*)?$/.test(folder)
  );
}

/** Code: what the command names, what `--code` names, and small files below the folder that are called code. */
async function codeOf({
  command,
  cwd,
  code = [],
}: ExecRequest): Promise<{ files: string[]; folders: string[] }> {
  const files = new Set<string>();
  const folders = new Set<string>([cwd]);
  const take = async (path: string, named: boolean): Promise<void> => {
    // A link may lead to data: only what `--code` names is followed.
    const about = await (named ? stat(path) : lstat(path)).catch(() => undefined);
    if (!about) {
      if (!named) return;
      throw new Problem('FILE_UNREADABLE', { detail: `\`${path}\` cannot be read`, facts: { file: path } });
    }
    if (about.isDirectory()) {
      folders.add(path);
      for (const entry of await readdir(path, { withFileTypes: true })) {
        if (entry.isSymbolicLink() || skippedFolders.has(entry.name)) continue;
        await take(join(path, entry.name), false);
      }
      return;
    }
    const small = about.isFile() && about.size <= largestCode && about.nlink === 1;
    if (named && (!small || dataNames.test(path))) {
      throw new Problem('INPUT_INVALID', {
        detail: `\`${path}\` is no code: data comes in with \`--dataset\``,
        fix: 'Code is small files with one link; register data with `merlon dataset register`.',
      });
    }
    if (!small || !(named || codeNames.has(extname(path).toLowerCase()))) return;
    files.add(path);
    if (files.size > mostCode) {
      throw new Problem('TOO_LARGE', {
        detail: `there are more than ${mostCode} code files below \`${cwd}\``,
        fix: 'Run it in the folder of the project.',
      });
    }
  };
  await take(realpathSync(cwd), false);
  // The script that an interpreter runs; other arguments may name data.
  for (const word of command.slice(1))
    if (codeNames.has(extname(word).toLowerCase())) await take(resolve(cwd, word), false);
  for (const path of code) await take(resolve(cwd, path), true);
  return { files: [...files].sort(), folders: [...folders] };
}

function passedVariables({ env, passed = [] }: ExecRequest): string[] {
  return Object.keys(env)
    .filter((name) => env[name] !== undefined && (keptVariables.test(name) || passed.includes(name)))
    .sort();
}

/** What is readable there would be readable for the run: it must be nothing. */
async function emptyFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  if ((await readdir(path)).length === 0) return realpathSync(path);
  throw new Problem('CONFLICT', {
    detail: `\`${path}\` is not empty`,
    fix: 'Give a new folder with `--out`: the run could read what lies there.',
  });
}

/** Digests of the regular files that the run made; links and devices are not taken as results. */
async function outputsOf(out: string): Promise<Run['outputs']> {
  const entries = await readdir(out, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return Promise.all(
    paths.sort().map(async (path) => ({
      path: relative(out, path).split(sep).join('/'),
      sha256: await digestFile(path, 'sha256'),
    })),
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Writes the helper where a notebook can import it. */
export async function writePythonHelper(folder: string): Promise<string> {
  const file = join(folder, 'merlon_data.py');
  if (existsSync(file) && (await readFile(file, 'utf8')) !== pythonHelper) {
    throw new Problem('CONFLICT', { detail: `\`${file}\` is there already and is another file` });
  }
  await writeFile(file, pythonHelper);
  return file;
}
