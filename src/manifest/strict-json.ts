/** Why a text is refused, for the reader of a verdict. Never crosses the folder as an exception. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

const maxDepth = 64;

/**
 * Parses JSON as every other parser would, or not at all: a duplicate member (of which parsers keep different ones) or
 * deep nesting is refused. @throws Refusal
 */
export function parseStrictJson(text: string, what: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refusal(`${what} is not JSON`);
  }
  // The text is valid JSON from here on, so that finding the member names needs no grammar.
  const open: (Set<string> | undefined)[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') {
      open.push(token === '{' ? new Set() : undefined);
      if (open.length > maxDepth) throw new Refusal(`${what} is nested deeper than ${maxDepth} levels`);
    } else if (token === '}' || token === ']') open.pop();
    else if (token.endsWith(':')) {
      const name = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string;
      const names = open.at(-1)!;
      if (names.has(name)) throw new Refusal(`${what} has the member \`${name}\` twice`);
      names.add(name);
    }
  }
  return value;
}

/** Base64 or base64url with padding (RFC 4648 §4 and §5; DSSE allows both), spelled in no other way. @throws Refusal */
export function decodeBase64(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text.replaceAll('-', '+').replaceAll('_', '/'))
    throw new Refusal(`${what} is not base64`);
  return bytes;
}
