import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Problem } from '../../kernel/problem.ts';
import type { Labelled } from './classifier.ts';

const positive = new Set([
  '1',
  'true',
  'positive',
  'malicious',
  'unsafe',
  'injection',
  'jailbreak',
  'harmful',
  'harmful_request',
  'spam',
  'attack',
]);
const negative = new Set(['0', 'false', 'negative', 'benign', 'safe', 'harmless', 'ham']);

/** Longest line that is read, in UTF-16 units. */
const lineUnits = 1 << 20;

/**
 * Reads labelled texts, JSON Lines of `{text, label}`; a file that ends in `.gz` is unpacked. Rows with another label are
 * left out and counted.
 * @throws Problem FILE_UNREADABLE, INPUT_INVALID with the line
 */
export async function readLabelled(
  path: string,
  { limit = Infinity }: { limit?: number } = {},
): Promise<{ texts: Labelled[]; others: number }> {
  const texts: Labelled[] = [];
  let others = 0;
  let number = 0;
  try {
    for await (const line of linesOf(path)) {
      number++;
      if (line.trim() === '') continue;
      const { text, label } = rowOf(line, path, number);
      if (positive.has(label)) texts.push({ text, label: 1 });
      else if (negative.has(label)) texts.push({ text, label: 0 });
      else others++;
      if (texts.length >= limit) break;
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('FILE_UNREADABLE', {
      detail: `\`${path}\` cannot be read`,
      facts: { file: path },
      cause: error,
    });
  }
  return { texts, others };
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const bytes = createReadStream(path);
  // With a pipeline an error of the file reaches the reader of the unpacked bytes too.
  const input = path.endsWith('.gz') ? pipeline(bytes, createGunzip(), () => undefined) : bytes;
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of input as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop()!;
    yield* lines;
    // Longer than any line that is read: `rowOf` refuses it.
    if (rest.length > lineUnits) break;
  }
  if (rest !== '') yield rest;
}

function rowOf(line: string, file: string, number: number): { text: string; label: string } {
  let row: unknown;
  try {
    row = line.length > lineUnits ? undefined : JSON.parse(line);
  } catch {
    row = undefined;
  }
  const { text, label } = (typeof row === 'object' && row !== null ? row : {}) as Record<string, unknown>;
  if (
    typeof text === 'string' &&
    (typeof label === 'string' || typeof label === 'number' || typeof label === 'boolean')
  )
    return { text, label: String(label).toLowerCase() };
  throw new Problem('INPUT_INVALID', {
    detail: `line ${number} of \`${file}\` is not \`{"text": "…", "label": 0 or 1}\``,
    fix: 'Write one JSON object per line.',
    facts: { file, line: number },
  });
}
