// `npm test`: installs and builds what is missing, then runs every test; browser and service tests skip where there is none.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { install } from './install.mjs';

const root = new URL('..', import.meta.url).pathname;
install();
const { build } = await import('./build.mjs');
build();
const child = spawn(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit' },
);
child.on('exit', (code) => (process.exitCode = code ?? 1));
