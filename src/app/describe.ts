import { z } from 'zod';
import { coverage } from '../catalogue/coverage.ts';
import { controls } from '../gateway/controls/registry.gen.ts';
import { probes } from '../gateway/controls/probes.gen.ts';
import type { Command } from '../kernel/command.ts';
import { problems } from '../kernel/problems.ts';
import { objectiveTitles } from '../kernel/vocabulary.ts';
import { modelJsonSchema } from '../threat-model/model.ts';
import { openCatalogue, openRules, readmeOf } from './assets.ts';
import { allCommands } from './commands.ts';
import { Config } from './config.ts';

interface Property {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  properties?: Record<string, Property>;
  additionalProperties?: Property | boolean;
  items?: Property;
}

const generated = '<!-- Written by `npm run generate`. Do not edit. -->\n';

/** Everything that is generated from what the capabilities declare: path → content. */
export function pages(): Record<string, string> {
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  return {
    'docs/schemas/merlon.schema.json': json(z.toJSONSchema(Config, { io: 'input' })),
    'docs/schemas/threat-model.schema.json': json(modelJsonSchema()),
    'docs/schemas/controls.schema.json': json(controlsSchema()),
    'docs/reference/configuration.md': configurationPage(),
    'docs/reference/controls.md': controlsPage(),
    'docs/reference/threats.md': threatsPage(),
    'docs/reference/coverage.md': coveragePage(),
    'docs/reference/commands.md': commandsPage(),
    'docs/reference/problems.md': problemsPage(),
  };
}

const jsonSchemaOf = (schema: z.ZodType): Property =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Property;

function controlsSchema(): unknown {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Settings of the controls, by id',
    type: 'object',
    properties: Object.fromEntries(controls.map((control) => [control.id, jsonSchemaOf(control.settings)])),
    additionalProperties: false,
  };
}

function page(title: string, intro: string, ...parts: string[]): string {
  return `# ${title}\n\n${generated}\n${intro}\n\n${parts.join('\n\n')}\n`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const code = (text: string): string => (text === '' ? '' : `\`${text}\``);

function typeOf({ type, enum: values, items, additionalProperties, properties }: Property): string {
  if (values) return values.map((value) => JSON.stringify(value)).join(' or ');
  if (type === 'array') return `list of ${items ? typeOf(items) : 'values'}`;
  if (type === 'object' && !properties && typeof additionalProperties === 'object') return 'map';
  return type === undefined ? 'value' : [type].flat().join(' or ');
}

function* flatten(schema: Property, prefix = ''): Generator<[string, Property]> {
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    yield [prefix + key, property];
    yield* flatten(property, `${prefix}${key}.`);
    if (typeof property.additionalProperties === 'object')
      yield* flatten(property.additionalProperties, `${prefix}${key}.<name>.`);
  }
}

function propertyTable(schema: Property): string {
  const rows = [...flatten(schema)].map(([key, property]) => [
    code(key),
    typeOf(property),
    property.default === undefined || typeof property.default === 'object'
      ? ''
      : code(JSON.stringify(property.default)),
    property.description ?? '',
  ]);
  return rows.length === 0 ? 'It has no settings.' : table(['key', 'type', 'default', 'what it does'], rows);
}

function configurationPage(): string {
  return page(
    'Configuration',
    'One file, `merlon.yaml`, beside the threat model. With no file at all everything works. `MERLON_DATA_PLANE__PORT=4001` in the environment sets `dataPlane.port`.',
    propertyTable(jsonSchemaOf(Config)),
  );
}

function controlsPage(): string {
  const parts = controls.map((control) => {
    const readme = (readmeOf(control.id) ?? '')
      .replace(/^# .*\n+/, '')
      .replace(/^## /gm, '### ')
      .trim();
    const own = probes.filter((probe) => probe.control === control.id);
    return [
      `## ${control.title}`,
      `${code(control.id)} · area ${control.area} · acts on ${control.point.replace('_', ' ')} · serves ${control.objectives.map((one) => `${code(one)} (${objectiveTitles[one]})`).join(', ')}`,
      readme,
      '### Settings',
      propertyTable(jsonSchemaOf(control.settings)),
      `### Probes\n\n${own.map((probe) => `- ${code(probe.id)}: ${probe.title} (${Object.keys(probe.attacks).length} attacks, ${Object.keys(probe.harmless).length} harmless cases)`).join('\n')}`,
      `### References\n\n${control.mitigates.map(code).join(', ') || 'none'}`,
    ].join('\n\n');
  });
  return page(
    'Controls',
    'What can be enforced, from the folders of `src/*/controls/`. Each is attacked by its probes with the control off and on.',
    ...parts,
  );
}

function threatsPage(): string {
  const rules = openRules(openCatalogue());
  const rows = rules.map(({ id, title, stride, refs, mitigatedBy, probes: asked }) => [
    code(id),
    title,
    stride.join(', ').replaceAll('_', ' '),
    [...mitigatedBy.any, ...mitigatedBy.all.map(({ objective }) => objective)].map(code).join(' '),
    asked === undefined ? 'by its controls' : asked.map(code).join(' ') || 'no executed probe yet',
    refs.map(({ reference }) => code(reference)).join(' '),
  ]);
  return page(
    'Threat rules',
    `${rules.length} rules, from the folders of \`src/threat-model/threats/\`.`,
    table(['rule', 'title', 'STRIDE', 'answered by', 'probed', 'references'], rows),
  );
}

function coveragePage(): string {
  const catalogue = openCatalogue();
  const rules = openRules(catalogue).map(({ id, refs }) => ({
    id,
    refs: refs.map(({ reference }) => reference),
  }));
  const editions = coverage(rules, catalogue);
  const rows = editions.map((one) => [
    `${one.catalogue}:${one.edition}`,
    one.title,
    `${one.covered} of ${one.countable}`,
    `${Math.floor(one.share * 100)} %`,
  ]);
  const missing = editions
    .filter((one) => one.missing.length > 0)
    .map(
      (one) =>
        `### ${one.catalogue}:${one.edition}\n\n${one.missing.map(({ reference, title }) => `- ${code(reference)} ${title}`).join('\n')}`,
    );
  return page(
    'Coverage of the catalogues',
    'Which entries of each edition at least one threat rule answers. Techniques that only prepare an attack elsewhere are not counted.',
    table(['edition', 'title', 'answered', 'share'], rows),
    ...(missing.length > 0 ? ['## Without a rule', ...missing] : []),
  );
}

function commandsPage(): string {
  const show = ({ name, summary, arguments: args = [], options, examples }: Command): string => {
    const words = args.map((one) => (one.optional ? `[${one.name}]` : `<${one.name}>`)).join(' ');
    return [
      `## merlon ${name} ${words}`.trimEnd(),
      summary,
      ...(args.length > 0
        ? [
            table(
              ['argument', 'what it is'],
              args.map((one) => [code(one.name), one.description]),
            ),
          ]
        : []),
      ...(options ? [optionTable(jsonSchemaOf(options))] : []),
      ...(examples ? [`\`\`\`sh\n${examples.join('\n')}\n\`\`\``] : []),
    ].join('\n\n');
  };
  return page(
    'Commands',
    'All commands take `--json` and `--help`. Exit codes: 0 done and good, 1 done and the answer is bad, 2 wrong use or bad input, 3 something needed is not there or broke.',
    ...allCommands({ cwd: '.', env: {} }).map(show),
  );
}

function optionTable(schema: Property): string {
  const rows = Object.entries(schema.properties ?? {}).map(([key, property]) => [
    code(`--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`),
    property.type === 'boolean' ? '' : typeOf(property),
    property.default === undefined ? '' : code(JSON.stringify(property.default)),
    property.description ?? '',
  ]);
  return rows.length === 0 ? '' : table(['option', 'value', 'default', 'what it does'], rows);
}

function problemsPage(): string {
  return page(
    'Problems',
    'Every error that Merlon explains has one of these codes. Over HTTP it is `application/problem+json` (RFC 9457); on the command line it decides the exit code.',
    table(
      ['code', 'HTTP', 'exit', 'what it means'],
      Object.entries(problems).map(([name, { status, exit, title }]) => [
        code(name),
        String(status),
        String(exit),
        title,
      ]),
    ),
  );
}
