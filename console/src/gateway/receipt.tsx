import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { queries } from '../api/client.ts';
import type { Receipt } from '../api/types.ts';
import { check } from '../ledger/check.ts';
import { ActionMark, Hash, Id } from '../ui/marks.tsx';
import { Button, Facts, Loading, ProblemNote } from '../ui/page.tsx';
import { actionWords } from '../ui/words.ts';
import styles from './traffic-page.module.css';

/** The receipt of one exchange, and its proof, checked here rather than believed. */
export function ReceiptView({ id }: { id: string }) {
  const receipt = useQuery(queries.receipt(id));
  const ledger = useQuery(queries.ledger());
  if (receipt.error) return <ProblemNote problem={receipt.error} retry={() => void receipt.refetch()} />;
  if (receipt.isPending) return <Loading what="the receipt" />;
  return <ReceiptCard receipt={receipt.data} knownKey={ledger.data?.publicKey} />;
}

function ReceiptCard({ receipt, knownKey }: { receipt: Receipt; knownKey: string | undefined }) {
  const checking = useMutation({ mutationFn: (key: string) => check(receipt, key) });
  return (
    <>
      <section className={styles.section} aria-label="Controls">
        <h3>Controls that ran</h3>
        {receipt.controls.length === 0 ? (
          <p className="muted">None is bound to this flow.</p>
        ) : (
          <Facts
            rows={receipt.controls.map((control) => [
              control.id,
              <Link
                key={control.id}
                to="/controls"
                search={{ control: control.id }}
                aria-label={`${actionWords[control.action].past} by ${control.id}`}
              >
                <ActionMark action={control.action} past />
              </Link>,
            ])}
          />
        )}
      </section>
      <section className={styles.section} aria-label="Receipt">
        <h3>Receipt</h3>
        <Facts
          rows={[
            ['Id', <Id key="id">{receipt.id}</Id>],
            ['Plan', <Hash key="plan" value={receipt.plan} label="plan hash" />],
            [
              'Ledger entry',
              `${receipt.entry.index.toLocaleString('en')}, proven in a log of ${receipt.proof.size.toLocaleString('en')}`,
            ],
          ]}
        />
        <div>
          <Button
            kind="primary"
            onClick={() => knownKey !== undefined && checking.mutate(knownKey)}
            reason={knownKey === undefined ? "The ledger's public key has not been read yet." : undefined}
          >
            Check the proof in this browser
          </Button>
        </div>
        {checking.data ? <Result {...checking.data} hashes={receipt.proof.hashes.length} /> : null}
        {checking.error ? <ProblemNote problem={checking.error} /> : null}
        <details>
          <summary>Signed checkpoint</summary>
          <pre className={styles.note}>{receipt.checkpoint}</pre>
        </details>
      </section>
    </>
  );
}

function Result({ ok, reason, hashes }: { ok: boolean; reason: string; hashes: number }) {
  return (
    <div className={styles.result} data-ok={ok} role="status">
      <span aria-hidden="true">{ok ? '✔' : '✘'}</span>
      <strong>{ok ? 'Proven' : 'Not proven'}</strong>
      <p>
        {ok
          ? `${sentence(reason)}, shown with ${hashes} hashes and one Ed25519 signature.`
          : `${sentence(reason)}.`}
      </p>
      {ok ? null : (
        <p>
          Keep this page and run <code>merlon ledger verify .merlon/ledger</code>: somebody changed the
          receipt or the log.
        </p>
      )}
    </div>
  );
}

function sentence(reason: string): string {
  return reason.charAt(0).toUpperCase() + reason.slice(1);
}
