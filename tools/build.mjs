// Builds the server (dist/) and the console (console/dist), each only when its sources are newer than the last build.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = new URL('..', import.meta.url).pathname;

/** Newest modification time below the paths, in milliseconds. Folders count too, so that a deletion shows. */
function newest(paths) {
  let time = 0;
  const visit = (path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return;
    time = Math.max(time, stat.mtimeMs);
    if (!stat.isDirectory()) return;
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name === 'dist') continue;
      const child = join(path, entry.name);
      if (entry.isDirectory()) visit(child);
      else time = Math.max(time, statSync(child).mtimeMs);
    }
  };
  paths.forEach((path) => visit(join(root, path)));
  return time;
}

const stampOf = (folder) => statSync(join(root, folder, '.built'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const stamp = (folder) => writeFileSync(join(root, folder, '.built'), '');

function run(label, script, args, output) {
  console.error(label);
  const { status } = spawnSync(process.execPath, [join(root, script), ...args], {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (status !== 0) {
    rmSync(join(root, output), { recursive: true, force: true });
    console.error(`${label} failed`);
    process.exit(3);
  }
}

/** Builds what is stale. Sources older than the stamp are left alone. */
export function build({ console: withConsole = true } = {}) {
  if (newest(['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']) > stampOf('dist')) {
    // Built aside and swapped in: a failed build leaves the last good one, a deleted source does not live on.
    const fresh = `dist.${process.pid}`;
    run(
      'building the server (dist/)',
      'node_modules/typescript/bin/tsc',
      ['-p', 'tsconfig.build.json', '--outDir', fresh],
      fresh,
    );
    stamp(fresh);
    rmSync(join(root, 'dist'), { recursive: true, force: true });
    renameSync(join(root, fresh), join(root, 'dist'));
  }
  if (
    withConsole &&
    existsSync(join(root, 'console/vite.config.ts')) &&
    newest(['console', 'src/kernel', 'src/threat-model/layout', 'src/ledger/proof', 'package-lock.json']) >
      stampOf('console/dist')
  ) {
    run(
      'building the console (console/dist)',
      'node_modules/vite/bin/vite.js',
      ['build', 'console', '--logLevel', 'warn'],
      'console/dist',
    );
    stamp('console/dist');
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) build();
