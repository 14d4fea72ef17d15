// Which folders are catalogues and what is written from them. One row per kind; adding an item touches its folder only.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'yaml';

export const root = new URL('..', import.meta.url).pathname;
const header = '// Written by `npm run generate`. Do not edit.\n';

const folders = (path) =>
  existsSync(path)
    ? readdirSync(path, { withFileTypes: true })
        .filter((one) => one.isDirectory())
        .map((one) => one.name)
        .sort()
    : [];

const camel = (id) =>
  id.replace(/-([a-z0-9])/g, (_, letter) => letter.toUpperCase()).replace(/^[0-9]/, '_$&');

/** A registry of modules that export one `name` (or an array `names`) per folder. */
function modules({ file, name, names, type, from, out }) {
  return (folder) => {
    const ids = folders(folder).filter((id) => existsSync(join(folder, id, file)));
    const plural = (id) =>
      names !== undefined &&
      new RegExp(`export const ${names}\\b`).test(readFileSync(join(folder, id, file), 'utf8'));
    const path = relative(folder, join(root, 'src', from)).replaceAll('\\', '/');
    const up = path.startsWith('.') ? path : `./${path}`;
    const imports = ids.map(
      (id) => `import { ${plural(id) ? names : name} as ${camel(id)} } from './${id}/${file}';`,
    );
    const items = ids.map((id) => `  ${plural(id) ? '...' : ''}${camel(id)},`);
    return [
      [
        join(folder, out),
        `${header}import type { ${type} } from '${up}';\n${imports.join('\n')}\n\nexport const ${names ?? `${name}s`}: readonly ${type}[] = [\n${items.join('\n')}\n];\n`,
      ],
    ];
  };
}

/** A registry of data files, embedded. YAML is parsed here, so that the program starts without a YAML parser. */
function data({ file, list, embed, fields }) {
  return (folder) => {
    const ids = folders(folder).filter((id) => existsSync(join(folder, id, file)));
    const items = ids.map(
      (id) =>
        `  ${JSON.stringify(embed(id, readFileSync(join(folder, id, file), 'utf8'), relative(root, join(folder, id, file))))},`,
    );
    return [
      [
        join(folder, 'registry.gen.ts'),
        `${header}export const ${list}: readonly ${fields}[] = [\n${items.join('\n')}\n];\n`,
      ],
    ];
  };
}

const capabilities = folders(join(root, 'src'));
const control = modules({
  file: 'control.ts',
  name: 'control',
  type: 'Control',
  from: 'kernel/control.ts',
  out: 'registry.gen.ts',
  names: 'controls',
});
const probe = modules({
  file: 'probe.ts',
  name: 'probe',
  type: 'Probe',
  from: 'kernel/probe.ts',
  out: 'probes.gen.ts',
  names: 'probes',
});

export const kinds = [
  ...capabilities.flatMap((name) => [
    { kind: 'control', folder: join(root, 'src', name, 'controls'), write: control },
    { kind: 'probe', folder: join(root, 'src', name, 'controls'), write: probe },
  ]),
  {
    kind: 'scanner',
    folder: join(root, 'src/models/scanners'),
    write: modules({
      file: 'scan.ts',
      name: 'scanner',
      type: 'Scanner',
      from: 'models/scanners/contract.ts',
      out: 'registry.gen.ts',
      names: 'scanners',
    }),
  },
  {
    kind: 'threat',
    folder: join(root, 'src/threat-model/threats'),
    write: data({
      file: 'rule.yaml',
      list: 'ruleSources',
      fields: '{ id: string; file: string; source: unknown }',
      embed: (id, text, file) => ({ id, file, source: parse(text) }),
    }),
  },
  {
    kind: 'template',
    folder: join(root, 'src/threat-model/templates'),
    write: data({
      file: 'threat-model.yaml',
      list: 'templates',
      fields: '{ id: string; text: string }',
      embed: (id, text) => ({ id, text }),
    }),
  },
];

/** All registry files: [path, content]. */
export function registries() {
  return kinds.filter(({ folder }) => existsSync(folder)).flatMap(({ folder, write }) => write(folder));
}

/** Item folders of one kind, with their paths. */
export function itemsOf(kind) {
  return kinds
    .filter((one) => one.kind === kind)
    .flatMap(({ folder }) =>
      folders(folder).map((id) => ({
        id,
        folder: join(folder, id),
        capability: relative(join(root, 'src'), folder).split('/')[0],
      })),
    );
}
