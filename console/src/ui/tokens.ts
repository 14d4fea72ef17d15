/**
 * Every colour of the console, once per scheme. `theme.ts` turns them into CSS variables (`--m-ink` and so on), and the
 * contrast test reads them from here, so that a colour that is too faint to read never ships.
 */
export type Tone = 'critical' | 'high' | 'medium' | 'low' | 'none' | 'good';

export interface Palette {
  paper: string;
  surface: string;
  sunken: string;
  ink: string;
  muted: string;
  /** Marks and strokes only, never text. */
  faint: string;
  line: string;
  lineStrong: string;
  accent: string;
  accentSoft: string;
  onAccent: string;
  tones: Record<Tone, { ink: string; soft: string }>;
}

export const light: Palette = {
  paper: '#faf9f5',
  surface: '#ffffff',
  sunken: '#f3f1ea',
  ink: '#1a1e22',
  muted: '#555c64',
  faint: '#83888d',
  line: '#e4e1d8',
  lineStrong: '#cbc7bb',
  accent: '#0f766e',
  accentSoft: '#e2f0ed',
  onAccent: '#ffffff',
  tones: {
    critical: { ink: '#b0123a', soft: '#fbe6ea' },
    high: { ink: '#ad3a07', soft: '#fbeae0' },
    medium: { ink: '#7d5800', soft: '#f7eed6' },
    low: { ink: '#2b6190', soft: '#e5eef6' },
    none: { ink: '#555c64', soft: '#eeece5' },
    good: { ink: '#0c6b63', soft: '#e2f0ed' },
  },
};

export const dark: Palette = {
  paper: '#111314',
  surface: '#181b1c',
  sunken: '#0d0f10',
  ink: '#eceae4',
  muted: '#a7aaa8',
  faint: '#7a7f7f',
  line: '#292d2e',
  lineStrong: '#3f4546',
  accent: '#5cc4b7',
  accentSoft: '#13302d',
  onAccent: '#06201d',
  tones: {
    critical: { ink: '#ff8a9c', soft: '#3a161d' },
    high: { ink: '#ffa270', soft: '#38200f' },
    medium: { ink: '#e6bd5a', soft: '#312710' },
    low: { ink: '#86b8e6', soft: '#132a3d' },
    none: { ink: '#a7aaa8', soft: '#232728' },
    good: { ink: '#5cc4b7', soft: '#13302d' },
  },
};

/** CSS custom properties of a palette, `--m-…`. */
export function variablesOf(palette: Palette): Record<string, string> {
  const { tones, ...plain } = palette;
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(plain)) {
    variables[`--m-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`] = value;
  }
  for (const [name, { ink, soft }] of Object.entries(tones)) {
    variables[`--m-${name}`] = ink;
    variables[`--m-${name}-soft`] = soft;
  }
  return variables;
}
