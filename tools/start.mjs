// `npm start`: installs and builds what is missing, then runs the support copilot behind Merlon with the reference victim.
// `npm start -- <options>` passes options on to `merlon up`.
import { join } from 'node:path';
import { install } from './install.mjs';

const root = new URL('..', import.meta.url).pathname;
install();
const { build } = await import('./build.mjs');
build();

const given = process.argv.slice(2);
const model = given.includes('--model')
  ? []
  : ['--model', join(root, 'examples/support-copilot/threat-model.yaml')];
// Beside the commands of the README's tour, which look for it from here.
const state = given.includes('--state') || process.env.MERLON_STATE ? [] : ['--state', join(root, '.merlon')];
const { run } = await import(join(root, 'dist/app/main.js'));
process.exitCode = await run(['up', ...model, ...state, ...given]);
