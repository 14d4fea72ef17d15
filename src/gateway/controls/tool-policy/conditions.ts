import { RE2JS } from 're2js';
import { z } from 'zod';

const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** What one argument of a tool must be. All that are given must hold; an argument that is absent holds only `optional`. */
export const Condition = z.strictObject({
  equals: scalar.optional().describe('Exactly this value.'),
  oneOf: z.array(scalar).optional().describe('One of these values.'),
  min: z.number().optional().describe('A number not below this.'),
  max: z.number().optional().describe('A number not above this.'),
  maxLength: z.int().optional().describe('A text of at most so many UTF-16 units.'),
  prefix: z.string().optional().describe('A text that begins like this.'),
  hostIn: z
    .array(z.string())
    .optional()
    .describe('A URL or an e-mail address at one of these hosts; `.example.com` means its subdomains too.'),
  matches: z
    .string()
    .optional()
    .describe('A text that matches this RE2 expression as a whole; such expressions run in linear time.'),
  optional: z.boolean().default(false).describe('The argument may be absent.'),
});
export type Condition = z.infer<typeof Condition>;

/** Why an argument does not hold, undefined when it does. Never says what the argument was. */
export function violation(name: string, value: unknown, condition: Condition): string | undefined {
  if (value === undefined) return condition.optional ? undefined : `\`${name}\` is missing`;
  // A list holds when each of its values does: a recipient more is a recipient.
  if (Array.isArray(value)) {
    for (const one of value) {
      const reason = violation(name, one ?? null, condition);
      if (reason) return reason;
    }
    return value.length === 0 && !condition.optional ? `\`${name}\` is empty` : undefined;
  }
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
    return `\`${name}\` is not a plain value`;
  const { equals, oneOf, min, max, maxLength, prefix, hostIn, matches } = condition;
  if (equals !== undefined && value !== equals) return `\`${name}\` is not the value it must be`;
  if (oneOf && !oneOf.includes(value)) return `\`${name}\` is none of the allowed values`;
  if ((min !== undefined || max !== undefined) && typeof value !== 'number')
    return `\`${name}\` is not a number`;
  if (typeof value === 'number' && !(value >= (min ?? -Infinity) && value <= (max ?? Infinity)))
    return `\`${name}\` is out of bounds`;
  const text = String(value);
  if (maxLength !== undefined && text.length > maxLength) return `\`${name}\` is too long`;
  if (prefix !== undefined && !text.startsWith(prefix)) return `\`${name}\` does not begin as it must`;
  if (hostIn && !inHosts(text, hostIn)) return `\`${name}\` points to a host that is not allowed`;
  if (matches !== undefined && !compiled(matches).matches(text))
    return `\`${name}\` does not have the allowed form`;
  return undefined;
}

const expressions = new Map<string, RE2JS>();

/** Expressions come from settings, so there are few. */
function compiled(expression: string): RE2JS {
  let found = expressions.get(expression);
  if (!found) {
    found = RE2JS.compile(expression);
    expressions.set(expression, found);
  }
  return found;
}

function inHosts(text: string, hosts: readonly string[]): boolean {
  const found = hostsOf(text);
  return (
    found !== undefined &&
    found.every((host) =>
      hosts.some((one) => {
        const allowed = one.toLowerCase();
        return allowed.startsWith('.')
          ? host.endsWith(allowed) || host === allowed.slice(1)
          : host === allowed;
      }),
    )
  );
}

/** Hosts of a URL or of e-mail addresses; undefined when the text is neither as a whole. */
function hostsOf(text: string): string[] | undefined {
  if (/^[a-z][a-z\d+.-]*:/i.test(text)) {
    if (!URL.canParse(text)) return undefined;
    const { hostname } = new URL(text);
    return hostname === '' ? undefined : [hostname.toLowerCase()];
  }
  const addresses = text.split(/[,;]/).map((one) => one.trim());
  const hosts = addresses.map((one) =>
    /^(?:[^<>@]*<)?[^\s<>@"]+@([^\s<>@"]+?)>?$/.exec(one)?.[1]?.toLowerCase(),
  );
  return hosts.every((host) => host !== undefined) ? hosts : undefined;
}
