import { Problem } from './problem.ts';

/** A catalogue id with its edition, such as `owasp-llm:2026/LLM01` or `atlas:5.6.0/AML.T0051.001`. */
export type Reference = `${string}:${string}/${string}`;

const shape =
  /^(?<catalogue>[a-z][a-z0-9-]*):(?<edition>[A-Za-z0-9._-]+)\/(?<id>[A-Za-z0-9][A-Za-z0-9._ -]*)$/;

/** @throws Problem REFERENCE_INVALID when catalogue, edition or id is missing */
export function parseReference(text: string): { catalogue: string; edition: string; id: string } {
  const groups = shape.exec(text)?.groups;
  if (!groups) {
    throw new Problem('REFERENCE_INVALID', {
      detail: `\`${text}\` is not a catalogue reference`,
      fix: 'Write catalogue, edition and id, as in `owasp-llm:2026/LLM01` or `atlas:5.6.0/AML.T0051.001`.',
    });
  }
  return { catalogue: groups['catalogue']!, edition: groups['edition']!, id: groups['id']! };
}
