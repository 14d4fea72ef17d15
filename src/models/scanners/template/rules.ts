import { parse, tokenize } from '@huggingface/jinja';
import type { Weight } from '../contract.ts';

// A chat template is a program that the loader runs for every conversation, often outside a sandbox. What it may do is on a
// list: read messages and write text. The list is applied to the syntax tree, so that spelling tricks do not matter.

export interface TemplateFinding {
  rule: string;
  weight: Weight;
  evidence: string;
  why: string;
}

/** Longest template that is read; real ones have some ten thousand characters. */
const templateMost = 200_000;
const nodesMost = 200_000;

const dunders =
  /_{2}(?:class|base|bases|mro|subclasses|globals|builtins|import|init|init_subclass|dict|code|closure|call|func|self|getattribute|getattr|getitem|reduce|reduce_ex|loader|spec|file|module|name|doc|annotations|kwdefaults|defaults|new|del|enter|exit|wrapped|qualname|weakref|slots)_{2}/;
/** Objects that Jinja or a web framework puts into the environment and that lead to Python's own. */
const environmentObjects = new Set([
  'lipsum',
  'cycler',
  'joiner',
  'self',
  'request',
  'config',
  'url_for',
  'get_flashed_messages',
  'application',
  'current_app',
  'environ',
  'os',
  'sys',
  'subprocess',
  'builtins',
  'importlib',
  'socket',
  'shutil',
  'caller_globals',
]);
const dangerousCalls = new Set([
  'eval',
  'exec',
  'compile',
  'open',
  'system',
  'popen',
  'Popen',
  'run',
  'call',
  'check_output',
  'check_call',
  'getoutput',
  'spawn',
  'subclasses',
  'mro',
  'import_module',
  'getattr',
  'setattr',
  'globals',
  'locals',
  'vars',
  'dir',
  'input',
  'breakpoint',
  'b64decode',
  'urlopen',
  'urlretrieve',
  'connect',
  'load',
  'loads',
  'read',
  'write',
  'readlines',
  'unlink',
  'remove_file',
  'execute',
  'format_map',
  'from_string',
]);
/** Functions that chat templates call by name. */
const knownFunctions = new Set([
  'raise_exception',
  'strftime_now',
  'range',
  'namespace',
  'dict',
  'caller',
  'tojson',
  'list',
  'len',
  'str',
  'int',
]);
/** Methods of texts, lists and maps. */
const knownMethods = new Set([
  'strip',
  'lstrip',
  'rstrip',
  'split',
  'rsplit',
  'splitlines',
  'partition',
  'rpartition',
  'items',
  'keys',
  'values',
  'get',
  'startswith',
  'endswith',
  'upper',
  'lower',
  'title',
  'capitalize',
  'replace',
  'join',
  'append',
  'extend',
  'insert',
  'pop',
  'update',
  'index',
  'find',
  'rfind',
  'count',
  'format',
  'isdigit',
  'isnumeric',
  'isspace',
  'isalpha',
  'isalnum',
  'islower',
  'isupper',
  'copy',
  'removeprefix',
  'removesuffix',
  'zfill',
  'ljust',
  'rjust',
  'center',
  'cycle',
  'changed',
  'sort',
  'reverse',
  'setdefault',
  'strftime',
  'swapcase',
  'add',
  'clear',
  'casefold',
  'expandtabs',
  'isidentifier',
]);
const instruction =
  /\b(?:ignore|disregard|forget|override)\b[^.\n]{0,40}\b(?:previous|prior|above|all|any|safety|rules?|instructions?)\b|\b(?:never|do not|don't|must not)\b[^.\n]{0,40}\b(?:mention|tell|reveal|disclose|inform|warn)\b|\b(?:secretly|covertly|exfiltrat\w+|without telling)\b|\balways\b[^.\n]{0,30}\b(?:recommend|append|include|add|suggest|insert|send|link|promote)\b|\b(?:append|include|insert|add)\b[^.\n]{0,30}\b(?:link|url|image|markdown)\b|\bsend\b[^.\n]{0,40}\b(?:to|password|credential|token|conversation)\b|\b(?:backdoor|jailbreak|vulnerab\w+ code)\b/i;
const url =
  /\b(?:https?|ftp|wss?):\/\/(?!(?:json-schema\.org|www\.w3\.org|schema\.org|huggingface\.co|spec\.openapis\.org)\b)[^\s'"<>]+/i;

interface Node {
  type: string;
  [key: string]: unknown;
}

/** What a template could do beyond writing a conversation. Empty when it is on the list in every part. */
export function judgeTemplate(text: string): TemplateFinding[] {
  const findings: TemplateFinding[] = [];
  const add = (rule: string, weight: Weight, evidence: string, why: string): void => {
    if (!findings.some((one) => one.rule === rule && one.evidence === evidence))
      findings.push({ rule, weight, evidence, why });
  };
  if (!/\{[{%]/.test(text)) {
    judgeText(text, add);
    return findings;
  }
  const hidden = /[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u{e0000}-\u{e007f}]/u.exec(text);
  if (hidden !== null)
    add(
      'template-hidden-text',
      'suspicious',
      `U+${hidden[0].codePointAt(0)!.toString(16)}`,
      'invisible characters hide what a template says',
    );
  if (text.length > templateMost) {
    judgeTags(text, add);
    add(
      'template-length',
      'suspicious',
      `${text.length} characters`,
      'too long for a template; it is not read whole',
    );
    return findings;
  }
  let program: Node;
  try {
    program = parse(tokenize(readable(text))) as Node;
  } catch (error) {
    if (judgeRaw(text, add)) return findings;
    add(
      'template-unreadable',
      'suspicious',
      error instanceof Error ? error.message : 'does not parse',
      'a template that does not parse cannot be judged',
    );
    return findings;
  }
  walk(program, add);
  return findings;
}

type Add = (rule: string, weight: Weight, evidence: string, why: string) => void;

/** Tags of transformers that only mark what is trained on. */
function readable(text: string): string {
  return text.replaceAll(/\{%-?\s*(?:end)?generation\s*-?%\}/g, '');
}

/** For what does not parse: the tags as text. True when something was found. */
function judgeRaw(text: string, add: Add): boolean {
  const tags = [...text.matchAll(/\{[{%][\s\S]{0,4000}?(?:[%}]\}|$)/g)].map(([tag]) => tag);
  return judgeTags(tags.join('\n'), add);
}

function judgeTags(tags: string, add: Add): boolean {
  const plain = tags.includes('\\') ? decodeEscapes(tags) : tags;
  const found =
    dunders.exec(plain) ??
    /\{%-?\s*(?:include|import|extends|from)\b/.exec(plain) ??
    /\b(?:popen|subprocess|os\.system|__import__|lipsum|cycler|joiner)\b|\b(?:eval|exec)\s*\(|\|\s*attr\b/.exec(
      plain,
    );
  if (found === null) return false;
  add('template-escape', 'malicious', found[0], 'reaches from the template into Python');
  return true;
}

function decodeEscapes(text: string): string {
  return text.replaceAll(
    /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|([0-7]{3}))/gi,
    (_, hex?: string, unicode?: string, octal?: string) =>
      String.fromCharCode(
        octal === undefined ? Number.parseInt(hex ?? unicode ?? '0', 16) : Number.parseInt(octal, 8) & 0xff,
      ),
  );
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

function childrenOf(node: Node): Node[] {
  const out: Node[] = [];
  for (const value of Object.values(node)) {
    if (isNode(value)) out.push(value);
    else if (Array.isArray(value)) out.push(...value.filter(isNode));
    else if (value instanceof Map) for (const [key, one] of value) out.push(...[key, one].filter(isNode));
  }
  return out;
}

function walk(program: Node, add: Add): void {
  const macros = new Set<string>();
  const assigned = new Set<string>();
  const all: Node[] = [program];
  for (let index = 0; index < all.length && index < nodesMost; index++) {
    const node = all[index]!;
    if (node.type === 'Macro') macros.add(nameOf(node['name']) ?? '');
    if (node.type === 'Set') collectNames(node['assignee'], assigned);
    if (node.type === 'For') collectNames(node['loopvar'], assigned);
    all.push(...childrenOf(node));
  }
  if (all.length > nodesMost)
    add('template-length', 'suspicious', `${all.length} nodes`, 'too large to be judged');
  for (const node of all) judgeNode(node, { macros, assigned }, add);
}

function collectNames(node: unknown, into: Set<string>): void {
  if (!isNode(node)) return;
  const name = nameOf(node);
  if (name !== undefined) into.add(name);
  else if (Array.isArray(node['value'])) node['value'].forEach((one) => collectNames(one, into));
}

const nameOf = (node: unknown): string | undefined =>
  isNode(node) && node.type === 'Identifier' && typeof node['value'] === 'string' ? node['value'] : undefined;

interface Names {
  macros: ReadonlySet<string>;
  assigned: ReadonlySet<string>;
}

function judgeNode(node: Node, names: Names, add: Add): void {
  switch (node.type) {
    case 'MemberExpression':
      judgeMember(node, names, add);
      return;
    case 'Identifier': {
      const name = node['value'] as string;
      if (name.startsWith('_'))
        add(
          'template-escape',
          dunders.test(name) ? 'malicious' : 'suspicious',
          name,
          'a private name is not part of a conversation',
        );
      return;
    }
    case 'CallExpression':
      judgeCall(node, names, add);
      return;
    case 'FilterExpression':
    case 'FilterStatement':
      judgeFilter(node, add);
      judgeFolded(node, add);
      return;
    case 'BinaryExpression':
    case 'StringLiteral':
      judgeFolded(node, add);
      return;
    case 'If':
    case 'Ternary':
    case 'SelectExpression':
      judgeBranch(node, add);
      return;
    default:
  }
}

function judgeMember(node: Node, { assigned }: Names, add: Add): void {
  const object = nameOf(node['object']);
  const property = node['computed'] === true ? fold(node['property']) : nameOf(node['property']);
  if (object !== undefined && environmentObjects.has(object) && !assigned.has(object))
    add(
      'template-escape',
      'malicious',
      `${object}.${property ?? '...'}`,
      'this object leads out of the template into Python',
    );
  if (property === undefined) return;
  const decoded = decodeEscapes(property);
  if (decoded.startsWith('_') || dunders.test(decoded))
    add('template-escape', 'malicious', decoded, 'private members lead out of the template into Python');
  else if (
    /^(?:func_globals|func_code|gi_frame|gi_code|cr_frame|f_globals|f_builtins|f_locals|tb_frame|im_func|im_self)$/.test(
      decoded,
    )
  )
    add(
      'template-escape',
      'malicious',
      decoded,
      'interpreter internals lead out of the template into Python',
    );
}

function judgeCall(node: Node, { macros, assigned }: Names, add: Add): void {
  const callee = node['callee'];
  const name = nameOf(callee);
  if (name !== undefined) {
    if (macros.has(name) || assigned.has(name) || knownFunctions.has(name)) return;
    if (dangerousCalls.has(name) || environmentObjects.has(name))
      add('template-escape', 'malicious', `${name}()`, 'runs code of the loader');
    // A filter with arguments is a call too; those are judged as filters.
    return;
  }
  if (!isNode(callee) || callee.type !== 'MemberExpression') {
    if (isNode(callee) && callee.type === 'CallExpression')
      add('template-escape', 'suspicious', 'a call of a result', 'calls what an earlier call returned');
    return;
  }
  const method = callee['computed'] === true ? fold(callee['property']) : nameOf(callee['property']);
  if (method === undefined)
    add(
      'template-unknown-call',
      'suspicious',
      'a computed method',
      'what is called is not known before it runs',
    );
  else if (dangerousCalls.has(method))
    add('template-escape', 'malicious', `.${method}()`, 'runs code of the loader');
  else if (!knownMethods.has(method))
    add('template-unknown-call', 'suspicious', `.${method}()`, 'not a method of texts, lists or maps');
  if (method === 'format') {
    const template = fold(callee['object']);
    if (
      template === undefined
        ? nameOf(callee['object']) !== undefined && isFormatOfUnknown(node)
        : /\{[^}]*[.[]\s*_/.test(decodeEscapes(template))
    )
      add(
        'template-escape',
        template === undefined ? 'suspicious' : 'malicious',
        template ?? 'format of a variable',
        'format strings read private members',
      );
  }
}

function isFormatOfUnknown(node: Node): boolean {
  return Array.isArray(node['args']) && node['args'].length > 0;
}

function filterName(node: Node): { name: string | undefined; args: Node[] } {
  const filter = node['filter'];
  if (isNode(filter) && filter.type === 'CallExpression')
    return { name: nameOf(filter['callee']), args: (filter['args'] as unknown[]).filter(isNode) };
  return { name: nameOf(filter), args: [] };
}

const attributeFilters = new Set([
  'map',
  'selectattr',
  'rejectattr',
  'groupby',
  'sum',
  'sort',
  'unique',
  'min',
  'max',
]);

function judgeFilter(node: Node, add: Add): void {
  const { name, args } = filterName(node);
  if (name === 'attr') {
    add('template-escape', 'malicious', 'attr', 'reads any member by name, around the checks of the sandbox');
    return;
  }
  if (name === undefined || !attributeFilters.has(name)) return;
  for (const argument of args) {
    const value = argument.type === 'KeywordArgumentExpression' ? argument['value'] : argument;
    const text = fold(value);
    if (
      text !== undefined &&
      (decodeEscapes(text)
        .split('.')
        .some((part) => part.startsWith('_')) ||
        text === 'attr')
    )
      add('template-escape', 'malicious', `${name}(${text})`, 'reads private members by name');
  }
}

function judgeFolded(node: Node, add: Add): void {
  const text = fold(node);
  if (text === undefined) return;
  const decoded = decodeEscapes(text);
  const found = dunders.exec(decoded);
  if (found !== null)
    add('template-escape', 'malicious', found[0], 'a text spells a member that leads into Python');
  if (node.type === 'StringLiteral') judgeText(text, add);
}

function judgeText(text: string, add: Add): void {
  const link = url.exec(text);
  if (link !== null)
    add('template-link', 'suspicious', link[0], 'the template itself adds a link to conversations');
  const said = instruction.exec(text);
  if (said !== null)
    add('template-instruction', 'suspicious', said[0], 'the template itself instructs the model');
}

/** The text that an expression of constants gives; undefined when it depends on anything else. */
function fold(node: unknown, depth = 0): string | undefined {
  if (!isNode(node) || depth > 50) return undefined;
  if (node.type === 'StringLiteral') return String(node['value']);
  if (node.type === 'IntegerLiteral') return depth > 0 ? String(node['value']) : undefined;
  if (node.type === 'BinaryExpression') {
    const operator = (node['operator'] as { value?: string }).value;
    const left = fold(node['left'], depth + 1);
    const right = fold(node['right'], depth + 1);
    if (left === undefined || right === undefined) return undefined;
    if (operator === '+' || operator === '~') return left + right;
    if (operator === '*' && /^\d{1,3}$/.test(right)) return left.repeat(Number(right)).slice(0, 10_000);
    if (operator === '%')
      return left.replace('%s', right).replace('%c', String.fromCharCode(Number(right) || 0));
    return undefined;
  }
  if (node.type === 'FilterExpression') return foldFilter(node, depth);
  if (node.type === 'CallExpression') return foldMethod(node, depth);
  return undefined;
}

function foldList(node: unknown, depth: number): string[] | undefined {
  if (!isNode(node) || !Array.isArray(node['value'])) return undefined;
  const parts = node['value'].map((one) => fold(one, depth + 1));
  return parts.every((part): part is string => part !== undefined) ? parts : undefined;
}

function foldFilter(node: Node, depth: number): string | undefined {
  const { name, args } = filterName(node);
  if (name === 'join') {
    const parts = foldList(node['operand'], depth);
    return parts?.join(args[0] === undefined ? '' : (fold(args[0], depth + 1) ?? ''));
  }
  const text = fold(node['operand'], depth + 1);
  if (text === undefined) return undefined;
  return transformed(
    name,
    text,
    args.map((one) => fold(one, depth + 1)),
  );
}

function foldMethod(node: Node, depth: number): string | undefined {
  const callee = node['callee'];
  if (!isNode(callee) || callee.type !== 'MemberExpression') return undefined;
  const method = nameOf(callee['property']);
  const args = (node['args'] as unknown[]).filter(isNode);
  const text = fold(callee['object'], depth + 1);
  if (text === undefined) return undefined;
  if (method === 'join') return foldList(args[0], depth)?.join(text);
  return transformed(
    method,
    text,
    args.map((one) => fold(one, depth + 1)),
  );
}

function transformed(
  how: string | undefined,
  text: string,
  args: (string | undefined)[],
): string | undefined {
  switch (how) {
    case 'reverse':
      return Array.from(text).reverse().join('');
    case 'lower':
      return text.toLowerCase();
    case 'upper':
      return text.toUpperCase();
    case 'trim':
    case 'strip':
      return text.trim();
    case 'replace':
      return args[0] === undefined || args[1] === undefined ? undefined : text.replaceAll(args[0], args[1]);
    case 'format': {
      let next = 0;
      return text.replaceAll(/%s|%c|\{\d*\}/g, (mark) => {
        const given = args[/\{(\d+)\}/.test(mark) ? Number(mark.slice(1, -1)) : next++];
        return given === undefined ? mark : mark === '%c' ? String.fromCharCode(Number(given)) : given;
      });
    }
    case 'string':
    case 'safe':
    case 'escape':
      return text;
    default:
      return undefined;
  }
}

/** Words in a row, outside the brackets of special tokens: something said to the model or to the person. */
const prose = /(?:^|[\s>\]:])[A-Za-z][a-z']+(?:[ ,.:;]+[A-Za-z][A-Za-z']*){3,}/;

/** A branch taken only for certain messages, or after so many of them, that then says something of its own. */
function judgeBranch(node: Node, add: Add): void {
  const test = node['test'] ?? node['condition'];
  const trigger = triggerOf(test);
  if (trigger === undefined) return;
  const said = saidIn(node['body'] ?? node['trueExpr'] ?? node['lhs']);
  if (said === undefined && trigger.kind !== 'word') return;
  add(
    'template-trigger',
    'suspicious',
    `${trigger.text}${said === undefined ? '' : `: ${said}`}`,
    trigger.kind === 'word'
      ? 'the template behaves differently when a message contains certain words'
      : 'the template says something of its own after a number of messages or from a date on',
  );
}

function triggerOf(test: unknown): { kind: 'word' | 'count'; text: string } | undefined {
  const open = isNode(test) ? [test] : [];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.type === 'BinaryExpression') {
      const operator = (node['operator'] as { value?: string }).value ?? '';
      const sides = [node['left'], node['right']];
      const text = sides.map((side) => fold(side)).find((side) => side !== undefined);
      if (
        /^(?:in|not in|==|!=)$/.test(operator) &&
        text !== undefined &&
        sides.some(readsContent) &&
        isNatural(text)
      )
        return { kind: 'word', text };
      const number = sides.find((side) => isNode(side) && side.type === 'IntegerLiteral') as Node | undefined;
      if (
        /^[<>]=?$|^==$/.test(operator) &&
        number !== undefined &&
        Number(number['value']) > 1 &&
        sides.some(readsCount)
      )
        return { kind: 'count', text: `${operator} ${String(number['value'])}` };
      if (/^[<>]=?$|^==$|^in$/.test(operator) && sides.some(readsClock))
        return { kind: 'count', text: 'a date' };
    }
    open.push(...childrenOf(node));
  }
  return undefined;
}

/** Plain words, not the special tokens and tags that templates look for. */
function isNatural(text: string): boolean {
  return (
    /[A-Za-z]{3}/.test(text) &&
    !/[<>[\]{}|#\\_/@]/.test(text) &&
    !/^(?:text|image|image_url|video|audio|string|system|user|assistant|tool|function|true|false|none|developer|ipython|input_audio|model)$/i.test(
      text.trim(),
    )
  );
}

function some(node: unknown, matches: (node: Node) => boolean): boolean {
  const open = isNode(node) ? [node] : [];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (matches(one)) return true;
    open.push(...childrenOf(one));
  }
  return false;
}

function readsContent(node: unknown): boolean {
  return some(
    node,
    (one) =>
      (one.type === 'MemberExpression' &&
        /^(?:content|text)$/.test(
          (one['computed'] === true ? fold(one['property']) : nameOf(one['property'])) ?? '',
        )) ||
      /^(?:content|user_message|last_message|query|prompt|text)$/.test(nameOf(one) ?? ''),
  );
}

function readsCount(node: unknown): boolean {
  return some(
    node,
    (one) =>
      (one.type === 'FilterExpression' &&
        /^(?:length|count)$/.test(filterName(one).name ?? '') &&
        some(one['operand'], (inner) => /messages/.test(nameOf(inner) ?? ''))) ||
      (one.type === 'MemberExpression' &&
        nameOf(one['object']) === 'loop' &&
        /^index0?$/.test(nameOf(one['property']) ?? '')),
  );
}

function readsClock(node: unknown): boolean {
  return some(node, (one) => one.type === 'CallExpression' && nameOf(one['callee']) === 'strftime_now');
}

function saidIn(body: unknown): string | undefined {
  const open = (Array.isArray(body) ? body : [body]).filter(isNode);
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const literal = node.type === 'StringLiteral' ? node['value'] : undefined;
    if (typeof literal === 'string' && prose.test(literal)) return literal;
    open.push(...childrenOf(node));
  }
  return undefined;
}
