import { z } from 'zod';

/** Levels of risk, lowest first (DESIGN: risk = likelihood × impact, each 1–5). */
export const Level = z.enum(['low', 'medium', 'high', 'critical']);
export type Level = z.infer<typeof Level>;

/** `low` ≤ 4 < `medium` ≤ 9 < `high` ≤ 16 < `critical`. Residual risks are fractions, so the bounds are inclusive above. */
export function levelOf(risk: number): Level {
  if (risk <= 4) return 'low';
  if (risk <= 9) return 'medium';
  if (risk <= 16) return 'high';
  return 'critical';
}

export function atLeast(level: Level, bar: Level): boolean {
  return Level.options.indexOf(level) >= Level.options.indexOf(bar);
}
