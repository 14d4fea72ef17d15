import { Problem } from '../kernel/problem.ts';
import { DataClass, Objective, SideEffect } from '../kernel/vocabulary.ts';
import {
  classType,
  dataAttributes,
  elementAttribute,
  elementAttributes,
  flowAttributes,
  kinds,
  kindType,
  modelKinds,
  sideEffectType,
  stores,
  systemAttributes,
  toolKinds,
  zoneAttributes,
  type Attribute,
  type AttributeType,
  type Kind,
} from './attributes.ts';
import type { Facts, Path } from './facts.ts';
import type { Link, Node } from './graph.ts';
import type { Data, System, Zone } from './model.ts';
import { nearest } from './position.ts';

/**
 * The language of the rules: typed, total, without recursion. An expression is checked against the vocabulary when it
 * is compiled and becomes a closure; running it visits each set at most twice nested, within a budget of steps.
 */
export type Type =
  | { is: 'bool' | 'int' | 'text' | 'data' | 'flow' | 'zone' | 'system' | 'witness' | 'unknown' }
  | { is: 'enum'; name: string; values: readonly string[]; ordered: boolean }
  | { is: 'element'; kinds: readonly Kind[] }
  | { is: 'set'; of: Type };

export type Value =
  | undefined
  | boolean
  | number
  | string
  | Node
  | Link
  | Data
  | Zone
  | System
  | { path: Path | undefined }
  | readonly Value[];

export interface Environment {
  facts: Facts;
  /** Whether a bound control serves an objective at a node or link. */
  controlled(place: Node | Link, objective: string): boolean;
  variables: Value[];
  /** What is left of the budget. */
  steps: number;
}

export interface Expression {
  text: string;
  type: Type;
  run(environment: Environment): Value;
  /** Conjuncts of the top-level `and`, each with the calls and attributes it reads: what an explanation shows. */
  parts: Part[];
}

export interface Part {
  text: string;
  run(environment: Environment): Value;
  leaves: { text: string; run(environment: Environment): Value; attribute?: string }[];
}

/** Variables and their types, in the order of `Environment.variables`. */
export type Scope = readonly (readonly [string, Type])[];

/** Longest expression in UTF-16 units, deepest nesting, and most steps of one evaluation. */
const bounds = { length: 4_000, depth: 40, steps: 2_000_000, nested: 2 } as const;
export const stepBudget = bounds.steps;

const boolType: Type = { is: 'bool' };
const intType: Type = { is: 'int' };
const textType: Type = { is: 'text' };
const anyElement: Type = { is: 'element', kinds };
const setOf = (of: Type): Type => ({ is: 'set', of });
const elements = (...of: Kind[]): Type => setOf({ is: 'element', kinds: of });

/** @throws Problem RULE_INVALID; `facts.offset` is where in the text, counted from 0 */
export function compileExpression(text: string, scope: Scope, expected?: Type): Expression {
  if (text.length > bounds.length)
    throw bad(0, `the expression is longer than ${bounds.length} characters`, 'Split the rule.');
  const tree = new Parser(text).parse();
  const compiled = new Compiler(text, scope).compile(tree, expected);
  return compiled;
}

/** Replaces `{expression}` in a template. Sets become lists of names. */
export function compileTemplate(text: string, scope: Scope): (environment: Environment) => string {
  const pieces: (string | Expression)[] = [];
  let plain = '';
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if ((char === '{' || char === '}') && text[at + 1] === char) {
      plain += char;
      at++;
    } else if (char === '{') {
      const end = text.indexOf('}', at);
      if (end === -1) throw bad(at, 'this brace is not closed', 'Write `{{` for a brace.');
      pieces.push(plain);
      plain = '';
      try {
        pieces.push(compileExpression(text.slice(at + 1, end), scope));
      } catch (error) {
        throw shifted(error, at + 1);
      }
      at = end;
    } else plain += char;
  }
  pieces.push(plain);
  return (environment) =>
    pieces.map((piece) => (typeof piece === 'string' ? piece : print(piece.run(environment)))).join('');
}

/** A value for people. */
export function print(value: Value): string {
  if (value === undefined) return 'unknown';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'object') return String(value);
  if (isList(value)) {
    if (value.length === 0) return 'nothing';
    const names = value.slice(0, value.length > 5 ? 4 : 5).map(print);
    if (value.length > 5) return `${names.join(', ')} and ${value.length - 4} more`;
    return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`;
  }
  if ('path' in value) return value.path ? 'a path' : 'none';
  if ('element' in value) return value.element.name;
  if ('flow' in value) return value.flow.name;
  return value.name;
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

function bad(offset: number, detail: string, fix?: string): Problem {
  return new Problem('RULE_INVALID', { detail, ...(fix ? { fix } : {}), facts: { offset } });
}

function shifted(error: unknown, by: number): unknown {
  if (!(error instanceof Problem)) return error;
  const { code, detail, fix, facts } = error;
  return new Problem(code, {
    detail,
    ...(fix ? { fix } : {}),
    facts: { ...facts, offset: Number(facts['offset'] ?? 0) + by },
  });
}

// ---- syntax

interface Token {
  kind: 'word' | 'number' | 'text' | 'sign' | 'end';
  value: string;
  start: number;
  end: number;
}

type Tree = { start: number; end: number } & (
  | { form: 'literal'; value: boolean | number | string | undefined }
  | { form: 'list'; items: Tree[] }
  | { form: 'name'; name: string }
  | { form: 'attribute'; of: Tree; name: string; at: number }
  | { form: 'call'; name: string; args: Tree[] }
  | { form: 'not'; of: Tree }
  | { form: 'binary'; operator: Operator; left: Tree; right: Tree }
  | { form: 'quantifier'; quantifier: Quantifier; variable: string; of: Tree; where: Tree }
);

type Operator = 'and' | 'or' | '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in' | '+' | '-';
type Quantifier = 'any' | 'all' | 'none' | 'count';

const quantifiers: readonly string[] = ['any', 'all', 'none', 'count'];
const reserved = ['and', 'or', 'not', 'in', 'where', 'true', 'false', 'unknown', ...quantifiers];

// Alternatives start with different characters, so there is no backtracking: one pass.
const tokenPattern =
  /\s*(?:([A-Za-z_][A-Za-z0-9_]*)|(\d+)|"([^"]*)"|'([^']*)'|(==|!=|<=|>=|[<>+\-()[\],.])|(\S))/gy;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  for (;;) {
    const match = tokenPattern.exec(text);
    if (!match) break;
    const [whole, word, number, double, single, sign, other] = match;
    const end = match.index + whole.length;
    const start = end - whole.trimStart().length;
    if (other !== undefined)
      throw bad(
        start,
        other === '"' || other === "'"
          ? 'this text is not closed'
          : `\`${other}\` is not part of the language`,
        other === '='
          ? 'Write `==`.'
          : other === '&'
            ? 'Write `and`.'
            : other === '|'
              ? 'Write `or`.'
              : other === '!'
                ? 'Write `not`.'
                : undefined,
      );
    if (word !== undefined) tokens.push({ kind: 'word', value: word, start, end });
    else if (number !== undefined) {
      if (number.length > 6) throw bad(start, 'this number is too large');
      tokens.push({ kind: 'number', value: number, start, end });
    } else if (sign !== undefined) tokens.push({ kind: 'sign', value: sign, start, end });
    else tokens.push({ kind: 'text', value: double ?? single ?? '', start, end });
  }
  tokens.push({ kind: 'end', value: '', start: text.length, end: text.length });
  return tokens;
}

class Parser {
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  parse(): Tree {
    const tree = this.#or();
    const rest = this.#peek();
    if (rest.kind !== 'end') throw bad(rest.start, `\`${rest.value}\` was not expected here`);
    return tree;
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #take(): Token {
    return this.#tokens[this.#next++]!;
  }

  #is(value: string): boolean {
    const { kind, value: found } = this.#peek();
    return (kind === 'word' || kind === 'sign') && found === value;
  }

  #skip(value: string): boolean {
    if (!this.#is(value)) return false;
    this.#next++;
    return true;
  }

  #need(value: string): Token {
    const token = this.#peek();
    if (!this.#is(value))
      throw bad(
        token.start,
        `\`${value}\` was expected${token.kind === 'end' ? '' : `, not \`${token.value}\``}`,
      );
    return this.#take();
  }

  #deeper<T>(work: () => T): T {
    if (++this.#depth > bounds.depth) throw bad(this.#peek().start, 'the expression is nested too deeply');
    const result = work();
    this.#depth--;
    return result;
  }

  #or(): Tree {
    return this.#deeper(() => {
      let left = this.#and();
      while (this.#skip('or')) {
        const right = this.#and();
        left = { form: 'binary', operator: 'or', left, right, start: left.start, end: right.end };
      }
      return left;
    });
  }

  #and(): Tree {
    let left = this.#not();
    while (this.#skip('and')) {
      const right = this.#not();
      left = { form: 'binary', operator: 'and', left, right, start: left.start, end: right.end };
    }
    return left;
  }

  #not(): Tree {
    if (!this.#is('not')) return this.#comparison();
    const { start } = this.#take();
    const of = this.#deeper(() => this.#not());
    return { form: 'not', of, start, end: of.end };
  }

  #comparison(): Tree {
    const left = this.#sum();
    const token = this.#peek();
    let operator: Operator | undefined;
    if (token.kind === 'sign' && ['==', '!=', '<', '<=', '>', '>='].includes(token.value))
      operator = this.#take().value as Operator;
    else if (this.#skip('in')) operator = 'in';
    else if (this.#is('not')) {
      this.#take();
      this.#need('in');
      operator = 'not in';
    }
    if (!operator) return left;
    const right = this.#sum();
    const after = this.#peek();
    if (after.kind === 'sign' && ['==', '!=', '<', '<=', '>', '>='].includes(after.value))
      throw bad(after.start, 'comparisons do not chain', 'Join them with `and`.');
    return { form: 'binary', operator, left, right, start: left.start, end: right.end };
  }

  #sum(): Tree {
    let left = this.#postfix();
    while (this.#is('+') || this.#is('-')) {
      const operator = this.#take().value as '+' | '-';
      const right = this.#postfix();
      left = { form: 'binary', operator, left, right, start: left.start, end: right.end };
    }
    return left;
  }

  #postfix(): Tree {
    let tree = this.#primary();
    while (this.#skip('.')) {
      const name = this.#take();
      if (name.kind !== 'word') throw bad(name.start, 'the name of an attribute was expected');
      tree = {
        form: 'attribute',
        of: tree,
        name: name.value,
        at: name.start,
        start: tree.start,
        end: name.end,
      };
    }
    return tree;
  }

  #primary(): Tree {
    const token = this.#take();
    const { start, end } = token;
    if (token.kind === 'number') return { form: 'literal', value: Number(token.value), start, end };
    if (token.kind === 'text') return { form: 'literal', value: token.value, start, end };
    if (token.kind === 'sign' && token.value === '-') {
      const number = this.#take();
      if (number.kind !== 'number') throw bad(number.start, 'a number was expected');
      return { form: 'literal', value: -Number(number.value), start, end: number.end };
    }
    if (token.kind === 'sign' && token.value === '(') {
      const inner = this.#or();
      const close = this.#need(')');
      return { ...inner, start, end: close.end };
    }
    if (token.kind === 'sign' && token.value === '[') {
      const items: Tree[] = [];
      if (!this.#is(']'))
        do items.push(this.#deeper(() => this.#primary()));
        while (this.#skip(','));
      return { form: 'list', items, start, end: this.#need(']').end };
    }
    if (token.kind === 'word') {
      if (token.value === 'true' || token.value === 'false')
        return { form: 'literal', value: token.value === 'true', start, end };
      if (token.value === 'unknown') return { form: 'literal', value: undefined, start, end };
      if (quantifiers.includes(token.value)) return this.#quantifier(token);
      if (reserved.includes(token.value)) throw bad(start, `\`${token.value}\` was not expected here`);
      if (!this.#skip('(')) return { form: 'name', name: token.value, start, end };
      const args: Tree[] = [];
      if (!this.#is(')'))
        do args.push(this.#or());
        while (this.#skip(','));
      return { form: 'call', name: token.value, args, start, end: this.#need(')').end };
    }
    throw bad(
      start,
      token.kind === 'end' ? 'the expression ends too early' : `\`${token.value}\` was not expected here`,
    );
  }

  #quantifier({ value, start }: Token): Tree {
    this.#need('(');
    const variable = this.#take();
    if (variable.kind !== 'word' || reserved.includes(variable.value))
      throw bad(
        variable.start,
        'a name for the members was expected',
        'Write `any(x in tools(it) where x.reversible == false)`.',
      );
    this.#need('in');
    const of = this.#sum();
    this.#need('where');
    const where = this.#or();
    return {
      form: 'quantifier',
      quantifier: value as Quantifier,
      variable: variable.value,
      of,
      where,
      start,
      end: this.#need(')').end,
    };
  }
}

// ---- types and code

type Run = (environment: Environment) => Value;
interface Code {
  type: Type;
  run: Run;
  tree: Tree;
}

interface Variable {
  name: string;
  type: Type;
  slot: number;
}

class Compiler {
  readonly #text: string;
  readonly #variables: Variable[];

  constructor(text: string, scope: Scope) {
    this.#text = text;
    this.#variables = scope.map(([name, type], slot) => ({ name, type, slot }));
  }

  compile(tree: Tree, expected: Type | undefined): Expression {
    const code = this.#code(tree, this.#variables, 0);
    const checked = expected ? this.#as(code, expected) : code;
    const parts: Part[] = [];
    // Narrowing by an earlier conjunct must still hold when a later one is compiled alone.
    let scope: readonly Variable[] = this.#variables;
    for (const conjunct of conjuncts(tree)) {
      parts.push({
        text: this.#source(conjunct),
        run: this.#code(conjunct, scope, 0).run,
        leaves: this.#leaves(conjunct, scope),
      });
      scope = narrowed(conjunct, scope);
    }
    return { text: this.#text.trim(), type: checked.type, run: checked.run, parts };
  }

  #source({ start, end }: Tree): string {
    return this.#text.slice(start, end).replace(/\s+/g, ' ');
  }

  /** Calls and attributes that a conjunct reads, outermost only; nothing inside a quantifier, whose variable is its own. */
  #leaves(tree: Tree, scope: readonly Variable[]): Part['leaves'] {
    const found = new Map<string, Part['leaves'][number]>();
    const visit = (one: Tree): void => {
      switch (one.form) {
        case 'call':
        case 'attribute':
        case 'quantifier': {
          if (one.form === 'quantifier' && one.quantifier !== 'count') {
            visit(one.of);
            return;
          }
          const text = this.#source(one);
          const attribute = one.form === 'attribute' && one.of.form === 'name' ? one.name : undefined;
          found.set(text, { text, run: this.#code(one, scope, 0).run, ...(attribute ? { attribute } : {}) });
          return;
        }
        case 'not':
          visit(one.of);
          return;
        case 'binary':
          visit(one.left);
          visit(one.right);
          return;
        case 'list':
        case 'literal':
        case 'name':
      }
    };
    visit(tree);
    return [...found.values()];
  }

  #code(tree: Tree, scope: readonly Variable[], nested: number): Code {
    const made = (type: Type, run: Run): Code => ({ type, run, tree });
    switch (tree.form) {
      case 'literal': {
        const { value } = tree;
        const run = () => value;
        if (value === undefined) return made({ is: 'unknown' }, run);
        if (typeof value === 'boolean') return made(boolType, run);
        return made(typeof value === 'number' ? intType : textType, run);
      }
      case 'list': {
        const items = tree.items.map((item) => {
          if (item.form !== 'literal' || item.value === undefined)
            throw bad(item.start, 'lists hold literals only');
          return this.#code(item, scope, nested);
        });
        const first = items[0]?.type ?? textType;
        for (const { type, tree: item } of items)
          if (type.is !== first.is) throw bad(item.start, 'the members of a list have one type');
        const values = items.map(({ run }) => run(undefined as unknown as Environment));
        return made(setOf(first), () => values);
      }
      case 'name': {
        const variable = scope.findLast(({ name }) => name === tree.name);
        if (!variable) {
          const known = scope.map(({ name }) => name);
          throw bad(
            tree.start,
            `\`${tree.name}\` is not a variable here; there ${known.length === 1 ? 'is' : 'are'} ${known.map((name) => `\`${name}\``).join(', ')}`,
            hint(tree.name, known) ?? 'Write text in quotes.',
          );
        }
        const { slot } = variable;
        return made(variable.type, ({ variables }) => variables[slot]);
      }
      case 'attribute':
        return this.#attribute(tree, this.#code(tree.of, scope, nested));
      case 'call':
        return this.#call(tree, scope, nested);
      case 'not': {
        const of = this.#as(this.#code(tree.of, scope, nested), boolType);
        return made(boolType, (environment) => of.run(environment) !== true);
      }
      case 'binary':
        return this.#binary(tree, scope, nested);
      default:
        return this.#quantifier(tree, scope, nested);
    }
  }

  #attribute(tree: Tree & { form: 'attribute' }, of: Code): Code {
    const { name, at } = tree;
    const read = (type: Type, get: (value: never) => Value): Code => ({
      type,
      tree,
      run: (environment) => {
        const value = of.run(environment);
        return value === undefined ? undefined : get(value as never);
      },
    });
    const { type } = of;
    switch (type.is) {
      case 'element': {
        if (name === 'kind') return read(enumOf(kindType), (node: Node) => node.element.kind);
        if (name === 'id' || name === 'name') return read(textType, (node: Node) => node.element[name]);
        if (name === 'zone') return read({ is: 'zone' }, (node: Node) => node.zone);
        const attribute = elementAttribute(name);
        if (!attribute)
          throw bad(
            at,
            `\`${name}\` is not an attribute of elements`,
            hint(name, ['kind', 'id', 'name', 'zone', ...Object.keys(elementAttributes)]),
          );
        const missing = attribute.kinds ? type.kinds.filter((kind) => !attribute.kinds!.includes(kind)) : [];
        if (missing.length > 0)
          throw bad(
            at,
            `\`${name}\` is an attribute of ${attribute.kinds!.join(', ')}, but this can be \`${missing[0]!}\``,
            'Test `.kind` before it, or give `applies` per kind.',
          );
        return this.#read(
          attribute,
          read,
          (node: Node) => node.element as unknown as Record<string, Value>,
          name,
        );
      }
      case 'flow':
        if (name === 'id') return read(textType, (link: Link) => link.flow.id);
        if (name === 'implied') return read(boolType, (link: Link) => link.flow.implied === true);
        if (name === 'from' || name === 'to') return read(anyElement, (link: Link) => link[name]);
        return this.#known(
          flowAttributes,
          'flows',
          tree,
          read,
          (link: Link) => link.flow as unknown as Record<string, Value>,
        );
      case 'data':
        if (name === 'id') return read(textType, (data: Data) => data.id);
        return this.#known(
          dataAttributes,
          'data',
          tree,
          read,
          (data: Data) => data as unknown as Record<string, Value>,
        );
      case 'zone':
        if (name === 'id') return read(textType, (zone: Zone) => zone.id);
        return this.#known(
          zoneAttributes,
          'zones',
          tree,
          read,
          (zone: Zone) => zone as unknown as Record<string, Value>,
        );
      case 'system':
        if (name === 'id') return read(textType, (system: System) => system.id);
        return this.#known(
          systemAttributes,
          'the system',
          tree,
          read,
          (system: System) => system as unknown as Record<string, Value>,
        );
      default:
        throw bad(at, `${describe(type)} has no attributes`);
    }
  }

  #known(
    table: Record<string, Attribute>,
    what: string,
    { name, at }: { name: string; at: number },
    read: (type: Type, get: (value: never) => Value) => Code,
    record: (value: never) => Record<string, Value>,
  ): Code {
    const attribute = Object.hasOwn(table, name) ? table[name] : undefined;
    if (!attribute)
      throw bad(at, `\`${name}\` is not an attribute of ${what}`, hint(name, ['id', ...Object.keys(table)]));
    return this.#read(attribute, read, record, name);
  }

  #read(
    { value: type }: Attribute,
    read: (type: Type, get: (value: never) => Value) => Code,
    record: (value: never) => Record<string, Value>,
    name: string,
  ): Code {
    const target = type.type === 'set' ? type.of : type;
    const many = type.type === 'set';
    // References are read as what they name; an absent set is empty.
    if (target.type === 'element' || target.type === 'data') {
      const inner = read(typeOf(target), (value: never) => record(value)[name]);
      const find = (environment: Environment, id: Value): Value[] => {
        const { byId, data } = environment.facts.graph;
        const found = target.type === 'data' ? data.get(id as string) : byId.get(id as string);
        return found === undefined ? [] : [found];
      };
      return {
        ...inner,
        type: many ? setOf(inner.type) : inner.type,
        run: (environment) => {
          const value = inner.run(environment);
          if (!many) return value === undefined ? undefined : find(environment, value)[0];
          return isList(value) ? value.flatMap((id) => find(environment, id)) : [];
        },
      };
    }
    if (many) return read(setOf(typeOf(target)), (value: never) => record(value)[name] ?? []);
    return read(typeOf(target), (value: never) => record(value)[name]);
  }

  #binary(tree: Tree & { form: 'binary' }, scope: readonly Variable[], nested: number): Code {
    const { operator } = tree;
    const made = (type: Type, run: Run): Code => ({ type, run, tree });
    const left = this.#code(tree.left, scope, nested);
    if (operator === 'and' || operator === 'or') {
      const a = this.#as(left, boolType).run;
      const inner = operator === 'and' ? narrowed(tree.left, scope) : scope;
      const b = this.#as(this.#code(tree.right, inner, nested), boolType).run;
      return made(
        boolType,
        operator === 'and'
          ? (environment) => a(environment) === true && b(environment) === true
          : (environment) => a(environment) === true || b(environment) === true,
      );
    }
    const right = this.#code(tree.right, scope, nested);
    if (operator === '+' || operator === '-') {
      const a = this.#as(left, intType).run;
      const b = this.#as(right, intType).run;
      const sign = operator === '+' ? 1 : -1;
      return made(intType, (environment) => number(a(environment)) + sign * number(b(environment)));
    }
    if (operator === 'in' || operator === 'not in') {
      if (right.type.is !== 'set')
        throw bad(
          tree.right.start,
          `a set or list was expected after \`${operator}\`, not ${describe(right.type)}`,
        );
      const [one] = this.#unify(left, { ...right, type: right.type.of }, tree.right);
      this.#unify({ ...right, type: right.type.of }, left, tree.left);
      const a = one.run;
      const b = right.run;
      const wanted = operator === 'in';
      return made(boolType, (environment) => {
        const value = a(environment);
        const set = b(environment);
        const found = value !== undefined && isList(set) && set.includes(value);
        return found === wanted;
      });
    }
    const [a, b, type] = this.#unify(left, right, tree);
    if (operator === '==' || operator === '!=') {
      if (type.is === 'set' || type.is === 'witness')
        throw bad(tree.start, `${describe(type)} cannot be compared`);
      // `x == unknown` asks whether it is known; any other comparison with unknown is false.
      const literal = left.type.is === 'unknown' || right.type.is === 'unknown';
      const wanted = operator === '==';
      return made(boolType, (environment) => {
        const x = a.run(environment);
        const y = b.run(environment);
        return (x === y && (literal || x !== undefined)) === wanted;
      });
    }
    const rank =
      type.is === 'int'
        ? (value: Value) => value as number
        : type.is === 'enum' && type.ordered
          ? (value: Value) => type.values.indexOf(value as string)
          : undefined;
    if (!rank) throw bad(tree.start, `${describe(type)} has no order`, 'Use `==`, `!=` or `in`.');
    return made(boolType, (environment) => {
      const x = a.run(environment);
      const y = b.run(environment);
      if (x === undefined || y === undefined) return false;
      const difference = rank(x) - rank(y);
      switch (operator) {
        case '<':
          return difference < 0;
        case '<=':
          return difference <= 0;
        case '>':
          return difference > 0;
        default:
          return difference >= 0;
      }
    });
  }

  #quantifier(tree: Tree & { form: 'quantifier' }, scope: readonly Variable[], nested: number): Code {
    if (nested >= bounds.nested) throw bad(tree.start, `\`${tree.quantifier}\` may be nested twice at most`);
    const of = this.#code(tree.of, scope, nested);
    if (of.type.is !== 'set')
      throw bad(tree.of.start, `a set was expected after \`in\`, not ${describe(of.type)}`);
    if (scope.some(({ name }) => name === tree.variable))
      throw bad(tree.start, `\`${tree.variable}\` is already a variable`);
    const slot = scope.length;
    const where = this.#as(
      this.#code(tree.where, [...scope, { name: tree.variable, type: of.type.of, slot }], nested + 1),
      boolType,
    );
    const { quantifier } = tree;
    return {
      tree,
      type: quantifier === 'count' ? intType : boolType,
      run: (environment) => {
        const set = of.run(environment);
        let count = 0;
        for (const member of isList(set) ? set : []) {
          if (--environment.steps < 0)
            throw new Problem('TOO_LARGE', { detail: 'a rule takes too many steps on this model' });
          environment.variables[slot] = member;
          const holds = where.run(environment) === true;
          if (quantifier === 'any' && holds) return true;
          if (quantifier === 'none' && holds) return false;
          if (quantifier === 'all' && !holds) return false;
          if (holds) count++;
        }
        return quantifier === 'count' ? count : quantifier !== 'any';
      },
    };
  }

  #call(tree: Tree & { form: 'call' }, scope: readonly Variable[], nested: number): Code {
    const known = Object.hasOwn(functions, tree.name) ? functions[tree.name] : undefined;
    if (!known)
      throw bad(tree.start, `there is no function \`${tree.name}\``, hint(tree.name, Object.keys(functions)));
    const { takes, rest, gives, run } = known;
    const many = tree.args.length;
    if (many < takes.length || (rest === undefined && many > takes.length))
      throw bad(
        tree.start,
        `\`${tree.name}\` takes ${takes.length}${rest ? ' or more' : ''} argument${takes.length === 1 && !rest ? '' : 's'}, not ${many}`,
        `Write ${signatureOf(tree.name)}.`,
      );
    const args = tree.args.map((arg, index) => {
      const code = this.#code(arg, scope, nested);
      const wanted = takes[index] ?? rest!;
      if (wanted === 'set') {
        if (code.type.is !== 'set') throw bad(arg.start, `a set was expected, not ${describe(code.type)}`);
        return code;
      }
      if (wanted === 'place') {
        if (code.type.is !== 'element' && code.type.is !== 'flow')
          throw bad(arg.start, `an element or a flow was expected, not ${describe(code.type)}`);
        return code;
      }
      return this.#as(code, wanted);
    });
    const runs = args.map((arg) => arg.run);
    const type = typeof gives === 'function' ? gives(tree.args) : gives;
    return {
      tree,
      type,
      run: (environment) => {
        if (--environment.steps < 0)
          throw new Problem('TOO_LARGE', { detail: 'a rule takes too many steps on this model' });
        return run(
          environment,
          runs.map((one) => one(environment)),
        );
      },
    };
  }

  /** The code as a value of a type, or a load error. */
  #as(code: Code, wanted: Type): Code {
    const [, , type] = this.#unify(code, { type: wanted, run: () => undefined, tree: code.tree }, code.tree);
    return { ...code, type };
  }

  #unify(left: Code, right: Code, tree: Tree): [Code, Code, Type] {
    const a = left.type;
    const b = right.type;
    if (a.is === 'unknown') return [left, right, b];
    if (b.is === 'unknown') return [left, right, a];
    // A text literal, or a list of them, next to an enum: check its members.
    if (a.is === 'enum' && b.is === 'text') return [left, this.#member(right, a), a];
    if (b.is === 'enum' && a.is === 'text') return [this.#member(left, b), right, b];
    if (a.is === 'enum' && b.is === 'enum' && a.name === b.name) return [left, right, a];
    if (a.is === 'element' && b.is === 'element') return [left, right, a];
    if (a.is === 'set' && b.is === 'set') {
      this.#unify({ ...left, type: a.of }, { ...right, type: b.of }, tree);
      return [left, right, a];
    }
    if (a.is === b.is && a.is !== 'enum') return [left, right, a];
    throw bad(tree.start, `${describe(a)} and ${describe(b)} do not go together`);
  }

  #member(code: Code, type: Type & { is: 'enum' }): Code {
    const { tree } = code;
    const literals = tree.form === 'list' ? tree.items : tree.form === 'literal' ? [tree] : [];
    if (literals.length === 0 && tree.form !== 'list')
      throw bad(tree.start, `text and ${describe(type)} do not go together`);
    for (const literal of literals) {
      const value = literal.form === 'literal' ? literal.value : undefined;
      if (typeof value !== 'string' || !type.values.includes(value))
        throw bad(
          literal.start,
          `\`${String(value)}\` is not a member of ${type.name}: ${type.values.join(', ')}`,
          hint(String(value), type.values),
        );
    }
    return code;
  }
}

function number(value: Value): number {
  return typeof value === 'number' ? value : 0;
}

function conjuncts(tree: Tree): Tree[] {
  return tree.form === 'binary' && tree.operator === 'and'
    ? [...conjuncts(tree.left), ...conjuncts(tree.right)]
    : [tree];
}

/** What `x.kind == "tool"` or `x.kind in ["tool", …]` says about x in what follows it. */
function narrowed(tree: Tree, scope: readonly Variable[]): readonly Variable[] {
  let narrow = scope;
  for (const one of conjuncts(tree)) {
    if (one.form !== 'binary' || (one.operator !== '==' && one.operator !== 'in')) continue;
    const { left, right } = one;
    if (left.form !== 'attribute' || left.name !== 'kind' || left.of.form !== 'name') continue;
    const { name } = left.of;
    const items = right.form === 'list' ? right.items : [right];
    const wanted = items.flatMap((item) => (item.form === 'literal' ? [item.value] : []));
    narrow = narrow.map((variable) =>
      variable.name === name && variable.type.is === 'element'
        ? {
            ...variable,
            type: { is: 'element', kinds: variable.type.kinds.filter((kind) => wanted.includes(kind)) },
          }
        : variable,
    );
  }
  return narrow;
}

function enumOf(type: { name: string; values: readonly string[]; ordered?: boolean }): Type & { is: 'enum' } {
  return { is: 'enum', name: type.name, values: type.values, ordered: type.ordered === true };
}

function typeOf(type: Exclude<AttributeType, { type: 'set' }>): Type {
  switch (type.type) {
    case 'bool':
      return boolType;
    case 'int':
      return intType;
    case 'text':
      return textType;
    case 'enum':
      return enumOf(type);
    case 'duration':
      return enumOf(type.of);
    case 'element':
      return { is: 'element', kinds: type.kinds };
    default:
      return { is: 'data' };
  }
}

function describe(type: Type): string {
  switch (type.is) {
    case 'enum':
      return `\`${type.name}\``;
    case 'element':
      return type.kinds.length === 1 ? `a \`${type.kinds[0]!}\`` : 'an element';
    case 'set':
      return `a set of ${describe(type.of).replace(/^an? /, '')}`;
    case 'bool':
      return 'true or false';
    case 'int':
      return 'a number';
    case 'flow':
    case 'zone':
    case 'witness':
      return `a ${type.is}`;
    case 'system':
      return 'the system';
    default:
      return type.is;
  }
}

function hint(word: string, candidates: Iterable<string>): string | undefined {
  const near = nearest(word, candidates);
  return near === undefined ? undefined : `Did you mean \`${near}\`?`;
}

// ---- functions

interface Function {
  takes: (Type | 'set' | 'place')[];
  /** Type of further arguments. */
  rest?: Type;
  gives: Type | ((args: Tree[]) => Type);
  run(environment: Environment, args: Value[]): Value;
}

const element = anyElement;
const flow: Type = { is: 'flow' };
const witness: Type = { is: 'witness' };
const classEnum = enumOf(classType);
const effectEnum = enumOf(sideEffectType);
const category = enumOf(dataAttributes.categories.value.of);
const objective: Type = { is: 'enum', name: 'objective', values: Objective.options, ordered: false };
const person: Kind[] = ['user', 'web_client'];
const storeKinds = [...stores];

// The compiler has checked the argument's type against `takes`.
const of =
  (run: (facts: Facts, one: never) => Value): Function['run'] =>
  ({ facts }, [one]) =>
    run(facts, one as never);
const path = (run: (facts: Facts, one: never) => Path | undefined): Function['run'] =>
  of((facts, one) => ({ path: run(facts, one) }));

const functions: Record<string, Function> = {
  taint: { takes: [element], gives: intType, run: of((facts, node: Node) => facts.taint(node)) },
  supply: { takes: [element], gives: intType, run: of((facts, node: Node) => facts.supply(node)) },
  trust: { takes: [element], gives: intType, run: of((_, node: Node) => node.trust) },
  reach: { takes: [element], gives: classEnum, run: of((facts, node: Node) => facts.reach(node)) },
  data_at: {
    takes: [element],
    gives: setOf({ is: 'data' }),
    run: of((facts, node: Node) => facts.dataAt(node)),
  },
  reaches: {
    takes: [element, category],
    gives: boolType,
    run: ({ facts }, [node, wanted]) =>
      facts.dataAt(node as Node).some(({ categories }) => categories.includes(wanted as string)),
  },
  carried: {
    takes: [flow],
    gives: setOf({ is: 'data' }),
    run: of((facts, link: Link) => facts.carried(link)),
  },
  sent: { takes: [flow], gives: setOf({ is: 'data' }), run: of((facts, link: Link) => facts.sent(link)) },
  carries: {
    takes: [flow, category],
    gives: boolType,
    run: ({ facts }, [link, wanted]) =>
      facts.carried(link as Link).some(({ categories }) => categories.includes(wanted as string)),
  },
  class_of: {
    takes: [flow],
    gives: classEnum,
    run: of((facts, link: Link) => widestOf(facts.carried(link))),
  },
  tools: {
    takes: [element],
    gives: elements(...toolKinds),
    run: of((facts, node: Node) => facts.tools(node)),
  },
  exits: { takes: [element], gives: setOf(element), run: of((facts, node: Node) => facts.exits(node)) },
  is_exit: { takes: [element], gives: boolType, run: of((facts, node: Node) => facts.isExit(node)) },
  trifecta: { takes: [element], gives: boolType, run: of((facts, node: Node) => facts.trifecta(node)) },
  users: { takes: [element], gives: elements('user'), run: of((facts, node: Node) => facts.users(node)) },
  audience: {
    takes: [element],
    gives: elements(...person),
    run: of((facts, node: Node) => facts.audience(node)),
  },
  models: {
    takes: [element],
    gives: elements(...modelKinds),
    run: of((facts, node: Node) => facts.models(node)),
  },
  clients: { takes: [element], gives: setOf(element), run: of((facts, node: Node) => facts.clients(node)) },
  callers: {
    takes: [element],
    gives: setOf(element),
    run: of((_, node: Node) =>
      unique(node.in.filter(({ request, reply }) => request || reply).map(({ from }) => from)),
    ),
  },
  callees: {
    takes: [element],
    gives: setOf(element),
    run: of((_, node: Node) =>
      unique(node.out.filter(({ request, reply }) => request || reply).map(({ to }) => to)),
    ),
  },
  readers: { takes: [element], gives: setOf(element), run: of((facts, node: Node) => facts.readers(node)) },
  writers: { takes: [element], gives: setOf(element), run: of((facts, node: Node) => facts.writers(node)) },
  reads: {
    takes: [element],
    gives: elements(...storeKinds),
    run: of((facts, node: Node) => facts.reads(node)),
  },
  inflows: { takes: [element], gives: setOf(flow), run: of((_, node: Node) => node.in) },
  outflows: { takes: [element], gives: setOf(flow), run: of((_, node: Node) => node.out) },
  delegates: {
    takes: [element],
    gives: elements('agent', 'orchestrator'),
    run: of((facts, node: Node) => facts.delegates(node)),
  },
  mixes: { takes: [element], gives: boolType, run: of((facts, node: Node) => facts.mixes(node)) },
  approved: { takes: [element], gives: boolType, run: of((facts, node: Node) => facts.approved(node)) },
  crosses: { takes: [flow], gives: boolType, run: of((facts, link: Link) => facts.crosses(link)) },
  leaves: { takes: [flow], gives: boolType, run: of((facts, link: Link) => facts.leaves(link)) },
  controlled: {
    takes: ['place', objective],
    gives: boolType,
    run: (environment, [place, wanted]) => environment.controlled(place as Node | Link, wanted as string),
  },
  elements: {
    takes: [enumOf(kindType)],
    rest: enumOf(kindType),
    gives: (args) => {
      const named = args.flatMap((arg) => (arg.form === 'literal' ? [arg.value as Kind] : []));
      return setOf({ is: 'element', kinds: named.length === args.length ? named : kinds });
    },
    run: ({ facts }, args) => facts.graph.nodes.filter((node) => args.includes(node.element.kind)),
  },
  size: { takes: ['set'], gives: intType, run: (_, [set]) => (isList(set) ? set.length : 0) },
  impact_of: {
    takes: [classEnum],
    gives: intType,
    run: (_, [one]) => [1, 2, 4, 5][DataClass.options.indexOf(one as DataClass)] ?? 1,
  },
  effect_of: {
    takes: [effectEnum],
    gives: intType,
    run: (_, [one]) => SideEffect.options.indexOf(one as SideEffect) + 1,
  },
  min: {
    takes: [intType, intType],
    rest: intType,
    gives: intType,
    run: (_, args) => Math.min(...args.map(number)),
  },
  max: {
    takes: [intType, intType],
    rest: intType,
    gives: intType,
    run: (_, args) => Math.max(...args.map(number)),
  },
  widest: {
    takes: [setOf({ is: 'data' })],
    gives: classEnum,
    run: (_, [set]) => widestOf(set as readonly Data[]),
  },
  same_region: {
    takes: [element, element],
    gives: boolType,
    run: (_, [a, b]) => {
      const [x, y] = [(a as Node).element.region, (b as Node).element.region];
      return x === undefined || y === undefined || x === y;
    },
  },
  from_untrusted: {
    takes: [element],
    gives: witness,
    run: path((facts, node: Node) => facts.fromUntrusted(node)),
  },
  from_users: { takes: [element], gives: witness, run: path((facts, node: Node) => facts.fromUsers(node)) },
  from_data: {
    takes: [element, classEnum],
    gives: witness,
    run: ({ facts }, [node, least]) => ({ path: facts.fromData(node as Node, least as DataClass) }),
  },
  to_exit: { takes: [element], gives: witness, run: path((facts, node: Node) => facts.toExit(node)) },
  to_audience: { takes: [element], gives: witness, run: path((facts, node: Node) => facts.toAudience(node)) },
  to_model: { takes: [element], gives: witness, run: path((facts, node: Node) => facts.toModel(node)) },
  along: { takes: [flow], gives: witness, run: path((facts, link: Link) => facts.along(link)) },
  at: { takes: [element], gives: witness, run: path((facts, node: Node) => facts.at(node)) },
  between: {
    takes: [element, element],
    gives: witness,
    run: ({ facts }, [a, b]) => ({ path: facts.between(a as Node, b as Node) }),
  },
};

/** Names of all functions, for the page that explains the language. */
export const functionNames: readonly string[] = Object.keys(functions);

function signatureOf(name: string): string {
  const { takes, rest } = functions[name]!;
  const names = takes.map((type) =>
    type === 'set' ? 'set' : type === 'place' ? 'element' : type.is === 'enum' ? type.name : type.is,
  );
  return `\`${name}(${[...names, ...(rest ? ['…'] : [])].join(', ')})\``;
}

function widestOf(list: readonly Data[]): DataClass {
  let top = 0;
  for (const one of list) top = Math.max(top, DataClass.options.indexOf(one.class));
  return DataClass.options[top]!;
}

function unique(list: readonly Node[]): Node[] {
  return [...new Set(list)];
}
