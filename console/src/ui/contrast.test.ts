import { describe, expect, test } from 'vitest';
import { contrast } from './contrast.ts';
import { dark, light, type Palette } from './tokens.ts';

test('computes the ratios that WCAG prints', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
});

describe.each<[string, Palette]>([
  ['light', light],
  ['dark', dark],
])('%s palette', (_, palette) => {
  const grounds = [palette.paper, palette.surface, palette.sunken];

  test('text reads on every ground with at least 4.5:1', () => {
    const texts = [
      palette.ink,
      palette.muted,
      palette.accent,
      ...Object.values(palette.tones).map((t) => t.ink),
    ];
    const poor = texts.flatMap((text) =>
      grounds.filter((ground) => contrast(text, ground) < 4.5).map((ground) => `${text} on ${ground}`),
    );
    expect(poor).toEqual([]);
  });

  test('text in a tone, and ink, read on the soft ground of that tone', () => {
    for (const { ink, soft } of Object.values(palette.tones)) {
      expect(contrast(ink, soft)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(palette.ink, soft)).toBeGreaterThanOrEqual(4.5);
    }
    expect(contrast(palette.onAccent, palette.accent)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(palette.accent, palette.accentSoft)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(palette.muted, palette.accentSoft)).toBeGreaterThanOrEqual(4.5);
  });

  test('marks and strokes stand out with at least 3:1', () => {
    for (const ground of grounds) expect(contrast(palette.faint, ground)).toBeGreaterThanOrEqual(3);
  });
});
