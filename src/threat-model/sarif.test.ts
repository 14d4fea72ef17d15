import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { analyzeModel } from './analyze.ts';
import { readModel } from './parse.ts';
import { loadRules } from './rules.ts';
import { placesOf, toSarif } from './sarif.ts';
import { supportCopilot } from './sample.test-data.ts';
import { ruleSources } from './threats/registry.gen.ts';

const rules = loadRules(ruleSources);
const { threats } = analyzeModel(readModel(supportCopilot), { rules, controls: [], probes: [], now: 0 });
const sarif = toSarif({ threats, rules, file: 'threat-model.yaml', text: supportCopilot });

const schemaFile = join(process.env['MERLON_SHARED'] ?? '../shared', 'schemas/sarif/sarif-schema-2.1.0.json');

test.skipIf(!existsSync(schemaFile))('is valid by the published schema of SARIF 2.1.0', () => {
  // zod takes a `uri-reference` for a whole URL; SARIF's are relative to the repository.
  const source = readFileSync(schemaFile, 'utf8').replaceAll('"format": "uri-reference"', '"minLength": 1');
  const schema = z.fromJSONSchema(JSON.parse(source) as Parameters<typeof z.fromJSONSchema>[0]);
  const checked = schema.safeParse(JSON.parse(JSON.stringify(sarif)));
  expect(checked.error?.issues.slice(0, 3)).toBeUndefined();
  expect(schema.safeParse({ ...sarif, version: '3' }).success).toBe(false);
});

test('elements and flows are found at their lines', () => {
  const places = placesOf(supportCopilot);
  expect(places.get('bot')).toEqual({ line: 12, column: 10 });
  expect(places.get('prompt')).toEqual({ line: 20, column: 10 });
  expect(places.get('system')).toEqual({ line: 2, column: 14 });
});

test('a result is known by the key of its threat', () => {
  expect(JSON.stringify(sarif)).toContain('"partialFingerprints":{"threatKey/v1":"PI-01@bot"}');
});
