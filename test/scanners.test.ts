import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scanners } from '../src/models/scanners/registry.gen.ts';
import { itemsOf } from '../tools/registries.mjs';

/** Folders of helpers have no scan.ts; `repository` scans folders and is called by name. */
const folders = itemsOf('scanner').filter(({ folder }) => existsSync(join(folder, 'scan.ts')));

test('every folder is registered once, under its own name', () => {
  expect(folders.map(({ id }) => id)).toEqual(scanners.map(({ id }) => id));
});

describe.each(folders)('scanner $id', ({ id, folder }) => {
  test('has a title, a test and a README that says what it finds, how and where it ends', () => {
    expect(scanners.find((one) => one.id === id)?.title).toMatch(/^[A-Z a-z]/);
    expect(existsSync(join(folder, 'scan.test.ts'))).toBe(true);
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    const sections = [...readme.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(sections).toEqual(['What it finds', 'How it works', 'Limits']);
  });
});
