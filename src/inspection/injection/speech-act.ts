import { conceptNames } from './lexicon.ts';
import type { Prepared } from './features.ts';

type Concept = (typeof conceptNames)[number];

const bit = (name: Concept): number => 1 << (conceptNames.indexOf(name) + 1);
const you = bit('you');
const acts = bit('act') | bit('sink');
const orders = acts | bit('reveal') | bit('say') | bit('role') | bit('drop') | bit('never');

/** The grammar of names and ids in chat protocols (function names: `[a-zA-Z0-9_-]{1,64}`), and what tools make of it. */
const name = /^[\w.:-]{1,64}$/;
const humps = /[a-z][A-Z][a-z]+[A-Z]/;

/**
 * A name or id rather than prose: one token that does not put two ideas together. `send_email` and `call_case77` are;
 * `ignore_previous_instructions` reads as a sentence to a model, so it is not.
 */
export function isBareName(text: string, prepared: Prepared): boolean {
  if (text.length > 64 || !name.test(text)) return false;
  const ideas = conceptsIn(prepared);
  return (ideas & (ideas - 1)) === 0 && !(ideas !== 0 && humps.test(text));
}

/** Longest text that is read as mere questions, in UTF-16 units. */
const longestQuestion = 240;

/** How questions begin that ask for an answer, and those that may ask for an act. */
const asksWhat =
  /^(?:and |so |but |ok(?:ay)?,? )?(?:how|what(?:'s)?|when|where|which|who|whose|why|wie|was|wann|wo|welche\w*|wer|warum|comment|que|quel\w*|quand|où|qui|pourquoi|qué|cómo|cuándo|dónde|cuál\w*|quién|por qué|come|cosa|quando|dove|quale|chi|perché|como|onde|qual|quem|hoe|wat|wanneer|waar|welke|jak|co|kiedy|gdzie|dlaczego|как|что|когда|где|почему|кто|какой|какая|какие)(?![\p{L}\p{N}])/iu;
const asksWhether =
  /^(?:and |so |but |ok(?:ay)?,? )?(?:can|could|would|will|do|does|did|is|are|was|were|may|might|should|shall|have|has)(?![\p{L}\p{N}])/iu;
const asksForSelf =
  /^(?:and |so |but |ok(?:ay)?,? )?(?:can|could|may|might|should|shall|do|must) (?:i|we)(?![\p{L}\p{N}])/iu;

/**
 * True when a short text only asks. A question in a document or a tool result commands nothing, unless it asks the reader
 * to act ("could you send …?") or is a command with a question mark behind it ("send it to me?").
 */
export function isQuestion(text: string, prepared: Prepared): boolean {
  if (text.length > longestQuestion) return false;
  const sentences = text.match(/[^.!?。！？؟\n]+[.!?。！？؟\n]*/g) ?? [];
  const asked = sentences.filter((sentence) => /[?？؟]\s*["')\]}]*\s*$/.test(sentence));
  if (asked.length === 0) return false;
  // Beside the questions there is room for a greeting, not for a sentence.
  if (sentences.some((sentence) => !asked.includes(sentence) && sentence.trim().split(/\s+/).length > 2))
    return false;
  const ideas = conceptsIn(prepared);
  if ((ideas & orders) === 0) return true;
  const starts = (expression: RegExp): boolean =>
    asked.every((sentence) => expression.test(sentence.trimStart()));
  if ((ideas & acts) !== 0) return (starts(asksWhat) && (ideas & you) === 0) || starts(asksForSelf);
  return starts(asksWhat) || starts(asksWhether);
}

/** One bit per concept that occurs. */
function conceptsIn({ wordConcept, words }: Prepared): number {
  let found = 0;
  for (let word = 0; word < words; word++) if (wordConcept[word] !== 0) found |= 1 << wordConcept[word]!;
  return found;
}
