import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { actions } from '../api/client.ts';
import { TextField } from '../ui/field.tsx';
import { Brand } from '../ui/icon.tsx';
import { Button, Loading, pageStyles, ProblemNote } from '../ui/page.tsx';
import { tokenIn } from './token.ts';
import styles from './sign-in.module.css';

/** `/signin#token` and `/signin?token=…`: exchanges the one-time token for a session, and forgets it. */
export function SignInPage() {
  const { token: inQuery } = useSearch({ from: '/signin' });
  const [token] = useState(() => inQuery ?? tokenIn(location.href));
  const exchange = useExchange();
  // A token works once; React's strict mode runs effects twice.
  const spent = useRef(false);

  useEffect(() => {
    if (token === undefined || spent.current) return;
    spent.current = true;
    history.replaceState(null, '', '/signin');
    exchange.mutate(token);
  }, [token, exchange]);

  if (token === undefined) return <SignedOut />;
  return (
    <Stage>
      {exchange.error ? (
        <>
          <ProblemNote problem={exchange.error} />
          <Explanation />
        </>
      ) : (
        <Loading what="the sign-in link" />
      )}
    </Stage>
  );
}

export function SignedOut() {
  return (
    <Stage>
      <h1>You are signed out</h1>
      <Explanation />
    </Stage>
  );
}

function useExchange() {
  const cache = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: actions.signIn,
    onSuccess: async () => {
      await cache.resetQueries();
      await navigate({ to: '/', replace: true });
    },
  });
}

function Stage({ children }: { children: ReactNode }) {
  return (
    <main className={styles.stage}>
      <div className={styles.card}>
        <div className={styles.brand}>
          <Brand size={28} />
          <b>Merlon</b>
        </div>
        {children}
      </div>
    </main>
  );
}

/** Without a link there is nothing to type a password into; say where the link comes from. */
function Explanation() {
  const [pasted, setPasted] = useState('');
  const exchange = useExchange();
  const token = tokenIn(pasted);
  return (
    <>
      <ol className={styles.steps}>
        <li>
          <span>
            Go to the terminal in which Merlon runs, or start it:{' '}
            <code className={pageStyles.command}>npm start</code>
          </span>
        </li>
        <li>
          <span>
            It prints a link that signs you in once: <code>{location.origin}/signin#…</code>
          </span>
        </li>
        <li>
          <span>Open it in this browser. A used link is worthless; the next start prints a new one.</span>
        </li>
      </ol>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (token !== undefined) exchange.mutate(token);
        }}
      >
        <div style={{ flex: 1 }}>
          <TextField
            label="Or paste the link"
            value={pasted}
            onChange={setPasted}
            placeholder="http://localhost:4100/signin#…"
          />
        </div>
        <Button
          kind="primary"
          reason={token === undefined ? 'Paste the sign-in link first.' : undefined}
          onClick={() => token !== undefined && exchange.mutate(token)}
        >
          Sign in
        </Button>
      </form>
      {exchange.error ? <ProblemNote problem={exchange.error} /> : null}
    </>
  );
}
