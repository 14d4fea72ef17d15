import { useMediaQuery } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useMemo } from 'react';
import { actionOrder, queries } from '../api/client.ts';
import type { Action, Exchange, ExchangeSegment } from '../api/types.ts';
import { useConnection, type Connection } from '../shell/live.tsx';
import { Segments } from '../ui/field.tsx';
import { ActionMark, Id } from '../ui/marks.tsx';
import { Empty, Facts, Items, Loading, Page, Panel, ProblemNote } from '../ui/page.tsx';
import { SidePanel } from '../ui/side-panel.tsx';
import { useNow } from '../ui/use-now.ts';
import { actionWords, plural, spaced } from '../ui/words.ts';
import { countByAction, pieces } from './exchanges.ts';
import { ReceiptView } from './receipt.tsx';
import styles from './traffic-page.module.css';

const Chart = lazy(() => import('./traffic-chart.tsx').then((module) => ({ default: module.TrafficChart })));
const none: Exchange[] = [];

/** Requests as they are decided. */
export function TrafficPage() {
  const { action, id } = useSearch({ from: '/traffic' });
  const navigate = useNavigate({ from: '/traffic' });
  const traffic = useQuery(queries.traffic());
  const system = useQuery(queries.system());
  const connection = useConnection();
  const now = useNow(5_000);
  const narrow = useMediaQuery('(max-width: 1180px)', undefined, { getInitialValueInEffect: false });
  const exchanges = traffic.data ?? none;
  const counts = useMemo(() => countByAction(exchanges), [exchanges]);
  const shown = action ? exchanges.filter((exchange) => exchange.action === action) : exchanges;
  const chosen = exchanges.find((exchange) => exchange.id === id);
  const select = (next?: string) =>
    void navigate({ search: (before) => ({ ...before, id: next }), replace: true, resetScroll: false });

  return (
    <Page
      title="Live traffic"
      lead="Every request to the gateway, as it is decided. Texts are masked before they come here; the ledger holds the proof."
      actions={<ConnectionMark connection={connection} />}
    >
      {traffic.error ? <ProblemNote problem={traffic.error} retry={() => void traffic.refetch()} /> : null}
      <Panel flush title="Decisions in the last ten minutes">
        <Suspense fallback={<div className={styles.chart} />}>
          <Chart exchanges={exchanges} now={now} />
        </Suspense>
      </Panel>
      <div className={styles.bar}>
        <Segments<Action | 'all'>
          label="Filter by decision"
          value={action ?? 'all'}
          onChange={(next) =>
            void navigate({
              search: (before) => ({ ...before, action: next === 'all' ? undefined : next }),
              replace: true,
            })
          }
          options={[
            { value: 'all', label: 'All', count: exchanges.length },
            ...actionOrder
              .filter((one) => counts[one] !== undefined || one === action)
              .map((one) => ({ value: one, label: actionWords[one].past, count: counts[one] ?? 0 })),
          ]}
        />
      </div>
      {traffic.isPending ? <Loading what="the traffic" /> : null}
      {traffic.data ? (
        <div className={styles.split}>
          <Panel flush>
            {shown.length === 0 ? (
              exchanges.length === 0 ? (
                <Empty
                  title="No request has arrived yet"
                  command={`curl ${system.data?.dataPlane ?? 'http://localhost:4000'}/v1/chat/completions -H "authorization: Bearer <client key>" …`}
                >
                  Send one with a client key (question 3), or run the example:{' '}
                  <code>examples/support-copilot</code>.
                </Empty>
              ) : (
                <Empty title="No request was decided like this">Choose another decision above.</Empty>
              )
            ) : (
              <ol className={styles.rows} aria-label="Requests, newest first">
                {shown.map((exchange) => (
                  <li key={exchange.id}>
                    <Row
                      exchange={exchange}
                      chosen={exchange.id === id}
                      onSelect={() => select(exchange.id)}
                    />
                  </li>
                ))}
              </ol>
            )}
          </Panel>
          <aside className={styles.aside} aria-label="Selected request">
            {chosen && !narrow ? (
              <Panel title={`Request ${chosen.id.slice(0, 13)}`}>
                <Detail key={chosen.id} exchange={chosen} />
              </Panel>
            ) : (
              <p className="muted">
                Select a request to see what was found in it, which threats that concerns, and its receipt.
              </p>
            )}
          </aside>
          {narrow ? (
            <SidePanel
              opened={chosen !== undefined}
              onClose={() => select()}
              kind="request"
              title={chosen?.id.slice(0, 13) ?? ''}
            >
              {chosen ? <Detail key={chosen.id} exchange={chosen} /> : null}
            </SidePanel>
          ) : null}
        </div>
      ) : null}
    </Page>
  );
}

const connectionWords: Record<Connection, string> = {
  connecting: 'Connecting',
  live: 'Live',
  lost: 'Connection lost, trying again',
};

function ConnectionMark({ connection }: { connection: Connection }) {
  return (
    <span className={styles.connection} data-connection={connection} role="status">
      <i />
      {connectionWords[connection]}
    </span>
  );
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

function Row({ exchange, chosen, onSelect }: { exchange: Exchange; chosen: boolean; onSelect: () => void }) {
  const last =
    exchange.segments.findLast((segment) => segment.surface === 'user') ?? exchange.segments.at(-1);
  return (
    <button type="button" className={`plain ${styles.row}`} aria-pressed={chosen} onClick={onSelect}>
      <time className={styles.time} dateTime={new Date(exchange.at).toISOString()}>
        {clock.format(exchange.at)}
      </time>
      <span>
        <ActionMark action={exchange.action} past />
      </span>
      <span style={{ minWidth: 0 }}>
        <span className={styles.route}>
          <Id>{exchange.client}</Id> <span className="muted">→</span> <Id>{exchange.model}</Id>
          {exchange.findings.length > 0 ? <span className="muted"> {findingText(exchange)}</span> : null}
        </span>
        <span className={styles.preview}>{last?.preview}</span>
      </span>
      <span className={styles.meta}>
        {exchange.status} · {formatMs(exchange.latencyMs)}
      </span>
    </button>
  );
}

function findingText(exchange: Exchange): string {
  const types = [...new Set(exchange.findings.map((finding) => spaced(finding.type)))];
  const named = types.slice(0, 2).join(', ');
  return types.length > 2 ? `${named} and ${types.length - 2} more` : named;
}

function formatMs(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

function Detail({ exchange }: { exchange: Exchange }) {
  return (
    <>
      <section className={styles.section} aria-label="Decision">
        <div>
          <ActionMark action={exchange.action} past />
        </div>
        {exchange.reason ? <p>{exchange.reason}</p> : null}
        <Facts
          rows={[
            ['Route', <code key="route">{exchange.route}</code>],
            [
              'Flow',
              <Link key="flow" to="/model" search={{ select: exchange.flow }}>
                <Id>{exchange.flow}</Id>
              </Link>,
            ],
            [
              'Client and model',
              `${exchange.client} to ${exchange.model}${exchange.stream ? ', streamed' : ''}`,
            ],
            ['Answer', `status ${exchange.status} after ${formatMs(exchange.latencyMs)}`],
            ['Tokens', `${exchange.tokens.prompt} in, ${exchange.tokens.completion} out`],
          ]}
        />
      </section>
      <section className={styles.section} aria-label="Content">
        <h3>
          {exchange.findings.length === 0
            ? 'Content, nothing found'
            : `Content, ${plural(exchange.findings.length, 'finding')}`}
        </h3>
        {exchange.segments.length === 0 ? (
          <p className="muted">The policy keeps no text of this exchange.</p>
        ) : (
          exchange.segments.map((segment, index) => (
            // oxlint-disable-next-line react/no-array-index-key -- segments have no id of their own
            <SegmentView key={index} segment={segment} />
          ))
        )}
        {exchange.findings.length > 0 ? <Findings exchange={exchange} /> : null}
      </section>
      <section className={styles.section} aria-label="Threats">
        <h3>Threats it concerns</h3>
        {exchange.threats.length === 0 ? (
          <p className="muted">None of the plan.</p>
        ) : (
          <Items>
            {exchange.threats.map((key) => (
              <Link key={key} to="/threats" search={{ key }}>
                <Id>{key}</Id>
              </Link>
            ))}
          </Items>
        )}
      </section>
      <ReceiptView id={exchange.id} />
    </>
  );
}

function Findings({ exchange }: { exchange: Exchange }) {
  return (
    <Facts
      rows={exchange.findings.map((finding, index) => [
        spaced(finding.type),
        <span key={index}>
          {finding.score.toFixed(2)} by{' '}
          <Link to="/controls" search={{ control: finding.control }}>
            <Id>{finding.control}</Id>
          </Link>{' '}
          <span className="muted">
            in {spaced(finding.surface)} at {finding.start}–{finding.end}
          </span>
        </span>,
      ])}
    />
  );
}

function SegmentView({ segment }: { segment: ExchangeSegment }) {
  return (
    <div className={styles.segment}>
      <header>{spaced(segment.surface)}</header>
      <p>
        {pieces(segment.preview, segment.marks).map((piece, index) => {
          const key = `${index} ${piece.text}`;
          return piece.types.length === 0 ? (
            <span key={key}>{piece.text}</span>
          ) : (
            <mark key={key}>
              {piece.text}
              <small>{piece.types.map(spaced).join(', ')}</small>
            </mark>
          );
        })}
      </p>
    </div>
  );
}
