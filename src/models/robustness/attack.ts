import { operators as allOperators, type Operator } from './operators.ts';
import { pick, seededRandom } from './random.ts';

/** What is attacked: how sure it is that a text is bad, 0..1, and from where on it says so. */
export interface Target {
  name: string;
  threshold: number;
  score(text: string): number | Promise<number>;
}

export interface AttackOptions {
  operators?: readonly Operator[];
  /** Most questions to the target per text and operator, and per text of the search. */
  queries?: number;
  /** Also looks, word by word, for the smallest change that evades. */
  search?: boolean;
  seed?: number;
  onText?(done: number, total: number): void;
}

export interface OperatorResult {
  operator: string;
  family: Operator['family'];
  /** Texts that the target found unchanged. */
  tried: number;
  /** Of these, texts that it no longer found once they were changed. */
  evaded: number;
  rate: number;
  /** Questions asked, in all. */
  queries: number;
}

export interface AttackReport {
  target: string;
  threshold: number;
  texts: number;
  /** Found as they are: only these are attacked. */
  detected: number;
  operators: OperatorResult[];
  /** Greedy search over words with all operators that work on words. */
  search?: { tried: number; evaded: number; rate: number; queries: number; changedWords: number };
  /** Share of all texts that the target finds whatever is tried. */
  robustRecall: number;
  queries: number;
}

/** Shares of a text that are changed, the least first: a text that is hardly changed is the better attack. */
const shares = [0.15, 0.35, 0.6, 1];

/** Attacks the target with texts that it should find. The report has no texts. */
export async function attack(
  target: Target,
  texts: readonly string[],
  options: AttackOptions = {},
): Promise<AttackReport> {
  const { operators = allOperators, queries = 40, search = true, seed = 1, onText } = options;
  const random = seededRandom(seed);
  const found = operators.map(({ id, family }): OperatorResult => ({
    operator: id,
    family,
    tried: 0,
    evaded: 0,
    rate: 0,
    queries: 0,
  }));
  const searched = { tried: 0, evaded: 0, rate: 0, queries: 0, changedWords: 0 };
  let asked = 0;
  let detected = 0;
  let robust = 0;
  const ask = (text: string) => {
    asked++;
    return target.score(text);
  };
  for (const [index, text] of texts.entries()) {
    const clean = await ask(text);
    if (clean >= target.threshold) {
      detected++;
      let evadedBy = 0;
      for (const [at, operator] of operators.entries()) {
        const result = found[at]!;
        result.tried++;
        for (const share of shares.slice(0, queries)) {
          const changed = operator.apply(text, share, random);
          if (changed === text) continue;
          result.queries++;
          if ((await ask(changed)) >= target.threshold) continue;
          result.evaded++;
          evadedBy++;
          break;
        }
      }
      if (search) {
        const result = await greedy(text, clean, ask, {
          threshold: target.threshold,
          operators,
          queries,
          random,
        });
        searched.tried++;
        searched.queries += result.queries;
        if (result.evaded) {
          searched.evaded++;
          evadedBy++;
          searched.changedWords += result.changed;
        }
      }
      if (evadedBy === 0) robust++;
    }
    onText?.(index + 1, texts.length);
  }
  for (const result of found) result.rate = ratio(result.evaded, result.tried);
  searched.rate = ratio(searched.evaded, searched.tried);
  searched.changedWords = ratio(searched.changedWords, searched.evaded);
  return {
    target: target.name,
    threshold: target.threshold,
    texts: texts.length,
    detected,
    operators: found,
    ...(search ? { search: searched } : {}),
    robustRecall: ratio(robust, texts.length),
    queries: asked,
  };
}

const wordsSearched = 60;
const candidates = 4;

/**
 * Which words matter is asked by leaving them out; then the most important ones are changed, one after the other, each time
 * in the form that helps most. A third of the budget goes into finding the words.
 */
async function greedy(
  text: string,
  clean: number,
  ask: (text: string) => number | Promise<number>,
  {
    threshold,
    operators,
    queries,
    random,
  }: { threshold: number; operators: readonly Operator[]; queries: number; random: () => number },
): Promise<{ evaded: boolean; queries: number; changed: number }> {
  const parts = text.split(/(\s+)/);
  const places = [...parts.keys()].filter((at) => /\p{L}{2,}/u.test(parts[at]!)).slice(0, wordsSearched);
  const working = operators.filter(({ word }) => word !== undefined);
  if (working.length === 0) return { evaded: false, queries: 0, changed: 0 };
  let used = 0;
  const importance: { at: number; drop: number }[] = [];
  // Evenly spread when there are more words than questions for them.
  const first = Math.max(1, Math.floor(queries / 3));
  const every = Math.max(1, Math.ceil(places.length / first));
  for (let index = 0; index < places.length; index += every) {
    const at = places[index]!;
    used++;
    const without = await ask(parts.filter((_, other) => other !== at).join(''));
    importance.push({ at, drop: clean - without });
  }
  importance.sort((a, b) => b.drop - a.drop);
  let score = clean;
  let changed = 0;
  for (const { at } of importance) {
    const word = parts[at]!;
    let best = { score, word };
    for (let n = 0; n < candidates && used < queries; n++) {
      const forms = pick(random, working).word!(word, random).filter((form) => form !== word);
      if (forms.length === 0) continue;
      parts[at] = pick(random, forms);
      used++;
      const now = await ask(parts.join(''));
      if (now < best.score) best = { score: now, word: parts[at] };
      if (now < threshold) return { evaded: true, queries: used, changed: changed + 1 };
    }
    parts[at] = best.word;
    if (best.word !== word) changed++;
    score = best.score;
    if (used >= queries) break;
  }
  return { evaded: false, queries: used, changed };
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
