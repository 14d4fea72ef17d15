import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';
import { dark, light, variablesOf } from './ui/tokens.ts';

const teal: MantineColorsTuple = [
  '#e2f0ed',
  '#c3e2dc',
  '#9ccfc6',
  '#6fbaae',
  '#3fa294',
  '#1d897d',
  '#0f766e',
  '#0d655e',
  '#0a524d',
  '#073d39',
];

const sans =
  '"Inter", "SF Pro Text", "Segoe UI Variable Text", "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const serif =
  '"Iowan Old Style", "Charter", "Source Serif 4", "Palatino Linotype", Georgia, "Liberation Serif", serif';
const mono =
  'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, "Liberation Mono", monospace';

export const theme = createTheme({
  primaryColor: 'teal',
  primaryShade: 6,
  colors: { teal },
  fontFamily: sans,
  fontFamilyMonospace: mono,
  headings: { fontFamily: serif, fontWeight: '500' },
  defaultRadius: 4,
  cursorType: 'pointer',
  focusRing: 'auto',
  respectReducedMotion: true,
});

function mantineVariables(palette: typeof light): Record<string, string> {
  return {
    '--mantine-color-body': palette.paper,
    '--mantine-color-text': palette.ink,
    '--mantine-color-dimmed': palette.muted,
    '--mantine-color-placeholder': palette.muted,
    '--mantine-color-default': palette.surface,
    '--mantine-color-default-hover': palette.sunken,
    '--mantine-color-default-color': palette.ink,
    '--mantine-color-default-border': palette.lineStrong,
    '--mantine-color-error': palette.tones.critical.ink,
    '--mantine-color-anchor': palette.accent,
    '--mantine-primary-color-filled': palette.accent,
    '--mantine-primary-color-contrast': palette.onAccent,
  };
}

export const cssVariables: CSSVariablesResolver = () => ({
  variables: { '--m-serif': serif, '--m-sans': sans, '--m-mono': mono },
  light: { ...variablesOf(light), ...mantineVariables(light) },
  dark: { ...variablesOf(dark), ...mantineVariables(dark) },
});
