import type { Finding } from '../../kernel/finding.ts';
import { createInspector, type InspectionAssets, type Inspector } from '../../inspection/inspector.ts';
import { buildAutomaton, hasKeyword } from '../../inspection/scan/automaton.ts';
import { columnWords, rolesOf, type ColumnRole } from './columns.ts';
import { findHidden } from './hidden.ts';

/** What a scan needs from `assets/inspection`. Without names.bin, names are found by their columns only. */
export type ScanAssets = InspectionAssets;

/** What was found in one cell. Shared between equal cells: not to be changed. */
export interface CellFindings {
  findings: readonly Finding[];
  zeroWidth: number;
}

/** How much of what could be read by a model was read by it, in UTF-16 units. */
export interface ModelCoverage {
  eligible: number;
  read: number;
}

export interface Coverage {
  injection: ModelCoverage;
  names: ModelCoverage;
}

/** Shorter cells hold nothing that a detector knows. */
const shortest = 4;
/** Below this length the name of the column stands before the value as its context. */
const needsContext = 64;
/** An instruction to a model is a sentence. */
const instruction = { units: 24, words: 4 };
/** Of what is left over after the words below, one cell in so many is read by the models. */
const sampledInjection = 32;
const sampledNames = 32;
const cacheUnits = 160;
const cacheRoom = 20_000;

/**
 * Words without which a text hardly instructs a model: cells that have one of them are always read by the injection model,
 * however large the data. Word stems, small letters, several languages.
 */
const telling = buildAutomaton([
  'ignore all',
  'ignore the',
  'ignore any',
  'ignore prev',
  'ignore your',
  'ignore every',
  'ignore above',
  'disregard',
  'forget all',
  'forget every',
  'forget your',
  'forget the',
  'forget prev',
  'override',
  'bypass',
  'instructions',
  'prompt',
  'system:',
  'assistant:',
  'jailbreak',
  'you are now',
  'you must',
  'you will now',
  'pretend',
  'roleplay',
  'role-play',
  'role play',
  'do not tell',
  "don't tell",
  'do not mention',
  'reveal',
  'exfiltrat',
  'do anything now',
  'developer mode',
  'unfiltered',
  'no restrictions',
  'without restrictions',
  'an ai ',
  'ai assistant',
  'ai model',
  'language model',
  'chatbot',
  'chatgpt',
  '<|im_start',
  '[inst]',
  '<<sys',
  'new task',
  'new rule',
  'instead of',
  'rather than answering',
  'stop answering',
  'send all',
  'forward all',
  '](http',
  'base64',
  'api key',
  'your password',
  'execute the',
  'tool call',
  'function call',
  'respond with',
  'respond only',
  'reply with',
  'ignorier',
  'vergiss',
  'anweisung',
  'ignora',
  'olvida',
  'instrucc',
  'instruç',
  'istruzion',
  'oublie',
  'ignorez',
  'consigne',
  'negeer',
  'zignoruj',
  'polecen',
  'игнорир',
  'инструкц',
  'забудь',
  '忽略',
  '指令',
  '指示',
  '無視',
  'تجاهل',
  'अनदेखा',
  '무시',
]);

/** The detectors as they run on the cells of data: with a cache, with the column as context, with stated sampling. */
export class CellDetector {
  readonly coverage: Coverage = {
    injection: { eligible: 0, read: 0 },
    names: { eligible: 0, read: 0 },
  };
  readonly #inspector: Inspector;
  readonly #named: boolean;
  readonly #columns = new Map<string, { context: string; roles: ReadonlySet<ColumnRole> }>();
  readonly #cache = new Map<string, CellFindings>();
  #cells = 0;

  constructor(assets: ScanAssets) {
    this.#inspector = createInspector(assets);
    this.#named = assets.names !== undefined;
  }

  /** `whole`: the models read everything that can be an instruction or hold a name. */
  detect(column: string, text: string, whole: boolean): CellFindings {
    if (text.length < shortest) return nothing;
    if (text.length > cacheUnits) return this.#detect(column, text, whole);
    const key = `${column}\0${text}`;
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const found = this.#detect(column, text, whole);
    if (this.#cache.size >= cacheRoom) this.#cache.clear();
    this.#cache.set(key, found);
    return found;
  }

  #detect(column: string, text: string, whole: boolean): CellFindings {
    this.#cells += 1;
    const { context, roles } = this.#column(column);
    const named = namedByColumn(text, roles);
    const findings = this.#exact(text, context);
    const hidden = findHidden(text);
    findings.push(...hidden.findings);
    const { units, words } = instruction;
    if (text.length >= units && hasWords(text, words)) {
      const { injection, names } = this.coverage;
      injection.eligible += text.length;
      if (
        whole ||
        this.#cells % sampledInjection === 0 ||
        hidden.findings.length > 0 ||
        hasKeyword(telling, text)
      ) {
        injection.read += text.length;
        findings.push(...this.#inspector.inspect(text, 'document', ['injection']));
      }
      if (this.#named) {
        names.eligible += text.length;
        if (whole || this.#cells % sampledNames === 0) {
          names.read += text.length;
          for (const finding of this.#inspector.inspect(text, 'document', ['names']))
            if (!overlaps(findings, finding)) findings.push(finding);
        }
      }
    } else if (named !== undefined && !overlaps(findings, named)) findings.push(named);
    if (findings.length === 0 && hidden.zeroWidth === 0) return nothing;
    findings.sort((left, right) => left.start - right.start);
    return { findings, zeroWidth: hidden.zeroWidth };
  }

  #exact(text: string, context: string): Finding[] {
    if (context === '' || text.length > needsContext)
      return this.#inspector.inspect(text, 'document', ['secret', 'pii']);
    const shift = context.length;
    const findings: Finding[] = [];
    for (const finding of this.#inspector.inspect(context + text, 'document', ['secret', 'pii']))
      if (finding.end > shift)
        findings.push({ ...finding, start: Math.max(0, finding.start - shift), end: finding.end - shift });
    return findings;
  }

  #column(name: string): { context: string; roles: ReadonlySet<ColumnRole> } {
    let known = this.#columns.get(name);
    if (known === undefined) {
      const words = columnWords(name).replaceAll('.', ' ');
      const roles = rolesOf(name);
      known = {
        context: /\p{L}/u.test(words) && words.length <= 40 && !roles.has('text') ? `${words}: ` : '',
        roles,
      };
      if (this.#columns.size > 10_000) this.#columns.clear();
      this.#columns.set(name, known);
    }
    return known;
  }
}

const nothing: CellFindings = { findings: [], zeroWidth: 0 };

function overlaps(findings: readonly Finding[], { start, end }: Finding): boolean {
  return findings.some((other) => other.start < end && start < other.end);
}

/** At least so many runs of letters. Scripts without spaces count by length. */
function hasWords(text: string, wanted: number): boolean {
  let count = 0;
  let inWord = false;
  let far = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    const small = unit | 32;
    const letter = (small >= 97 && small <= 122) || unit > 0xbf;
    if (unit > 0x2e80 && (far += 1) >= 12) return true;
    if (letter && !inWord && (count += 1) >= wanted) return true;
    inWord = letter;
  }
  return false;
}

const nameLike = /^[\p{L}][\p{L}\p{M}'’.,\- ]{1,80}$/u;

/** A value of a column that says what it holds needs no sentence around it. */
function namedByColumn(text: string, roles: ReadonlySet<ColumnRole>): Finding | undefined {
  const type = roles.has('person')
    ? 'person'
    : roles.has('location')
      ? 'location'
      : roles.has('organisation')
        ? 'organisation'
        : undefined;
  if (type === undefined || roles.has('label') || !nameLike.test(text) || !/\p{L}{2}/u.test(text))
    return undefined;
  if (/^(?:unknown|none|null|other|n\/?a|male|female|true|false|yes|no)$/i.test(text)) return undefined;
  return {
    type,
    detector: 'column',
    score: 0.7,
    start: 0,
    end: text.length,
    reason: 'the name of the column says so',
  };
}
