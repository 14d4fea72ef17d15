import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadCatalogue, type Catalogue } from '../catalogue/catalogue.ts';
import { createInspector, type InspectionAssets, type Inspector } from '../inspection/inspector.ts';
import { Problem } from '../kernel/problem.ts';
import { loadRules, type Rule } from '../threat-model/rules.ts';
import { ruleSources } from '../threat-model/threats/registry.gen.ts';

/** Folder of the package: what is not compiled lies below it. */
export const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

function read(path: string): Buffer {
  const full = join(packageRoot, path);
  if (existsSync(full)) return readFileSync(full);
  throw new Problem('ASSET_MISSING', {
    detail: `\`${path}\` is missing`,
    fix: 'Install the package again, or restore the file from the repository.',
  });
}

export function version(): string {
  return (JSON.parse(read('package.json').toString()) as { version: string }).version;
}

/** All embedded catalogues, with their editions. */
export function openCatalogue(): Catalogue {
  const folder = 'assets/catalogues';
  const files = readdirSync(join(packageRoot, folder)).filter((file) => file.endsWith('.json'));
  return loadCatalogue(
    files.map((file) => ({ file, data: JSON.parse(read(join(folder, file)).toString()) as unknown })),
  );
}

/** The shipped threat rules, checked against vocabulary and catalogue. */
export function openRules(catalogue: Catalogue): Rule[] {
  return loadRules(ruleSources, { catalogue });
}

/** Rules and trained models of the detectors. */
export function inspectionAssets(): InspectionAssets {
  return {
    secrets: JSON.parse(read('assets/inspection/secrets.json').toString()) as unknown,
    injection: {
      user: read('assets/inspection/injection-user.bin'),
      context: read('assets/inspection/injection-context.bin'),
    },
    harm: read('assets/inspection/harm.bin'),
    names: read('assets/inspection/names.bin'),
  };
}

export function openInspector(): Inspector {
  return createInspector(inspectionAssets());
}

/** README of a control folder. The sources are not part of the build, so the capability names where it lies. */
export function readmeOf(control: string): string | undefined {
  const path = join(packageRoot, 'src/gateway/controls', control, 'README.md');
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

export interface ConsoleFile {
  body: Uint8Array;
  contentType: string;
  immutable: boolean;
}

const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
};

/** Files of the built console by path. Only what was found at start is ever served. */
export function openConsole(): (path: string) => ConsoleFile | undefined {
  const folder = join(packageRoot, 'console/dist');
  const files = new Map<string, ConsoleFile>();
  if (existsSync(folder)) {
    for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
      const contentType = contentTypes[extname(entry.name)];
      if (!entry.isFile() || contentType === undefined) continue;
      const full = join(entry.parentPath, entry.name);
      const path = full.slice(folder.length).replaceAll('\\', '/');
      files.set(path, { body: readFileSync(full), contentType, immutable: path.startsWith('/assets/') });
    }
  }
  return (path) => files.get(path === '/' ? '/index.html' : path);
}
