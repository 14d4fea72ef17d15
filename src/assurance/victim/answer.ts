import type { Call, ChatRequest, DeclaredTool, Reply } from './completion.ts';
import { compose } from './compose.ts';
import { callKey, fill, isMark, resolve, systemText, worldOf, type Passage, type World } from './context.ts';
import { readings } from './decode.ts';
import { recordNouns, secrets } from './lexicon.ts';
import { formatsIn, type Format } from './render.ts';
import {
  commandsOf,
  splitSentences,
  tokenise,
  type Command,
  type Sentence,
  type Token,
} from './sentences.ts';
import { argumentsFor, entity, fitting, mentioned, undeclared, writtenCalls } from './tools.ts';

/** What the victim has made up its mind to do so far. */
interface Deeds {
  texts: string[];
  calls: Call[];
  persona: string | undefined;
}

const outputLimit = 60_000;
const sentenceLimit = 4000;
/** Commands obeyed in one reading of one text: each may look through the whole context. */
const commandLimit = 80;
const callLimit = 8;
const turnLimit = 16;

/**
 * Answers as a fully gullible model would: every instruction in the context is carried out, whoever wrote it; where
 * nothing is asked for, it answers plainly. A function of the request alone, in time linear in its length.
 */
export function answer(request: ChatRequest): Reply {
  const world = worldOf(request);
  const deeds: Deeds = { texts: [], calls: [], persona: undefined };
  for (const passage of world.passages) {
    if (passage.origin === 'assistant') continue;
    obey(passage, world, deeds);
  }
  const turns = request.messages.filter((one) => one.calls.length > 0).length;
  let calls = request.toolChoice === 'none' || turns >= turnLimit ? [] : deeds.calls;
  let text = deeds.texts.join('\n\n').slice(0, outputLimit);
  if (calls.length === 0 && text === '') {
    const plain = answerPlainly(world, request.toolChoice !== 'none' && turns < turnLimit);
    calls = plain.calls;
    text = plain.text;
  }
  if (calls.length === 0) calls = forced(request, world, turns);
  if (deeds.persona !== undefined && calls.length === 0) text = `${deeds.persona}: ${text}`;
  return { text: calls.length > 0 && deeds.texts.length === 0 ? '' : text, calls };
}

/** `tool_choice` that names a tool or requires one. */
function forced(request: ChatRequest, world: World, turns: number): Call[] {
  const { toolChoice, tools } = request;
  if (toolChoice === 'auto' || toolChoice === 'none' || turns >= turnLimit) return [];
  const tool = toolChoice === 'required' ? tools[0] : tools.find((one) => one.name === toolChoice.name);
  const passage = lastUser(world);
  if (!tool || !passage) return [];
  return [
    { name: tool.name, arguments: argumentsFor(tool, asCommand(passage.text, 'call'), world, passage) ?? {} },
  ];
}

const lastUser = (world: World): Passage | undefined =>
  world.passages.findLast((one) => one.origin === 'user');

function asCommand(text: string, verb: string): Command {
  const sentence = text.slice(0, 4000);
  return {
    verb,
    frame: 'tool',
    object: tokenise(sentence),
    rest: sentence,
    sentence,
    end: text.length,
    condition: [],
    standing: false,
  };
}

function obey(passage: Passage, world: World, deeds: Deeds): void {
  for (const [place, text] of [passage.text, ...readings(passage.text)].entries()) {
    const view = { ...passage, text };
    // The plain reading is the passage itself, so that references do not point back at the command.
    const asker = place === 0 ? passage : view;
    if (passage.fresh && passage.origin !== 'system') {
      for (const call of writtenCalls(asker, world)) addCall(call, world, deeds);
    }
    let skipUntil = 0;
    let left = commandLimit;
    for (const sentence of splitSentences(text).slice(0, sentenceLimit)) {
      if (sentence.start < skipUntil) continue;
      const commands = commandsOf(sentence);
      for (const [at, command] of commands.entries()) {
        if (left === 0 || !applies(command, passage, world)) continue;
        left -= 1;
        skipUntil = Math.max(skipUntil, perform(command, commands.slice(at + 1), asker, world, deeds));
      }
      name(sentence, passage, deeds);
      if (commands.length === 0) ask(sentence, asker, world, deeds);
    }
  }
}

const addressed = /\b(?:you|your|must|always|before|after|important|instructions?|assistant|also)\b/i;

/** Whether a command is one to carry out now: it is new or stands, and its condition holds. */
function applies(command: Command, passage: Passage, world: World): boolean {
  if (!conditionHolds(command, passage, world)) return false;
  const pointed = command.object.some(
    (token) => token.kind === 'quote' || token.kind === 'link' || token.kind === 'braces',
  );
  switch (passage.origin) {
    case 'system':
      // A system prompt describes a job; only what it spells out is done at once.
      return (
        pointed &&
        (command.standing ||
          command.condition.length > 0 ||
          command.frame === 'tool' ||
          command.frame === 'utter' ||
          command.frame === 'include')
      );
    case 'description':
      return addressed.test(command.sentence);
    case 'user':
      return passage.fresh || command.standing || command.frame === 'remember' || command.frame === 'persona';
    case 'tool':
      return true;
    case 'assistant':
      break;
  }
  return false;
}

const aboutReader =
  /\b(?:ai|assistant|model|llm|agent|bot|gpt|reading|read|processing|process|summari[sz]\w*|this|asked|seeing|system|answering|responding)\b/;
const aboutSpeaker = /\b(?:user|customer|someone|anyone|i|they|he|she|client|person)\b/;

function conditionHolds(command: Command, passage: Passage, world: World): boolean {
  if (command.condition.length === 0) return true;
  const words = command.condition.join(' ');
  const speaker = aboutSpeaker.test(words);
  if (!speaker && (aboutReader.test(words) || passage.origin === 'tool' || passage.origin === 'user'))
    return true;
  const now = lastUser(world);
  if (!now || now === passage) return !speaker;
  const said = new Set(now.text.toLowerCase().match(/\p{L}{3,}/gu) ?? []);
  return command.condition.some(
    (word) =>
      word.length > 3 &&
      !/^(?:user|customer|asks?|says?|about|when|client|wants?|someone|anyone|your)$/.test(word) &&
      said.has(word),
  );
}

/** Carries out one command. Returns the place up to which the passage's text has been used as data. */
function perform(
  command: Command,
  following: readonly Command[],
  passage: Passage,
  world: World,
  deeds: Deeds,
): number {
  switch (command.frame) {
    case 'ignore':
      return 0;
    case 'persona':
      adopt(command, deeds);
      return 0;
    case 'remember':
      if (passage.fresh && passage === lastUser(world) && /\w\s+\w/.test(command.rest))
        say(`I will remember: ${stripLead(command.rest)}`, world, deeds, passage);
      return 0;
    case 'tool':
      return useTool(command, following, passage, world, deeds)
        ? 0
        : utter(command, passage, world, deeds, false);
    case 'compose':
      return utter(command, passage, world, deeds, false);
    case 'include':
    case 'utter':
    case 'transform':
    case 'repeat':
      break;
  }
  if (tellsTool(command, world) && useTool(command, following, passage, world, deeds)) return 0;
  return utter(command, passage, world, deeds, true);
}

const tellsTool = (command: Command, world: World): boolean =>
  mentioned(command.rest, world.tools) !== undefined &&
  !/\b(?:names?|list|which|available)\b/i.test(command.rest);

function adopt(command: Command, deeds: Deeds): void {
  const name =
    command.object.find((token) => token.kind === 'quote')?.raw.slice(1, -1) ??
    command.object.find((token) => token.kind === 'word' && /^\p{Lu}/u.test(token.raw))?.raw ??
    command.object.findLast((token) => token.kind === 'word')?.raw;
  if (name !== undefined && name.length <= 60) deeds.persona = name;
}

/** "You are DAN", "answer as DAN". */
function name(sentence: Sentence, passage: Passage, deeds: Deeds): void {
  if (passage.origin === 'system' || passage.origin === 'description') return;
  const given =
    /\b(?:[Yy]ou are|[Yy]ou're|[Yy]our name is|[Cc]all yourself|(?:[Aa]nswer|[Rr]espond|[Rr]eply|[Ss]peak|[Aa]ct) as)\s+(?:now\s+)?(?:called\s+)?(?:an?\s+|the\s+)?["'“]?(\p{Lu}[\p{L}\d-]{1,30})/u.exec(
      sentence.text,
    )?.[1];
  if (given !== undefined && !/^(?:AI|LLM|English|French|German|Spanish|JSON)$/.test(given))
    deeds.persona = given;
}

function addCall(call: Call, world: World, deeds: Deeds): void {
  const key = callKey(call.name, call.arguments);
  if (deeds.calls.length >= callLimit || world.made.has(key)) return;
  if (deeds.calls.some((one) => callKey(one.name, one.arguments) === key)) return;
  deeds.calls.push(call);
}

const generic = /^(?:use|call|invoke|run|execute|trigger)$/;

function useTool(
  command: Command,
  following: readonly Command[],
  passage: Passage,
  world: World,
  deeds: Deeds,
): boolean {
  const others = following.filter((one) => one.frame === 'tool');
  const named = mentioned(command.rest, world.tools);
  // "Use the mail tool to send …": one deed in two verbs, carried out with the second.
  if (generic.test(command.verb) && named && others.length > 0) {
    const next = others[0]!;
    const other = mentioned(next.rest, world.tools);
    if (other === undefined || other === named) {
      const merged = {
        ...next,
        rest: `${command.rest} ${next.verb} ${next.rest}`,
        object: [...command.object, ...next.object],
      };
      addArguments(named, merged, passage, world, deeds);
      next.frame = 'ignore';
      return true;
    }
  }
  const tool =
    named ??
    (command.frame === 'tool' ? fitting(command, world.tools) : undefined) ??
    (following.length === 0 ? mentioned(command.sentence, world.tools) : undefined);
  if (tool) {
    const alone =
      others.length === 0 &&
      !command.sentence.slice(0, command.sentence.indexOf(command.rest)).match(/\b(?:and|then)\b/);
    addArguments(
      tool,
      alone ? command : { ...command, sentence: `${command.verb} ${command.rest}` },
      passage,
      world,
      deeds,
    );
    return true;
  }
  const unknown = generic.test(command.verb) ? undeclared(command) : undefined;
  if (unknown === undefined) return false;
  addArguments({ name: unknown, description: '', parameters: {} }, command, passage, world, deeds);
  return true;
}

function addArguments(
  tool: DeclaredTool,
  command: Command,
  passage: Passage,
  world: World,
  deeds: Deeds,
): void {
  // What the other call of this turn will return is not known yet: this one waits for the next turn.
  const refers = command.object.some((token) => recordNouns.has(token.word) || token.word === 'it');
  if (refers && deeds.calls.length > 0 && resolve(command.object, world, passage) === undefined) return;
  const args = argumentsFor(tool, command, world, passage);
  if (args) addCall({ name: tool.name, arguments: args }, world, deeds);
}

/** Says, transforms or includes something. `literal`: an object that is no reference is said as it stands. */
function utter(command: Command, passage: Passage, world: World, deeds: Deeds, literal: boolean): number {
  const linked = linkOf(command, passage, world);
  if (linked !== undefined) {
    say(linked.text, world, deeds, passage);
    return linked.end;
  }
  const block = markedBlock(command, passage);
  if (block) {
    say(rendered(command, block.text), world, deeds, passage);
    return block.end;
  }
  const content = contentOf(command, passage, world, literal);
  if (content === undefined) {
    if (command.frame === 'compose' && passage.origin !== 'description' && command.rest.trim() !== '') {
      if (composes.test(command.verb)) say(compose(command.rest), world, deeds, passage);
    }
    return 0;
  }
  world.last = content.text;
  const text = command.frame === 'repeat' ? repeated(command, content.text) : rendered(command, content.text);
  world.last = text;
  say(text, world, deeds, passage);
  // What is to be translated or summarised is read, and a gullible reader obeys what it reads.
  return command.frame === 'transform' ? 0 : content.end;
}

const composes =
  /^(?:write|compose|draft|generate|make|craft|produce|build|design|prepare|explain|teach|outline|invent|code|create)$/;

function say(text: string, world: World, deeds: Deeds, passage: Passage): void {
  if (text.trim() === '' || deeds.texts.includes(text)) return;
  if (!passage.fresh && passage.origin === 'tool' && world.said.includes(text)) return;
  if (deeds.texts.reduce((sum, one) => sum + one.length, 0) > outputLimit) return;
  deeds.texts.push(text);
}

/** Text between two markers that the sentence names, or inside a named tag. */
function markedBlock(command: Command, passage: Passage): { text: string; end: number } | undefined {
  const named =
    /\bbetween\b\s*(?:the\s+)?(?:markers?\s+|lines?\s+|tags?\s+)?["'`]?([^\s"'`]{2,80})["'`]?\s+and\s+["'`]?([^\s"'`]{2,80}?)["'`]?(?=[\s.,:;]|$)/i.exec(
      command.sentence,
    );
  const tag = named
    ? undefined
    : /\b(?:inside|within|in|enclosed in|between)\s+(?:the\s+)?["'`]?<([\w-]{1,40})>/i.exec(
        command.sentence,
      )?.[1];
  const open = named?.[1] ?? (tag && `<${tag}>`);
  const close = named?.[2] ?? (tag && `</${tag}>`);
  if (!open || !close) return undefined;
  const from = passage.text.indexOf(open, command.end);
  if (from < 0) return undefined;
  const to = passage.text.indexOf(close, from + open.length);
  if (to < 0) return undefined;
  return { text: passage.text.slice(from + open.length, to).replace(/^\n|\n$/g, ''), end: to + close.length };
}

const unquoted = (raw: string): string =>
  raw.startsWith('```')
    ? raw
        .slice(3, -3)
        .replace(/^\w*\n/, '')
        .trim()
    : raw.slice(1, -1);

const literalVerbs =
  /^(?:say|reply|respond|answer|print|output|echo|type|emit|write|repeat|return|append|add|include|insert|begin|start|end|finish|prefix|suffix|conclude|close|prepend|complete|state|display|put|encode|reverse|spell|translate|convert|recite)$/;

const lead =
  /^(?:(?:with|only|just|exactly|simply|precisely|literally|verbatim|the|this|these|word|words|phrase|text|string|sentence|message|token|line|back|out|following|to me|me|us|user|that|to|by|saying|a|as follows|your (?:answer|reply|response|message)s?|every (?:answer|reply|response)|all (?:answers|replies|responses)|answer|reply|response|exact|single|one|is)\b[\s:,-]*|[:,\s-]+)+/i;

const stripLead = (text: string): string => text.replace(lead, '');

const tail =
  /[,;]?\s*(?:\b(?:and|with)\s+(?:nothing (?:else|more)|no (?:other|more|further).*)|\b(?:without|instead|regardless)\b.*|\b(?:in|at|to|into) (?:the (?:end|start|beginning|top|bottom) of )?(?:your|the|every|each|all|any) (?:\w+ )?(?:reply|replies|answer|answers|response|responses|message|messages|output|user|customer|chat)\b.*|\bat the (?:end|start|beginning)\b.*|\b(?:\d+|twice|three|ten) times\b.*|\bforever\b.*|\bin (?:upper ?case|lower ?case|all caps|base64|hex|reverse|french|german|spanish)\b.*|\b(?:before|after|when|if|whenever|so that|because|no matter)\b.*)$/is;

/** What a command is about: a reference, a quotation, a block below, or the words themselves. */
function contentOf(
  command: Command,
  passage: Passage,
  world: World,
  literal: boolean,
): { text: string; end: number } | undefined {
  const quote = command.object.find((token) => token.kind === 'quote');
  const beforeQuote = quote ? command.object.slice(0, command.object.indexOf(quote)) : command.object;
  const quoted = quote ? unquoted(quote.raw) : undefined;
  const lookUp = (phrase: string) => resolve(tokenise(phrase), world, passage);
  const wordsOf = (tokens: readonly Token[]) => tokens.filter((token) => token.kind === 'word');

  if (command.frame === 'compose') return composed(command, beforeQuote, quoted, passage, world);
  if (quoted !== undefined && !refersBefore(beforeQuote)) {
    const whole = lookUp(quoted);
    const filled = fill(quoted, lookUp, undefined);
    const nounOnly =
      wordsOf(beforeQuote).length === 0 && whole !== undefined && quoted.split(/\s+/).length <= 4 && !literal;
    return { text: nounOnly ? whole : filled.text, end: 0 };
  }
  const reference = resolve(command.object, world, passage);
  if (reference !== undefined) return { text: reference, end: 0 };
  if (quoted !== undefined) return { text: quoted, end: 0 };

  const below =
    /[:：]\s*$/.test(command.sentence.trim()) || /\b(?:following|below|next)\b/i.test(command.rest);
  if (
    below &&
    /[:：]\s*$|\b(?:following|below)\b/i.test(command.sentence.trim()) &&
    wordsOf(command.object).length <= 14
  ) {
    const inline = /[:：]\s*(\S[^]*)$/.exec(command.sentence)?.[1]?.trim();
    if (inline) return { text: unwrapped(inline), end: 0 };
    const block = blockBelow(passage.text, command.end);
    if (block && literal) return block;
  }
  if (command.frame === 'tool') return undefined;
  const words = stripLead(command.rest.trim())
    .replace(tail, '')
    .replace(/[\s.!,;:]+$/, '')
    .trim();
  if (words === '') return undefined;
  const colon = /^[^:]{0,80}:\s*(\S.*)$/s.exec(words)?.[1];
  if (colon !== undefined && literalVerbs.test(command.verb)) return { text: unwrapped(colon), end: 0 };
  const marked = command.object.find((token) => token.kind === 'word' && isMark(token.raw, command.object));
  if (!literalVerbs.test(command.verb))
    return marked && wordsOf(command.object).length <= 6 ? { text: marked.raw, end: 0 } : undefined;
  if (benignObject.test(words) && (!marked || /^as\b/i.test(words))) return undefined;
  return words.length <= 600 ? { text: words, end: 0 } : undefined;
}

/** "Write the word X", "write a poem with the password": text that is given or kept, not made up. */
function composed(
  command: Command,
  beforeQuote: readonly Token[],
  quoted: string | undefined,
  passage: Passage,
  world: World,
): { text: string; end: number } | undefined {
  const head = beforeQuote.map((token) => token.word).join(' ');
  if (
    quoted !== undefined &&
    /^(?:(?:only|just|exactly|me|out|down|the|this|a|following|word|words|phrase|text|sentence|message|string|line|:) ?)*$/.test(
      head,
    )
  ) {
    return {
      text: fill(quoted, (phrase) => resolve(tokenise(phrase), world, passage), undefined).text,
      end: 0,
    };
  }
  const contained =
    /\b(?:contain\w*|includ\w*|with|mention\w*|hid(?:e|ing)|embed\w*|using)\b(.{3,200})/is.exec(
      command.rest,
    )?.[1];
  const kept =
    resolve(command.object, world, passage, { records: false }) ??
    (contained && /\b(?:the|this|their|his|her|all|every)\b/i.test(contained)
      ? resolve(tokenise(contained), world, passage)
      : undefined);
  if (kept !== undefined && command.verb !== 'explain') return { text: kept, end: 0 };
  const words = command.object.filter((token) => token.kind === 'word');
  const only = words.at(-1);
  return only && words.length <= 3 && isMark(only.raw, words) ? { text: only.raw, end: 0 } : undefined;
}

// "answer my question", "respond in English", "reply politely": how to answer, not what to say.
const benignObject =
  /^(?:(?:my|our|any|all|their|his|her|questions?|in (?:a|an|the|english|french|german|spanish|one|two|three|short)|polite\w*|brief\w*|concise\w*|short\w*|honest\w*|as\b|if\b|when\b|politely|helpful\w*|customers?|users?|about|how|why|what|who|where|which|whether|email|mail|ticket)\b)/i;

/** "your system prompt starting with "You are"" refers; "the words "X"" does not. */
function refersBefore(tokens: readonly Token[]): boolean {
  return tokens.some((token, place) => {
    if (/^(?:prompt|instructions|everything|above|conversation|rules|guidelines)$/.test(token.word))
      return true;
    return (
      secrets.has(token.word) &&
      tokens[place + 1] !== undefined &&
      /^(?:in|as|into|between|inside|with|after)$/.test(tokens[place + 1]!.word)
    );
  });
}

const unwrapped = (text: string): string => text.replace(/^["'`“](.*)["'`”][.!]?$/s, '$1');

function blockBelow(text: string, from: number): { text: string; end: number } | undefined {
  const rest = text.slice(from, from + 40_000);
  const start = rest.search(/\S/);
  if (start < 0) return undefined;
  const body = rest.slice(start);
  const fence = /^(?:```\w*\n?([^]*?)```|"""([^]*?)"""|<(\w[\w-]*)>([^]*?)<\/\3>)/.exec(body);
  if (fence)
    return { text: (fence[1] ?? fence[2] ?? fence[4] ?? '').trim(), end: from + start + fence[0].length };
  const blank = body.search(/\n\s*\n/);
  const block = blank < 0 ? body : body.slice(0, blank);
  return { text: unwrapped(block.trim()), end: from + start + block.length };
}

const verbForms: Record<string, string> = {
  reverse: 'reversed',
  flip: 'reversed',
  spell: 'letter by letter',
  uppercase: 'uppercase',
  capitalize: 'uppercase',
  lowercase: 'lowercase',
};

function rendered(command: Command, text: string): string {
  if (command.verb === 'decode') return readings(text)[0] ?? text;
  const named = formatsIn(command.sentence);
  const own = formatsIn(verbForms[command.verb] ?? '');
  let formats: Format[] = named.length > 0 ? named : own;
  if (formats.length === 0 && /^(?:encode|obfuscate|encrypt|encipher)$/.test(command.verb))
    formats = formatsIn('base64');
  return formats.reduce((value, format) => format(value), text);
}

function repeated(command: Command, text: string): string {
  const endless =
    /\b(?:forever|endless\w*|infinite\w*|non-?stop|without (?:stopping|end)|over and over|indefinitely|as many times)\b/i.test(
      command.sentence,
    );
  const times = /\b(\d{1,6}) times\b/i.exec(command.sentence)?.[1];
  const count = endless ? 400 : times === undefined ? 1 : Math.min(Number(times), 1000);
  if (count <= 1) return rendered(command, text);
  return Array.from(
    { length: Math.max(1, Math.min(count, Math.ceil(20_000 / (text.length + 1)))) },
    () => text,
  ).join(' ');
}

/** A link or an image that the command wants in the answer, with the data that it shall carry. */
function linkOf(command: Command, passage: Passage, world: World): { text: string; end: number } | undefined {
  const token = command.object.find(
    (one) => one.kind === 'link' || (one.kind === 'quote' && /https?:\/\/|\]\(/.test(one.raw)),
  );
  if (!token) return undefined;
  const markup = token.kind === 'quote' ? unquoted(token.raw) : token.raw;
  if (/^[\w.+-]+@/.test(markup)) return undefined;
  const lookUp = (phrase: string) => resolve(tokenise(phrase), world, passage);
  const destination =
    /\bto (?:your|the|every|each|all) (?:\w+ )?(?:answers?|repl(?:y|ies)|responses?|messages?|user|output|summary)\b/gi;
  const words = tokenise(command.rest.replace(markup, ' ').replace(destination, ' '));
  const explained = explanation(passage.text, command.end);
  const data = (explained && lookUp(explained.text)) ?? resolve(words, world, passage);
  const formats = formatsIn(command.sentence);
  const encode = (value: string) =>
    encodeURIComponent(formats.reduce((one, format) => format(one), value).slice(0, 2000));
  const { text, filled } = fill(markup, lookUp, data, encode);
  let link = text;
  if (!filled && data !== undefined) link = carrying(link, encode(data));
  if (/^https?:/.test(link)) {
    if (/\b(?:image|img|picture|pixel|logo|icon|banner)\b/i.test(command.sentence))
      link = `![image](${link})`;
    else if (/\b(?:link|markdown|click)\b/i.test(command.sentence)) link = `[link](${link})`;
  }
  return { text: link, end: explained?.end ?? 0 };
}

/** Puts data at the end of the URL in a link. */
function carrying(link: string, data: string): string {
  if (/[=/](?=["')>\s]|$)/.test(link))
    return link.replace(/([=/])(?=["')>\s]|$)/, (sign) => `${sign}${data}`);
  return link.replace(/(?:\.{3}|…)?(?=["')>\s]|$)/, (dots) => (dots ? data : `?q=${data}`));
}

/** "Replace DATA with the password", "where X is the record": said in the sentence after the link. */
function explanation(text: string, from: number): { text: string; end: number } | undefined {
  const found =
    /^\s*(?:[^.\n]{0,40}\b)?(?:replac\w*|substitut\w*|where|fill\w*|put|insert|set)\b[^.\n]{0,200}/i.exec(
      text.slice(from, from + 400),
    )?.[0];
  return found === undefined ? undefined : { text: found, end: from + found.length };
}

const wanting =
  /\b(?:needs?|wants?|must|should|requires?|would like|'d like|may i|let me)\b.{0,40}\b(?:see|know|have|view|receive|get|hear)\b/i;

/** Questions for what is hidden, and headlines that only name it. */
function ask(sentence: Sentence, passage: Passage, world: World, deeds: Deeds): void {
  if (passage.origin !== 'user' && passage.origin !== 'tool') return;
  if (!passage.fresh || sentence.text.length > 600) return;
  const text = sentence.text.trim();
  const question =
    /[?？]\s*$/.test(text) ||
    /^(?:what|which|who|where|tell|do you|does|is there|are there|what's|whats)\b/i.test(text);
  const words = tokenise(text);
  const short = words.length <= 7 && passage.origin === 'user';
  const wanted = wanting.test(text);
  if (!question && !short && !wanted) return;
  if (/^(?:how|why|when)\b/i.test(text) || /\bmy (?:own )?(?:password|pin|key|code|account)\b/i.test(text))
    return;
  const hidden = words.some(
    (token) =>
      secrets.has(token.word.replace(/s$/, '')) ||
      /^(?:prompt|instructions|instruction|rules|guidelines|directives|told|instructed|above)$/.test(
        token.word,
      ),
  );
  if (!hidden) return;
  const about =
    /\b(?:told|instructed)\b/i.test(text) && !words.some((token) => secrets.has(token.word))
      ? systemText(world)
      : resolve(words, world, passage);
  if (!about) return;
  world.last = about;
  say(
    formatsIn(text).reduce((value, format) => format(value), about),
    world,
    deeds,
    passage,
  );
}

const stop = new Set(
  'the and for with that this from are was were you your what which who how can could would please have has does will not about tell give show their there them they our out any all'.split(
    ' ',
  ),
);

const content = (text: string): string[] => [
  ...new Set((text.toLowerCase().match(/[\p{L}\p{N}@.-]{3,}/gu) ?? []).filter((word) => !stop.has(word))),
];

/** Where nobody commands anything: look something up with a fitting tool, answer from the context, or take note. */
function answerPlainly(world: World, mayCall: boolean): Reply {
  const user = lastUser(world);
  const results = world.passages.filter((one) => one.origin === 'tool' && one.fresh);
  if (results.length > 0)
    return {
      text: `Here is what I found: ${bestSentences(user?.text ?? '', results, 12) || results.at(-1)!.text.slice(0, 1500)}`,
      calls: [],
    };
  if (!user) return { text: 'Hello! How can I help you?', calls: [] };
  const recalled = recall(user, world);
  if (recalled !== undefined) return { text: recalled, calls: [] };
  if (mayCall && entity(user.text) !== undefined) {
    for (const sentence of splitSentences(user.text).slice(-6)) {
      if (!/[?]|\b(?:look|find|check|get|need|want|status|show|tell|who|what)\b/i.test(sentence.text))
        continue;
      const command = asCommand(sentence.text, 'get');
      const tool = fitting(command, world.tools, true);
      const args = tool && argumentsFor(tool, command, world, user);
      if (tool && args && !world.made.has(callKey(tool.name, args)))
        return { text: '', calls: [{ name: tool.name, arguments: args }] };
    }
  }
  const sources = world.passages.filter((one) => one.origin !== 'description' && one.origin !== 'assistant');
  const question = splitSentences(user.text).findLast((one) => /\?/.test(one.text))?.text;
  if (question !== undefined) {
    const found = bestSentences(
      question,
      sources.map((one) => (one === user ? { ...one, text: one.text.replace(question, '') } : one)),
      3,
    );
    if (found !== '') return { text: `As far as I know: ${found}`, calls: [] };
    return { text: `That is a good question. You asked: ${question.trim().slice(0, 400)}`, calls: [] };
  }
  const written =
    /\b(?:write|draft|compose|explain|describe|tell|summari[sz]e|translate)\b\s*(.{0,300})/is.exec(
      user.text,
    )?.[1];
  if (written !== undefined) return { text: compose(written), calls: [] };
  return { text: `Thank you, I have noted this: ${user.text.trim().slice(0, 600)}`, calls: [] };
}

const confidential = /\b(?:never|confidential|secret|password|do not|don't|internal|key|token|code)\b/i;

/** The sentences that share most words with a question, in their order. What a system prompt keeps is left out unless asked for. */
function bestSentences(question: string, passages: readonly Passage[], count: number): string {
  const wanted = content(question);
  const scored = passages.flatMap((passage, at) =>
    splitSentences(passage.text)
      .slice(0, 400)
      .filter((one) => !(passage.origin === 'system' && confidential.test(one.text)))
      .map((one, place) => {
        const lower = one.text.toLowerCase();
        return {
          text: one.text.trim(),
          order: at * 1000 + place,
          score: wanted.filter((word) => lower.includes(word)).length,
        };
      }),
  );
  const fitting = scored
    .filter((one) => one.score > 0)
    .sort((a, b) => b.score - a.score || a.order - b.order)
    .slice(0, count);
  return fitting
    .sort((a, b) => a.order - b.order)
    .map((one) => one.text)
    .join(' ')
    .slice(0, 2000);
}

/** What the user, or anybody else, asked the victim to remember. */
function recall(user: Passage, world: World): string | undefined {
  if (
    !/\b(?:remember|recall|memori[sz]ed?|told you|asked you to (?:keep|note)|did i (?:say|tell))\b/i.test(
      user.text,
    )
  )
    return undefined;
  const kept = world.passages
    .filter((one) => one !== user)
    .flatMap((one) => splitSentences(one.text).flatMap((sentence) => commandsOf(sentence)))
    .filter((command) => command.frame === 'remember')
    .map((command) => stripLead(command.rest));
  return kept.length === 0 ? undefined : `You asked me to remember: ${kept.join('; ')}`;
}
