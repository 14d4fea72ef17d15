import { isMap, isSeq, parseDocument, type Document, type Node, type YAMLMap, type YAMLSeq } from 'yaml';
import type { Drift } from '../kernel/plan.ts';
import { Problem } from '../kernel/problem.ts';
import { slugPattern } from './model.ts';
import { readModel } from './parse.ts';

/** Something that was observed at run time: who used what. */
export type Observed = Pick<Drift, 'kind' | 'client' | 'name'>;

interface Edit {
  at: number;
  insert: string;
}

/**
 * The change to the file that would model what was observed. Every other byte, comments included, stays as it is.
 * @throws Problem NOT_FOUND when the client is not in the model, CONFLICT when it is already modelled
 */
export function proposePatch(
  text: string,
  observed: Observed,
  file = 'threat-model.yaml',
): { text: string; patch: string } {
  const model = readModel(text, { file });
  const client = model.elements.find(({ id }) => id === observed.client);
  if (!client)
    throw new Problem('NOT_FOUND', {
      detail: `the model has no element \`${observed.client}\``,
      fix: 'Add the client to the file, or revoke its key.',
    });
  const editor = new Editor(text);
  const taken = new Set([...model.elements, ...model.flows].map(({ id }) => id));
  const target = targetOf(observed);
  switch (observed.kind) {
    case 'tool': {
      const known =
        model.elements.find(({ id }) => model.bindings[id]?.function === target || id === target) ??
        undefined;
      const id = known?.id ?? freeId(target, taken);
      if (known && client.tools?.includes(known.id)) throw conflict(observed);
      if (!known) {
        editor.append('elements', { id, kind: 'tool', ...(client.zone ? { zone: client.zone } : {}) });
        if (id !== target) editor.put('bindings', id, { function: target });
      }
      editor.appendTo('elements', client.id, 'tools', id);
      break;
    }
    case 'model': {
      const known = model.elements.find(({ id }) => id === target);
      if (known && model.flows.some(({ from, to }) => from === client.id && to === known.id))
        throw conflict(observed);
      const id = known?.id ?? freeId(target, taken);
      taken.add(id);
      if (!known) {
        const sibling = model.elements.find(({ kind }) => kind === 'model');
        const zone = sibling?.zone || model.zones.find(({ kind }) => kind === 'third_party')?.id;
        const upstream = sibling && model.bindings[sibling.id]?.upstream;
        editor.append('elements', { id, kind: 'model', ...(zone ? { zone } : {}) });
        editor.put('bindings', id, { ...(upstream ? { upstream } : {}), model: target });
      }
      editor.append('flows', { id: freeId(`${client.id}-${id}`, taken), from: client.id, to: id });
      break;
    }
    case 'flow': {
      const known = model.elements.find(({ id }) => id === target || model.bindings[id]?.model === target);
      if (!known)
        throw new Problem('NOT_FOUND', {
          detail: `the model has no element \`${target}\``,
          fix: 'Add the element that was called to the file first.',
        });
      if (model.flows.some(({ from, to }) => from === client.id && to === known.id)) throw conflict(observed);
      editor.append('flows', {
        id: freeId(`${client.id}-${known.id}`, taken),
        from: client.id,
        to: known.id,
      });
      break;
    }
  }
  const patched = editor.text();
  readModel(patched, { file });
  return { text: patched, patch: editor.patch() };
}

/** `bot>llm` names both ends; the second is what was used. */
function targetOf({ client, name }: Observed): string {
  return name.startsWith(`${client}>`) ? name.slice(client.length + 1) : name;
}

function conflict({ client, name }: Observed): Problem {
  return new Problem('CONFLICT', { detail: `the model already has \`${name}\` of \`${client}\`` });
}

/** A slug made from a name, not yet used. */
function freeId(name: string, taken: ReadonlySet<string>): string {
  const base =
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 56)
      .replace(/-+$/, '') || 'observed';
  const wanted = slugPattern.test(name) && name.length <= 60 ? name : base;
  for (let count = 1; ; count++) {
    const id = count === 1 ? wanted : `${wanted}-${count}`;
    if (!taken.has(id)) return id;
  }
}

const plainScalar = /^[A-Za-z][A-Za-z0-9_./-]*$/;
const scalar = (value: string) =>
  plainScalar.test(value) && !/^(?:true|false|null|yes|no|on|off)$/i.test(value)
    ? value
    : JSON.stringify(value);
const inline = (record: Record<string, string>) =>
  `{${Object.entries(record)
    .map(([key, value]) => `${key}: ${scalar(value)}`)
    .join(', ')}}`;

/** Collects insertions into a YAML text by the positions of its nodes. */
class Editor {
  readonly #text: string;
  readonly #root: YAMLMap;
  readonly #edits: Edit[] = [];
  /** Sections that are new, with their lines. */
  readonly #fresh = new Map<string, string[]>();

  constructor(text: string) {
    this.#text = text;
    const document: Document.Parsed = parseDocument(text, { schema: 'core', prettyErrors: false });
    // readModel has accepted the text, so its root is a mapping.
    this.#root = document.contents as unknown as YAMLMap;
  }

  /** Adds a record at the end of a list section. */
  append(section: string, record: Record<string, string>): void {
    const list = this.#root.get(section, true) as unknown;
    if (isSeq(list)) this.#extend(list, inline(record));
    else this.#section(section, `  - ${inline(record)}`);
  }

  /** Sets a key of a mapping section. */
  put(section: string, key: string, record: Record<string, string>): void {
    const map = this.#root.get(section, true) as unknown;
    if (isMap(map)) this.#set(map, key, inline(record));
    else this.#section(section, `  ${key}: ${inline(record)}`);
  }

  /** Adds a word to a list attribute of the record with this id. */
  appendTo(section: string, id: string, attribute: string, word: string): void {
    const list = this.#root.get(section, true) as unknown;
    const record = isSeq(list) ? list.items.find((item) => isMap(item) && item.get('id') === id) : undefined;
    if (!isMap(record)) return;
    const words = record.get(attribute, true) as unknown;
    if (isSeq(words)) this.#extend(words, scalar(word));
    else this.#set(record, attribute, `[${scalar(word)}]`);
  }

  #section(name: string, line: string): void {
    const lines = this.#fresh.get(name);
    if (lines) lines.push(line);
    else this.#fresh.set(name, [line]);
  }

  #extend(list: YAMLSeq, value: string): void {
    const range = (list as Node).range!;
    if (list.flow === true) {
      const close = range[1] - 1;
      const before = this.#text.slice(0, close).trimEnd().length;
      const separator = list.items.length === 0 || this.#text[before - 1] === ',' ? ' ' : ', ';
      this.#insert(before, list.items.length === 0 ? value : `${separator}${value}`);
      return;
    }
    const last = list.items.at(-1) as Node | undefined;
    const first = (list.items[0] as Node | undefined)?.range?.[0] ?? range[0];
    const dash = this.#text.lastIndexOf('-', first);
    this.#insertLine(last?.range?.[1] ?? range[1], `${this.#indent(dash)}- ${value}`);
  }

  #set(map: YAMLMap, key: string, value: string): void {
    const range = (map as Node).range!;
    if (map.flow === true) {
      const close = range[1] - 1;
      const before = this.#text.slice(0, close).trimEnd().length;
      this.#insert(before, `${map.items.length === 0 ? '' : ', '}${key}: ${value}`);
      return;
    }
    const first = map.items[0]?.key as Node | undefined;
    const last = map.items.at(-1);
    const end = ((last?.value ?? last?.key) as Node | undefined)?.range?.[1] ?? range[1];
    const column =
      (first?.range?.[0] ?? range[0]) -
      (this.#text.lastIndexOf('\n', (first?.range?.[0] ?? range[0]) - 1) + 1);
    this.#insertLine(end, `${' '.repeat(column)}${key}: ${value}`);
  }

  #indent(at: number): string {
    const start = this.#text.lastIndexOf('\n', at - 1) + 1;
    return ' '.repeat(at - start);
  }

  #insert(at: number, insert: string): void {
    this.#edits.push({ at, insert });
  }

  /** A line of its own after the line in which `end` lies; a remark behind the value stays with it. */
  #insertLine(end: number, line: string): void {
    // The range of a block node may end behind its line break.
    let last = end;
    while (last > 0 && /\s/.test(this.#text[last - 1]!)) last--;
    const stop = this.#text.indexOf('\n', last);
    if (stop === -1) this.#edits.push({ at: this.#text.length, insert: `\n${line}` });
    else this.#edits.push({ at: stop + 1, insert: `${line}\n` });
  }

  /** Insertions in order of place; those at one place keep the order in which they were made. */
  #ordered(): Edit[] {
    return this.#edits
      .map((edit, index) => ({ edit, index }))
      .sort((a, b) => a.edit.at - b.edit.at || a.index - b.index)
      .map(({ edit }) => edit);
  }

  text(): string {
    let result = '';
    let from = 0;
    for (const { at, insert } of this.#ordered()) {
      result += this.#text.slice(from, at) + insert;
      from = at;
    }
    result += this.#text.slice(from);
    for (const [name, lines] of this.#fresh)
      result = `${result.replace(/\n*$/, '\n')}${name}:\n${lines.join('\n')}\n`;
    return result;
  }

  /** The change as lines with `-` and `+`, each part under the line at which it stands. */
  patch(): string {
    const parts = new Map<number, { before?: string; edits: Edit[]; start: number }>();
    for (const edit of this.#ordered()) {
      const start = this.#text.lastIndexOf('\n', edit.at - 1) + 1;
      const whole = edit.insert.endsWith('\n') || edit.insert.startsWith('\n');
      const part = parts.get(start) ?? { edits: [], start };
      if (!whole) {
        const stop = this.#text.indexOf('\n', start);
        part.before = this.#text.slice(start, stop === -1 ? undefined : stop);
      }
      part.edits.push(edit);
      parts.set(start, part);
    }
    const lines: string[] = [];
    for (const { before, edits, start } of parts.values()) {
      lines.push(`@@ line ${this.#text.slice(0, start).split('\n').length} @@`);
      const added = edits.filter(({ insert }) => insert.endsWith('\n') || insert.startsWith('\n'));
      for (const { insert } of added) lines.push(`+${insert.replace(/^\n|\n$/g, '')}`);
      if (before === undefined) continue;
      let line = before;
      for (const { at, insert } of edits.filter((edit) => !added.includes(edit)).reverse())
        line = line.slice(0, at - start) + insert + line.slice(at - start);
      lines.push(`-${before}`, `+${line}`);
    }
    for (const [name, added] of this.#fresh)
      lines.push('@@ end @@', `+${name}:`, ...added.map((line) => `+${line}`));
    return lines.join('\n');
  }
}
