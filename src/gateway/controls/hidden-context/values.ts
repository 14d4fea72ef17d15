/** Words that introduce a value which is to stay hidden. */
const introduced =
  /\b(?:pass(?:word|phrase|code|key)?|pin|secret|token|credential|(?:access|api|discount|promo|voucher|admin|internal|override|unlock|vault|door|safe|launch|master|security|activation|recovery|backup|emergency|staff|employee|project)[\s_-]*(?:code|key|word|phrase|name|token|number|password|id)|code ?(?:word|name|phrase)?|key)\b[^\S\n]{0,3}(?:(?:for|of|to)\b[^.:=\n]{1,40}?)?[^\S\n]{0,3}(?:is|are|was|will be|=|:|→)[^\S\n]{0,3}["'`“«]?([^\s"'`”»,;]{3,80}(?:[^\S\n][^\s"'`”»,;.]{2,40}){0,3})/giu;

/** Tokens that nobody reads out by chance: letters and digits mixed. */
const mixed =
  /(?<![\p{L}\p{N}@./:_-])(?=[\p{L}\p{N}_-]{0,78}\p{N})(?=[\p{L}\p{N}_-]{0,78}\p{L})[\p{L}\p{N}][\p{L}\p{N}_-]{6,78}[\p{L}\p{N}](?![\p{L}\p{N}@/_-])/gu;

/** Versions, dates, models and units are no secrets. */
const ordinary =
  /^(?:v?\d+(?:[._-]\d+)*[a-z]{0,3}|\d{4}-\d\d-\d\d.*|(?:gpt|claude|llama|gemini|mistral|utf|iso|sha|rfc|en|http)[\w.-]*|\d+(?:st|nd|rd|th|px|ms|kb|mb|gb|tb|am|pm|h|min|usd|eur)s?)$/i;

/** Single values in a system prompt that an answer must not repeat. */
export function valuesOf(prompt: string): string[] {
  const values: string[] = [];
  const text = prompt.slice(0, 200_000);
  for (const found of text.matchAll(introduced)) {
    const whole = found[1]!.replace(/[.!?:)\]}]+$/, '');
    const first = whole.split(/\s/, 1)[0]!.replace(/[.!?:)\]}]+$/, '');
    // The first word alone when it cannot be an ordinary one, else the phrase.
    if (/\p{N}/u.test(first) || /\p{Lu}.*\p{Lu}/u.test(first) || /[^\p{L}\p{N}'’-]/u.test(first))
      values.push(first);
    else values.push(whole);
  }
  for (const [token] of text.matchAll(mixed)) if (!ordinary.test(token)) values.push(token);
  return [...new Set(values)].slice(0, 200);
}
