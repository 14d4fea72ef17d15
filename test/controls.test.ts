import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseReference } from '../src/kernel/reference.ts';
import { controls } from '../src/gateway/controls/registry.gen.ts';
import { probes } from '../src/gateway/controls/probes.gen.ts';
import { itemsOf } from '../tools/registries.mjs';

/** Every control folder, whatever its capability. */
const folders = itemsOf('control');

test('every folder is registered once', () => {
  expect(folders.map(({ id }) => id).sort()).toEqual(controls.map(({ id }) => id).sort());
});

describe.each(folders)('control $id', ({ id, folder }) => {
  const control = controls.find((one) => one.id === id)!;
  const own = probes.filter((one) => one.control === id);

  test('is named like its folder and serves an objective', () => {
    expect(control.id).toBe(id);
    expect(control.title).not.toBe('');
    expect(control.objectives.length).toBeGreaterThan(0);
    for (const reference of control.mitigates) parseReference(reference);
  });

  test('has safe defaults, a description for every setting, and refuses unknown keys', () => {
    expect(() => control.settings.parse({})).not.toThrow();
    expect(control.settings.safeParse({ notASetting: 1 }).success).toBe(false);
    const { properties = {} } = z.toJSONSchema(control.settings, { io: 'input' });
    const bare = Object.entries(properties).filter(([, one]) => typeof one === 'boolean' || !one.description);
    expect(bare.map(([key]) => key)).toEqual([]);
  });

  test('has a probe with attacks and harmless cases', () => {
    expect(own.length).toBeGreaterThan(0);
    for (const probe of own) {
      expect(probe.id === id || probe.id.startsWith(`${id}.`)).toBe(true);
      expect(Object.keys(probe.attacks).length).toBeGreaterThan(0);
      expect(Object.keys(probe.harmless).length).toBeGreaterThan(0);
    }
  });

  test('has a test and a README that says what it stops, how it works and where it ends', () => {
    expect(existsSync(join(folder, 'control.test.ts'))).toBe(true);
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    const sections = [...readme.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(sections).toEqual(expect.arrayContaining(['What it stops', 'How it works', 'Limits']));
  });
});
