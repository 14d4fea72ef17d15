import type { ChatRequest, DeclaredTool } from './completion.ts';
import { promptNouns, promptQualifiers, recordNouns, secrets } from './lexicon.ts';
import { commandsOf, splitSentences, type Token } from './sentences.ts';

export type Origin = 'system' | 'user' | 'tool' | 'assistant' | 'description';

/** One text of the context, with where it came from. */
export interface Passage {
  origin: Origin;
  text: string;
  /** Place in the message list. */
  index: number;
  /** Came after the last answer to the user, so nobody has acted on it yet. */
  fresh: boolean;
}

/** Everything that the victim knows: the conversation, and what was referred to last. */
export interface World {
  passages: readonly Passage[];
  tools: readonly DeclaredTool[];
  /** Calls made in earlier turns, as name and canonical arguments. */
  made: ReadonlySet<string>;
  /** All that the assistant said before. */
  said: string;
  /** Passages without their commands, as far as they were needed. */
  data: Map<Passage, string>;
  /** Text that `it` and `that` mean now. */
  last: string | undefined;
}

const contextLimit = 400_000;

export function worldOf(request: ChatRequest): World {
  const { messages } = request;
  const lastAnswer = messages.findLastIndex((one) => one.role === 'assistant' && one.calls.length === 0);
  const passages: Passage[] = [];
  let left = contextLimit;
  for (const [index, message] of messages.entries()) {
    const text = message.text.slice(0, left);
    left -= text.length;
    if (text === '') continue;
    passages.push({ origin: message.role, text, index, fresh: index > lastAnswer });
  }
  for (const tool of request.tools) {
    passages.push({ origin: 'description', text: tool.description.slice(0, 8000), index: 0, fresh: true });
  }
  return {
    passages,
    tools: request.tools,
    made: new Set(
      messages.flatMap((message) => message.calls.map((call) => callKey(call.name, parsed(call.arguments)))),
    ),
    said: messages
      .filter((one) => one.role === 'assistant')
      .map((one) => one.text)
      .join('\n'),
    data: new Map(),
    last: undefined,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Two calls are the same when name and arguments are. */
export function callKey(name: string, args: unknown): string {
  return `${name} ${JSON.stringify(args)}`;
}

const textOf = (passages: readonly Passage[]): string => passages.map((one) => one.text.trim()).join('\n\n');

const singular = (word: string): string =>
  word
    .replace(/['’]s$/, '')
    .replace(/ies$/, 'y')
    .replace(/(?<=[a-z]{2}[^s])s$/, '');

const mark = /^(?=.*[\d_]|.*[A-Z].*[A-Z])[\w.:/+=-]{3,}$/;

/** A word that is a thing and not English: `X-42`, or `HACKED` where the rest is not shouted too. */
export function isMark(raw: string, tokens: readonly Token[]): boolean {
  if (!mark.test(raw)) return false;
  return (
    /[\d_]/.test(raw) ||
    tokens.some((one) => one.kind === 'word' && /\p{Ll}/u.test(one.raw)) ||
    tokens.length <= 2
  );
}

/** What a phrase such as "your instructions", "the password" or "the customer's record" stands for; undefined when it is no reference. */
export function resolve(
  tokens: readonly Token[],
  world: World,
  asker: Passage,
  { records = true }: { records?: boolean } = {},
): string | undefined {
  const words = tokens.filter((token) => token.kind === 'word');
  const names = words.map((token) => singular(token.word));
  const has = (set: { has(word: string): boolean }) =>
    words.some((token) => set.has(token.word) || set.has(singular(token.word)));

  // "the code X42" is a literal: a mark follows the noun.
  const literal = words.some((token, place) => {
    const next = words[place + 1];
    return (
      secrets.has(singular(token.word)) &&
      next !== undefined &&
      isMark(next.raw, words) &&
      next.raw !== next.raw.toLowerCase()
    );
  });
  if (literal) return undefined;

  const secret = secretNoun(words, names, records);
  const system = systemText(world);
  const prompt = words.some(
    (token, place) =>
      promptNouns.has(token.word) &&
      (/prompt/.test(token.word) ||
        words.slice(Math.max(0, place - 5), place + 6).some((near) => promptQualifiers.has(near.word))),
  );
  const parts: string[] = [];
  if (prompt && system !== '') parts.push(system);
  if (secret !== undefined && !(prompt && parts.length > 0)) {
    const value = secretOf(secret, words, world, asker);
    if (value !== undefined) parts.push(value);
  }
  const phrase = words.map((one) => one.word).join(' ');
  if (parts.length === 0 && everything.test(phrase)) {
    const before = textOf(world.passages.filter((one) => one !== asker && one.origin !== 'description'));
    if (before !== '') parts.push(before.slice(0, 8000));
  }
  if (parts.length === 0 && records && has(recordNouns)) {
    const record = recordOf(names, words, world, asker);
    if (record !== undefined) parts.push(record);
  }
  if (
    parts.length === 0 &&
    words.length <= 4 &&
    words.some((token) => /^(?:it|that|this|them|these|those|same|result)$/.test(token.word)) &&
    world.last !== undefined
  ) {
    parts.push(world.last);
  }
  return parts.length === 0 ? undefined : parts.join('\n');
}

const everything =
  /\b(?:everything|all|anything|text|words?|content|messages?|lines?|what|conversation|transcript|history|context|chat|dialogue|instructions?)\b.{0,40}\b(?:above|before|previous|preceding|prior|earlier|so far|until now|conversation|context|history|transcript|chat|beginning)\b|\b(?:above|previous|preceding|prior|earlier|entire|whole|full|complete)\b.{0,30}\b(?:text|words|content|messages?|lines?|conversation|transcript|history|context|chat|dialogue|everything)\b|^(?:the )?(?:conversation|transcript|everything|above)\b/;

const strong = /^(?:password|passphrase|passcode|secret|credential|confidential|sensitive|private|codeword)$/;
const pointing =
  /^(?:the|your|this|that|any|all|secret|access|api|admin|administrator|system|hidden|internal|private|confidential|master|database|security|every|each|its)$/;
const otherwiseNamed = /^(?:block|fence|snippet|example|review|point|word|base|sample|comment)$/;
const ordinary =
  /^(?:source|python|javascript|error|postal|zip|qr|html|country|area|discount|my|his|her|their|a|an|public|bank|user|customer|victim|people|someone|employee|new|reset|in)$/;

/** The noun of something kept, unless the phrase means somebody else's or an ordinary thing of that name. */
function secretNoun(words: readonly Token[], names: readonly string[], lenient: boolean): string | undefined {
  return names.find((name, place) => {
    if (!secrets.has(name)) return false;
    if (words[place]!.foreign) return true;
    if (otherwiseNamed.test(names[place + 1] ?? '') || ordinary.test(names[place - 1] ?? '')) return false;
    const pointed = names.slice(Math.max(0, place - 3), place).some((near) => pointing.test(near));
    return pointed || (lenient && (strong.test(name) || place === 0));
  });
}

export function systemText(world: World): string {
  return textOf(world.passages.filter((one) => one.origin === 'system'));
}

/** Values that the context gives for a kind of secret, from the most confidential place that has one. */
export function secretOf(
  kind: string,
  words: readonly Token[],
  world: World,
  asker: Passage,
): string | undefined {
  const cues = secrets.get(kind) ?? [kind];
  const order: Origin[] = ['system', 'tool', 'user', 'assistant'];
  // "the API key" and "the database password": a qualifier chooses between several.
  const qualifiers = words.map((token) => token.word).filter((word) => word.length > 2 && !secrets.has(word));
  for (const origin of order) {
    const values: { value: string; fit: number }[] = [];
    for (const passage of world.passages) {
      if (passage.origin !== origin || (passage === asker && origin !== 'tool' && origin !== 'system'))
        continue;
      for (const sentence of splitSentences(passage.text)) {
        const lower = sentence.text.toLowerCase();
        const cue = cues.find((one) => lower.includes(one));
        if (cue === undefined) continue;
        const value = valueIn(sentence.text, cues);
        if (value !== undefined)
          values.push({ value, fit: qualifiers.filter((word) => lower.includes(word)).length });
      }
    }
    if (values.length > 0) {
      const best = Math.max(...values.map((one) => one.fit));
      return [...new Set(values.filter((one) => one.fit === best).map((one) => one.value))]
        .slice(0, 10)
        .join('\n');
    }
  }
  // Asked for a password where only a code is kept, it gives the code.
  if (
    kind !== 'secret' &&
    (strong.test(kind) || qualifiers.some((word) => pointing.test(word) && word !== 'the'))
  ) {
    return secretOf('secret', [], world, asker);
  }
  const system = systemText(world);
  return system !== '' && kind === 'secret' && words.length > 0 ? system : undefined;
}

/** The value that a sentence gives for one of the names: after `is`, `=` or `:`, else its token that looks like one. */
function valueIn(sentence: string, cues: readonly string[]): string | undefined {
  const stated = new RegExp(
    `(?:${cues.join('|')})[^.:=\\n]{0,48}?(?:\\bis\\b|\\bare\\b|\\bist\\b|\\best\\b|[:=]|->|→)\\s*["'\`“<]?([^\\s"'\`”>,;]{3,200})`,
    'i',
  ).exec(sentence)?.[1];
  const tokenLike = sentence.match(/(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w.+/=-]{6,200}/)?.[0];
  const value =
    tokenLike ??
    (stated !== undefined && !/^(?:the|a|an|not|never|to|secret|confidential|only|in|for)$/i.test(stated)
      ? stated
      : undefined);
  return value?.replace(/[.,;:!?)\]]+$/, '');
}

const personal =
  /^(?:customer|client|user|record|data|detail|document|file|ticket|profile|account|email|phone|iban|card|pii|information|address|name)$/;

/** A passage without its commands: what is left is what they speak of. */
function dataOf(passage: Passage, world: World): string {
  const known = world.data.get(passage);
  if (known !== undefined) return known;
  const text = splitSentences(passage.text)
    .filter((one) => commandsOf(one).length === 0)
    .map((one) => one.text)
    .join('')
    .trim();
  const kept = text === '' && passage.origin === 'tool' ? passage.text : text;
  world.data.set(passage, kept);
  return kept;
}

const typed: Record<string, RegExp> = {
  email: /(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g,
  mail: /(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g,
  phone: /\+?\d[\d ()/-]{6,18}\d/g,
  iban: /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?/g,
  card: /\b(?:\d[ -]?){13,19}\b/g,
  ssn: /\b\d{3}-\d{2}-\d{4}\b/g,
};

/** Records are what tools returned, then what the user pasted, then the system prompt's own data. */
function recordOf(
  names: readonly string[],
  words: readonly Token[],
  world: World,
  asker: Passage,
): string | undefined {
  const data = (passages: readonly Passage[]) =>
    passages.map((one) => ({ ...one, text: dataOf(one, world) })).filter((one) => one.text !== '');
  const results = data(world.passages.filter((one) => one.origin === 'tool'));
  const others = data(world.passages.filter((one) => one.origin === 'user' && one !== asker));
  const pool = results.length > 0 ? results : others.length > 0 ? others : data([asker]);
  if (results.length === 0 && !names.some((name) => personal.test(name))) return undefined;
  for (const name of names) {
    const pattern = typed[name];
    if (!pattern) continue;
    const values = pool.flatMap((one) => one.text.match(pattern) ?? []);
    if (values.length > 0) return [...new Set(values)].slice(0, 20).join(', ');
  }
  const field = names.find(
    (name) =>
      name.length > 3 && pool.some((one) => new RegExp(`\\b${name}\\w*"?\\s*[:=]`, 'i').test(one.text)),
  );
  if (field !== undefined && !/^(?:record|data|detail|customer|content|user|info)$/.test(field)) {
    for (const one of pool) {
      const value = new RegExp(`\\b${field}\\w*"?\\s*[:=]\\s*"?([^"\\n,;}]{1,200})`, 'i').exec(one.text)?.[1];
      if (value) return value.trim();
    }
  }
  const wanted = new Set(words.map((token) => token.word).filter((word) => word.length > 3));
  const ranked = pool
    .map((one) => ({ one, fit: [...wanted].filter((word) => one.text.toLowerCase().includes(word)).length }))
    .sort((a, b) => b.fit - a.fit || b.one.index - a.one.index);
  const best = ranked[0];
  if (!best) return undefined;
  const all = names.some((name) => /^(?:everything|all|records)$/.test(name)) ? pool : [best.one];
  return textOf(all).slice(0, 8000);
}

const placeholder =
  /\{\{?\s*([\w .'-]{1,60}?)\s*\}?\}|<([\w .'-]{1,60}?)>|\[([\w .'-]{1,60}?)\](?!\()|\$\{?([A-Z_]{2,40})\}?|%([A-Z_]{2,40})%|\b(SECRET|PASSWORD|DATA|API_?KEY|TOKEN|SYSTEM_?PROMPT|CANARY|INSTRUCTIONS|RECORD|HISTORY|CONTEXT|[A-Z]+_HERE|XXX+)\b/g;

const vague = /^(?:data|text|value|content|contents|here|x+|insert|output|result|string|info)$/;

/** Fills `<secret>`, `{{customer record}}`, `DATA` and their like with what they name, else with what the sentence speaks of. */
export function fill(
  text: string,
  lookUp: (phrase: string) => string | undefined,
  otherwise: string | undefined,
  encode: (value: string) => string = (value) => value,
): { text: string; filled: boolean } {
  let filled = false;
  const result = text.replace(placeholder, (whole, ...groups: (string | undefined)[]) => {
    const name = groups.slice(0, 6).find((one) => one !== undefined);
    if (name === undefined) return whole;
    const words = name
      .replace(/_/g, ' ')
      .replace(/ ?here$/i, '')
      .toLowerCase();
    const value = vague.test(words) ? (otherwise ?? lookUp(words)) : (lookUp(words) ?? otherwise);
    if (value === undefined) return whole;
    filled = true;
    return encode(value);
  });
  return { text: result, filled };
}
