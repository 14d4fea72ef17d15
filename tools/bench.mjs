// `npm run bench [-- NAME…]`: runs test/bench/*.ts, each against a baseline in the same run. Never part of the tests.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from './build.mjs';

const root = new URL('..', import.meta.url).pathname;
build({ console: false });
const names = process.argv.slice(2).filter((one) => !one.startsWith('-'));
const options = process.argv.slice(2).filter((one) => one.startsWith('-'));
const out = mkdtempSync(join(root, 'dist/.bench-'));
const compiled = spawnSync(
  join(root, 'node_modules/.bin/tsc'),
  ['-p', 'tsconfig.json', '--noEmit', 'false', '--rootDir', '.', '--outDir', out],
  { cwd: root, stdio: 'inherit' },
);
if (compiled.status !== 0) process.exit(3);
try {
  for (const file of readdirSync(join(out, 'test/bench')).filter((one) => one.endsWith('.js'))) {
    if (names.length > 0 && !names.includes(basename(file, '.js'))) continue;
    console.log(`\n# ${basename(file, '.js')}`);
    const { status } = spawnSync(process.execPath, [join(out, 'test/bench', file), ...options], {
      cwd: root,
      stdio: 'inherit',
    });
    if (status !== 0) process.exitCode = 1;
  }
} finally {
  rmSync(out, { recursive: true, force: true });
}
