/** Line drawings on a 16-unit grid, one path each, in the ink of the text around them. */
const paths = {
  person: 'M8 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM3 13.5c.6-2.5 2.6-3.8 5-3.8s4.4 1.3 5 3.8',
  reviewer:
    'M6.5 7.5a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4ZM2 13c.5-2.2 2.3-3.3 4.5-3.3 1 0 2 .2 2.7.7M10 12l1.5 1.5L14.5 10',
  building: 'M3 13.5v-10h6v10M9 6.5h4v7M2 13.5h12M5 6h2M5 8.5h2M5 11h2',
  window: 'M2.5 3.5h11v9h-11zM2.5 6.2h11M4.5 4.9h.01',
  gear: 'M8 10.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4ZM8 2v1.8M8 12.2V14M2 8h1.8M12.2 8H14M3.8 3.8 5 5M11 11l1.2 1.2M3.8 12.2 5 11M11 5l1.2-1.2',
  gate: 'M2.5 13.5v-9h2.2v2h2.2v-2h2.2v2h2.2v-2h2.2v9zM6.5 13.5v-3a1.5 1.5 0 0 1 3 0v3',
  agent: 'M3.5 6h9v6.5h-9zM8 6V3.5M8 3.5h.01M6 8.7v.8M10 8.7v.8M1.8 8.5v2M14.2 8.5v2',
  wrench:
    'M10.2 5.8a2.6 2.6 0 0 0 3.3 3.3L8.5 14 6.3 11.7M10.2 5.8a2.6 2.6 0 0 1-3.3-3.3L2 7.5l2.3 2.2M10.2 5.8 4.3 9.7 6.3 11.7',
  plug: 'M5.5 2.5v3M10.5 2.5v3M4 5.5h8v2.5a4 4 0 0 1-8 0zM8 12v2',
  globe:
    'M8 13.7A5.7 5.7 0 1 0 8 2.3a5.7 5.7 0 0 0 0 11.4ZM2.3 8h11.4M8 2.3c2 1.9 2.3 3.8 2.3 5.7S10 11.8 8 13.7C6 11.8 5.7 9.9 5.7 8S6 4.2 8 2.3Z',
  code: 'M5.5 5 2.5 8l3 3M10.5 5l3 3-3 3M9 3.5l-2 9',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.3 10.3l3.4 3.4',
  document: 'M4 2.5h5l3 3v8H4zM9 2.5v3h3M6 8.5h4M6 11h4',
  training: 'M2.5 12.5l3.5-4 2.5 2 5-6.5M10.5 4h3v3',
  model: 'M8 2.3 13 5v6l-5 2.7L3 11V5zM3 5l5 2.7L13 5M8 7.7v6',
  judge: 'M8 3v10M5 13.5h6M3 5h10M3 5 1.5 9h3zM13 5l-1.5 4h3z',
  shield: 'M8 2.3 13 4v4c0 3-2.2 5-5 5.8C5.2 13 3 11 3 8V4z',
  database:
    'M3 4.3C3 3.2 5.2 2.5 8 2.5s5 .7 5 1.8-2.2 1.8-5 1.8-5-.7-5-1.8ZM3 4.3v7.4c0 1.1 2.2 1.8 5 1.8s5-.7 5-1.8V4.3M3 8c0 1.1 2.2 1.8 5 1.8S13 9.1 13 8',
  vectors: 'M3 13V4M3 13h10M3 13l6-6M9 7h.01M11.5 4h.01M6.5 5.5h.01M11.5 9.5h.01',
  key: 'M5.5 10.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8.3 7.5h5.2v2.5M11.3 7.5v2',
  chip: 'M4.5 4.5h7v7h-7zM6.5 2.5v2M9.5 2.5v2M6.5 11.5v2M9.5 11.5v2M2.5 6.5h2M2.5 9.5h2M11.5 6.5h2M11.5 9.5h2',
  list: 'M5.5 4.5h8M5.5 8h8M5.5 11.5h8M2.7 4.5h.01M2.7 8h.01M2.7 11.5h.01',
  pulse: 'M1.8 8.5h3l2-5 2.6 9 1.9-4h2.9',
  sun: 'M8 10.7a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4ZM8 1.8v1.4M8 12.8v1.4M1.8 8h1.4M12.8 8h1.4M3.6 3.6l1 1M11.4 11.4l1 1M3.6 12.4l1-1M11.4 4.6l1-1',
  moon: 'M13 9.7A5.5 5.5 0 0 1 6.3 3a5.5 5.5 0 1 0 6.7 6.7Z',
  screen: 'M2.5 3.5h11v7.5h-11zM6 13.5h4M8 11v2.5',
  leave: 'M6.5 3h-3v10h3M9.5 5l3 3-3 3M12.5 8h-6',
  close: 'M4 4l8 8M12 4l-8 8',
  check: 'M3.5 8.5l3 3 6-7',
  warning: 'M8 2.8 14 13H2zM8 6.5v3M8 11.4h.01',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  chevron: 'M5.5 3.5 10.5 8l-5 4.5',
  play: 'M5 3.5 12.5 8 5 12.5z',
  stop: 'M4.5 4.5h7v7h-7z',
  download: 'M8 2.5v7.5M4.8 7.2 8 10.3l3.2-3.1M3 13.3h10',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  fit: 'M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3',
  link: 'M6.7 9.3 9.3 6.7M7.3 4.7l1.2-1.2a2.8 2.8 0 0 1 4 4l-1.2 1.2M8.7 11.3l-1.2 1.2a2.8 2.8 0 0 1-4-4l1.2-1.2',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.25"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={paths[name]} />
    </svg>
  );
}

/** The mark of the product: three merlons. */
export function Brand({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d="M3 27V6h6.5v6h3V6h7v6h3V6H29v21h-9v-4.2a4 4 0 0 0-8 0V27z" fill="currentColor" />
    </svg>
  );
}
