import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';
import type { Random } from '../language-model/random.ts';

/** A made-up secret that is put into training text, so that finding it again measures what a model remembers. */
export interface Canary {
  id: string;
  text: string;
  /** How often it stands in the training text. */
  times: number;
  /** Where its secret part starts and ends in `text`, in UTF-16 units. */
  start: number;
  end: number;
  /** log₂ of the number of possible secrets. */
  spaceBits: number;
  /** Another text of the same form. */
  other(random: Random): string;
}

export const canaryTemplate = 'The access number of {name} is {ddd} {ddd} {ddd}.';

const Row = z.looseObject({
  id: z.string().optional(),
  text: z.string(),
  template: z.string().default(canaryTemplate),
  repeat: z.int().min(0).default(0),
});

/**
 * Reads JSON Lines `{id?, text, template, repeat}`. In a template `{name}` stands for any text and each `{ddd}` (one `d`
 * per digit) for a number: those are the secret. Throws INPUT_INVALID with the line.
 */
export function parseCanaries(jsonLines: string): Canary[] {
  return jsonLines
    .split('\n')
    .map((line, index) => ({ line: line.trim(), number: index + 1 }))
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => {
      const row = Row.safeParse(json(line));
      const made =
        row.success &&
        canaryOf(row.data.id ?? `line ${number}`, row.data.text, row.data.template, row.data.repeat);
      if (!made)
        throw new Problem('INPUT_INVALID', {
          detail: `line ${number} of the canaries is not a canary that fits its template`,
          fix: 'Give JSON Lines such as {"text":"The code is 123.","template":"The code is {ddd}.","repeat":2}.',
          facts: { line: number },
        });
      return made;
    });
}

/** Undefined when the text does not fit the template or the template has no digits. */
export function canaryOf(id: string, text: string, template: string, times: number): Canary | undefined {
  const parts = template.split(/(\{d+\}|\{[a-z]+\})/);
  const digits = (part: string): number => (/^\{d+\}$/.test(part) ? part.length - 2 : 0);
  const first = parts.findIndex((part) => digits(part) > 0);
  if (first === -1) return undefined;
  const last = parts.findLastIndex((part) => digits(part) > 0);
  const pattern = (some: readonly string[]): string =>
    some
      .map((part) => {
        if (digits(part) > 0) return `\\d{${digits(part)}}`;
        return /^\{[a-z]+\}$/.test(part) ? '.+?' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      })
      .join('');
  const secretParts = parts.slice(first, last + 1);
  const whole = new RegExp(
    `^(${pattern(parts.slice(0, first))})(${pattern(secretParts)})${pattern(parts.slice(last + 1))}$`,
  ).exec(text);
  if (!whole) return undefined;
  const start = whole[1]!.length;
  const end = start + whole[2]!.length;
  const secret = text.slice(start, end);
  const width = secretParts.reduce((sum, part) => sum + digits(part), 0);
  return {
    id,
    text,
    times,
    start,
    end,
    spaceBits: width * Math.log2(10),
    other: (random) =>
      text.slice(0, start) + secret.replace(/\d/g, () => String(random.int(10))) + text.slice(end),
  };
}

function json(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
