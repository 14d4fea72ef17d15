import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';
import type { Finding } from '../../kernel/finding.ts';
import { buildAutomaton, eachKeyword, hasKeyword, type Automaton } from '../scan/automaton.ts';
import {
  canBeginWith,
  longestMatch,
  parseExpression,
  printBeginning,
  printExpression,
} from '../scan/expression.ts';
import { compileTriggers, type Trigger, type Window } from '../scan/windows.ts';
import { providerRules, type ProviderRule } from './provider-rules.ts';

const Allowance = z.object({
  /** `or` (default): one hit excuses; `and`: every kind of check must hit. */
  condition: z.enum(['and', 'or']).optional(),
  target: z.enum(['match', 'line', 'secret']).optional(),
  patterns: z.array(z.string()).optional(),
  words: z.array(z.string()).optional(),
});

const AssetRule = z.object({
  id: z.string(),
  title: z.string(),
  pattern: z.string(),
  keywords: z.array(z.string()).min(1),
  before: z.number(),
  after: z.number(),
  leads: z.array(z.string()).optional(),
  entropy: z.number().optional(),
  group: z.number().optional(),
  allow: z.array(Allowance).optional(),
});

/** Shape of assets/inspection/secrets.json, written by tools/build-secret-rules.mjs. */
export const SecretRules = z.object({
  source: z.string(),
  allow: z.array(Allowance),
  rules: z.array(AssetRule),
});
export type SecretRules = z.infer<typeof SecretRules>;

export interface SecretDetector {
  readonly rules: readonly { id: string; title: string }[];
  /** What brings the rules to look, for a pass over the text that others share. */
  readonly triggers: readonly Trigger[];
  detect: (text: string, windows?: readonly Window[]) => Finding[];
  /** How many trailing units may be the beginning of a secret. */
  hold: (text: string) => number;
}

interface Rule extends Trigger {
  id: string;
  title: string;
  score: number;
  /** Sticky when matches begin with the keyword, else global. */
  pattern: RegExp;
  source: string;
  /** What counts against the budget: one attempt at a place, or one unit of a window. */
  cost: number;
  entropy: number;
  group: number | undefined;
  /** The value is a group of its own: what introduces it is no part of the finding. */
  introduced: boolean;
  leads: readonly string[];
  allow: readonly Excuse[];
}

interface Excuse {
  all: boolean;
  target: 'match' | 'line' | 'secret';
  patterns: readonly RegExp[];
  /** Built when first needed. */
  words: (() => Automaton) | undefined;
}

/**
 * A text so dense with keywords that the rules together would read it more than this many times is not read to the
 * end, but reported as a whole.
 */
const readings = 20;
const readingsFloor = 65_536;
/** What a look at one place counts: it may read as far as the rule reaches, but seldom does. */
const costOf = (after: number) => Math.max(24, after >> 2);
/** Base64 runs from this length on are held in streams: they may decode to a secret. */
const encodedRun = 24;
const encodedHold = 4096;

/** @throws Problem ASSET_MISSING when the rules do not have the shape that this build expects */
export function createSecretDetector(asset: unknown): SecretDetector {
  const parsed = SecretRules.safeParse(asset);
  if (!parsed.success)
    throw new Problem('ASSET_MISSING', {
      detail: 'the secret rules do not have the expected shape',
      fix: 'Reinstall, or run `node tools/build-secret-rules.mjs`.',
    });
  const common = parsed.data.allow.map(excuse);
  const rules = [...parsed.data.rules.map(ported), ...providerRules.map(own)];
  const windowsOf = compileTriggers(rules);
  const holding = createHolding(rules);

  function detect(text: string, windows: readonly Window[] = windowsOf(text)): Finding[] {
    const found: Finding[] = [];
    let budget = text.length * readings + readingsFloor;
    for (const { rule: index, start, end } of windows) {
      const rule = rules[index]!;
      const { pattern, exact, cost } = rule;
      if (exact === true) {
        budget -= cost;
        if (budget < 0) return [...settled(found), overload(text)];
        pattern.lastIndex = start;
        const match = pattern.exec(text);
        const finding = match === null ? undefined : judge(rule, match, text, 0, common);
        if (finding !== undefined) found.push(finding);
        continue;
      }
      budget -= (end - start) * cost;
      if (budget < 0) return [...settled(found), overload(text)];
      const stretch = start === 0 && end === text.length ? text : text.slice(start, end);
      pattern.lastIndex = 0;
      for (let match = pattern.exec(stretch); match !== null; match = pattern.exec(stretch)) {
        if (match[0] === '') {
          pattern.lastIndex += 1;
          continue;
        }
        // At the cut a word boundary or an end of text is not a real one.
        if (match.index === 0 && start > 0) continue;
        const finding = judge(rule, match, text, start, common);
        if (finding !== undefined) found.push(finding);
      }
    }
    return settled(found);
  }

  return { rules: rules.map(({ id, title }) => ({ id, title })), triggers: rules, detect, hold: holding };
}

function judge(
  rule: Rule,
  match: RegExpExecArray,
  text: string,
  offset: number,
  common: readonly Excuse[],
): Finding | undefined {
  const chosen = rule.group === undefined ? firstGroup(match) : match[rule.group];
  const secret = chosen ?? match[0];
  if (rule.entropy > 0 && entropy(secret) <= rule.entropy) return undefined;
  for (const excuse of common) if (excuses(excuse, secret, match, text, offset)) return undefined;
  for (const excuse of rule.allow) if (excuses(excuse, secret, match, text, offset)) return undefined;
  const value = rule.introduced ? (match[1] ?? secret) : match[0];
  const start = offset + match.index + match[0].lastIndexOf(value);
  return {
    type: 'secret',
    detector: `secret/${rule.id}`,
    score: rule.score,
    start,
    end: start + value.length,
    reason: rule.title,
  };
}

function firstGroup(match: RegExpExecArray): string | undefined {
  for (let group = 1; group < match.length; group += 1) if (match[group]) return match[group];
  return undefined;
}

function excuses(
  { all, target, patterns, words }: Excuse,
  secret: string,
  match: RegExpExecArray,
  text: string,
  offset: number,
): boolean {
  const subject =
    target === 'secret'
      ? secret
      : target === 'match'
        ? introduction(text, offset + match.index) + match[0]
        : lineAround(text, offset + match.index, offset + match.index + match[0].length);
  const byPattern = patterns.some((pattern) => pattern.test(subject));
  const byWord = words !== undefined && hasKeyword(words(), secret);
  if (!all) return byPattern || byWord;
  return (patterns.length === 0 || byPattern) && (words === undefined || byWord);
}

/** The end of the name that a value is assigned to: what the dropped lazy prefix would have read. */
function introduction(text: string, start: number): string {
  return /[\w.-]{0,50}$/.exec(text.slice(Math.max(0, start - 50), start))![0];
}

function lineAround(text: string, start: number, end: number): string {
  const from = Math.max(text.lastIndexOf('\n', start - 1) + 1, start - 512);
  const to = text.indexOf('\n', end);
  return text.slice(from, Math.min(to < 0 ? text.length : to, end + 512));
}

/** Of findings that overlap, the surest stands; of equals the longer. */
function settled(found: readonly Finding[]): Finding[] {
  const kept: Finding[] = [];
  for (const finding of [...found].sort(
    (left, right) => left.start - right.start || right.end - left.end || right.score - left.score,
  )) {
    const top = kept.at(-1);
    if (top === undefined || finding.start >= top.end) kept.push({ ...finding });
    else if (finding.score > top.score)
      kept[kept.length - 1] = { ...finding, start: top.start, end: Math.max(top.end, finding.end) };
    else top.end = Math.max(top.end, finding.end);
  }
  return kept;
}

function overload(text: string): Finding {
  return {
    type: 'secret',
    detector: 'secret/overload',
    score: 1,
    start: 0,
    end: text.length,
    reason: 'too dense with the marks of secrets to be read to the end',
  };
}

/** Of ASCII units, empty between calls. */
const asciiCounts = new Uint32Array(128);

/** Shannon entropy in bits per unit. */
export function entropy(text: string): number {
  const others = new Map<number, number>();
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 128) asciiCounts[code]! += 1;
    else others.set(code, (others.get(code) ?? 0) + 1);
  }
  let bits = 0;
  const add = (count: number): void => {
    bits -= (count / text.length) * Math.log2(count / text.length);
  };
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code >= 128 || asciiCounts[code] === 0) continue;
    add(asciiCounts[code]!);
    asciiCounts[code] = 0;
  }
  for (const count of others.values()) add(count);
  return bits;
}

/**
 * A stream may let through what introduces a secret, but no unit of the value. Two ways a value can have begun: its
 * keyword is there and the rest runs into the end of the text, or the end of the text is the beginning of a keyword.
 */
function createHolding(rules: readonly Rule[]): (text: string) => number {
  const windowsOf = compileTriggers(
    rules.map(({ leads, before }) => ({ keywords: leads, before, after: Infinity })),
  );
  const beginnings = new Map<number, RegExp>();
  let begun: ((text: string) => number) | undefined;

  return (text) => {
    begun ??= createBegun(rules);
    let from = text.length - begun(text);
    for (const { rule: index, start } of windowsOf(text)) {
      let beginning = beginnings.get(index);
      if (beginning === undefined) {
        beginning = new RegExp(printBeginning(parseExpression(rules[index]!.source)), 'd');
        beginnings.set(index, beginning);
      }
      const match = beginning.exec(start === 0 ? text : text.slice(start));
      if (match?.indices?.[1] !== undefined) from = Math.min(from, start + match.indices[1][0]);
    }
    const encoded = /[A-Za-z0-9+/_=%-]*$/.exec(text.slice(-encodedHold))![0].length;
    return Math.max(text.length - from, encoded >= encodedRun ? encoded : 0);
  };
}

/** Length of the longest end of a text that is a proper beginning of a keyword with which a value starts. */
function createBegun(rules: readonly Rule[]): (text: string) => number {
  // Beginning → it counts only at the start of a word.
  const beginnings = new Map<string, boolean>();
  for (const { source, introduced, leads, before } of rules) {
    if (before > 2 || (introduced && !valueFirst.test(source))) continue;
    const atWord = source.startsWith('\\b') || source.startsWith('(?<!');
    for (const lead of leads)
      for (let length = 1; length < lead.length; length += 1) {
        const beginning = lead.slice(0, length);
        beginnings.set(beginning, (beginnings.get(beginning) ?? true) && atWord);
      }
  }
  const all = [...beginnings.keys()];
  const longest = Math.max(0, ...all.map((beginning) => beginning.length));
  const automaton = buildAutomaton(all);
  return (text) => {
    const tail = text.slice(-longest - 1);
    let held = 0;
    eachKeyword(automaton, tail, (index, end) => {
      if (end !== tail.length) return;
      const { length } = all[index]!;
      const inWord = /\w/.test(tail.charAt(tail.length - length - 1));
      if (!inWord || !beginnings.get(all[index]!)) held = Math.max(held, length);
    });
    return held;
  };
}

/** Nothing but an assertion stands before the group of the value. */
const valueFirst = /^(?:\\b|\(\?<![^)]*\))?\((?!\?)/;

/** Longest stretch between the name and the operator in the assignments of the ported rules. */
const assignmentGap = 48;

function ported(rule: z.infer<typeof AssetRule>): Rule {
  const assignment = rule.pattern.includes('(?:=|>|');
  const introduced = assignment || /^\\b\((?!\?)/.test(rule.pattern);
  const exact = rule.before === 1;
  return {
    ...rule,
    exact,
    ...(assignment ? { operatorWithin: assignmentGap } : {}),
    score: rule.id === 'generic-api-key' ? 0.6 : assignment ? 0.8 : 0.95,
    pattern: new RegExp(rule.pattern, exact ? 'y' : 'g'),
    source: rule.pattern,
    cost: exact ? costOf(rule.after) : rule.after > 1024 ? 40 : 1,
    entropy: rule.entropy ?? 0,
    group: rule.group,
    introduced,
    leads: rule.leads ?? rule.keywords,
    allow: (rule.allow ?? []).map(excuse),
  };
}

function own(rule: ProviderRule): Rule {
  const tree = parseExpression(rule.pattern);
  const source = printExpression(tree);
  const longest = longestMatch(tree);
  const exact = rule.keywords.every((keyword) => canBeginWith(tree, keyword));
  return {
    id: rule.id,
    title: rule.title,
    keywords: rule.keywords,
    before: exact ? 1 : 16,
    exact,
    after: longest + 1,
    score: rule.score ?? 0.95,
    pattern: new RegExp(source, exact ? 'y' : 'g'),
    source,
    cost: exact ? costOf(longest) : 1,
    entropy: rule.entropy ?? 0,
    group: undefined,
    introduced: true,
    leads: rule.keywords,
    allow: [],
  };
}

function excuse({ condition, target, patterns = [], words }: z.infer<typeof Allowance>): Excuse {
  return {
    all: condition === 'and',
    target: target ?? 'secret',
    patterns: patterns.map((pattern) => new RegExp(pattern)),
    words: words === undefined || words.length === 0 ? undefined : once(() => buildAutomaton(words)),
  };
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
