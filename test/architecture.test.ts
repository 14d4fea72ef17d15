import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');

/** Folder → folders (or single modules, such as `ledger/proof`) it may import, from the table in ARCHITECTURE.md. */
function importTable(): Map<string, string[]> {
  const rows = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').matchAll(
    /^\| ([a-z, -]+) \| ([a-z/, -]+) \|$/gm,
  );
  const table = new Map<string, string[]>();
  for (const [, folders, allowed] of rows) {
    for (const folder of folders!.split(','))
      table.set(
        folder.trim(),
        allowed!.split(',').map((one) => one.trim()),
      );
  }
  return table;
}

function* sourcesIn(folder: string): Generator<string> {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && /\.(ts|tsx)$/.test(entry.name)) {
      const path = join(entry.parentPath, entry.name);
      if (!path.includes(`${sep}node_modules${sep}`)) yield path;
    }
  }
}

const importing =
  /(?:^|\n)\s*(?:import|export)\s[^'";]*?from\s*'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g;

function importsOf(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(importing)].map(
    (found) => (found[1] ?? found[2] ?? found[3])!,
  );
}

const table = importTable();
const table_ = [...table.keys()];

test('the table names every folder of src', () => {
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((one) => one.isDirectory());
  expect(folders.map((one) => one.name).filter((name) => !table.has(name))).toEqual([]);
  expect(table_.length).toBeGreaterThan(10);
});

test('imports only what the table of ARCHITECTURE.md allows', () => {
  const wrong: string[] = [];
  for (const path of [...sourcesIn(join(root, 'src')), ...sourcesIn(join(root, 'console/src'))]) {
    const place = relative(root, path);
    const folder = place.startsWith('console') ? 'console' : place.split(sep)[1]!;
    const allowed = table.get(folder) ?? [];
    const isTest = /\.(test|conformance)\.tsx?$/.test(place);
    for (const target of importsOf(path)) {
      if (!target.startsWith('.')) {
        if (folder === 'kernel' && !isTest && target !== 'zod' && !target.startsWith('node:'))
          wrong.push(`${place} imports ${target}`);
        if (folder === 'console' && target.startsWith('node:') && !isTest)
          wrong.push(`${place} imports ${target}`);
        continue;
      }
      const to = relative(root, resolve(dirname(path), target));
      const parts = to.split(sep);
      if (folder === 'console' && parts[0] === 'console') continue;
      if (parts[0] !== 'src') {
        if (!isTest) wrong.push(`${place} imports ${to}`);
        continue;
      }
      const targetFolder = parts[1]!;
      const module = parts
        .slice(1)
        .join('/')
        .replace(/\.tsx?$/, '');
      const fine =
        targetFolder === folder ||
        allowed.includes('everything') ||
        allowed.some(
          (one) =>
            one === targetFolder || (one.includes('/') && (module === one || module.startsWith(`${one}/`))),
        );
      if (!fine) wrong.push(`${place} imports ${to}`);
    }
  }
  expect(wrong).toEqual([]);
});
