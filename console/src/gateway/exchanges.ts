import type { Action, Exchange } from '../api/types.ts';

/** The console keeps the last exchanges only; the ledger keeps all. */
const kept = 500;

/** Puts a decided exchange in its place. An exchange may arrive twice, from the list and from the stream. */
export function newestFirst(seen: readonly Exchange[], arrived: Exchange): Exchange[] {
  const others = seen.filter((one) => one.id !== arrived.id);
  const at = others.findIndex((one) => one.at <= arrived.at);
  others.splice(at === -1 ? others.length : at, 0, arrived);
  return others.slice(0, kept);
}

export function countByAction(exchanges: readonly Exchange[]): Partial<Record<Action, number>> {
  const counts: Partial<Record<Action, number>> = {};
  for (const { action } of exchanges) counts[action] = (counts[action] ?? 0) + 1;
  return counts;
}

/** Decisions per time slot, oldest slot first; `touched` is everything that was neither let through as it was nor stopped. */
export function timeline(
  exchanges: readonly Exchange[],
  now: number,
  slots: number,
  slotMs: number,
): { start: number; allowed: number; touched: number; stopped: number }[] {
  const first = Math.floor(now / slotMs) - slots + 1;
  const series = Array.from({ length: slots }, (_, slot) => ({
    start: (first + slot) * slotMs,
    allowed: 0,
    touched: 0,
    stopped: 0,
  }));
  for (const { at, action } of exchanges) {
    const slot = series[Math.floor(at / slotMs) - first];
    if (!slot) continue;
    if (action === 'allow') slot.allowed += 1;
    else if (action === 'block' || action === 'ask') slot.stopped += 1;
    else slot.touched += 1;
  }
  return series;
}

export interface Piece {
  text: string;
  /** Types of the findings that cover this piece; empty for plain text. */
  types: string[];
}

/** Cuts a text at the borders of its marks, which may overlap or reach past its end. */
export function pieces(
  text: string,
  marks: readonly { start: number; end: number; type: string }[],
): Piece[] {
  const inside = marks
    .map(({ start, end, type }) => ({ start: clamp(start, text.length), end: clamp(end, text.length), type }))
    .filter(({ start, end }) => start < end);
  const cuts = [...new Set([0, text.length, ...inside.flatMap(({ start, end }) => [start, end])])].sort(
    (a, b) => a - b,
  );
  return cuts.slice(1).map((end, index) => {
    const start = cuts[index]!;
    const types = inside.filter((mark) => mark.start <= start && mark.end >= end).map((mark) => mark.type);
    return { text: text.slice(start, end), types: [...new Set(types)] };
  });
}

function clamp(value: number, max: number): number {
  return Math.max(0, Math.min(max, Math.trunc(value) || 0));
}
