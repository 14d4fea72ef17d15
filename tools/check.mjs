// `npm run check`: generated files, types, lint, format, dead code. Says which steps failed; no tests run here.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { install } from './install.mjs';

const root = new URL('..', import.meta.url).pathname;
install();

const bin = (name) => join(root, 'node_modules/.bin', name);
const steps = [
  ['generated files', process.execPath, [join(root, 'tools/generate.mjs'), '--check']],
  ['types', bin('tsc'), ['-p', 'tsconfig.json']],
  ...(existsSync(join(root, 'console/tsconfig.json'))
    ? [['types of the console', bin('tsc'), ['-p', 'console/tsconfig.json']]]
    : []),
  ['lint', bin('oxlint'), ['--type-aware']],
  ['format', bin('oxfmt'), ['--check', '.']],
  ['dead code', bin('knip'), ['--no-progress']],
];

const failed = [];
for (const [name, command, args] of steps) {
  const started = Date.now();
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  console.log(`${status === 0 ? '✔' : '✘'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (status !== 0) failed.push(name);
}
console.log(`${steps.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
