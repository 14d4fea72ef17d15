import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { queries } from '../api/client.ts';
import { countByStatus, oldest } from '../assurance/summary.ts';
import { ActionMark, Hash, Id, LevelMark, StatusMark } from '../ui/marks.tsx';
import { Empty, Loading, Page, Panel } from '../ui/page.tsx';
import { useNow } from '../ui/use-now.ts';
import { ago, plural } from '../ui/words.ts';
import { concerns } from './attention.ts';
import styles from './home.module.css';

/** The loop at a glance: four questions with their counts, what needs a person, what happens now. */
export function HomePage() {
  const system = useQuery(queries.system());
  const model = useQuery(queries.model());
  const threats = useQuery(queries.threats());
  const controls = useQuery(queries.controls());
  const evidence = useQuery(queries.evidence());
  const approvals = useQuery(queries.approvals());
  const traffic = useQuery(queries.traffic());
  const ledger = useQuery(queries.ledger());
  const now = useNow(5_000);
  if (system.isPending) return <Loading what="the system" />;
  if (!system.data) return null;

  const { counts } = system.data;
  const byStatus = countByStatus(threats.data?.threats ?? []);
  const probes = evidence.data?.probes ?? [];
  const age = oldest(probes);
  const decisions = (controls.data ?? []).flatMap((control) => Object.entries(control.decisions));
  const stopped = decisions.reduce(
    (sum, [action, count]) => (action === 'block' || action === 'ask' ? sum + count : sum),
    0,
  );
  const observed = model.data?.observed.length ?? 0;
  const waiting = (approvals.data ?? []).filter((approval) => approval.state === 'pending').length;
  const list = concerns({
    model: model.data,
    threats: threats.data,
    evidence: evidence.data,
    approvals: approvals.data,
  });

  return (
    <Page
      title={system.data.system.name}
      lead={
        <>
          From its threat model to proof: every threat is derived from{' '}
          {system.data.file === undefined ? 'what is observed' : <code>{system.data.file}</code>}, every
          verdict comes from an attack that was run.
        </>
      }
    >
      <div className={styles.loop} role="group" aria-label="The four questions">
        <Step
          to="/model"
          number="1"
          question="What are we working on?"
          figure={counts.elements}
          unit="elements"
          lines={[
            plural(counts.flows, 'flow'),
            model.isPending
              ? '…'
              : observed === 0
                ? 'everything seen is modelled'
                : `${observed} observed, not modelled`,
          ]}
        />
        <Step
          to="/threats"
          number="2"
          question="What can go wrong?"
          figure={counts.threats}
          unit="threats"
          lines={[
            <span key="worst">
              worst residual <LevelMark level={system.data.worst} />
            </span>,
            `${counts.open} open`,
          ]}
        />
        <Step
          to="/controls"
          number="3"
          question="What are we going to do about it?"
          figure={counts.controls}
          unit="controls live"
          lines={[
            controls.isPending ? '…' : `${stopped.toLocaleString('en')} stopped`,
            waiting === 0 ? 'no call waits for approval' : `${plural(waiting, 'call')} waiting for approval`,
          ]}
        />
        <Step
          to="/evidence"
          number="4"
          question="Did we do a good enough job?"
          figure={counts.verified}
          unit="verified"
          lines={[
            threats.isPending ? '…' : `${byStatus.failing ?? 0} failing, ${byStatus.stale ?? 0} stale`,
            evidence.isPending
              ? '…'
              : age === undefined
                ? 'no probe has run'
                : `oldest evidence ${ago(age, now)}`,
          ]}
        />
        <div className={styles.back} aria-hidden="true">
          <svg preserveAspectRatio="none" viewBox="0 0 100 34">
            <path
              d="M100 2V24H0V4"
              fill="none"
              stroke="var(--m-line-strong)"
              strokeWidth="1.25"
              vectorEffect="non-scaling-stroke"
              strokeDasharray="3 4"
            />
          </svg>
          <span>what was observed and what failed comes back as question 1</span>
        </div>
      </div>
      <div className={styles.columns}>
        <Panel
          title="Needs a person"
          note={list.length === 0 ? undefined : plural(list.length, 'thing')}
          flush
        >
          {list.length === 0 && threats.isPending ? <Loading what="what is open" /> : null}
          {list.length === 0 && !threats.isPending ? (
            <Empty title="Nothing needs you now">
              Failing probes, undeclared traffic, waiting approvals and open high risks will stand here.
            </Empty>
          ) : (
            <ul className={styles.rows}>
              {list.slice(0, 7).map((concern) => (
                <li key={`${concern.to} ${concern.text} ${concern.why}`}>
                  <Link to={concern.to} search={concern.search}>
                    <span>
                      <b>{concern.text}</b>
                      <span className={`${styles.clip} muted`}>{concern.why}</span>
                    </span>
                    {concern.status ? <StatusMark status={concern.status} /> : <span />}
                  </Link>
                </li>
              ))}
            </ul>
          )}
        </Panel>
        <Panel title="Just decided" actions={<Link to="/traffic">All traffic</Link>} flush>
          {traffic.isPending ? <Loading what="the traffic" /> : null}
          {traffic.data?.length === 0 ? (
            <Empty title="No request has arrived yet" command="node examples/support-copilot/session.mjs">
              Send one through <code>{system.data.dataPlane}/v1</code> with a client key.
            </Empty>
          ) : (
            <ul className={styles.rows}>
              {(traffic.data ?? []).slice(0, 7).map((exchange) => (
                <li key={exchange.id}>
                  <Link to="/traffic" search={{ id: exchange.id }}>
                    <span style={{ minWidth: 0 }}>
                      <span>
                        <Id>{exchange.client}</Id> <span className="muted">→</span> <Id>{exchange.model}</Id>{' '}
                        <span className="muted">{ago(exchange.at, now)}</span>
                      </span>
                      <span className={`${styles.clip} muted`}>
                        {exchange.segments.findLast((segment) => segment.surface === 'user')?.preview}
                      </span>
                    </span>
                    <ActionMark action={exchange.action} past />
                  </Link>
                </li>
              ))}
            </ul>
          )}
        </Panel>
      </div>
      {ledger.data ? (
        <p className={styles.ledger}>
          <span>
            Every decision is an entry of an append-only ledger:{' '}
            {plural(ledger.data.size, 'entry', 'entries')}, root
          </span>
          <Hash value={ledger.data.root} label="ledger root" />
        </p>
      ) : null}
    </Page>
  );
}

function Step({
  to,
  number,
  question,
  figure,
  unit,
  lines,
}: {
  to: '/model' | '/threats' | '/controls' | '/evidence';
  number: string;
  question: string;
  figure: number;
  unit: string;
  lines: readonly ReactNode[];
}) {
  return (
    <Link to={to} className={styles.step}>
      <h2>
        <span>{number}</span> {question}
      </h2>
      <div className={styles.figure}>
        {figure}
        <small>{unit}</small>
      </div>
      <ul className={styles.lines}>
        {lines.map((line, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- two fixed lines
          <li key={index}>{line}</li>
        ))}
      </ul>
    </Link>
  );
}
