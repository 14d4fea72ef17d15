import { useMantineColorScheme } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef, type ReactNode } from 'react';
import { SignedOut } from '../access/sign-in.tsx';
import { actions, ApiProblem, queries } from '../api/client.ts';
import { useVerifyRun, VerifyRunProvider } from '../assurance/verify-run.tsx';
import { Brand, Icon, type IconName } from '../ui/icon.tsx';
import { Hash } from '../ui/marks.tsx';
import { Loading, ProblemNote } from '../ui/page.tsx';
import { percent } from '../ui/words.ts';
import { LiveTraffic, useConnection } from './live.tsx';
import styles from './shell.module.css';

/** Signs in first; everything else is for people with a session. */
export function Shell() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const session = useQuery({ ...queries.session(), enabled: path !== '/signin' });

  if (path === '/signin') return <Outlet />;
  if (session.isPending) return <Loading what="your session" />;
  if (session.error) {
    const signedOut = session.error instanceof ApiProblem && session.error.status === 401;
    return signedOut ? (
      <SignedOut />
    ) : (
      <main className={styles.notice}>
        <ProblemNote problem={session.error} retry={() => void session.refetch()} />
      </main>
    );
  }
  return (
    <LiveTraffic>
      <VerifyRunProvider>
        <Frame />
      </VerifyRunProvider>
    </LiveTraffic>
  );
}

function Frame() {
  const main = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const system = useQuery(queries.system());
  const shown = useRef(path);

  useEffect(() => {
    document.title = `${titles[path] ?? 'Merlon'} · ${system.data?.system.name ?? 'Merlon'}`;
    // After a change of page, keyboard and screen reader start at its beginning.
    if (shown.current !== path) main.current?.focus({ preventScroll: true });
    shown.current = path;
  }, [path, system.data?.system.name]);

  return (
    <div className={styles.frame}>
      <a className={styles.skip} href="#main">
        Skip to content
      </a>
      <aside className={styles.side} aria-label="System and navigation">
        <Link to="/" className={styles.brand} aria-label="Merlon, overview">
          <Brand />
          <b>Merlon</b>
        </Link>
        <div className={styles.system}>
          <strong>{system.data?.system.name ?? '…'}</strong>
          <span>{system.data?.file?.split('/').pop()}</span>
        </div>
        <Navigation />
        <Foot />
      </aside>
      <main id="main" className={styles.main} ref={main} tabIndex={-1}>
        {system.error ? (
          <div className={styles.notice}>
            <ProblemNote problem={system.error} retry={() => void system.refetch()} />
          </div>
        ) : null}
        <Outlet />
      </main>
    </div>
  );
}

const titles: Record<string, string> = {
  '/': 'Overview',
  '/model': '1 · What are we working on?',
  '/threats': '2 · What can go wrong?',
  '/controls': '3 · What are we going to do about it?',
  '/evidence': '4 · Did we do a good enough job?',
  '/traffic': 'Live traffic',
};

function Navigation() {
  const system = useQuery(queries.system());
  const model = useQuery(queries.model());
  const approvals = useQuery(queries.approvals());
  const evidence = useQuery(queries.evidence());
  const { run } = useVerifyRun();
  const connection = useConnection();
  const counts = system.data?.counts;
  const observed = model.data?.observed.length ?? 0;
  const waiting = approvals.data?.filter((approval) => approval.state === 'pending').length ?? 0;
  const failing = evidence.data?.probes.filter((probe) => probe.status === 'failing').length ?? 0;

  return (
    <nav className={styles.nav} aria-label="The four questions">
      <Item
        to="/model"
        number="1"
        short="Model"
        badge={observed > 0 ? `+${observed}` : counts?.elements}
        about={observed > 0 ? 'observed, not modelled' : 'elements'}
      >
        What are we working on?
      </Item>
      <Item to="/threats" number="2" short="Threats" badge={counts?.threats} about="threats">
        What can go wrong?
      </Item>
      <Item
        to="/controls"
        number="3"
        short="Controls"
        badge={waiting > 0 ? waiting : counts?.controls}
        about={waiting > 0 ? 'waiting for approval' : 'controls live'}
        attention={waiting > 0}
      >
        What are we going to do about it?
      </Item>
      <Item
        to="/evidence"
        number="4"
        short="Proof"
        badge={run.phase === 'running' ? percent(run.share) : failing > 0 ? failing : counts?.verified}
        about={run.phase === 'running' ? 'of the run done' : failing > 0 ? 'failing' : 'verified'}
        attention={run.phase !== 'running' && failing > 0}
      >
        Did we do a good enough job?
      </Item>
      <div className={styles.rule} />
      <Item
        to="/traffic"
        number={<span className={styles.pulse} data-connection={connection} />}
        short="Live"
        badge={connection === 'lost' ? 'lost' : undefined}
        about="connection"
        attention={connection === 'lost'}
      >
        Live traffic
      </Item>
    </nav>
  );
}

function Item({
  to,
  number,
  short,
  badge,
  about,
  attention = false,
  children,
}: {
  to: '/model' | '/threats' | '/controls' | '/evidence' | '/traffic';
  number: ReactNode;
  short: string;
  badge?: string | number | undefined;
  /** What the badge counts. */
  about: string;
  attention?: boolean;
  children: string;
}) {
  return (
    <Link to={to} className={styles.item} activeOptions={{ includeSearch: false }}>
      <span className={styles.number}>{number}</span>
      <span className={styles.long}>{children}</span>
      <span className={styles.short} aria-hidden="true">
        {short}
      </span>
      {badge === undefined ? null : (
        <span className={`${styles.badge} ${attention ? styles.attention : ''}`} title={about}>
          {badge}
          <span className="visually-hidden"> {about}</span>
        </span>
      )}
    </Link>
  );
}

function Foot() {
  const { data } = useQuery(queries.system());
  const cache = useQueryClient();
  const leave = useMutation({
    mutationFn: actions.signOut,
    onSuccess: () => cache.resetQueries(),
  });
  return (
    <div className={styles.foot}>
      {data ? (
        <dl>
          <dt>Mode</dt>
          <dd>{data.mode}</dd>
          <dt>Upstream</dt>
          <dd>{data.upstream.kind === 'victim' ? 'reference victim' : data.upstream.provider}</dd>
          <dt>Plan</dt>
          <dd>
            <Hash value={data.plan} label="plan hash" />
          </dd>
        </dl>
      ) : null}
      {leave.error ? <ProblemNote problem={leave.error} /> : null}
      <div className={styles.tools}>
        <SchemeSwitch />
        <button type="button" className={styles.tool} onClick={() => leave.mutate()} aria-label="Sign out">
          <Icon name="leave" />
          <span>Sign out</span>
        </button>
      </div>
    </div>
  );
}

const schemes = { auto: 'light', light: 'dark', dark: 'auto' } as const;
const schemeWords: Record<keyof typeof schemes, { word: string; icon: IconName }> = {
  auto: { word: 'System', icon: 'screen' },
  light: { word: 'Light', icon: 'sun' },
  dark: { word: 'Dark', icon: 'moon' },
};

function SchemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const next = schemes[colorScheme];
  const { word, icon } = schemeWords[colorScheme];
  return (
    <button
      type="button"
      className={styles.tool}
      onClick={() => setColorScheme(next)}
      aria-label={`Colours: ${word.toLowerCase()}. Switch to ${schemeWords[next].word.toLowerCase()}`}
    >
      <Icon name={icon} />
      <span>{word}</span>
    </button>
  );
}
