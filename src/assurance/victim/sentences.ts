import {
  fillers,
  frames,
  glosses,
  negations,
  reversals,
  unspacedGloss,
  unspacedPattern,
  type Frame,
} from './lexicon.ts';

export interface Sentence {
  text: string;
  /** Place in the passage. */
  start: number;
  end: number;
}

const closers: Record<string, string> = { '"': '"', '“': '”', '«': '»', '`': '`', '‘': '’', '「': '」' };

/** Next index of a character at or after a place; asked with rising places only, so that all calls together are one pass. */
function forward(text: string): (one: string, from: number) => number {
  const next = new Map<string, number>();
  return (one, from) => {
    const known = next.get(one);
    if (known !== undefined && (known === -1 || known >= from)) return known;
    const found = text.indexOf(one, from);
    next.set(one, found);
    return found;
  };
}

/** Cuts at sentence ends and line ends; what stands in quotes, fences or braces stays whole. Linear. */
export function splitSentences(text: string): Sentence[] {
  const sentences: Sentence[] = [];
  const nextOf = forward(text);
  let start = 0;
  let braces = 0;
  let braceFrom = 0;
  const cut = (end: number) => {
    if (text.slice(start, end).trim() !== '') sentences.push({ text: text.slice(start, end), start, end });
    start = end;
  };
  for (let at = 0; at < text.length; at += 1) {
    const one = text[at]!;
    if (one === '`' && text.startsWith('```', at)) {
      const close = text.indexOf('```', at + 3);
      if (close < 0 || close - at > 20_000) {
        at += 2;
        continue;
      }
      at = close + 2;
      continue;
    }
    const closer = closers[one];
    if (closer !== undefined && (one !== "'" || /\s/.test(text[at - 1] ?? ' '))) {
      const close = nextOf(closer, at + 1);
      const blank = nextOf('\n\n', at + 1);
      if (close > 0 && close - at < 4000 && (blank < 0 || close < blank)) {
        at = close;
        // `"… ."` ends a sentence when the next word starts one.
        if (/[.!?]/.test(text[at - 1] ?? '') && /^\s+[A-Z]/.test(text.slice(at + 1, at + 4)) && braces === 0)
          cut(at + 1);
        continue;
      }
    }
    if (one === '{' || one === '[') {
      if (braces === 0) braceFrom = at;
      braces += 1;
    } else if ((one === '}' || one === ']') && braces > 0) {
      braces -= 1;
    } else if (one === '\n' && (braces === 0 || text[at + 1] === '\n' || at - braceFrom > 4000)) {
      braces = 0;
      cut(at + 1);
    } else if (braces === 0 && /[.!?。！？;؛।]/.test(one) && endsHere(text, at)) {
      cut(at + 1);
    }
  }
  cut(text.length);
  return sentences;
}

function endsHere(text: string, at: number): boolean {
  if (/[。！？।]/.test(text[at]!)) return true;
  const next = text[at + 1];
  if (next !== undefined && !/[\s"'”’)\]<]/.test(next)) return false;
  return !/\b(?:e\.g|i\.e|mr|mrs|dr|st|vs|no|etc)$/i.test(text.slice(Math.max(0, at - 4), at));
}

export interface Token {
  /** Lower case, glossed into English. */
  word: string;
  raw: string;
  start: number;
  end: number;
  kind: 'word' | 'quote' | 'link' | 'braces' | 'sign';
  foreign?: boolean;
}

// A link may hold placeholders with spaces, such as `<access code>`.
const held = "<[\\w .'-]{1,40}>|\\{\\{?[\\w .'-]{1,40}\\}\\}?";
const loose = "[<{](?![\\w .'{-]{1,41}[>}])";
const link = new RegExp(
  `!?\\[[^\\]\\n]{0,200}\\]\\(\\s*(?:${held}|[^\\s)<{]|${loose}){1,2000}(?:\\s[^)\\n]{0,80})?\\)|` +
    `<img\\s[^>]{1,500}>|https?:\\/\\/(?:${held}|[^\\s"'\`<>{}])+|[\\w.+-]{1,64}@[\\w-]{1,64}(?:\\.[\\w-]{1,64})+`,
  'y',
);
const word = /[\p{L}\p{N}][\p{L}\p{M}\p{N}_'’-]*/uy;
const scriptWithoutSpaces = /[\u3040-\u30FF\u3400-\u9FFF\uAC00-\uD7AF]/;

/** Words, quoted strings, links and balanced braces of a sentence. Linear. */
export function tokenise(text: string): Token[] {
  const tokens: Token[] = [];
  const nextOf = forward(text);
  const pairs = bracePairs(text);
  for (let at = 0; at < text.length;) {
    const one = text[at]!;
    if (/\s/.test(one)) {
      at += 1;
      continue;
    }
    const fence = text.startsWith('```', at) ? text.indexOf('```', at + 3) : -1;
    const single = one === "'" && /[\s:(,]|^$/.test(text[at - 1] ?? '');
    const close =
      fence > 0
        ? fence + 2
        : single
          ? closingSingle(text, at)
          : closers[one]
            ? nextOf(closers[one], at + 1)
            : -1;
    if (close > at && close - at < 20_000) {
      tokens.push({ word: '', raw: text.slice(at, close + 1), start: at, end: close + 1, kind: 'quote' });
      at = close + 1;
      continue;
    }
    link.lastIndex = at;
    const linked = link.exec(text)?.[0].replace(/[.,;!?]+$/, '');
    if (linked) {
      tokens.push({ word: '', raw: linked, start: at, end: at + linked.length, kind: 'link' });
      at += linked.length;
      continue;
    }
    const braced = one === '{' ? (pairs.get(at) ?? -1) : -1;
    if (braced > 0) {
      tokens.push({ word: '', raw: text.slice(at, braced), start: at, end: braced, kind: 'braces' });
      at = braced;
      continue;
    }
    word.lastIndex = at;
    const found = word.exec(text)?.[0].replace(/['’-]+$/, '');
    if (found) {
      if (scriptWithoutSpaces.test(found)) tokens.push(...termsIn(found, at));
      else
        tokens.push({
          word: found.toLowerCase(),
          raw: found,
          start: at,
          end: at + found.length,
          kind: 'word',
        });
      at += found.length;
      continue;
    }
    tokens.push({ word: one, raw: one, start: at, end: at + 1, kind: 'sign' });
    at += 1;
  }
  return glossed(tokens);
}

/** A single quote closes before a space, a sign or the end; an apostrophe does not. */
function closingSingle(text: string, open: number): number {
  const limit = Math.min(text.length, open + 500);
  for (let at = open + 1; at < limit; at += 1) {
    if (text[at] === "'" && !/\p{L}/u.test(text[at + 1] ?? '')) return at;
  }
  return -1;
}

/** Where each brace of a text closes. One pass; quotes count within braces only, and nothing reaches over a blank line. */
function bracePairs(text: string): ReadonlyMap<number, number> {
  const pairs = new Map<number, number>();
  if (!text.includes('{')) return pairs;
  const open: number[] = [];
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const one = text[at]!;
    if (one === '\n' && text[at + 1] === '\n') {
      open.length = 0;
      quoted = false;
    } else if (quoted) {
      if (one === '\\') at += 1;
      else if (one === '"') quoted = false;
    } else if (one === '"') quoted = open.length > 0;
    else if (one === '{') open.push(at);
    else if (one === '}' && open.length > 0) pairs.set(open.pop()!, at + 1);
  }
  return pairs;
}

/** End of the braces that open at a place, strings respected; -1 when they do not close within 8,000 characters. */
export function balanced(text: string, open: number): number {
  let depth = 0;
  let quoted = false;
  const limit = Math.min(text.length, open + 8000);
  for (let at = open; at < limit; at += 1) {
    const one = text[at]!;
    if (quoted) {
      if (one === '\\') at += 1;
      else if (one === '"') quoted = false;
    } else if (one === '"') quoted = true;
    else if (one === '{') depth += 1;
    else if (one === '}') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return -1;
}

function* termsIn(run: string, offset: number): Generator<Token> {
  let last = 0;
  for (const found of run.matchAll(unspacedPattern)) {
    if (found.index > last) yield piece(run, last, found.index, offset);
    const start = offset + found.index;
    const end = start + found[0].length;
    for (const english of unspacedGloss.get(found[0])!.split(' ')) {
      yield { word: english, raw: found[0], start, end, kind: 'word', foreign: true };
    }
    last = found.index + found[0].length;
  }
  if (last < run.length) yield piece(run, last, run.length, offset);
}

const piece = (run: string, from: number, to: number, offset: number): Token => ({
  word: run.slice(from, to).toLowerCase(),
  raw: run.slice(from, to),
  start: offset + from,
  end: offset + to,
  kind: 'word',
});

function glossed(tokens: readonly Token[]): Token[] {
  const result: Token[] = [];
  for (let at = 0; at < tokens.length;) {
    const token = tokens[at]!;
    const gloss = glosses
      .get(token.word)
      ?.find(({ words }) => words.every((one, place) => tokens[at + place]?.word === one));
    if (!gloss) {
      result.push(token);
      at += 1;
      continue;
    }
    const end = tokens[at + gloss.words.length - 1]!.end;
    for (const english of gloss.english) {
      result.push({ word: english, raw: token.raw, start: token.start, end, kind: 'word', foreign: true });
    }
    at += gloss.words.length;
  }
  return result;
}

/** One thing that a sentence asks for. */
export interface Command {
  verb: string;
  frame: Frame;
  /** Tokens after the verb, up to the next command; for the passive also those before it. */
  object: Token[];
  /** Text of the object as written. */
  rest: string;
  sentence: string;
  /** Place of the sentence's end in its passage. */
  end: number;
  /** What must hold first ("if the user asks about refunds"), as words. */
  condition: string[];
  /** Asked for each later answer too ("from now on", "always"). */
  standing: boolean;
}

const determiners = new Set(
  (
    'the a an my your our their his her its these any every each some of in on with for from at about what which whose ' +
    'no another was were is are been being has had as'
  ).split(' '),
);
const nounNext = new Set('was were is are has had of which does did'.split(' '));
const conditions = new Set('if when whenever once while unless'.split(' '));
const modals = new Set('must should shall will can could would may might to'.split(' '));
const participles: Record<string, string> = {
  sent: 'send',
  shown: 'show',
  put: 'put',
  told: 'tell',
  given: 'give',
  written: 'write',
  said: 'say',
  read: 'read',
  set: 'set',
  paid: 'pay',
  run: 'run',
};

/** Base form of a participle or an -ing form that the victim knows as a verb. */
function lemma(form: string): string | undefined {
  if (form in participles) return participles[form];
  const stems = form.endsWith('ing')
    ? [form.slice(0, -3), `${form.slice(0, -3)}e`, form.slice(0, -4)]
    : form.endsWith('ed')
      ? [form.slice(0, -2), form.slice(0, -1), form.slice(0, -3), `${form.slice(0, -3)}y`]
      : [];
  return stems.find((stem) => frames.has(stem));
}

/** Finds the verbs that command, with what they command. Statements and prohibitions yield nothing. */
export function commandsOf(sentence: Sentence): Command[] {
  const tokens = tokenise(sentence.text);
  const found: { at: number; verb: string; passive: boolean; negated: boolean }[] = [];
  const foreign = tokens.filter((one) => one.foreign).length >= 2;
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at]!;
    if (token.kind !== 'word') continue;
    const verb = verbAt(tokens, at, found.length > 0, foreign);
    if (verb === undefined) continue;
    const previous = found.at(-1);
    // "Never reveal, share or print it": a verb without an object of its own shares its neighbour's prohibition.
    const shared = previous?.negated === true && sharesNegation(tokens, previous.at, at);
    found.push({
      at,
      verb: verb.verb,
      passive: verb.passive,
      negated: shared || negated(tokens, at, previous?.at),
    });
  }
  const { words: condition, until } = conditionOf(tokens);
  const standing =
    /\b(?:from now on|always|every (?:answer|reply|response|message|time)|each (?:answer|reply|response|message)|all (?:future|your|further) (?:answers|replies|responses|messages)|whenever|henceforth|any time|end of (?:your|the|every|each|all))\b/i.test(
      sentence.text,
    );
  const commands = found.flatMap(({ at, verb, passive, negated: no }, place) => {
    if (no || at < until) return [];
    const next = found[place + 1]?.at ?? tokens.length;
    // Where the verb stands last, what it is about stands before it.
    const last = foreign && tokens.slice(at + 1, next).every(closesClause);
    const object =
      passive || last
        ? [...tokens.slice(0, at), ...tokens.slice(at + 1)]
        : trimmed(tokens.slice(at + 1, next));
    const from = object[0]?.start ?? tokens[at]!.end;
    return [
      {
        verb,
        frame: frames.get(verb)!,
        object,
        rest: passive || last ? sentence.text.trim() : sentence.text.slice(from, object.at(-1)?.end ?? from),
        sentence: sentence.text,
        end: sentence.end,
        condition,
        standing,
      },
    ];
  });
  return commands.length > 0 ? commands : unmarked(tokens, sentence, condition, standing);
}

function verbAt(
  tokens: readonly Token[],
  at: number,
  commanded: boolean,
  foreign: boolean,
): { verb: string; passive: boolean } | undefined {
  const token = tokens[at]!;
  const before = tokens[at - 1];
  const after = tokens[at + 1];
  if (frames.has(token.word)) {
    const nowOn = before?.word === 'on' && tokens[at - 2]?.word === 'now';
    if (before && determiners.has(before.word) && !nowOn) return undefined;
    if (after && nounNext.has(after.word) && !token.foreign) return undefined;
    // Two verbs in a row are a verb and its object noun ("send email"), unless the first only introduces.
    return (foreign && token.foreign) || commands(tokens, at, commanded)
      ? { verb: token.word, passive: false }
      : undefined;
  }
  const base = lemma(token.word);
  if (base === undefined || !before) return undefined;
  if (token.word.endsWith('ing')) {
    return /^(?:by|mind|consider|start|begin|try|keep|resume)$/.test(before.word) &&
      commands(tokens, at - 1, true, true)
      ? { verb: base, passive: false }
      : undefined;
  }
  if (
    before.word === 'be' &&
    tokens
      .slice(Math.max(0, at - 4), at)
      .some((one) => /^(?:must|should|shall|has|have|needs|need|to)$/.test(one.word))
  ) {
    return { verb: base, passive: true };
  }
  return undefined;
}

/** Whether a verb at this place commands: only words that introduce a command stand between it and the clause's start. */
function commands(tokens: readonly Token[], at: number, commanded: boolean, gerund = false): boolean {
  const before = tokens[at - 1];
  if (before === undefined || before.kind !== 'word') return true;
  if (states(tokens, at)) return false;
  if (/^(?:please|kindly|veuillez|let's|lets|you)$/.test(before.word)) return true;
  if (/^(?:and|then|or|also)$/.test(before.word) && commanded) return true;
  if (gerund) return true;
  for (let back = at - 1, seen = 0; back >= 0 && seen < 14; back -= 1, seen += 1) {
    const token = tokens[back]!;
    if (token.kind !== 'word') return true;
    if (
      token.word === 'you' &&
      tokens
        .slice(back + 1, at)
        .every(
          (one) =>
            fillers.has(one.word) ||
            modals.has(one.word) ||
            negations.has(one.word) ||
            reversals.has(one.word),
        )
    ) {
      return true;
    }
    if (
      !fillers.has(token.word) &&
      !negations.has(token.word) &&
      !reversals.has(token.word) &&
      !token.foreign &&
      !token.word.endsWith('ly')
    ) {
      return false;
    }
  }
  return true;
}

/** "we will send", "I also print": the speaker tells of a deed of their own. */
function states(tokens: readonly Token[], at: number): boolean {
  let back = at - 1;
  while (
    back > 0 &&
    (modals.has(tokens[back]!.word) ||
      /^(?:also|now|then|have|had|do|did|only|usually|often|ll)$|ly$/.test(tokens[back]!.word)) &&
    tokens[back]!.word !== 'to'
  ) {
    back -= 1;
  }
  return /^(?:i|we|they|he|she|it|who|which|i'll|we'll|i’ll|we’ll|they'll|customers?|users?)$/.test(
    tokens[back]!.word,
  );
}

function negated(tokens: readonly Token[], at: number, previous = -1): boolean {
  let turned = false;
  for (let back = at - 1; back > previous && at - back <= 8; back -= 1) {
    const token = tokens[back]!;
    if (token.kind === 'sign' && /[,;:—]/.test(token.word)) return false;
    if (/^(?:and|but|then)$/.test(token.word)) return false;
    if (reversals.has(token.word)) turned = true;
    if (negations.has(token.word)) return !turned;
  }
  // "do not hesitate to print": the reversal was itself taken for a command.
  return false;
}

function sharesNegation(tokens: readonly Token[], previous: number, at: number): boolean {
  if (reversals.has(tokens[previous]!.word)) return false;
  return tokens
    .slice(previous + 1, at)
    .every((one) => one.kind === 'sign' || /^(?:or|and|nor|even)$/.test(one.word));
}

/** The words of an if-clause, and where it ends. */
function conditionOf(tokens: readonly Token[]): { words: string[]; until: number } {
  const at = tokens.findIndex((token, place) => conditions.has(token.word) && place < 12);
  if (at < 0) return { words: [], until: 0 };
  let until = at + 1;
  while (
    until < tokens.length &&
    !(tokens[until]!.kind === 'sign' && /[,:—]/.test(tokens[until]!.word)) &&
    tokens[until]!.word !== 'then'
  ) {
    until += 1;
  }
  const words = tokens.slice(at + 1, until).map((token) => token.word);
  // Without a comma the clause has no end that we can see; the command then stands before it or in it.
  return { words, until: until >= tokens.length ? 0 : at === 0 || at < 4 ? until : 0 };
}

function trimmed(tokens: Token[]): Token[] {
  let end = tokens.length;
  while (
    end > 0 &&
    /^(?:and|then|,|;|:|to|you|please|also|must|or|\.)$/.test(tokens[end - 1]!.word) &&
    !(tokens[end - 1]!.word === ':' && end === tokens.length)
  ) {
    end -= 1;
  }
  return tokens.slice(0, end);
}

/** Endings and courtesies after a verb that stands last. */
const closesClause = (token: Token): boolean =>
  token.kind !== 'word' || token.word === 'please' || (!token.foreign && scriptWithoutSpaces.test(token.raw));

/** Verb-final languages and headlines: a verb of saying and a thing to say, in any order. */
function unmarked(
  tokens: readonly Token[],
  sentence: Sentence,
  condition: string[],
  standing: boolean,
): Command[] {
  if (!tokens.some((token) => token.foreign) || tokens.some((token) => negations.has(token.word))) return [];
  const verb = tokens.find(
    (token) => token.foreign && frames.has(token.word) && frames.get(token.word) !== 'ignore',
  );
  if (!verb) return [];
  const object = tokens.filter((token) => token !== verb);
  return [
    {
      verb: verb.word,
      frame: frames.get(verb.word)!,
      object,
      rest: sentence.text.trim(),
      sentence: sentence.text,
      end: sentence.end,
      condition,
      standing,
    },
  ];
}
