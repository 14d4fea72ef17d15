import type { Call, DeclaredTool } from './completion.ts';
import { fill, resolve, type Passage, type World } from './context.ts';
import { synonyms } from './lexicon.ts';
import { balanced, tokenise, type Command } from './sentences.ts';

const bare = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '');

const namedParts = (name: string): string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((one) => one !== '');

const stem = (word: string): string => word.replace(/(?:ing|ed|es|s)$/, '');

const related = (left: string, right: string): boolean => {
  if (left === right || (left.length > 3 && stem(left) === stem(right))) return true;
  const groups = synonyms.get(left) ?? synonyms.get(stem(left));
  return (
    groups !== undefined &&
    (synonyms.get(right) ?? synonyms.get(stem(right)) ?? []).some((one) => groups.includes(one))
  );
};

/** The declared tool whose name stands in the text, whatever joins its words. */
export function mentioned(text: string, tools: readonly DeclaredTool[]): DeclaredTool | undefined {
  const flat = bare(text);
  return tools
    .filter((tool) => bare(tool.name).length >= 3 && flat.includes(bare(tool.name)))
    .sort((a, b) => b.name.length - a.name.length)
    .find(
      (tool) => namedParts(tool.name).length > 1 || new RegExp(`\\b${bare(tool.name)}\\b`, 'i').test(text),
    );
}

/**
 * The declared tool that does what a command asks for: its name or description speaks of the verb and of the object.
 * `byObject`: the verb alone does not do.
 */
export function fitting(
  command: Command,
  tools: readonly DeclaredTool[],
  byObject = false,
): DeclaredTool | undefined {
  const nouns = command.object
    .filter((token) => token.kind === 'word' && token.word.length > 2)
    .map((token) => token.word.replace(/['’]s$/, ''))
    .slice(0, 40);
  let best: { tool: DeclaredTool; score: number } | undefined;
  for (const tool of tools) {
    const name = namedParts(tool.name);
    const description = namedParts(tool.description.slice(0, 600));
    let score = 0;
    const verb = command.verb === 'look' && nouns.length === 0 ? '' : command.verb;
    if (name.some((part) => part === verb)) score += 3;
    else if (name.some((part) => related(verb, part))) score += 2;
    else if (description.some((part) => related(verb, part))) score += 1;
    else continue;
    const before = score;
    if (nouns.some((noun) => name.some((part) => part === noun || stem(part) === stem(noun)))) score += 2;
    else if (nouns.some((noun) => name.some((part) => related(noun, part)))) score += 1;
    if (nouns.some((noun) => description.some((part) => part.length > 2 && stem(part) === stem(noun))))
      score += 1;
    if (byObject && score === before) continue;
    if (addressed(command, 'email') && takes(tool, /mail|recipient|\bto\b|message/i)) score += 2;
    if (addressed(command, 'url') && takes(tool, /url|uri|link|web|http/i)) score += 2;
    if (score >= 3 && (!best || score > best.score)) best = { tool, score };
  }
  return best?.tool;
}

const addressed = (command: Command, kind: 'email' | 'url'): boolean =>
  command.object.some((token) => token.kind === 'link' && /^https?:/.test(token.raw) === (kind === 'url'));

const takes = (tool: DeclaredTool, word: RegExp): boolean =>
  word.test(
    `${tool.name} ${tool.description} ${Object.keys(record(tool.parameters['properties'])).join(' ')}`,
  );

/** A call of a tool that nobody declared, when it is named as one. */
export function undeclared(command: Command): string | undefined {
  const patterns = [
    /^(?:the\s+)?["'`]?([A-Za-z][\w.-]{1,63})["'`]?\s+(?:tool|function|plugin|action|api)\b/i,
    /\b(?:tool|function|api|command|plugin|action)\s+(?:called\s+|named\s+)?["'`]?([A-Za-z][\w.-]{1,63})["'`]?/i,
    /^["'`]?([A-Za-z]\w*[_-][\w-]{1,63}|[a-z]+[A-Z]\w*)["'`]?(?=\s+(?:with|on|to|for|using|\{)|\s*[.({]|$)/,
  ];
  for (const pattern of patterns) {
    const name = pattern.exec(command.rest)?.[1];
    if (
      name !== undefined &&
      !/^(?:the|a|to|with|and|that|this|any|which|for|your|available|provided)$/i.test(name)
    )
      return name;
  }
  return undefined;
}

interface Property {
  type?: unknown;
  description?: unknown;
  enum?: unknown;
  properties?: unknown;
  items?: unknown;
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};

/** Arguments for a tool from a command, or undefined when a reference in it cannot be resolved yet. */
export function argumentsFor(
  tool: DeclaredTool,
  command: Command,
  world: World,
  passage: Passage,
): Record<string, unknown> | undefined {
  const lookUp = (phrase: string) => resolve(tokenise(phrase), world, passage);
  const subject = resolve(command.object, world, passage);
  const written = [...command.object, ...tokenise(command.sentence)].find((token) => token.kind === 'braces');
  const given = (written && looseObject(written.raw)) ?? blockAfter(command, passage);
  const sentence = command.sentence.slice(0, 6000);
  const text = given ? sentence : `${sentence} ${followingFields(command, passage)}`;
  const properties = record(tool.parameters['properties']) as Record<string, Property>;
  if (given) {
    const args = record(given['arguments'] ?? given['parameters'] ?? given['args'] ?? given);
    const filled = deepFill(args, lookUp, subject);
    return Object.keys(properties).length > 0
      ? { ...requiredOf(tool, text, world, passage, subject, Object.keys(filled)), ...filled }
      : filled;
  }
  const names = Object.keys(properties).slice(0, 24);
  if (names.length === 0) return natural(text, lookUp, subject);
  const args: Record<string, unknown> = {};
  const required = new Set(
    Array.isArray(tool.parameters['required'])
      ? (tool.parameters['required'] as unknown[]).map(String)
      : names,
  );
  for (const name of names) {
    const value = valueFor(name, properties[name]!, names, text, lookUp, subject, command.rest);
    if (value !== undefined) args[name] = value;
    else if (required.has(name) && /^e?-?mail(?:_?address)?$/i.test(name)) {
      // Whose address it is was said elsewhere, or nobody said it yet: then there is nothing to call with.
      const said = world.passages.findLast(
        (one) => one.origin === 'user' && addressIn(one.text) !== undefined,
      );
      if (!said) return undefined;
      args[name] = addressIn(said.text);
    } else if (required.has(name)) args[name] = makeshift(name, properties[name]!, command, subject);
  }
  return args;
}

function requiredOf(
  tool: DeclaredTool,
  text: string,
  world: World,
  passage: Passage,
  subject: string | undefined,
  have: readonly string[],
): Record<string, unknown> {
  const properties = record(tool.parameters['properties']) as Record<string, Property>;
  const required = Array.isArray(tool.parameters['required'])
    ? (tool.parameters['required'] as unknown[]).map(String)
    : [];
  const lookUp = (phrase: string) => resolve(tokenise(phrase), world, passage);
  return Object.fromEntries(
    required
      .filter((name) => !have.includes(name) && properties[name])
      .map((name) => [
        name,
        valueFor(name, properties[name]!, required, text, lookUp, subject) ?? subject ?? '',
      ]),
  );
}

/** JSON, or JSON as people write it: single quotes, bare keys. */
export function looseObject(text: string): Record<string, unknown> | undefined {
  for (const attempt of [
    text,
    text.replace(/'/g, '"'),
    text.replace(/'/g, '"').replace(/([{,]\s*)([A-Za-z_]\w*)\s*:/g, '$1"$2":'),
  ]) {
    try {
      const value: unknown = JSON.parse(attempt);
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        return value as Record<string, unknown>;
    } catch {
      // The next spelling.
    }
  }
  return undefined;
}

/** An object or a fenced object that follows the sentence. */
function blockAfter(command: Command, passage: Passage): Record<string, unknown> | undefined {
  const after = passage.text.slice(command.end, command.end + 8000);
  const open = /^\s*(?:```\w*\s*)?(?:arguments|args|parameters|input)?\s*[:=]?\s*\{/i.exec(after);
  if (!open) return undefined;
  const at = open[0].length - 1;
  const end = balanced(after, at);
  return end > 0 ? looseObject(after.slice(at, end)) : undefined;
}

/** `To: …`, `Subject: …`, `Body: …` on the lines after the sentence. */
function followingFields(command: Command, passage: Passage): string {
  const after = passage.text.slice(command.end, command.end + 4000);
  return /^\s*(?:[-*]\s*)?[A-Za-z_ ]{2,24}\s*[:=]\s*\S/.exec(after)
    ? (after.split(/\n\s*\n/, 1)[0] ?? '')
    : '';
}

function deepFill(
  value: Record<string, unknown>,
  lookUp: (phrase: string) => string | undefined,
  subject: string | undefined,
): Record<string, unknown> {
  const step = (one: unknown, depth: number): unknown => {
    if (typeof one === 'string') return fill(one, lookUp, subject).text;
    if (depth > 6) return one;
    if (Array.isArray(one)) return one.map((item) => step(item, depth + 1));
    if (typeof one === 'object' && one !== null) {
      return Object.fromEntries(Object.entries(one).map(([key, item]) => [key, step(item, depth + 1)]));
    }
    return one;
  };
  return step(value, 0) as Record<string, unknown>;
}

const email = /(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g;
const url = /https?:\/\/[^\s"'`<>)]+/g;
/** A placeholder that stands for a value, as pseudonymisation leaves it: words and a long code, joined by underscores. */
const placeholder = /(?<![\w-])[A-Z]{2,12}(?:_[A-Z]{2,24}){1,3}_[0-9A-Fa-f]{12,64}(?![\w-])/;

const addressIn = (text: string): string | undefined => text.match(email)?.[0] ?? placeholder.exec(text)?.[0];

const kinds: { kind: string; when: RegExp }[] = [
  {
    kind: 'email',
    when: /^(?:to|recipients?|e?mail|address|cc|bcc|destination|receiver|send_?to|email_?address|target)$/i,
  },
  { kind: 'subject', when: /^(?:subject|title|heading|topic)$/i },
  {
    kind: 'body',
    when: /^(?:body|content|contents|message|text|html|payload|data|note|description|comment|value)$/i,
  },
  { kind: 'url', when: /^(?:url|uri|link|href|endpoint|host|site|page|address)$/i },
  { kind: 'path', when: /^(?:path|file|filename|file_?name|directory|folder)$/i },
  { kind: 'command', when: /^(?:command|cmd|code|script|sql|expression|shell)$/i },
  { kind: 'amount', when: /^(?:amount|sum|total|price|value|quantity|count|number|limit)$/i },
];

const aliases: Record<string, string> = {
  email: 'to|recipients?|e-?mail(?: address)?|address',
  subject: 'subject(?: line)?|title|heading',
  body: 'body(?: text)?|content|message|text|saying|containing|says|reading|with the text',
};

function valueFor(
  name: string,
  property: Property,
  all: readonly string[],
  text: string,
  lookUp: (phrase: string) => string | undefined,
  subject: string | undefined,
  nearest = text,
): unknown {
  const kind = kinds.find(({ when }) => when.test(name))?.kind;
  const options = Array.isArray(property.enum)
    ? property.enum.filter((one): one is string => typeof one === 'string')
    : [];
  const option = options.find((one) => new RegExp(`\\b${escape(one)}\\b`, 'i').test(text));
  if (options.length > 0) return option ?? options[0];
  const numeric = property.type === 'number' || property.type === 'integer';
  if (property.type === 'boolean')
    return !new RegExp(`\\b(?:no|not|without|false)\\b.{0,12}${escape(name)}`, 'i').test(text);
  const shape = (value: string): unknown => {
    if (numeric) return Number(value.replace(/[^\d.-]/g, '')) || 0;
    return property.type === 'array'
      ? value.split(/\s*(?:,|\band\b|;)\s*/).filter((one) => one !== '')
      : value;
  };
  if (kind === 'email') {
    const found = addressIn(nearest) ?? addressIn(text);
    if (found && !/cc|bcc/i.test(name)) return shape(found);
    if (/cc|bcc/i.test(name)) return undefined;
  }
  if (kind === 'url') {
    const found = text.match(url)?.[0]?.replace(/[.,;]+$/, '');
    if (found) return shape(fill(found, lookUp, subject, encodeURIComponent).text);
  }
  const labels = [name, namedParts(name).join(' '), ...(kind && aliases[kind] ? [aliases[kind]] : [])].map(
    (one, place) => (place < 2 ? escape(one) : one),
  );
  const stated = labelled(text, labels.join('|'), all);
  if (stated !== undefined) {
    const quoted = /^["'`“](.*)["'`”]$/s.exec(stated)?.[1];
    const phrase = quoted ?? stated;
    const referred =
      quoted === undefined || /^(?:the|your|all) [\w ]{3,40}$/i.test(phrase) ? lookUp(phrase) : undefined;
    return shape(referred ?? fill(phrase, lookUp, subject).text);
  }
  if (numeric) {
    const found = /[-+]?\d[\d,]*(?:\.\d+)?/.exec(text.replace(email, ''))?.[0];
    return found === undefined ? undefined : shape(found.replace(/,/g, ''));
  }
  if (kind === 'body') return subject ?? quotedIn(text);
  if (kind === 'command')
    return (
      quotedIn(text) ??
      /\b(?:run|execute|command)\s+(?:the\s+(?:command|code|query)\s+)?(.{2,200}?)[.]?$/is.exec(
        text.trim(),
      )?.[1]
    );
  if (kind === 'path')
    return /(?:~|\.{0,2})?\/[\w./-]{2,200}|\b[\w-]+\.[a-z]{2,5}\b/.exec(
      text.replace(email, '').replace(url, ''),
    )?.[0];
  if (kind === 'email' || kind === 'url' || kind === 'subject') return undefined;
  return entity(text);
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** The value after `name`, `name:`, `name is` or `with name`, up to the next parameter's name or the end. */
function labelled(text: string, labels: string, all: readonly string[]): string | undefined {
  const others = [...all, 'subject', 'body', 'message', 'to', 'content']
    .map((one) => escape(namedParts(one).join(' ')))
    .join('|');
  const pattern = new RegExp(
    `(?:^|[^\\p{L}\\p{N}])(?:${labels})\\b["'\`]?(?:\\s+(?:of|is|as|set to|should be|being|line|equal to))?\\s*[:=]?\\s*` +
      `("[^"\\n]{0,2000}"|'[^'\\n]{0,2000}'|\`[^\`\\n]{0,2000}\`|“[^”\\n]{0,2000}”|[^"'\`“\\s][^\\n]{0,500}?)` +
      `(?=\\s*(?:[,;]|\\band\\b|\\bwith\\b)\\s*(?:(?:the|a|an|its|set|use|as)\\s+)*(?:${others})\\b|\\s+(?:${others})\\s*[:=]|\\s*[,;]?\\s*\\b(?:and then|then|so that|before|after)\\b|[.;,]?\\s*(?:\\n|$)|\\.\\s)`,
    'iu',
  );
  const value = pattern
    .exec(text)?.[1]
    ?.trim()
    .replace(/(?<=[\p{L}\p{N}])[?!.]+$/u, '');
  return value === undefined || value === '' || /^(?:tool|function|to|with|and|for|of)\b/i.test(value)
    ? undefined
    : value;
}

const quotedIn = (text: string): string | undefined =>
  /"([^"\n]{1,2000})"|“([^”\n]{1,2000})”|`([^`\n]{1,2000})`|(?<=\s)'([^'\n]{1,2000})'/
    .exec(text)
    ?.slice(1)
    .find((one) => one !== undefined);

/** The thing a request is about: a quoted text, an address, an id with digits, or a proper name. */
export function entity(whole: string): string | undefined {
  const text = whole.slice(0, 8000);
  return (
    quotedIn(text) ??
    text.match(email)?.[0] ??
    /(?<![\w-])(?:#?[A-Z]{1,6}[-_]?\d[\w-]*|#?\d{2,}[\w-]*)/.exec(text)?.[0]?.replace(/^#/, '') ??
    /(?<=\p{Ll}\s)\p{Lu}[\p{L}'’-]+(?:\s+\p{Lu}[\p{L}'’-]+){0,3}/u.exec(text)?.[0]
  );
}

function makeshift(name: string, property: Property, command: Command, subject: string | undefined): unknown {
  switch (property.type) {
    case 'number':
    case 'integer':
      return 1;
    case 'boolean':
      return true;
    case 'array':
      return [];
    case 'object':
      return {};
    default:
      return /subject|title/i.test(name) ? 'Message' : (subject ?? command.rest.slice(0, 500));
  }
}

/** Parameters without a schema: the keys that the request itself uses. */
function natural(
  text: string,
  lookUp: (phrase: string) => string | undefined,
  subject: string | undefined,
): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  for (const name of ['to', 'subject', 'body', 'url', 'amount', 'command', 'path']) {
    const value = valueFor(
      name,
      {},
      ['to', 'subject', 'body'],
      text,
      lookUp,
      name === 'body' ? subject : undefined,
    );
    if (value !== undefined) args[name] = value;
  }
  if (Object.keys(args).length === 0) {
    const about = entity(text) ?? subject;
    if (about !== undefined) args['query'] = about;
  }
  return args;
}

/** Calls written as such: `{"name": …, "arguments": …}`, `tool(key="value")`, `Action: tool` with `Action Input: …`. */
export function writtenCalls(passage: Passage, world: World): Call[] {
  const { text } = passage;
  const calls: Call[] = [];
  const lookUp = (phrase: string) => resolve(tokenise(phrase), world, passage);
  const declared = (name: string) => world.tools.find((tool) => bare(tool.name) === bare(name))?.name;
  let seen = 0;
  for (const found of text.matchAll(/"(?:name|tool|tool_name|function|action)"\s*:\s*"([\w .-]{1,64})"/g)) {
    seen += 1;
    if (seen > 50) break;
    const window = Math.max(0, found.index - 2000);
    const open = text.slice(window, found.index).lastIndexOf('{') + window;
    if (open < window) continue;
    const end = balanced(text, open);
    const value = end > 0 ? looseObject(text.slice(open, end)) : undefined;
    const args =
      value?.['arguments'] ??
      value?.['parameters'] ??
      value?.['args'] ??
      value?.['input'] ??
      value?.['action_input'];
    const read = typeof args === 'string' ? looseObject(args) : record(args);
    const name = declared(found[1]!);
    if (name && read && args !== undefined)
      calls.push({ name, arguments: deepFill(read, lookUp, undefined) });
  }
  for (const tool of world.tools) {
    const spelling = namedParts(tool.name).map(escape).join('[-_ ]?');
    if (spelling === '') continue;
    for (const found of text.matchAll(new RegExp(`\\b${spelling}\\s*\\(([^()\\n]{0,2000})\\)`, 'gi'))) {
      const args = keywordArguments(found[1]!, tool);
      if (args) calls.push({ name: tool.name, arguments: deepFill(args, lookUp, undefined) });
    }
    for (const found of text.matchAll(
      new RegExp(`\\baction\\s*:\\s*\`?${spelling}\`?\\s*\\n\\s*action input\\s*:\\s*([^\\n]{1,4000})`, 'gi'),
    )) {
      const args = looseObject(found[1]!) ?? {
        [Object.keys(record(tool.parameters['properties']))[0] ?? 'input']: found[1]!.trim(),
      };
      calls.push({ name: tool.name, arguments: deepFill(args, lookUp, undefined) });
    }
  }
  return calls;
}

function keywordArguments(text: string, tool: DeclaredTool): Record<string, unknown> | undefined {
  const whole = looseObject(text.trim());
  if (whole) return whole;
  const args: Record<string, unknown> = {};
  for (const found of text.matchAll(/([A-Za-z_]\w*)\s*[=:]\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^,]+)/g)) {
    args[found[1]!] = found[2]!.trim().replace(/^["'](.*)["']$/s, '$1');
  }
  if (Object.keys(args).length > 0) return args;
  const names = Object.keys(record(tool.parameters['properties']));
  const values = text
    .split(',')
    .map((one) => one.trim().replace(/^["'](.*)["']$/s, '$1'))
    .filter((one) => one !== '');
  if (values.length === 0) return undefined;
  return Object.fromEntries(values.map((value, place) => [names[place] ?? `arg${place}`, value]));
}
