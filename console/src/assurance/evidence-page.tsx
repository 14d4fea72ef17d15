import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useId, useRef } from 'react';
import { queries, reportFormats, reportUrl } from '../api/client.ts';
import type { Evidence, Level, Residual, Threat } from '../api/types.ts';
import { Icon } from '../ui/icon.tsx';
import { formatRisk, Hash, Id, LevelMark, StatusMark, toneClass } from '../ui/marks.tsx';
import { Button, Empty, Facts, Items, Loading, Page, pageStyles, Panel, ProblemNote } from '../ui/page.tsx';
import { useNow } from '../ui/use-now.ts';
import { ago, levels, levelWords, percent, plural, rate, statuses, statusWords } from '../ui/words.ts';
import styles from './evidence-page.module.css';
import { barsText, beforeAndAfter, countByStatus, oldest } from './summary.ts';
import { useVerifyRun } from './verify-run.tsx';

const noThreats: Threat[] = [];

/** Question 4: did we do a good enough job? */
export function EvidencePage() {
  const { tab = 'probes' } = useSearch({ from: '/evidence' });
  const evidence = useQuery(queries.evidence());
  const now = useNow();
  const { run, start, stop } = useVerifyRun();
  const probes = evidence.data?.probes ?? [];
  const age = oldest(probes);
  const verified = probes.filter((probe) => probe.status === 'verified').length;

  return (
    <Page
      numeral="4"
      title="Did we do a good enough job?"
      lead={
        evidence.data
          ? age === undefined
            ? 'No attack has been run against this plan yet, so nothing is proven.'
            : `${verified} of ${plural(probes.length + evidence.data.missing.length, 'probe')} verified: the attack works with the control off, and fails with it on. Oldest evidence ${ago(age, now)}.`
          : null
      }
      actions={
        run.phase === 'running' ? (
          <Button onClick={stop}>
            <Icon name="stop" /> Stop the run
          </Button>
        ) : (
          <Button kind="primary" onClick={() => start()}>
            <Icon name="play" /> Run all probes
          </Button>
        )
      }
    >
      <RunPanel />
      <nav className={pageStyles.tabs} aria-label="Parts of question 4">
        <Tab tab="probes" active={tab} count={probes.length}>
          Evidence
        </Tab>
        <Tab tab="residual" active={tab} count={evidence.data?.residual.length}>
          Residual risk
        </Tab>
        <Tab tab="reports" active={tab}>
          Reports
        </Tab>
      </nav>
      {evidence.error ? <ProblemNote problem={evidence.error} retry={() => void evidence.refetch()} /> : null}
      {evidence.isPending ? <Loading what="the evidence" /> : null}
      {evidence.data && tab === 'probes' ? (
        <Probes probes={probes} missing={evidence.data.missing} now={now} />
      ) : null}
      {evidence.data && tab === 'residual' ? <ResidualRisk residual={evidence.data.residual} /> : null}
      {tab === 'reports' ? <Reports /> : null}
    </Page>
  );
}

function Tab({
  tab,
  active,
  count,
  children,
}: {
  tab: 'probes' | 'residual' | 'reports';
  active: string;
  count?: number | undefined;
  children: string;
}) {
  return (
    <Link
      to="/evidence"
      search={{ tab }}
      className={pageStyles.tab}
      aria-current={tab === active ? 'page' : 'false'}
    >
      {children}
      {count === undefined ? null : <span>{count}</span>}
    </Link>
  );
}

const phaseWords = {
  idle: '',
  running: 'Attacking a shadow of the running gateway',
  done: 'The run is finished',
  stopped: 'The run was stopped; evidence so far is kept',
  failed: 'The run broke off',
} as const;

function RunPanel() {
  const { run } = useVerifyRun();
  if (run.phase === 'idle') return null;
  const counts = countByStatus(run.finished);
  return (
    <Panel flush>
      <div className={styles.run} role="status" aria-label="Run of the probes">
        <div>
          <h2>{phaseWords[run.phase]}</h2>
          <p className="muted">
            {run.cases > 0 ? `${run.casesDone} of ${plural(run.cases, 'case')}, ` : ''}
            {plural(run.finished.length, 'probe')} finished
            {statuses
              .filter((status) => counts[status] !== undefined)
              .map((status) => `, ${counts[status]} ${statusWords[status].word}`)
              .join('')}
          </p>
        </div>
        <b className="mono">{percent(run.share)}</b>
        <div
          className={styles.track}
          role="progressbar"
          aria-label="Progress"
          aria-valuenow={Math.round(run.share * 100)}
          aria-valuemin={0}
          aria-valuemax={100}
        >
          <i style={{ width: `${run.share * 100}%` }} />
        </div>
        {run.phase === 'running' ? (
          <ol className={styles.recent} aria-hidden="true">
            {run.recent.map((one, index) => (
              // oxlint-disable-next-line react/no-array-index-key -- cases repeat, and only their place differs
              <li key={index}>
                {one.probe} · {one.phase} · {one.name}: {one.result}
              </li>
            ))}
          </ol>
        ) : null}
        {run.problem ? <ProblemNote problem={run.problem} /> : null}
      </div>
    </Panel>
  );
}

function Probes({
  probes,
  missing,
  now,
}: {
  probes: readonly Evidence[];
  missing: readonly string[];
  now: number;
}) {
  const { start, run } = useVerifyRun();
  const { probe: open } = useSearch({ from: '/evidence' });
  const navigate = useNavigate({ from: '/evidence' });
  const sorted = [...probes].sort(
    (a, b) => statuses.indexOf(a.status) - statuses.indexOf(b.status) || a.probe.localeCompare(b.probe),
  );
  const busy =
    run.phase === 'running' ? 'A run is going on; it ends by itself or with "Stop the run".' : undefined;
  return (
    <>
      <Panel flush>
        {sorted.length === 0 ? (
          <Empty title="No evidence yet" command="merlon verify">
            Press <b>Run all probes</b>, or run the command. It attacks a shadow of the gateway, never the
            live one.
          </Empty>
        ) : (
          sorted.map((evidence) => (
            <ProbeRow
              key={evidence.probe}
              evidence={evidence}
              now={now}
              open={open === evidence.probe}
              busy={busy}
              onToggle={() =>
                void navigate({
                  search: (before) => ({
                    ...before,
                    probe: open === evidence.probe ? undefined : evidence.probe,
                  }),
                  replace: true,
                  resetScroll: false,
                })
              }
              onRun={() => start([evidence.probe])}
            />
          ))
        )}
      </Panel>
      {missing.length > 0 && sorted.length > 0 ? (
        <Panel
          title="Without evidence"
          note="These probes belong to the plan but have not been run."
          actions={
            <Button small reason={busy} onClick={() => start(missing)}>
              Run them
            </Button>
          }
        >
          <Items>
            {missing.map((probe) => (
              <Id key={probe}>{probe}</Id>
            ))}
          </Items>
        </Panel>
      ) : null}
    </>
  );
}

function ProbeRow({
  evidence,
  now,
  open,
  busy,
  onToggle,
  onRun,
}: {
  evidence: Evidence;
  now: number;
  open: boolean;
  busy: string | undefined;
  onToggle: () => void;
  onRun: () => void;
}) {
  const body = useId();
  const row = useRef<HTMLElement>(null);
  useEffect(() => {
    if (open) row.current?.scrollIntoView({ block: 'nearest' });
  }, [open]);
  return (
    <article className={styles.probe} aria-label={`Probe ${evidence.probe}`} ref={row}>
      <div className={styles.head}>
        <button
          type="button"
          className={`plain ${styles.toggle}`}
          aria-expanded={open}
          aria-controls={body}
          onClick={onToggle}
        >
          <Icon name="chevron" size={12} />
          <span>
            <strong>{evidence.title}</strong>
            <span className={styles.under}>
              <Id>{evidence.probe}</Id>
              <span>on {evidence.flow}</span>
              <span>{ago(evidence.at, now)}</span>
            </span>
          </span>
        </button>
        <EvidenceBars evidence={evidence} />
        <span>
          <StatusMark status={evidence.status} />
        </span>
        <Button small reason={busy} onClick={onRun} label={`Run again: ${evidence.probe}`}>
          Run again
        </Button>
      </div>
      <div id={body} hidden={!open} className={open ? styles.detail : undefined}>
        {open ? <ProbeDetail evidence={evidence} /> : null}
      </div>
    </article>
  );
}

/** How often the attack works, with the control off and on; hatched up to the bound that the sample supports. */
function EvidenceBars({ evidence: { off, on } }: { evidence: Pick<Evidence, 'off' | 'on'> }) {
  return (
    <div className={styles.bars} role="img" aria-label={barsText({ off, on })}>
      <span>off</span>
      <span className={styles.bar}>
        <i style={{ width: `${share(off) * 100}%` }} />
      </span>
      <b>{rate(off.successes, off.n)}</b>
      <span>on</span>
      <span className={styles.bar}>
        <i data-bound="" style={{ width: `${on.upper * 100}%` }} />
        <i style={{ width: `${share(on) * 100}%` }} />
      </span>
      <b>
        {on.successes}/{on.n} ≤ {percent(on.upper)}
      </b>
    </div>
  );
}

function share({ n, successes }: { n: number; successes: number }): number {
  return n === 0 ? 0 : successes / n;
}

function ProbeDetail({ evidence }: { evidence: Evidence }) {
  return (
    <>
      <p>{evidence.reason}</p>
      <Facts
        rows={[
          [
            'Control',
            <Link key="control" to="/controls" search={{ control: evidence.control }}>
              <Id>{evidence.control}</Id>
            </Link>,
          ],
          [
            'Threats',
            <Items key="threats">
              {evidence.threats.map((key) => (
                <Link key={key} to="/threats" search={{ key }}>
                  <Id>{key}</Id>
                </Link>
              ))}
            </Items>,
          ],
          [
            'Reached its target',
            evidence.reached ? 'yes' : 'no, so the result says nothing about the control',
          ],
          [
            'Harmless use',
            evidence.harmless.n === 0
              ? 'no harmless cases'
              : `${evidence.harmless.n - evidence.harmless.broken} of ${evidence.harmless.n} went through`,
          ],
          ['Plan', <Hash key="plan" value={evidence.plan} label="plan hash" />],
          ['Ledger entry', evidence.entry === undefined ? undefined : String(evidence.entry)],
        ]}
      />
      <div className={pageStyles.scroll}>
        <table className={pageStyles.table} aria-label={`Cases of ${evidence.probe}`}>
          <thead>
            <tr>
              <th scope="col">Case</th>
              <th scope="col">Kind</th>
              <th scope="col">Control off</th>
              <th scope="col">Control on</th>
            </tr>
          </thead>
          <tbody>
            {evidence.cases.map((one) => (
              <tr key={`${one.kind} ${one.name}`}>
                <td>{one.name}</td>
                <td className="muted">{one.kind}</td>
                <td>{one.off ?? <span className="muted">not run</span>}</td>
                <td>{one.on}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function ResidualRisk({ residual }: { residual: readonly Residual[] }) {
  const threats = useQuery(queries.threats());
  const all = threats.data?.threats ?? noThreats;
  const { before, after, inherent, residual: rest } = beforeAndAfter(all);
  const titles = new Map(all.map((threat) => [threat.key, threat.title]));
  const sorted = [...residual].sort((a, b) => b.residual - a.residual || a.key.localeCompare(b.key));
  if (residual.length === 0) {
    return (
      <Panel flush>
        <Empty title="No threats, no residual risk" command="merlon threats" />
      </Panel>
    );
  }
  return (
    <>
      <Panel
        title="Before and after"
        note="Residual likelihood is the inherent one times the upper 95 % bound of the attack's success. Without evidence nothing is subtracted."
      >
        <div className={styles.sum}>
          <div>
            {formatRisk(inherent)}
            <small>sum of inherent risk</small>
          </div>
          <div>
            {formatRisk(rest)}
            <small>sum of residual risk</small>
          </div>
          <div>
            {inherent === 0 ? '0 %' : percent(1 - rest / inherent)}
            <small>removed, with evidence</small>
          </div>
        </div>
        <div className={styles.levels}>
          <span className="muted">Before</span>
          <LevelStack counts={before} />
          <span className="muted">After</span>
          <LevelStack counts={after} />
        </div>
      </Panel>
      <Panel flush>
        <div className={pageStyles.scroll}>
          <table className={pageStyles.table} aria-label="Residual risk per threat">
            <thead>
              <tr>
                <th scope="col">Threat</th>
                <th scope="col">Status</th>
                <th scope="col">Inherent</th>
                <th scope="col">Residual</th>
                <th scope="col">Why</th>
              </tr>
            </thead>
            <tbody>
              {sorted.map((one) => (
                <tr key={one.key}>
                  <td>
                    <Link to="/threats" search={{ key: one.key }}>
                      {titles.get(one.key) ?? one.key}
                    </Link>{' '}
                    <Id>{one.key}</Id>
                  </td>
                  <td>
                    <StatusMark status={one.status} />
                  </td>
                  <td className="mono">{formatRisk(one.inherent)}</td>
                  <td>
                    <LevelMark level={one.level} value={one.residual} />
                  </td>
                  <td className="muted">{one.reason}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
    </>
  );
}

function LevelStack({ counts }: { counts: Record<Level, number> }) {
  const present = levels.filter((level) => counts[level] > 0);
  return (
    <div
      className={styles.stack}
      role="img"
      aria-label={present.map((level) => `${counts[level]} ${level}`).join(', ')}
    >
      {present.map((level) => (
        <span
          key={level}
          className={toneClass(levelWords[level].tone)}
          style={{ flexGrow: counts[level] }}
          title={level}
        >
          {counts[level]}
        </span>
      ))}
    </div>
  );
}

const reportWords: Record<(typeof reportFormats)[number], { title: string; about: string }> = {
  html: {
    title: 'HTML',
    about: 'One file for people: the four questions with diagram, paths, evidence and what is not proven.',
  },
  md: { title: 'Markdown', about: 'The same for a repository or a wiki.' },
  json: { title: 'JSON', about: 'Everything, for programs.' },
  sarif: { title: 'SARIF', about: 'Threats as findings, for code scanning in a pull request.' },
};

function Reports() {
  return (
    <div className={styles.reports}>
      {reportFormats.map((format) => (
        <a
          key={format}
          className={styles.report}
          href={reportUrl(format)}
          download={`merlon-report.${format}`}
        >
          <strong>
            <Icon name="download" /> {reportWords[format].title}
          </strong>
          <span>{reportWords[format].about}</span>
        </a>
      ))}
    </div>
  );
}
