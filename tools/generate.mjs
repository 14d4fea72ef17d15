// Writes what follows from the folders: registries (*.gen.ts), JSON Schemas (docs/schemas) and reference pages (docs/reference).
// `--check` writes nothing and fails when a file is stale. `--registries` stops before the pages, which need a build.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from './build.mjs';
import { registries, root } from './registries.mjs';

const check = process.argv.includes('--check');
const stale = [];

function put([path, content]) {
  if (existsSync(path) && readFileSync(path, 'utf8') === content) return;
  stale.push(relative(root, path));
  if (check) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

registries().forEach(put);
if (!process.argv.includes('--registries') && !(check && stale.length > 0)) {
  build({ console: false });
  const { pages } = await import(join(root, 'dist/app/describe.js'));
  for (const [path, content] of Object.entries(await pages())) put([join(root, path), content]);
}

if (check && stale.length > 0) {
  console.error(`stale, run \`npm run generate\`:\n${stale.map((path) => `  ${path}`).join('\n')}`);
  process.exit(1);
}
console.log(
  stale.length === 0
    ? 'generated files are up to date'
    : `wrote ${stale.length} files:\n${stale.map((path) => `  ${path}`).join('\n')}`,
);
