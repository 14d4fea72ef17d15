import { Tooltip } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import type { Action, Level, Status } from '../api/types.ts';
import { Icon } from './icon.tsx';
import styles from './marks.module.css';
import type { Tone } from './tokens.ts';
import { actionWords, levels, levelWords, referenceParts, shortHash, statusWords } from './words.ts';

export function toneClass(tone: Tone): string {
  return styles[`tone-${tone}`]!;
}

/** Level of a risk: a word, a colour and a number of bars, so that no reader depends on colour. */
export function LevelMark({ level, value }: { level: Level; value?: number }) {
  const { word, tone } = levelWords[level];
  const filled = levels.length - levels.indexOf(level);
  return (
    <span className={`${styles.mark} ${styles.level} ${toneClass(tone)}`}>
      <span className={styles.bars} aria-hidden="true">
        {[1, 2, 3, 4].map((bar) => (
          <i key={bar} style={{ height: `${35 + bar * 16}%` }} data-on={bar <= filled || undefined} />
        ))}
      </span>
      {word}
      {value === undefined ? null : <span className="mono">{formatRisk(value)}</span>}
    </span>
  );
}

/** Risks are products of 1–5; residual ones are fractions, told to one digit. */
export function formatRisk(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}

/** One drawing per status, told apart by shape alone. */
const glyphs: Record<Status, string> = {
  open: 'M8 13.2A5.2 5.2 0 1 0 8 2.8a5.2 5.2 0 0 0 0 10.4Z',
  controlled: 'M8 13.2A5.2 5.2 0 1 0 8 2.8a5.2 5.2 0 0 0 0 10.4ZM5.5 8h5',
  verified: 'M8 13.2A5.2 5.2 0 1 0 8 2.8a5.2 5.2 0 0 0 0 10.4ZM5.6 8.2l1.7 1.7 3.1-3.7',
  failing: 'M8 13.2A5.2 5.2 0 1 0 8 2.8a5.2 5.2 0 0 0 0 10.4ZM6.1 6.1l3.8 3.8M9.9 6.1 6.1 9.9',
  inconclusive: 'M8 13.2A5.2 5.2 0 1 0 8 2.8a5.2 5.2 0 0 0 0 10.4ZM6.5 6.7A1.5 1.5 0 1 1 8 8.3v.6M8 10.9h.01',
  stale: 'M8 13.2A5.2 5.2 0 1 0 8 2.8a5.2 5.2 0 0 0 0 10.4ZM8 5.2V8l1.9 1.3',
  accepted: 'M8 13.2A5.2 5.2 0 1 0 8 2.8a5.2 5.2 0 0 0 0 10.4ZM6.7 6v4M9.3 6v4',
  utility_failure: 'M8 13.2A5.2 5.2 0 1 0 8 2.8a5.2 5.2 0 0 0 0 10.4ZM8 5.3v3.2M8 10.7h.01',
  no_probe: 'M8 2.8h.01M11.7 4.3h.01M13.2 8h.01M11.7 11.7h.01M8 13.2h.01M4.3 11.7h.01M2.8 8h.01M4.3 4.3h.01',
};

export function StatusMark({ status, plain = false }: { status: Status; plain?: boolean }) {
  const { word, tone, means } = statusWords[status];
  return (
    <span className={`${styles.mark} ${plain ? '' : styles.pill} ${toneClass(tone)}`} title={means}>
      <svg
        width="13"
        height="13"
        viewBox="2 2 12 12"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.3"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
      >
        <path d={glyphs[status]} />
      </svg>
      {word}
    </span>
  );
}

export function ActionMark({ action, past = false }: { action: Action; past?: boolean }) {
  const words = actionWords[action];
  return (
    <span className={`${styles.mark} ${styles.pill} ${toneClass(words.tone)}`}>
      <svg width="8" height="8" viewBox="0 0 8 8" aria-hidden="true">
        {action === 'allow' ? (
          <circle cx="4" cy="4" r="3" fill="none" stroke="currentColor" strokeWidth="1.4" />
        ) : action === 'block' ? (
          <rect x="0.5" y="0.5" width="7" height="7" fill="currentColor" />
        ) : (
          <path d="M4 0 8 4 4 8 0 4z" fill="currentColor" />
        )}
      </svg>
      {past ? words.past : words.word}
    </span>
  );
}

export function Id({ children }: { children: string }) {
  return <span className={styles.code}>{children}</span>;
}

/** A content hash, shortened; a click copies all of it. */
export function Hash({ value, label }: { value: string; label: string }) {
  const clipboard = useClipboard({ timeout: 1500 });
  return (
    <Tooltip label={clipboard.copied ? 'Copied' : `Copy the ${label}`} withArrow>
      <button
        type="button"
        className={`plain ${styles.hash}`}
        aria-label={`Copy the ${label} ${shortHash(value)}`}
        onClick={() => clipboard.copy(value)}
      >
        {shortHash(value)}
        <Icon name={clipboard.copied ? 'check' : 'copy'} size={12} />
      </button>
    </Tooltip>
  );
}

export function ReferenceMark({ reference }: { reference: string }) {
  const { catalogue, edition, id } = referenceParts(reference);
  return (
    <span className={styles.reference} title={reference}>
      <span>
        {catalogue} {edition}
      </span>
      <b>{id}</b>
    </span>
  );
}
