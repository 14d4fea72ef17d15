import { isAlias, isMap, isScalar, isSeq, parseDocument, type Document, type Node } from 'yaml';
import type { z } from 'zod';
import type { ControlDescriptor } from '../kernel/control.ts';
import { Problem } from '../kernel/problem.ts';
import {
  attributesOf,
  dataAttributes,
  elementAttributes,
  flowAttributes,
  includes,
  kinds,
  modelKinds,
  stores,
  toolKinds,
  type Attribute,
  type Kind,
} from './attributes.ts';
import { completeModel, elementSchemaOf, limits, Skeleton, type Model } from './model.ts';
import { Lines, nearest } from './position.ts';

/** One thing wrong with a threat model file. */
export interface ModelProblem {
  file: string;
  line: number;
  column: number;
  /** JSON pointer (RFC 6901) of the value. */
  pointer: string;
  /** Lower case, no full stop, the user's words in backticks. */
  detail: string;
  expected?: string;
  fix?: string;
  /** The line with a caret under the value. */
  excerpt: string;
}

export interface ParseOptions {
  /** Name shown in problems. */
  file?: string;
  /** Known controls: their ids and settings are then checked. */
  controls?: readonly ControlDescriptor[];
  /** Known rule ids: `disables` and `decisions` are then checked. */
  rules?: readonly string[];
}

type Path = (string | number)[];
type Loose = Record<string, unknown>;

/** Most problems of one file that are worth reading. */
const maxProblems = 50;

/** Reads threat-model.yaml. Gives every problem it finds; `model` is there when there is none. */
export function parseModel(
  text: string,
  options: ParseOptions = {},
): { model?: Model; problems: ModelProblem[] } {
  const reader = new Reader(text, options);
  const model = reader.read();
  return reader.problems.length > 0 || !model ? { problems: reader.problems } : { model, problems: [] };
}

/** @throws Problem MODEL_INVALID with all problems in `facts.problems` */
export function readModel(text: string, options: ParseOptions = {}): Model {
  const { model, problems } = parseModel(text, options);
  if (model) return model;
  throw modelProblem(problems);
}

/** One error for all that is wrong with a file; the first problem is its place. */
export function modelProblem(problems: readonly ModelProblem[]): Problem {
  const { file, line, column, pointer, detail, expected, fix, excerpt } = problems[0]!;
  const more = problems.length > 1 ? `, and ${problems.length - 1} more` : '';
  const remedy = [expected === undefined ? undefined : `expected: ${expected}`, fix]
    .filter(Boolean)
    .join('. ');
  return new Problem('MODEL_INVALID', {
    detail: `${detail}${more}`,
    ...(remedy ? { fix: remedy } : {}),
    facts: { file, line, column, pointer, excerpt, problems },
  });
}

class Reader {
  readonly problems: ModelProblem[] = [];
  readonly #text: string;
  readonly #file: string;
  readonly #options: ParseOptions;
  readonly #lines: Lines;
  #document: Document.Parsed | undefined;
  #nodes = 0;
  #aliases = 0;

  constructor(text: string, options: ParseOptions) {
    this.#text = text;
    this.#file = options.file ?? 'threat-model.yaml';
    this.#options = options;
    this.#lines = new Lines(text);
  }

  read(): Model | undefined {
    if (this.#text.length > limits.bytes) {
      this.#report([0, 0], '', {
        detail: `the file is larger than ${limits.bytes / 1024 / 1024} MiB`,
        fix: 'Split the system into several models.',
      });
      return undefined;
    }
    if (!this.#shallow()) return undefined;
    try {
      this.#document = parseDocument(this.#text, { schema: 'core', prettyErrors: false, logLevel: 'silent' });
    } catch (error) {
      // The library recurses over nesting, and gives up on some malformed input by throwing.
      this.#report([0, 0], '', {
        detail: error instanceof RangeError ? 'the file is nested too deeply to be read' : 'this is not YAML',
        expected: 'a YAML 1.2 mapping',
      });
      return undefined;
    }
    for (const { pos, message } of [...this.#document.errors, ...this.#document.warnings]) {
      this.#report(pos, '', { detail: `not valid YAML: ${firstLine(message)}`, expected: 'YAML 1.2' });
    }
    if (this.problems.length > 0) return undefined;
    const root = this.#document.contents;
    if (!isMap(root)) {
      this.#report([0, 1], '', {
        detail: 'the file holds no mapping',
        expected: 'keys such as `schema`, `system`, `elements`, `flows`',
        fix: 'Start from `merlon init`.',
      });
      return undefined;
    }
    const source = this.#value(root, [], 0);
    if (this.problems.length > 0 || !isObject(source)) return undefined;
    this.#validate(source);
    this.#resolve(source);
    this.problems.sort((a, b) => a.line - b.line || a.column - b.column);
    return this.problems.length > 0 ? undefined : completeModel(source);
  }

  /** Refuses nesting before the library, which recurses, sees it. Brackets in text count too: far above any real file. */
  #shallow(): boolean {
    let depth = 0;
    for (let at = 0; at < this.#text.length; at++) {
      const unit = this.#text.charCodeAt(at);
      if (unit === 0x5b || unit === 0x7b) depth++;
      else if (unit === 0x5d || unit === 0x7d) depth = Math.max(0, depth - 1);
      if (depth > 500) {
        this.#report([at, at + 1], '', {
          detail: 'the file is nested too deeply',
          expected: `at most ${limits.depth} levels`,
        });
        return false;
      }
    }
    // Block nesting needs an indent per level, or `- - - -` and `? ? ?` on one line.
    const run = /(?:[-?][ \t]+){64}/.exec(this.#text);
    if (run) {
      this.#report([run.index, run.index + 1], '', {
        detail: 'the file is nested too deeply',
        expected: `at most ${limits.depth} levels`,
      });
      return false;
    }
    return true;
  }

  /** Plain value of a node, within the limits. Aliases are copied, and their copies count. */
  #value(node: unknown, path: Path, depth: number): unknown {
    if (this.problems.length > 0) return undefined;
    if (++this.#nodes > limits.nodes || depth > limits.depth) {
      this.#report(rangeOf(node), pointerOf(path), {
        detail:
          depth > limits.depth
            ? 'the file is nested too deeply'
            : 'the file, with its aliases expanded, is too large',
        expected: depth > limits.depth ? `at most ${limits.depth} levels` : `at most ${limits.nodes} values`,
      });
      return undefined;
    }
    if (isAlias(node)) {
      if (++this.#aliases > limits.aliases) {
        this.#report(rangeOf(node), pointerOf(path), {
          detail: 'the file uses too many aliases',
          expected: `at most ${limits.aliases}`,
        });
        return undefined;
      }
      return this.#value(node.resolve(this.#document!), path, depth + 1);
    }
    if (isScalar(node)) return node.value;
    if (isSeq(node)) return node.items.map((item, index) => this.#value(item, [...path, index], depth + 1));
    if (!isMap(node)) return null;
    const record: Loose = {};
    for (const { key, value } of node.items) {
      const name: unknown = isScalar(key) ? key.value : undefined;
      if ((typeof name !== 'string' && typeof name !== 'number') || name === '__proto__') {
        this.#report(rangeOf(key), pointerOf(path), {
          detail: 'this key is not a name',
          expected: 'a plain name',
        });
        return undefined;
      }
      record[String(name)] = this.#value(value, [...path, String(name)], depth + 1);
    }
    return record;
  }

  #validate(source: Loose): void {
    const parsed = Skeleton.safeParse(source);
    if (!parsed.success) for (const issue of parsed.error.issues) this.#issue(issue, [], source);
    if (!Array.isArray(source['elements'])) return;
    source['elements'].slice(0, limits.elements).forEach((element: unknown, index) => {
      const path: Path = ['elements', index];
      if (!isObject(element)) {
        this.#reportAt(path, {
          detail: 'this element is not a mapping',
          expected: '`{id: …, kind: …, zone: …}`',
        });
        return;
      }
      const { kind } = element;
      if (typeof kind !== 'string' || !includes(kinds, kind)) {
        this.#reportAt(
          'kind' in element ? [...path, 'kind'] : path,
          kind === undefined
            ? { detail: `${label(element)} has no \`kind\``, expected: `one of ${kinds.join(', ')}` }
            : {
                detail: `\`${show(kind)}\` is not a kind of element`,
                expected: `one of ${kinds.join(', ')}`,
                ...meant(show(kind), kinds),
              },
        );
        return;
      }
      const checked = elementSchemaOf(kind).safeParse(element);
      if (!checked.success) for (const issue of checked.error.issues) this.#issue(issue, path, element, kind);
    });
  }

  /** Words a zod issue for the author of the file. */
  #issue(issue: z.core.$ZodIssue, base: Path, root: unknown, kind?: Kind): void {
    const path = [...base, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
    const value = at(root, issue.path as Path);
    const name = lastName(path);
    switch (issue.code) {
      case 'unrecognized_keys':
        for (const key of issue.keys) {
          const known = this.#knownKeys(path, kind);
          const elsewhere = kind && Object.hasOwn(elementAttributes, key) ? kindsWith(key) : undefined;
          this.#reportAt(
            [...path, key],
            {
              detail: elsewhere
                ? `\`${key}\` is not an attribute of \`${kind}\``
                : `\`${key}\` is not a known key${kind ? ` of \`${kind}\`` : ''}`,
              expected: elsewhere ? `it belongs to ${elsewhere}` : `one of ${known.join(', ')}`,
              ...meant(key, known),
            },
            true,
          );
        }
        return;
      case 'invalid_value': {
        const values = issue.values.map(String);
        this.#reportAt(path, {
          detail:
            value === undefined
              ? `\`${name}\` is missing`
              : `\`${show(value)}\` is not a value of \`${name}\``,
          expected: values.length === 1 ? `\`${values[0]}\`` : `one of ${values.join(', ')}`,
          ...(typeof value === 'string' ? meant(value, values) : {}),
        });
        return;
      }
      case 'invalid_type':
        this.#reportAt(path, {
          detail:
            value === undefined
              ? `\`${name}\` is missing`
              : `\`${name}\` is ${kindOfValue(value)}, not ${wordFor(issue.expected)}`,
          expected: wordFor(issue.expected),
          ...(issue.expected === 'string' && typeof value === 'number'
            ? { fix: `Write "${value}" in quotes.` }
            : {}),
          ...(issue.expected === 'array' && typeof value === 'string' ? { fix: `Write [${value}].` } : {}),
        });
        return;
      case 'too_small':
      case 'too_big':
        this.#reportAt(path, {
          detail: `\`${name}\` is ${issue.code === 'too_big' ? 'too large' : 'too small'}`,
          expected:
            issue.code === 'too_big'
              ? `at most ${String(issue.maximum)}`
              : `at least ${String(issue.minimum)}`,
        });
        return;
      case 'invalid_format':
        this.#reportAt(path, {
          detail: `\`${show(value)}\` is not a value of \`${name}\``,
          expected: issue.format === 'date' ? 'a day such as 2027-01-31' : issue.message,
        });
        return;
      default:
        this.#reportAt(path, { detail: `\`${name}\` is not valid: ${issue.message}` });
    }
  }

  #knownKeys(path: Path, kind: Kind | undefined): string[] {
    if (kind) return ['id', 'kind', 'name', 'zone', 'note', ...attributesOf(kind).map(([name]) => name)];
    let shape: unknown = Skeleton;
    for (const part of path) {
      shape = inner(shape);
      const next = shape as { shape?: Record<string, unknown>; element?: unknown; valueType?: unknown };
      shape = typeof part === 'number' ? next.element : (next.shape?.[part] ?? next.valueType);
    }
    return Object.keys((inner(shape) as { shape?: Loose } | undefined)?.shape ?? {});
  }

  /** References, unique ids, and what no schema can say. Works on whatever is there, so that it adds to the schema's problems. */
  #resolve(source: Loose): void {
    const elements = this.#ids(source, 'elements');
    const flows = this.#ids(source, 'flows');
    const zones = this.#ids(source, 'zones');
    const data = this.#ids(source, 'data');
    for (const [id, { index }] of flows) {
      if (elements.has(id))
        this.#reportAt(['flows', index, 'id'], {
          detail: `\`${id}\` is both a flow and an element`,
          fix: 'Rename the flow: threats are named by these ids.',
        });
    }
    const places = new Map([...elements, ...flows]);
    const need = (known: ReadonlyMap<string, unknown>, what: string, value: unknown, path: Path) => {
      if (typeof value !== 'string' || known.has(value)) return;
      this.#reportAt(path, {
        detail: `there is no ${what} \`${show(value)}\``,
        expected: known.size === 0 ? `a ${what} that the file declares` : `one of ${some(known.keys())}`,
        ...meant(value, known.keys()),
      });
    };
    const needAll = (known: ReadonlyMap<string, unknown>, what: string, value: unknown, path: Path) => {
      if (Array.isArray(value)) value.forEach((one, index) => need(known, what, one, [...path, index]));
    };
    const references = (record: Loose, attributes: [string, Attribute][], path: Path) => {
      for (const [name, { value: type }] of attributes) {
        const value = record[name];
        if (value === undefined) continue;
        const target = type.type === 'set' ? type.of : type;
        const list = type.type === 'set' ? value : [value];
        if (!Array.isArray(list) || (target.type !== 'data' && target.type !== 'element')) continue;
        list.forEach((one: unknown, index) => {
          const where = type.type === 'set' ? [...path, name, index] : [...path, name];
          if (target.type === 'data') return need(data, 'data', one, where);
          need(elements, 'element', one, where);
          const found = typeof one === 'string' ? elements.get(one)?.record['kind'] : undefined;
          if (typeof found === 'string' && includes(kinds, found) && !target.kinds.includes(found))
            this.#reportAt(where, {
              detail: `\`${show(one)}\` is a \`${found}\``,
              expected: `\`${name}\` names elements of kind ${target.kinds.join(', ')}`,
            });
        });
      }
    };

    for (const [, { record, index }] of elements) {
      need(zones, 'zone', record['zone'], ['elements', index, 'zone']);
      const { kind } = record;
      if (typeof kind === 'string' && includes(kinds, kind))
        references(record, attributesOf(kind), ['elements', index]);
    }
    for (const [id, { record, index }] of flows) {
      need(elements, 'element', record['from'], ['flows', index, 'from']);
      need(elements, 'element', record['to'], ['flows', index, 'to']);
      if (record['from'] !== undefined && record['from'] === record['to'])
        this.#reportAt(['flows', index, 'to'], {
          detail: `flow \`${id}\` leads from \`${show(record['to'])}\` to itself`,
          expected: 'another element',
        });
      references(record, Object.entries(flowAttributes), ['flows', index]);
    }
    for (const [, { record, index }] of data)
      references(record, Object.entries(dataAttributes), ['data', index]);
    for (const [id, { record, index }] of zones) {
      need(zones, 'zone', record['parent'], ['zones', index, 'parent']);
      const seen = new Set<unknown>([id]);
      for (
        let parent = record['parent'];
        typeof parent === 'string';
        parent = zones.get(parent)?.record['parent']
      ) {
        if (seen.has(parent)) {
          this.#reportAt(['zones', index, 'parent'], { detail: `zone \`${id}\` encloses itself` });
          break;
        }
        seen.add(parent);
      }
    }

    listOf(source, 'controls').forEach((binding, index) => {
      needAll(places, 'flow or element', binding['on'], ['controls', index, 'on']);
      this.#control(binding, index);
    });
    listOf(source, 'assumptions').forEach((assumption, index) => {
      if (!Array.isArray(assumption['disables'])) return;
      assumption['disables'].forEach((one: unknown, at) =>
        this.#threat(one, ['assumptions', index, 'disables', at], places),
      );
    });
    listOf(source, 'decisions').forEach((decision, index) =>
      this.#threat(decision['threat'], ['decisions', index, 'threat'], places),
    );
    this.#ids(source, 'assumptions');
    const bindings = source['bindings'];
    if (isObject(bindings)) {
      for (const [id, binding] of Object.entries(bindings)) {
        if (!elements.has(id)) {
          this.#reportAt(
            ['bindings', id],
            {
              detail: `there is no element \`${id}\``,
              expected: `one of ${some(elements.keys())}`,
              ...meant(id, elements.keys()),
            },
            true,
          );
          continue;
        }
        const kind = String(elements.get(id)!.record['kind']);
        if (!includes(kinds, kind)) continue;
        for (const key of isObject(binding) ? Object.keys(binding) : []) {
          const fits =
            key === 'client'
              ? !includes([...modelKinds, ...stores], kind)
              : includes(key === 'function' ? toolKinds : modelKinds, kind);
          if (!fits && ['client', 'upstream', 'model', 'function'].includes(key))
            this.#reportAt(
              ['bindings', id, key],
              {
                detail: `\`${key}\` does not fit \`${id}\`, which is a \`${kind}\``,
                expected:
                  key === 'client'
                    ? 'an element that calls models'
                    : key === 'function'
                      ? 'a tool'
                      : 'a model',
              },
              true,
            );
        }
      }
    }
  }

  #control(binding: Loose, index: number): void {
    const { controls } = this.#options;
    const { use } = binding;
    if (!controls || typeof use !== 'string') return;
    const control = controls.find(({ id }) => id === use);
    if (!control) {
      const ids = controls.map(({ id }) => id);
      this.#reportAt(['controls', index, 'use'], {
        detail: `there is no control \`${use}\``,
        expected: `one of ${some(ids)}`,
        ...meant(use, ids),
      });
      return;
    }
    const checked = control.settings.safeParse(binding['settings'] ?? {});
    if (checked.success) return;
    for (const issue of checked.error.issues) {
      const base: Path = ['controls', index, 'settings'];
      if (issue.code === 'unrecognized_keys') {
        const known = Object.keys(control.settings.shape);
        for (const key of issue.keys)
          this.#reportAt(
            [...base, ...(issue.path as Path), key],
            {
              detail: `\`${key}\` is not a setting of \`${use}\``,
              expected: known.length > 0 ? `one of ${known.join(', ')}` : 'no settings',
              ...meant(key, known),
            },
            true,
          );
      } else this.#issue({ ...issue, path: issue.path }, base, binding['settings'] ?? {});
    }
  }

  /** A rule id, or a key whose place exists. */
  #threat(value: unknown, path: Path, places: ReadonlyMap<string, unknown>): void {
    if (typeof value !== 'string') return;
    const [rule = '', place] = value.split('@', 2);
    const { rules } = this.#options;
    if (rules && !rules.includes(rule)) {
      this.#reportAt(path, {
        detail: `there is no rule \`${rule}\``,
        expected: 'a rule id such as AGT-02, or a threat key such as AGT-02@bot',
        ...meant(rule, rules),
      });
      return;
    }
    if (place === undefined || place === 'system' || place === '*') return;
    for (const id of place.split('>')) {
      if (!places.has(id))
        this.#reportAt(path, {
          detail: `there is no element or flow \`${id}\``,
          expected: 'a threat key such as AGT-02@bot',
          ...meant(id, places.keys()),
        });
    }
  }

  #ids(source: Loose, section: string): Map<string, { record: Loose; index: number }> {
    const ids = new Map<string, { record: Loose; index: number }>();
    const list = source[section];
    if (!Array.isArray(list)) return ids;
    list.forEach((record: unknown, index) => {
      if (!isObject(record) || typeof record['id'] !== 'string') return;
      const first = ids.get(record['id']);
      if (first) {
        const { line } = this.#lines.place(this.#range([section, first.index, 'id'])[0]);
        this.#reportAt([section, index, 'id'], {
          detail: `\`${record['id']}\` is used twice in \`${section}\``,
          expected: `an id of its own; the first stands on line ${line}`,
        });
      } else ids.set(record['id'], { record, index });
    });
    return ids;
  }

  #reportAt(path: Path, facts: Pick<ModelProblem, 'detail' | 'expected' | 'fix'>, key = false): void {
    if (this.problems.length >= maxProblems) return;
    this.#report(this.#range(path, key), pointerOf(path), facts);
  }

  #report(
    [start, end]: readonly [number, number, ...number[]],
    pointer: string,
    facts: Pick<ModelProblem, 'detail' | 'expected' | 'fix'>,
  ): void {
    if (this.problems.length >= maxProblems) return;
    const { line, column } = this.#lines.place(start);
    this.problems.push({
      file: this.#file,
      line,
      column,
      pointer,
      detail: printable(facts.detail),
      ...(facts.expected === undefined ? {} : { expected: printable(facts.expected) }),
      ...(facts.fix === undefined ? {} : { fix: printable(facts.fix) }),
      excerpt: this.#lines.excerpt(start, end),
    });
  }

  /** Where the value at a path stands; of what encloses it, when it is missing. `key`: where its name stands. */
  #range(path: Path, key = false): readonly [number, number, ...number[]] {
    let node: unknown = this.#document?.contents;
    let range = rangeOf(node);
    // A whole mapping is pointed at by its first line only.
    for (const [depth, part] of path.entries()) {
      if (isAlias(node)) node = node.resolve(this.#document!);
      const last = depth === path.length - 1;
      if (isMap(node)) {
        const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part));
        if (!pair) break;
        range = last && key ? rangeOf(pair.key) : rangeOf(pair.value ?? pair.key);
        node = pair.value;
      } else if (isSeq(node)) {
        node = node.items[Number(part)];
        if (node === undefined) break;
        range = rangeOf(node);
      } else break;
    }
    return range;
  }
}

function rangeOf(node: unknown): readonly [number, number, ...number[]] {
  return (node as Node | undefined)?.range ?? [0, 1];
}

function isObject(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(source: Loose, section: string): Loose[] {
  const list = source[section];
  return Array.isArray(list) ? list.map((one: unknown) => (isObject(one) ? one : {})) : [];
}

function inner(schema: unknown): unknown {
  let one = schema as { unwrap?: () => unknown; element?: unknown; shape?: unknown } | undefined;
  while (one && typeof one.unwrap === 'function' && !one.shape && !one.element)
    one = one.unwrap() as typeof one;
  return one;
}

function at(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) => (typeof value === 'object' && value !== null ? (value as Loose)[part] : undefined),
    root,
  );
}

function pointerOf(path: Path): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function lastName(path: Path): string {
  const name = path.findLast((part) => typeof part === 'string');
  return name ?? 'the file';
}

function label(element: Loose): string {
  return typeof element['id'] === 'string' ? `element \`${show(element['id'])}\`` : 'this element';
}

/** A value as it may stand in a message: short, one line, printable. */
function show(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
  const plain = text.replace(/[\p{Cc}\p{Cf}`]/gu, ' ');
  return plain.length > 40 ? `${plain.slice(0, 39)}…` : plain;
}

/** Keys of a hostile file must not reach a terminal as they are. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, ' ');
}

function some(names: Iterable<string>): string {
  const all = [...names];
  return all.length <= 12 ? all.join(', ') : `${all.slice(0, 12).join(', ')} … (${all.length})`;
}

function meant(word: string, candidates: Iterable<string>): { fix?: string } {
  const near = nearest(word, candidates);
  return near === undefined ? {} : { fix: `Did you mean \`${near}\`?` };
}

function kindsWith(attribute: string): string {
  const list = kinds.filter((kind) => attributesOf(kind).some(([name]) => name === attribute));
  return list.join(', ');
}

function kindOfValue(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return `the ${typeof value === 'string' ? 'text' : typeof value} \`${show(value)}\``;
}

function wordFor(type: string): string {
  const words: Record<string, string> = {
    string: 'text',
    array: 'a list',
    object: 'a mapping',
    record: 'a mapping',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
  };
  return words[type] ?? type;
}

function firstLine(message: string): string {
  const line = message.split('\n', 1)[0]!;
  return line.charAt(0).toLowerCase() + line.slice(1);
}
