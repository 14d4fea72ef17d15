import { Tooltip } from '@mantine/core';
import { useId, type ReactNode } from 'react';
import { ApiProblem } from '../api/client.ts';
import { Icon } from './icon.tsx';
import styles from './page.module.css';

export function Page({
  numeral,
  title,
  lead,
  actions,
  children,
}: {
  numeral?: string;
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <div>
          <div className={styles.title}>
            {numeral ? (
              <span className={styles.numeral} aria-hidden="true">
                {numeral}
              </span>
            ) : null}
            <h1>{title}</h1>
          </div>
          {lead ? <p className={styles.lead}>{lead}</p> : null}
        </div>
        {actions ? <div className={styles.actions}>{actions}</div> : null}
      </header>
      {children}
    </div>
  );
}

export function Panel({
  id,
  title,
  note,
  actions,
  flush = false,
  children,
}: {
  id?: string;
  title?: string;
  note?: ReactNode;
  actions?: ReactNode;
  /** Without padding, for tables and drawings. */
  flush?: boolean;
  children: ReactNode;
}) {
  const heading = useId();
  return (
    <section id={id} className={styles.panel} aria-labelledby={title ? heading : undefined}>
      {title ? (
        <div className={styles.panelHead}>
          <div>
            <h2 id={heading}>{title}</h2>
            {note ? <p>{note}</p> : null}
          </div>
          {actions ? <div className={styles.actions}>{actions}</div> : null}
        </div>
      ) : null}
      {flush ? children : <div className={styles.panelBody}>{children}</div>}
    </section>
  );
}

/** Nothing here yet, and how to change that. */
export function Empty({
  title,
  children,
  command,
}: {
  title: string;
  children?: ReactNode;
  command?: string;
}) {
  return (
    <div className={styles.empty}>
      <strong>{title}</strong>
      {children ? <span>{children}</span> : null}
      {command ? <code className={styles.command}>{command}</code> : null}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div className={styles.loading} role="status">
      Reading {what} …
    </div>
  );
}

/** Every failure of the console ends here. */
export function ProblemNote({ problem, retry }: { problem: unknown; retry?: () => void }) {
  const known = problem instanceof ApiProblem ? problem : undefined;
  return (
    <div className={styles.problem} role="alert">
      <Icon name="warning" />
      <div>
        <strong>{known?.title ?? 'the console made a mistake'}</strong>
        <p>{problem instanceof Error ? problem.message : String(problem)}</p>
        {known?.fix ? <p>{known.fix}</p> : null}
        {known ? (
          <p className="muted">
            <code>{known.code}</code>
          </p>
        ) : null}
      </div>
      {retry ? (
        <Button small onClick={retry}>
          Try again
        </Button>
      ) : null}
    </div>
  );
}

interface ButtonProps {
  children: ReactNode;
  onClick: () => void;
  /** Why it cannot be pressed now. Present means disabled; the reason is shown and read aloud. */
  reason?: string | undefined;
  kind?: 'primary' | 'danger';
  small?: boolean;
  label?: string;
}

export function Button({ children, onClick, reason, kind, small = false, label }: ButtonProps) {
  const explanation = useId();
  const disabled = reason !== undefined;
  const button = (
    <button
      type="button"
      className={[
        styles.button,
        kind === 'primary' && !disabled ? styles.primary : '',
        kind === 'danger' ? styles.danger : '',
        small ? styles.small : '',
      ].join(' ')}
      aria-disabled={disabled || undefined}
      aria-describedby={disabled ? explanation : undefined}
      aria-label={label}
      onClick={() => {
        if (!disabled) onClick();
      }}
    >
      {children}
    </button>
  );
  if (!disabled) return button;
  return (
    <>
      <Tooltip label={reason} withArrow multiline maw={300}>
        {button}
      </Tooltip>
      <span id={explanation} className="visually-hidden">
        {reason}
      </span>
    </>
  );
}

/** Name and value pairs. Rows without a value are left out. */
export function Facts({ rows }: { rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={styles.facts}>
      {rows
        .filter(([, value]) => value !== undefined && value !== null && value !== '')
        .map(([name, value], index) => (
          <FactRow key={`${name} ${index}`} name={name} value={value} />
        ))}
    </dl>
  );
}

function FactRow({ name, value }: { name: string; value: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

export function Items({ children }: { children: readonly ReactNode[] }) {
  return (
    <ul className={styles.list}>
      {children.map((child, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- the list is drawn anew, never reordered
        <li key={index}>{child}</li>
      ))}
    </ul>
  );
}

export const pageStyles = styles;
