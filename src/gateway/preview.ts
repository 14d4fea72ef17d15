import type { Finding, Surface } from '../kernel/finding.ts';

/** A text as the console shows it: what was found is not in it any more. */
export interface ShownSegment {
  surface: Surface;
  preview: string;
  /** Where something was masked, in the preview. */
  marks: { start: number; end: number; type: string }[];
}

/** Replaces what was found by its type. Findings over most of a text (an attack) are marked, not masked. */
export function masked(surface: Surface, text: string, findings: readonly Finding[]): ShownSegment {
  const marks: ShownSegment['marks'] = [];
  let preview = '';
  let at = 0;
  const inOrder = findings
    .filter((one) => one.start < text.length && one.end > one.start)
    .sort((a, b) => a.start - b.start || b.end - a.end);
  for (const { start, end, type } of inOrder) {
    if (start < at) continue;
    const stop = Math.min(end, text.length);
    preview += text.slice(at, start);
    const shown = legible.has(type) ? text.slice(start, stop) : `[${type}]`;
    marks.push({ start: preview.length, end: preview.length + shown.length, type });
    preview += shown;
    at = stop;
  }
  return { surface, preview: preview + text.slice(at), marks };
}

/** What an analyst must read to judge it, and that holds no personal data or secret by itself. */
const legible = new Set(['prompt_injection', 'jailbreak', 'link_undeclared', 'harmful_use']);
